"""Discretisation of continuous actions by a codebook, and its error."""
