"""The folder of Minari datasets: what lies in it, and how a dataset gets there whole."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path

from harness.core.errors import InputError

ROOT_VARIABLE: Final = "MINARI_DATASETS_PATH"
# No part may begin with a dot: neither `..` nor a hidden staging folder is a dataset.
_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*")
_root_lock = threading.RLock()


def datasets_root() -> Path:
    """Return the folder of local Minari datasets, made if it was missing.

    Raises:
        InputError: If it cannot be made.
    """
    with _root_lock:
        try:
            return Path(get_dataset_path())
        except OSError as error:
            raise unusable_root(error) from error


def is_stored(dataset_id: str) -> bool:
    """Tell whether a dataset of that id lies below the root, sound or not.

    Raises:
        InputError: If the id could lead out of the root.
    """
    if not _ID.fullmatch(dataset_id):
        raise InputError(
            f"dataset id {dataset_id!r}: an id is words of letters, digits, '_', '-', '.' joined "
            "by '/', such as 'classic/cartpole/medium-v0'; give an id or the path of an .npz file"
        )
    try:
        return (datasets_root() / dataset_id / "data").exists()
    except OSError:  # a name longer than the file system takes
        return False


def stored_ids() -> list[str]:
    """Return the ids of the datasets below the root, sorted."""
    root = datasets_root()
    found = (path.parent.relative_to(root).as_posix() for path in root.rglob("data"))
    return sorted(dataset_id for dataset_id in found if _ID.fullmatch(dataset_id))


def existing_dataset(dataset_id: str) -> InputError:
    """Build the error for an id that is taken."""
    return InputError(
        f"dataset {dataset_id!r} exists already and is never overwritten: choose another version "
        f"or delete {str(datasets_root() / dataset_id)!r}"
    )


def unusable_root(error: OSError) -> InputError:
    """Build the error for a root that cannot be written."""
    return InputError(
        f"the folder of Minari datasets cannot be used ({error}): it must be writable and have "
        f"room; set {ROOT_VARIABLE} to such a folder"
    )


@contextmanager
def staged(dataset_id: str, prefix: str, *, refuse_existing: bool = False) -> Iterator[Path]:
    """Give a hidden folder to put a dataset into below its id; at the end, move it to its place.

    Nothing is moved after an error. If another process has meanwhile put the same id there, that
    copy stays and this one goes.

    Args:
        dataset_id: The dataset.
        prefix: Begins the folder's name.
        refuse_existing: Complain of a copy that another process has put there.

    Raises:
        InputError: If the root cannot be written, something else occupies the dataset's folder, or
            a copy is there and shall be refused.
    """
    root = datasets_root()
    try:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=root) as staging:
            yield Path(staging)
            _create_namespace(dataset_id.rpartition("/")[0])
            _publish(Path(staging, dataset_id), root / dataset_id, refuse_existing)
    except OSError as error:
        raise unusable_root(error) from error


@contextmanager
def minari_root(root: Path) -> Iterator[None]:
    """Let Minari write below another root.

    It writes below the one that the environment names, and nowhere else; the lock keeps other
    threads from taking a staging folder for the root.
    """
    with _root_lock:
        previous = os.environ.get(ROOT_VARIABLE)
        os.environ[ROOT_VARIABLE] = str(root)
        try:
            yield
        finally:
            if previous is None:
                del os.environ[ROOT_VARIABLE]
            else:
                os.environ[ROOT_VARIABLE] = previous


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


def _create_namespace(namespace: str) -> None:
    with _root_lock:
        if namespace and namespace not in list_local_namespaces():
            with suppress(ValueError):  # another process made it since
                create_namespace(namespace)
