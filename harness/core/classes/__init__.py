"""Classes by name, with their parameters, in suites and records."""
