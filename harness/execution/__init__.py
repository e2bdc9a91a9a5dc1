"""Execution of runs: worker pools, leases, the reduction cache, records and progress."""
