"""Minari datasets: read, written and downloaded."""
