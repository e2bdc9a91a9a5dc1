"""Regression datasets, and their splits."""
