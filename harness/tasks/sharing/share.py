"""Write a reduced set as a Minari dataset with a card, and push it to a hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envs.formats.minari.output import check_new_id
from envs.formats.minari.root import datasets_root, is_stored
from envs.formats.minari.upload import check_pushable, push
from envs.loading import open_dataset
from envs.reference import Reference
from harness.core.errors import InputError
from harness.core.storage.files import write_whole
from harness.tasks.certify import certify
from harness.tasks.saving import load_origin, write_as_minari
from harness.tasks.sharing.card import (
    Card,
    Origin,
    certificate_text,
    check_licence,
    stated_licence,
)
from harness.tasks.sharing.returns import tabulate_returns

CARD = "README.md"  # in a dataset's folder, where hubs look for it


@dataclass(frozen=True)
class Sharing:
    """A request to share a set."""

    source: str  # the path of an .npz, or the id of a stored Minari dataset
    destination: str | None = None  # a new Minari id, of an .npz
    licence: str | None = None  # None: as a card states it
    against: str | None = None  # the dataset that certifies it; None: no certificate
    results: Path | None = None  # folder of runs that trained on it; None: no returns
    remote: str | None = None  # an account of a hub, ``hf://NAME``; None: nothing is pushed

    @property
    def is_file(self) -> bool:
        """Whether the set is yet to be written as a Minari dataset."""
        return self.source.endswith(".npz")

    @property
    def dataset_id(self) -> str:
        """The Minari id of the set.

        Raises:
            InputError: If a file is given without a new id, or a dataset with one.
        """
        if self.is_file == (self.destination is None):
            raise InputError(
                f"{self.source!r} is a file, and what is shared is a Minari dataset: give its new "
                "id as --output, such as mine/cartpole-50-v0"
                if self.is_file
                else f"output {self.destination!r}: {self.source!r} is a Minari dataset already, "
                "and shared under its own id; leave --output out"
            )
        return self.destination or self.source


def share(order: Sharing) -> Iterator[str]:
    """Write the set and its card as far as they are missing, push them, and report each step.

    The card of a stored dataset stays as it is, edited by hand or not, unless a licence, a
    certificate or returns are asked for.

    Raises:
        InputError: If the request is invalid or cannot be pushed, before anything is written; if
            pushing fails afterwards, the dataset and its card are whole.
    """
    dataset_id = order.dataset_id
    path = _check_id(order, dataset_id)
    is_asked = any((order.licence, order.against, order.results))
    made = _begin_card(order, dataset_id) if is_asked or not path.is_file() else None
    if order.remote is not None:
        check_pushable(dataset_id, order.remote)
    if made is not None:
        card = _finish_card(order, made)
        if order.is_file:
            write_as_minari(dataset_id, card.transitions, card.reference, _about(order.source))
        write_whole(path, card.text().encode())
    yield f"{dataset_id}: {path.parent}, with its card {CARD}"
    if order.remote is not None:
        push(dataset_id, order.remote)
        yield f"pushed: MINARI_REMOTE={order.remote} loads {dataset_id} anywhere"


def _check_id(order: Sharing, dataset_id: str) -> Path:
    """Check that the set can be written, or is stored, and return the path of its card.

    Raises:
        InputError: If neither.
    """
    if order.is_file:
        check_new_id(dataset_id)
    elif not is_stored(dataset_id):
        raise InputError(
            f"dataset {dataset_id!r} is not below {str(datasets_root())!r}: a set is shared from "
            "there; write it by `bellman-bench distill`, or give the path of an .npz"
        )
    return _card_path(dataset_id)


def _begin_card(order: Sharing, dataset_id: str) -> Card:
    """Read the set, and how it was made.

    Raises:
        InputError: If it does not say that, nobody says its licence, or it has no certificate.
    """
    metadata = load_origin(order.source)
    if "feature_names" in metadata:
        raise InputError(
            f"{order.source!r} is a regression set, and Minari holds transitions alone: share the "
            "file itself"
        )
    origin = Origin.parse(metadata, order.source)
    licence = order.licence or _licence_of(dataset_id) or _licence_of(origin.source)
    if licence is None:
        raise InputError(
            f"{order.source!r} has no licence, and {origin.source!r} has no card that states one: "
            "whoever shares a set says it; give --licence, such as mit, cc-by-4.0 or other"
        )
    dataset = open_dataset(order.source, quietly=True)  # rules of recordings are not for sets
    if order.against is not None and dataset.transitions.is_continuous:
        raise InputError(
            f"{order.source!r} has continuous actions, of which there are no certificates: leave "
            "--against out"
        )
    return Card(
        dataset_id=dataset_id,
        transitions=dataset.transitions,
        reference=dataset.reference,
        origin=origin,
        licence=check_licence(licence),
    )


def _finish_card(order: Sharing, card: Card) -> Card:
    """Add what takes time: the certificate and the returns, as far as they are asked for.

    Raises:
        InputError: If the set cannot be compared with the dataset, or no run was trained on it.
    """
    returns = certificate = ""
    if order.results is not None:
        content_hash = card.transitions.content_hash()
        returns = tabulate_returns(order.results, content_hash, card.origin.source_hash)
    if order.against is not None:
        lines = certify(order.source, order.against, None, seed=0)
        certificate = certificate_text(lines, order.against)
    return replace(card, returns=returns, certificate=certificate)


def _about(path: str) -> dict[str, Any]:
    """Return the metadata of an ``.npz`` that a Minari dataset has no other place for."""
    elsewhere = {*Reference.model_fields, "action_count"}
    return {name: value for name, value in load_origin(path).items() if name not in elsewhere}


def _card_path(dataset_id: str) -> Path:
    return datasets_root() / dataset_id / CARD


def _licence_of(dataset_id: str) -> str | None:
    """Return the licence that the card of a dataset states, if it is stored and has one."""
    with suppress(InputError, OSError, UnicodeDecodeError):  # no id, no card, or none of text
        if is_stored(dataset_id):
            return stated_licence(_card_path(dataset_id).read_text(encoding="utf-8"))
    return None
