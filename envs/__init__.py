"""Environments and datasets: file formats, embedded datasets and their collection."""
