"""Writing of transitions as a Minari dataset, for use outside this package."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gymnasium.spaces import Box, Discrete

from envs.catalogue import embedded_dataset
from envs.formats.episodes import one_step_episodes
from envs.formats.minari.environments import describe_environments, with_action_start
from envs.formats.minari.root import is_minari_id
from envs.formats.minari.store import (
    datasets_root,
    existing_dataset,
    is_stored,
    write_dataset,
)
from envs.formats.spaces import unbounded
from envs.reference import Reference
from harness.core.errors import InputError
from harness.core.transitions import Transitions

METADATA_KEY = "bellman_bench"
MOST_ONE_STEP = 10_000  # episodes of one step: 20 megabytes, some fifty times what an .npz takes
# A folder `data` marks the folder above it as a dataset; file systems take 255 characters.
_WORD = r"(?!data/)[\w-]{1,200}"
_NEW_ID = re.compile(rf"({_WORD}/)+{_WORD}-v\d{{1,9}}", re.ASCII)


def write_transitions(
    dataset_id: str,
    transitions: Transitions,
    reference: Reference,
    *,
    algorithm: str,
    description: str,
    metadata: Mapping[str, Any],
) -> Path:
    """Write transitions as a Minari dataset, atomically, and return its folder.

    A row becomes an episode of one step: observations ``[s, s']``, terminated or else truncated,
    and its weight in ``infos["transition_weight"]``, shape ``(1,)``. The spaces of observations and
    of continuous actions have the precision of the rows and no bounds, so that nothing is rounded
    or rejected, and discrete actions are numbered as the environment does, from its start.
    `harness.load_dataset` returns the same rows, including weights.

    Args:
        dataset_id: A new Minari id, ``namespace/name-vN``.
        transitions: The rows.
        reference: The environment and the scores, as far as known.
        algorithm: The method that made the rows.
        description: A description of the dataset.
        metadata: Further JSON metadata: Minari shows it as a JSON text under the key
            ``bellman_bench`` of ``dataset.storage.metadata``.

    Raises:
        InputError: If the id cannot be used (see `check_new_id`), the rows are too many, the
            environment is unknown or cannot be made, or the root cannot be written.
    """
    check_new_id(dataset_id)
    check_one_step_room(len(transitions), dataset_id, "give the path of an .npz as the output")
    describe_environments(reference)  # refused before anything is written
    reference = with_action_start(reference)
    actions: Box | Discrete = (
        unbounded(transitions.actions)
        if transitions.is_continuous
        else Discrete(transitions.action_count, start=reference.action_start)
    )
    episodes = list(one_step_episodes(transitions))
    return write_dataset(
        dataset_id,
        episodes,
        reference,
        algorithm=algorithm,
        description=description,
        spaces=(unbounded(transitions.observations), actions),
        metadata={METADATA_KEY: json.dumps(dict(metadata), sort_keys=True)},
        refuse_existing=True,
    )


def check_one_step_room(count: int, source: str, remedy: str) -> None:
    """Check that episodes of one step are few: Minari has no compact form of them.

    Args:
        count: Their number.
        source: Where they come from, for the message.
        remedy: What to do if they are many.

    Raises:
        InputError: If they are more than `MOST_ONE_STEP`.
    """
    if count > MOST_ONE_STEP:
        raise InputError(
            f"{source!r}: {count} rows would each be an episode of one step, and take two "
            f"kilobytes of a Minari dataset: at most {MOST_ONE_STEP} are written; {remedy}"
        )


def read_metadata(dataset_id: str) -> dict[str, Any]:
    """Return the ``metadata`` that `write_transitions` was given; empty where there are none."""
    path = datasets_root() / dataset_id / "data" / "metadata.json"
    try:
        found = json.loads(json.loads(path.read_text(encoding="utf-8"))[METADATA_KEY])
    except (OSError, LookupError, TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def public_name(source: str) -> str:
    """Name a file without its folder, which is nobody's business; an id or relative path as is."""
    return Path(source).name if Path(source).is_absolute() else source


def check_new_id(dataset_id: str) -> None:
    """Check that a new dataset can be written under an id.

    Raises:
        InputError: If it is not ``namespace/name-vN``, is that of an embedded dataset, or exists,
            or its namespace is a dataset.
    """
    if not (_NEW_ID.fullmatch(dataset_id) and is_minari_id(dataset_id)):
        raise InputError(
            f"dataset id {dataset_id!r}: a new id is namespace/name-vN, words of letters, digits, "
            "'_' and '-' joined by '/', such as 'distilled/cartpole-v0'; the namespace has two "
            "characters or more, and no word is 'data' or longer than 200; choose such an id, or "
            "the path of an .npz file"
        )
    if embedded_dataset(dataset_id) is not None:
        raise InputError(
            f"dataset id {dataset_id!r} is that of an embedded dataset; choose another id"
        )
    if is_stored(dataset_id):
        raise existing_dataset(dataset_id)
    for folder in PurePosixPath(dataset_id).parents:
        if folder.name and is_stored(str(folder)):
            raise InputError(
                f"dataset id {dataset_id!r}: {str(folder)!r} is a dataset, and can be no "
                "namespace; choose another namespace"
            )
