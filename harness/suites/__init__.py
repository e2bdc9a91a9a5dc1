"""Suites of runs: the shipped ones, and loading, running and verifying a suite."""
