"""The engine room of any zone: settings, database, objects, jobs, audit, identity; knows no zone."""
