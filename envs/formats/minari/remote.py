"""Download of datasets from Minari's remote, by default its Hugging Face hub.

``MINARI_REMOTE`` names another remote, as Minari documents it.
"""

from __future__ import annotations

import logging
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from minari import supported_dataset_versions
from minari.storage.remotes import DEFAULT_REMOTE, get_cloud_storage
from minari.storage.remotes.cloud_storage import CloudStorage

from envs.formats.minari.root import ROOT_VARIABLE, datasets_root, is_stored, staged, unusable_root
from harness.core.errors import NO_ROOM, InputError, unknown_name
from harness.core.storage.locks import locked

REMOTE_VARIABLE: Final = "MINARI_REMOTE"
OFFLINE_VARIABLE: Final = "BELLMAN_BENCH_OFFLINE"  # inherited by worker processes
PROBE_SECONDS: Final = 10.0
# The hub's and Google's exceptions for status 404.
_NOT_THERE = ("RemoteEntryNotFoundError", "RepositoryNotFoundError", "NotFound")

logger = logging.getLogger("bellman_bench")


def is_offline() -> bool:
    """Whether the environment variable forbids downloads."""
    return os.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0")


def download(dataset_id: str, known: Collection[str]) -> Path:
    """Download a dataset to the root, atomically, and return its folder.

    The size is logged first, and the remote's library shows the progress. One process downloads at
    a time.

    Args:
        dataset_id: The id of a dataset that is not stored.
        known: Known ids, for suggestions in error messages.

    Raises:
        InputError: If downloads are forbidden, the remote cannot be reached or has no such dataset,
        the installed Minari cannot read it, or there is no space for it.
    """
    root = datasets_root()
    missing = f"{unknown_name('dataset', dataset_id, known)}; it is not below {str(root)!r}"
    if is_offline():
        raise InputError(
            f"{missing}, and {OFFLINE_VARIABLE} or --offline forbids the download: leave it out, "
            "or copy the dataset there"
        )
    try:
        with locked(root / ".downloads.lock"):
            if not is_stored(dataset_id):  # another process has downloaded it in the meantime
                _download(dataset_id, missing)
    except OSError as error:
        raise unusable_root(error) from error
    return root / dataset_id


def _download(dataset_id: str, missing: str) -> None:
    with _remote_explained(missing):
        remote = _connect()
        metadata = remote.get_dataset_metadata(dataset_id)
    _check_metadata(dataset_id, metadata)
    with staged(dataset_id, "downloading") as staging:
        with _remote_explained(missing):
            remote.download_dataset(dataset_id, staging)
        files = {path.name for path in (staging / dataset_id / "data").rglob("*") if path.is_file()}
        if not files - {"metadata.json"}:
            raise InputError(f"{missing}, and {_remote()} has only its metadata; choose another")
        shutil.rmtree(staging / dataset_id / ".cache", ignore_errors=True)  # the hub's


def _connect() -> CloudStorage:
    remote = get_cloud_storage()
    if type(remote).__name__ == "HuggingFaceStorage":
        probe_hub()
    return remote


def probe_hub() -> None:
    """Fail at once without a network, where the hub's library would retry for 20 seconds.

    Raises:
        OSError: If the hub cannot be reached.
    """
    from huggingface_hub import constants

    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return  # any answer is enough


def _check_metadata(dataset_id: str, metadata: Mapping[str, Any]) -> None:
    version = metadata.get("minari_version")
    if version not in supported_dataset_versions:
        raise InputError(
            f"dataset {dataset_id!r} on {_remote()} was made by Minari {version}, which the "
            "installed Minari cannot read; choose another version of it, or update Minari"
        )
    root = datasets_root()
    size = metadata.get("dataset_size")  # MB
    told = "of unknown size" if size is None else f"of {size:,.1f} MB"
    free = shutil.disk_usage(root).free / 1e6
    if size is not None and size > free:
        raise InputError(
            f"dataset {dataset_id!r} {told} does not fit below {str(root)!r}, where {free:,.1f} MB "
            f"are free: make room, or set {ROOT_VARIABLE} to another folder"
        )
    logger.warning("downloading %s %s from %s into %s", dataset_id, told, _remote(), root)


def _remote() -> str:
    return os.environ.get(REMOTE_VARIABLE, str(DEFAULT_REMOTE))


@contextmanager
def _remote_explained(missing: str) -> Iterator[None]:
    """Turn a remote's errors into one-line errors, except for a full disk.

    Each remote has its own library, which may not be installed: its exceptions are matched by name.
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{missing}, and {_remote()} needs a library that is not installed "
            "(hf:// needs the extra bellman-bench[remote]): install it, or copy the dataset there"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        if type(error).__name__ in _NOT_THERE:
            raise InputError(f"{missing}, and {_remote()} has no such dataset") from error
        reason = " ".join(str(error).split())
        raise InputError(
            f"{missing}, and {_remote()} cannot be read ({type(error).__name__}: {reason}): "
            "connect to the network, or copy the dataset there"
        ) from error
