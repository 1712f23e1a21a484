"""Tables that are generated from the standard by the scripts in tools/."""
