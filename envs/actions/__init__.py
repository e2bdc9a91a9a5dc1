"""Continuous actions, numbered by a codebook, and what that costs."""
