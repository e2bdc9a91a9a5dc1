"""The contract of every file format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from envs.formats.base import Format
from envs.loading import load_dataset, open_recording
from harness.core.classes.registry import reference_to
from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions


class FormatContract(ABC):
    """What a format keeps to: inherit, set ``subject``, and write a file in `write`."""

    subject: ClassVar[Format]

    @abstractmethod
    def write(self, folder: Path) -> tuple[Path, Transitions]:
        """Write a file of some rows into a folder.

        Returns:
            Its path, and the transitions that reading it must give.
        """

    @pytest.fixture
    def written(self, tmp_path: Path) -> tuple[Path, Transitions]:
        """Return a file and its rows."""
        return self.write(tmp_path)

    @property
    def reference(self) -> str:
        """How a user names the format before a path."""
        return reference_to(type(self.subject))

    def test_it_reads_what_was_written(self, written: tuple[Path, Transitions]) -> None:
        path, expected = written
        found = load_dataset(f"{self.reference}::{path}")
        assert found.action_count == expected.action_count
        for name in ARRAY_NAMES:
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))

    def test_the_recording_says_how_it_was_named(self, written: tuple[Path, Transitions]) -> None:
        path, expected = written
        named = f"{self.reference}::{path}"
        recording = open_recording(named)
        assert len(recording) == len(expected)
        assert str(path) in recording.source

    def test_a_file_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        absent = str(tmp_path / f"absent{(self.subject.suffixes or ('.x',))[0]}")
        with pytest.raises(InputError, match="absent"):
            self.subject.read(absent)

    @pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
    def test_half_a_file_is_refused_or_read_whole_rows(
        self, written: tuple[Path, Transitions], kept: float
    ) -> None:
        """A cut file never gives other rows than those at the front."""
        path, expected = written
        content = path.read_bytes()
        path.write_bytes(content[: int(kept * len(content))])
        try:
            found = load_dataset(f"{self.reference}::{path}")
        except InputError:
            return
        assert len(found) <= len(expected)
        np.testing.assert_array_equal(found.rewards, expected.rewards[: len(found)])

    def test_its_suffixes_begin_with_a_dot(self) -> None:
        assert all(suffix.startswith(".") and suffix.islower() for suffix in self.subject.suffixes)
