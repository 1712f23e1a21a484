"""Values and pure rules that every room shares: no I/O, no clock, no randomness."""
