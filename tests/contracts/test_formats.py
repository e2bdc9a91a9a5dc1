"""The contract of every file format that comes with the package."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from envs.formats.csv import CsvFormat
from envs.formats.hdf5.d4rl import D4RLFormat
from envs.formats.npz import NpzFormat
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.testing import FormatContract
from harness.testing.rows import random_transitions
from tests.envs.formats.layouts import write_csv


def rows() -> Transitions:
    return random_transitions(np.random.default_rng(0), 30)


class TestNpz(FormatContract):
    subject = NpzFormat()

    def write(self, folder: Path) -> tuple[Path, Transitions]:
        path, made = folder / "rows.npz", rows()
        made.save(path, {})
        return path, made


class TestD4RL(FormatContract):
    subject = D4RLFormat()

    def write(self, folder: Path) -> tuple[Path, Transitions]:
        """A file of D4RL has no weights."""
        path, made = folder / "rows.hdf5", rows().take(np.arange(30), np.ones(30))
        with h5py.File(path, "w") as file:
            for theirs, ours in (("terminals", "terminations"),):
                file[theirs] = getattr(made, ours)
            for name in ("observations", "actions", "rewards", "next_observations"):
                file[name] = getattr(made, name)
        return path, made


class TestCsv(FormatContract):
    subject = CsvFormat()

    def write(self, folder: Path) -> tuple[Path, Transitions]:
        path, made = folder / "rows.csv", rows()
        write_csv(path, {name: getattr(made, name) for name in ARRAY_NAMES})
        return path, made
