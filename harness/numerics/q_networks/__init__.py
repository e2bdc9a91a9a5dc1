"""Small networks of Q-values in compiled code; importing a module of it imports Numba."""
