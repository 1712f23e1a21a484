"""Hub-side tables, migrations and the only queries over them, with one visibility function per kind."""
