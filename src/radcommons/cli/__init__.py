"""The command line, one file per zone: parses, calls one verb, prints."""
