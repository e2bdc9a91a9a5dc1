"""Metrics that are computed on a reduction: one module each."""
