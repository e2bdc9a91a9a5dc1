"""The fast engine: networks of Q-values trained in compiled code, step by step as d3rlpy does."""
