"""Random streams derived from the identity of a run, never from the order of execution."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(*identity: object) -> int:
    """Hash an identity to a seed in ``[0, 2**63)``.

    Two runs that share an identity share the seed on every machine; adding runs to a suite
    changes no other run's seed.

    Args:
        identity: Values with a stable ``repr``, such as a purpose, a dataset id and a number.
    """
    digest = hashlib.sha256(repr(identity).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(*identity: object) -> np.random.Generator:
    """Return the random generator of an identity; see `derive_seed`."""
    return np.random.default_rng(derive_seed(*identity))
