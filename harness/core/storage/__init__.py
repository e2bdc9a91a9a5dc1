"""Atomic files, checksums, and locks between processes that share a folder."""
