"""The root folder of Minari datasets: its content, and atomic writing to it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from minari.dataset.minari_dataset import parse_dataset_id
from minari.namespace import create_namespace, list_local_namespaces, validate_namespace
from minari.storage import get_dataset_path

from harness.core.errors import InputError
from harness.core.storage.processes import HOST, is_gone

ROOT_VARIABLE: Final = "MINARI_DATASETS_PATH"
# No part may start with a dot: neither `..` nor a hidden staging folder is a dataset.
_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")
_STAGING = re.compile(r"\.[a-z]+-(?P<pid>\d+)-(?P<host>[A-Za-z0-9-]+)\.\w+")
_root_lock = threading.RLock()


def datasets_root() -> Path:
    """Return the folder of local Minari datasets, created if missing.

    Raises:
        InputError: If it cannot be created.
    """
    with _root_lock:
        try:
            return Path(get_dataset_path())
        except OSError as error:
            raise unusable_root(error) from error


def is_minari_id(dataset_id: str) -> bool:
    """Whether Minari's own rules let it write a dataset under an id, in a namespace."""
    try:
        validate_namespace(parse_dataset_id(dataset_id)[0])
    except (TypeError, ValueError):
        return False
    return True


def is_stored(dataset_id: str) -> bool:
    """Whether a dataset with that id is below the root, intact or not.

    Raises:
        InputError: If the id could point outside the root.
    """
    if not _ID.fullmatch(dataset_id):
        raise InputError(
            f"dataset id {dataset_id!r}: an id is words of letters, digits, '_', '-', '.' joined "
            "by '/', such as 'classic/cartpole/medium-v0'; give an id or the path of an .npz file"
        )
    try:
        return (datasets_root() / dataset_id / "data").exists()
    except OSError:  # a name too long for the file system
        return False


def stored_ids() -> list[str]:
    """Return the sorted ids of the datasets below the root."""
    root = datasets_root()
    found = (path.parent.relative_to(root).as_posix() for path in root.rglob("data"))
    return sorted(dataset_id for dataset_id in found if _ID.fullmatch(dataset_id))


def existing_dataset(dataset_id: str) -> InputError:
    """Build the error for an id that exists already."""
    return InputError(
        f"dataset {dataset_id!r} exists already and is never overwritten: choose another version "
        f"or delete {str(datasets_root() / dataset_id)!r}"
    )


def unusable_root(error: OSError) -> InputError:
    """Build the error for a root that cannot be written."""
    where = os.environ.get(ROOT_VARIABLE, "~/.minari/datasets")
    return InputError(
        f"the folder of Minari datasets {where!r} cannot be used ({error.strerror or error}): it "
        f"must be writable and have free space; set {ROOT_VARIABLE} to such a folder"
    )


@contextmanager
def staged(dataset_id: str, purpose: str, *, refuse_existing: bool = False) -> Iterator[Path]:
    """Yield a hidden folder to write a dataset into below its id; on exit, move it to its place.

    Nothing is moved after an error. If another process has written the same id in the meantime,
    that copy is kept and this one deleted. Folders that killed processes have left are removed.

    Args:
        dataset_id: The dataset.
        purpose: First word of the folder's name, such as ``writing``.
        refuse_existing: Whether a copy written by another process is an error.

    Raises:
        InputError: If the root cannot be written, the dataset's folder is occupied by something
        else, or a copy exists and ``refuse_existing`` is set.
    """
    root = datasets_root()
    _remove_remains(root)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{purpose}-{os.getpid()}-{HOST}.", dir=root) as (
            staging
        ):
            yield Path(staging)
            create_namespace_of(dataset_id)
            _publish(Path(staging, dataset_id), root / dataset_id, refuse_existing)
    except OSError as error:
        raise unusable_root(error) from error


@contextmanager
def minari_root(root: Path) -> Iterator[None]:
    """Make Minari write below another root within the block.

    Minari only writes below the root named by the environment variable; the lock prevents other
    threads from using a staging folder as the root.
    """
    with _root_lock, variable_set(ROOT_VARIABLE, str(root)):
        yield


@contextmanager
def variable_set(name: str, value: str) -> Iterator[None]:
    """Set an environment variable within the block, for what Minari takes by no argument."""
    previous = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if previous is None:
            del os.environ[name]
        else:
            os.environ[name] = previous


def create_namespace_of(dataset_id: str) -> None:
    """Let Minari know the namespace of a dataset, unless it does."""
    namespace = dataset_id.rpartition("/")[0]
    with _root_lock:
        if namespace and namespace not in list_local_namespaces():
            with suppress(ValueError):  # another process created it in the meantime
                create_namespace(namespace)


def _remove_remains(root: Path) -> None:
    """Remove the staging folders of processes of this machine that were killed."""
    for folder in root.glob(".*"):
        writer = _STAGING.fullmatch(folder.name)
        if writer and writer["host"] == HOST and is_gone(HOST, int(writer["pid"]), silence=0.0):
            shutil.rmtree(folder, ignore_errors=True)


def _publish(staged: Path, target: Path, refuse_existing: bool) -> None:
    try:
        staged.rename(target)
    except OSError as error:
        if not (target / "data").exists():
            raise InputError(
                f"{str(target)!r} holds no dataset but is not empty: a new dataset needs that "
                "place; move or delete the folder"
            ) from error
        if refuse_existing:
            raise existing_dataset(target.relative_to(datasets_root()).as_posix()) from error
