"""What a file format is: something that reads a path into a `Recording`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from envs.formats.recording import Recording

NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


class Format(ABC):
    """Reads datasets of one layout on disk.

    A path is read by the format that is named before it, as ``npz::PATH`` or ``module:Class::PATH``
    says, else by the format that has its suffix. Nothing that a file holds is unpickled or
    imported.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()  # of the files that it reads, such as .npz
    takes_names: ClassVar[bool] = False  # whether a user may say which array holds what

    @abstractmethod
    def read(self, path: str, names: Mapping[str, str] = NO_NAMES) -> Recording:
        """Read a dataset as its source holds it, continuous actions included.

        Args:
            path: What the user has named: a file, a folder or an id.
            names: Names of arrays by what they hold, where ``takes_names``.

        Raises:
            InputError: If it cannot be read; the line names the path, the rule and the remedy.
        """
