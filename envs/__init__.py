"""Environments and datasets: the catalogue, Minari data and its collection."""

from envs.catalogue import classic_dataset_ids
from envs.loading import Dataset, load_dataset, open_dataset

__all__ = ["Dataset", "classic_dataset_ids", "load_dataset", "open_dataset"]
