"""A file format of one's own: a JSON object a line, the first of them about the dataset.

    python json_lines.py classic/cartpole/medium-v0 rows.jsonl
    bellman-bench inspect json_lines:JsonLines::rows.jsonl

The first line may hold environment_id, reference_min and reference_max; each other line holds
observation, action, reward, terminated and truncated, in the order in which they were recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from envs.formats.base import Format
from envs.formats.columns import Columns
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.classes.reading import AS_STORED, Reading
from harness.core.errors import InputError

KEYS = ("observation", "action", "reward", "next_observation", "terminated", "truncated")


class JsonLines(Format):
    """Rows as JSON objects, one a line, after a line about the dataset."""

    name: ClassVar[str] = "json-lines"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl",)

    def read(self, path: str, reading: Reading = AS_STORED) -> Recording:
        """Read all lines.

        Raises:
            InputError: If there is no such file, or a line is no such object.
        """
        about, *rows = _read_lines(path)
        columns = {key: np.array([row[key] for row in rows]) for key in KEYS}
        return Columns(
            source=path,
            observations=columns["observation"].astype(np.float64),
            actions=columns["action"],
            rewards=columns["reward"].astype(np.float64),
            next_observations=columns["next_observation"].astype(np.float64),
            terminations=columns["terminated"].astype(bool),
            truncations=columns["truncated"].astype(bool),
        ).to_recording(Reference.parse(about, path), about.get("action_count"), reading.actions)


def _read_lines(path: str) -> list[dict[str, Any]]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        objects = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path!r} cannot be read ({error}): it must hold a JSON object a line; write it again"
        ) from error
    for number, found in enumerate(objects[1:], 2):
        if not isinstance(found, dict) or not set(KEYS) <= found.keys():
            raise InputError(f"{path!r}, line {number}: a row holds {', '.join(KEYS)}; add them")
    if len(objects) < 2 or not isinstance(objects[0], dict):
        raise InputError(f"{path!r} holds no row: a line about the dataset and rows; write some")
    return objects


def write(dataset_id: str, path: Path) -> None:
    """Write any dataset that can be opened as a file of this format."""
    from envs.loading import open_recording

    recording = open_recording(dataset_id)
    about = recording.reference.model_dump(exclude_none=True)
    lines = [about | {"action_count": recording.action_count}]
    arrays = (
        recording.observations,
        recording.actions,
        recording.rewards,
        recording.next_observations,
        recording.terminations,
        recording.truncations,
    )
    for values in zip(*(array.tolist() for array in arrays), strict=True):
        lines.append(dict(zip(KEYS, values, strict=True)))
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
