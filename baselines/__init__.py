"""Baseline methods that distillation is compared with: subsets of the dataset's own rows."""
