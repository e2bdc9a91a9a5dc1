"""The base class of dataset formats, which read a path into a `Recording`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from envs.formats.recording import Recording
from harness.core.classes.reading import AS_STORED, Reading


class Format(ABC):
    """A dataset format: reads datasets of one layout on disk.

    A path is read by the format named before it, as in ``npz::PATH`` or ``module:Class::PATH``,
    else by the format with its suffix. Nothing in a file is unpickled or imported.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()  # of the files that it reads, such as .npz
    takes_names: ClassVar[bool] = False  # whether a user may map names of arrays

    @abstractmethod
    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:
        """Read a dataset as it is stored, including continuous actions.

        Args:
            path: A file, a folder or an id, as given by the user.
            reading: What the user says of it. A format that ``takes_names`` heeds its map, and one
                whose actions tell their kind by their values heeds that; the rest is done for it.

        Raises:
            InputError: If it cannot be read; the line names the path, the rule and the remedy.
        """
