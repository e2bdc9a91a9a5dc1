"""How numbers are worked out: compiled functions, and threads."""
