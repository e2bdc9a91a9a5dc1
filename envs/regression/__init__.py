"""Regression datasets and their train-test splits."""
