"""Environments and datasets: formats, the embedded data and their collection."""
