"""The base class of dataset formats, which read a path into a `Recording`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from envs.formats.recording import Recording

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


class Format(ABC):
    """A dataset format: reads datasets of one layout on disk.

    A path is read by the format named before it, as in ``npz::PATH`` or ``module:Class::PATH``,
    else by the format with its suffix. Nothing in a file is unpickled or imported.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()  # of the files that it reads, such as .npz
    takes_names: ClassVar[bool] = False  # whether a user may map names of arrays

    @abstractmethod
    def read(self, path: str, names: Mapping[str, str] = NO_NAMES) -> Recording:
        """Read a dataset as it is stored, including continuous actions.

        Args:
            path: A file, a folder or an id, as given by the user.
            names: Names of arrays in the file by their standard names, if ``takes_names``.

        Raises:
            InputError: If it cannot be read; the line names the path, the rule and the remedy.
        """
