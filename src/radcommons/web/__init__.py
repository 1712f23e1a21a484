"""The two app factories and the table from errors to problem documents."""
