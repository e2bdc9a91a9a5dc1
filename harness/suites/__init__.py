"""Suites: those that come with the package, reading, running and verifying one."""
