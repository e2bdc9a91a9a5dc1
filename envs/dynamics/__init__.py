"""Environments of classic control in compiled code, where it gives gymnasium's own digits."""
