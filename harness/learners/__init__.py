"""Learners: what turns transitions into policies."""
