"""Metrics of a reduction, computed without training: one module each."""
