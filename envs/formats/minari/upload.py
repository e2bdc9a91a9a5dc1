"""Upload of stored datasets to an account of a Hugging Face hub, by Minari's own functions."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final

from minari.storage.hosting import list_remote_datasets, upload_dataset

from envs.formats.minari.remote import OFFLINE_VARIABLE, REMOTE_VARIABLE, is_offline, probe_hub
from envs.formats.minari.root import create_namespace_of, variable_set
from harness.core.errors import InputError, one_line

_REMOTE = re.compile(r"hf://[A-Za-z0-9][\w.-]*", re.ASCII)
_NOT_ALLOWED: Final = (401, 403)  # statuses


def check_pushable(dataset_id: str, remote: str) -> None:
    """Check that a dataset could be pushed, before anything of it is written.

    Args:
        dataset_id: The id that it has or will have here.
        remote: An account of the hub, ``hf://NAME``.

    Raises:
        InputError: If the remote is none, the id has no namespace, the network is not to be used
            or the hub cannot be reached, its library is not installed, it knows no token of the
            user, or the account has a dataset of that id.
    """
    if not _REMOTE.fullmatch(remote):
        raise InputError(
            f"remote {remote!r}: sets are pushed to an account of a Hugging Face hub; write it as "
            "hf://NAME"
        )
    if "/" not in dataset_id:
        raise InputError(
            f"dataset {dataset_id!r}: on a hub a dataset has a namespace, as in mine/{dataset_id}; "
            "write it under such an id"
        )
    if is_offline():
        raise InputError(
            f"remote {remote!r}: {OFFLINE_VARIABLE} or --offline forbids to ask it; leave that out"
        )
    with _explained(dataset_id, remote, "connect to the network, or leave --remote out"):
        _find_token(remote)
        probe_hub()
        if dataset_id in list_remote_datasets(remote, prefix=dataset_id):
            raise _taken(dataset_id, remote)


def push(dataset_id: str, remote: str) -> None:
    """Push a stored dataset, with all that lies in its folder.

    The hub takes the files of a dataset in one commit. What fails before leaves at most an empty
    repository there, into which the next attempt pushes.

    Args:
        dataset_id: A stored dataset, see `check_pushable`.
        remote: An account of the hub, ``hf://NAME``.

    Raises:
        InputError: If the hub refuses it, or cannot be reached.
    """
    again = f"repeat that by bellman-bench share {dataset_id} --remote {remote}"
    with _explained(dataset_id, remote, f"the dataset is whole on this machine; {again}"):
        token = _find_token(remote)
        create_namespace_of(dataset_id)  # Minari pushes no dataset without
        with variable_set(REMOTE_VARIABLE, remote), redirect_stdout(sys.stderr):
            upload_dataset(dataset_id, token)
        if dataset_id not in list_remote_datasets(remote, prefix=dataset_id):
            raise InputError(  # Minari keeps silent where it cannot read its list
                f"dataset {dataset_id!r} is on {remote}, but not in its list of datasets: {again}"
            )


def _find_token(remote: str) -> str:
    """Return the token that the hub's own library knows.

    Raises:
        ImportError: If that is not installed.
        InputError: If there is none.
    """
    from huggingface_hub import get_token

    token = get_token()
    if token is None:
        raise InputError(
            f"remote {remote!r}: writing needs a token, and there is none; run `hf auth login`, or "
            "set HF_TOKEN"
        )
    return str(token)


def _taken(dataset_id: str, remote: str) -> InputError:
    return InputError(
        f"dataset {dataset_id!r} exists on {remote} already, and is never overwritten there: "
        "choose another version"
    )


@contextmanager
def _explained(dataset_id: str, remote: str, remedy: str) -> Iterator[None]:
    """Turn what Minari and the hub's library raise into one line.

    Minari only warns where a dataset exists, and warns of every other dataset of the account that
    is none of its own.
    """
    try:
        with warnings.catch_warnings():
            taken = f"Upload aborted. {re.escape(dataset_id)} is already in remote"
            warnings.filterwarnings("error", taken, UserWarning)
            warnings.filterwarnings("ignore", "Skipping .* as it is malformed", UserWarning)
            yield
    except InputError:
        raise
    except UserWarning as error:
        raise _taken(dataset_id, remote) from error
    except ImportError as error:
        raise InputError(
            f"remote {remote!r} needs a library that is not installed: install the extra "
            "bellman-bench[remote]"
        ) from error
    except Exception as error:  # each layer of the hub's library has its own
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in _NOT_ALLOWED:
            raise InputError(
                f"remote {remote!r} refuses the token that is used ({one_line(error)}): log in "
                "with one that may write to that account, by `hf auth login` or HF_TOKEN"
            ) from error
        raise InputError(
            f"dataset {dataset_id!r} is not pushed to {remote} ({one_line(error)}): {remedy}"
        ) from error
