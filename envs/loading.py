"""Opening of datasets by id or path, in any format."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from envs.actions.codebook import Codebook, parse_codebook
from envs.catalogue import embedded_dataset, embedded_dataset_ids
from envs.dataset import Dataset, make_dataset
from envs.formats.base import Format
from envs.formats.recording import Recording
from envs.told import said_environment, tell
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.classes.registry import Registry
from harness.core.errors import InputError, blaming, is_own
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions

MINARI: Final = "minari"  # the format of ids, which have no suffix
FORMATS: Final[Registry[type[Format]]] = Registry(
    kind="format",
    groups=("bellman_bench.formats",),
    bases=(Format,),
    # by reference, because the readers' libraries are slow to import
    builtin={
        "npz": "envs.formats.npz:NpzFormat",
        "d4rl": "envs.formats.hdf5.d4rl:D4RLFormat",
        "csv": "envs.formats.csv:CsvFormat",
        MINARI: "envs.formats.minari.store:MinariFormat",
    },
)
SUFFIXES: Final[Mapping[str, str]] = {
    ".npz": "npz",
    ".hdf5": "d4rl",
    ".h5": "d4rl",
    ".csv": "csv",
}

logger = logging.getLogger("bellman_bench")


def open_dataset(
    id_or_path: str,
    codebook: CodebookSpec | Codebook | None = None,
    reading: Reading = AS_STORED,
    *,
    quietly: bool = False,
) -> Dataset:
    """Open a dataset; an embedded one is collected on first use.

    Args:
        id_or_path: See `open_recording`.
        codebook: How to discretise continuous actions: a codebook to fit, or a fitted one.
        reading: What the file does not say, or says otherwise.
        quietly: Whether to leave out `warn_of_problems`.

    Raises:
        InputError: If there is no such dataset, it cannot be used, or the codebook does not suit
            its actions.
    """
    environment_id = said_environment(reading)
    recording = open_recording(id_or_path, reading)
    dataset = make_dataset(recording, codebook)  # first, for what is refused needs no warning
    if not quietly:
        warn_of_problems(recording)
    return dataset if environment_id is None else dataset.in_environment(environment_id)


def warn_of_problems(recording: Recording) -> None:
    """Log each problem that `bellman-bench inspect` finds as a warning of one line."""
    # Here, for inspection imports pandas to hash rows.
    from envs.inspection.defects import find_problems
    from envs.inspection.statistics import Statistics

    for problem in find_problems(Statistics(recording)):
        logger.warning("%s: %s", recording.source, problem)


def load_dataset(
    id_or_path: str, codebook: str | None = None, reading: Reading = AS_STORED
) -> Transitions:
    """Return the transitions of a dataset; see `open_dataset`.

    What is wrong with it is logged as warnings of the logger ``bellman_bench``.

    Args:
        id_or_path: See `open_recording`.
        codebook: How to discretise continuous actions, such as ``kmeans-32`` or ``bins-9``.
        reading: What the file does not say, or says otherwise, such as
            ``Reading(actions="discrete", map={"rewards": "r"})``.

    Raises:
        InputError: If the dataset or the codebook cannot be used.
    """
    spec = None if codebook is None else parse_codebook(codebook)
    return open_dataset(id_or_path, spec, reading).transitions


def open_recording(id_or_path: str, reading: Reading = AS_STORED) -> Recording:
    """Read a dataset as it is stored and said to be, including continuous actions.

    Args:
        id_or_path: The path of an ``.npz`` of arrays, of an HDF5 file of D4RL or d3rlpy or of a
            ``.csv`` of transitions, the id of a Minari dataset, local or on its hub and then
            downloaded, the id of an embedded dataset, which is collected on first use, or
            ``FORMAT::PATH`` with the name of a format or its ``module:Class``.
        reading: What the file does not say, or says otherwise.

    Raises:
        InputError: If there is no such dataset, it cannot be read, or what is said does not suit
            it.
    """
    reader, path = _find_format(id_or_path)
    if reading.map and not reader.takes_names:
        raise InputError(
            f"names of arrays for {id_or_path!r}: the format {reader.name!r} has names of its own; "
            "leave out --map (map in a suite or a Reading)"
        )
    if reader.name == MINARI:
        ensure_stored(path)
    said_environment(reading)  # first, so that the dataset can know it
    own = is_own(type(reader))
    recording = reader.read(path, reading) if own else _read_with(reader, path, reading, id_or_path)
    return tell(recording, reading)


def _find_format(id_or_path: str) -> tuple[Format, str]:
    """Return the format of a dataset, and its path without the format's prefix."""
    named, separator, path = id_or_path.partition("::")
    if separator:
        return _make(FORMATS.find(named)), path
    suffix = Path(id_or_path).suffix.lower()
    if suffix in SUFFIXES:
        return FORMATS.find(SUFFIXES[suffix])(), id_or_path
    if suffix and Path(id_or_path).is_file():
        for _, found in FORMATS.classes():
            if suffix in found.suffixes:
                return _make(found), id_or_path
    return FORMATS.find(MINARI)(), id_or_path


def _make(found: type[Format]) -> Format:
    with blaming(f"format {found.name!r} cannot be made", "it takes no arguments; correct it"):
        return found()


def _read_with(reader: Format, path: str, reading: Reading, id_or_path: str) -> Recording:
    """Read with a user's format; an exception in it becomes a one-line error.

    Raises:
        InputError: If it fails, or returns no recording.
    """
    rule = "correct the file, or the format, which must refuse it by an InputError"
    with blaming(f"format {reader.name!r} failed on {path!r}", rule):
        recording = reader.read(path, reading)
    if not isinstance(recording, Recording):
        raise InputError(
            f"format {reader.name!r} returned a {type(recording).__name__} for {path!r}: read must "
            "return an envs.formats.recording.Recording; correct the format"
        )
    return replace(recording, source=id_or_path)


def last_changed(id_or_path: str) -> int | None:
    """Time of a dataset's last change in nanoseconds; None: it is yet to be had.

    Raises:
        InputError: If the format or the id can be none.
    """
    reader, path = _find_format(id_or_path)
    if reader.name != MINARI:
        return Path(path).stat().st_mtime_ns if Path(path).exists() else None
    from envs.formats.minari import store as minari_store  # slow to import

    if not minari_store.is_stored(path):
        return None
    files = (minari_store.datasets_root() / path / "data").iterdir()
    return max((file.stat().st_mtime_ns for file in files), default=None)


def is_to_be_had(id_or_path: str) -> bool:
    """Whether a dataset is not here, and would be collected or downloaded to be opened.

    Raises:
        InputError: If the format or the id can be none.
    """
    if is_in_file(id_or_path):
        return False
    from envs.formats.minari import store as minari_store  # slow to import

    return not minari_store.is_stored(_find_format(id_or_path)[1])


def is_in_file(id_or_path: str) -> bool:
    """Whether a dataset is a file of its own, and none below the folder of Minari datasets.

    Raises:
        InputError: If there is no such format.
    """
    return _find_format(id_or_path)[0].name != MINARI


def takes_names(id_or_path: str) -> bool:
    """Whether a user may say what the arrays of a dataset are called.

    Raises:
        InputError: If there is no such format.
    """
    return _find_format(id_or_path)[0].takes_names


def ensure_stored(dataset_id: str) -> None:
    """Collect an embedded dataset, or download another one, unless it is stored already.

    Raises:
        InputError: If there is no dataset with that id, or it cannot be obtained.
    """
    # Here, because gymnasium and minari are slow to import, and arrays alone need neither.
    from envs.embedded import collect as collection
    from envs.formats.minari import remote as minari_remote
    from envs.formats.minari import store as minari_store

    if minari_store.is_stored(dataset_id):
        return
    if embedded_dataset(dataset_id) is None:
        known = {*embedded_dataset_ids(), *minari_store.stored_ids()}
        minari_remote.download(dataset_id, known)
        return
    logger.info("collecting %s into %s", dataset_id, minari_store.datasets_root())
    collection.collect(dataset_id)
