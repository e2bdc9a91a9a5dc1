"""The archive of kept sets: one set of a name, the last that was given."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np

from baselines.random import RandomReducer
from harness.core.reduction import reduce_seeded
from harness.core.transitions import Transitions
from harness.execution.cache import unpack_reduction
from harness.execution.kept_sets import INDEX, KeptSet, sets_path, write_sets
from harness.testing.rows import random_transitions


def test_a_set_of_another_version_of_its_method_takes_the_place_of_the_former(
    tmp_path: Path,
) -> None:
    rows = random_transitions(np.random.default_rng(0), 60)
    old, new = (reduce_seeded(rows, RandomReducer(), 10, seed) for seed in (0, 1))
    others = [KeptSet("other", "its key", old)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # zipfile warns of two files of one name
        assert write_sets(tmp_path, [KeptSet("run", "key of version 1", old), *others]) == 2
        assert write_sets(tmp_path, [KeptSet("run", "key of version 2", new)]) == 2
    with zipfile.ZipFile(sets_path(tmp_path)) as archive:
        index = json.loads(archive.read(INDEX))
        kept = unpack_reduction(archive.read("run.npz"), Transitions)
    assert kept.rows.content_hash() == new.rows.content_hash() != old.rows.content_hash()
    assert index == {"its key": "other.npz", "key of version 2": "run.npz"}
