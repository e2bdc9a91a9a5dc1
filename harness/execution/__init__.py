"""Doing runs, whatever they are: workers, records as they come, caches and progress."""
