"""What a user says of a dataset, in the place of what its file says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from envs.formats.arrays import as_actions
from envs.formats.recording import Recording
from envs.reference import Reference, name_environments
from harness.core.arrays import IntArray
from harness.core.classes.environments import named_again
from harness.core.classes.reading import SAY_DISCRETE, Reading, check_scores
from harness.core.errors import InputError, naming
from harness.core.presentation.text import listed
from harness.core.transitions import count_actions


def tell(recording: Recording, reading: Reading) -> Recording:
    """Return a recording whose actions, environment and scores are as they are said to be.

    Names of arrays are the business of its format. A note says what is still missing for policies
    to be evaluated, or stands in the way.

    Raises:
        InputError: If actions cannot be taken as said, the environment is unknown, or the scores
            are out of order.
    """
    recording = _tell_actions(recording, reading)
    reference = tell_reference(recording.reference, reading, recording.source)
    notes = (*recording.notes, *_doubts(reference))
    return replace(recording, reference=reference, notes=notes)


def tell_reference(reference: Reference, reading: Reading, source: str) -> Reference:
    """Return the environment and the scores, where they are said as the user says them.

    Raises:
        InputError: If the environment is unknown, or the scores are out of order.
    """
    said = {
        name: value
        for name in ("reference_min", "reference_max")
        if (value := getattr(reading, name)) is not None
    }
    told = reference.model_copy(update=said)
    if said:
        with naming(source):
            check_scores(told.reference_min, told.reference_max)
    environment_id = said_environment(reading)
    if environment_id is None:
        return told
    environments = (told.environment, told.source_environment)
    return told.model_copy(
        update=name_environments(*(named_again(own, environment_id) for own in environments))
    )


def said_environment(reading: Reading) -> str | None:
    """Return the id of the environment that the user names, after it is registered.

    Raises:
        InputError: If the module that it names cannot be imported or does not register it.
    """
    if reading.environment is None:
        return None
    from envs.environment import register_environment  # imports gymnasium

    return register_environment(reading.environment)


def _tell_actions(recording: Recording, reading: Reading) -> Recording:
    kind, count, source = reading.actions, reading.action_count, recording.source
    if kind is not None and recording.continuous != (kind == "continuous"):
        values, width = as_actions(source, recording.actions, kind, notes=[])
        if kind == "discrete":
            with naming(source):
                count = count or width or count_actions(cast(IntArray, values))
        return replace(recording, actions=values, action_count=count)
    if count is None:
        return recording
    if recording.continuous:
        raise InputError(
            f"action_count {count} for {source!r}, whose actions are continuous: only discrete "
            f"ones are counted; leave it out, or say {SAY_DISCRETE}"
        )
    return replace(recording, action_count=count)


def _doubts(reference: Reference) -> Iterator[str]:
    """Say what keeps policies from being evaluated."""
    low, high = reference.reference_min, reference.reference_max
    known = {
        "environment": reference.environment,
        "reference_min": low,
        "reference_max": high,
    }
    missing = [name for name, value in known.items() if value is None]
    if missing:
        options = [f"--{name.replace('_', '-')}" for name in missing]
        yield f"no {listed(missing)}: to evaluate policies, say so by {listed(options)}"
    elif low is not None and high is not None and not low < high:
        yield (
            f"reference_min {low:g} is not below reference_max {high:g}: returns are not "
            "normalised by them; say others, as by --reference-min"
        )
