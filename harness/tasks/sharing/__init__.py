"""Sharing of reduced sets: as Minari datasets with a card, here or on a hub."""
