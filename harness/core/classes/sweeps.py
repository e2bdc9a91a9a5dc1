"""Parameter sweeps in suites: one table is expanded to an entry for each combination."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from harness.core.classes.specs import arm_suffix

_BRACED = re.compile(r"\{([^{}]*)\}")


def expand_sweeps(tables: Any) -> Any:
    """Replace each table with the key ``sweep`` by its entries.

    Args:
        tables: The reducers or the learners of a suite. A table whose other keys have wrong types
        is left unchanged, so that validation rejects it.

    Raises:
        ValueError: If a sweep is invalid; the message is one line.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        return tables
    return [entry for table in tables for entry in _entries(table)]


def _entries(table: Any) -> list[Any]:
    match {"label": None, "parameters": {}, **table} if isinstance(table, Mapping) else table:
        case {
            "name": str(name),
            "label": str() | None as label,
            "parameters": dict(parameters),
            "sweep": sweep,
            **others,
        }:
            swept = _combinations(name, sweep, parameters)
            by_default = default_label(name, swept[0]) + arm_suffix(table)
            template = by_default if label is None else label
            return [
                {**others, "name": name, "label": label, "parameters": parameters | values}
                for label, values in zip(_labels(template, swept), swept, strict=True)
            ]
    return [table]


def _combinations(name: str, sweep: Any, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the swept values of each entry, the last key changing fastest."""
    if not isinstance(sweep, Mapping) or not sweep:
        raise ValueError(
            f"{name!r} has sweep = {sweep!r}, which must map parameters to lists: write "
            "{ PARAMETER = [VALUE, ...] }"
        )
    for key, values in sweep.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{name!r} sweeps {key} = {values!r}: give a list of its values")
        if key in parameters:
            raise ValueError(f"{name!r} has {key} in sweep and in parameters: leave it out of one")
    return [dict(zip(sweep, values, strict=True)) for values in product(*sweep.values())]


def default_label(name: str, keys: Mapping[str, Any]) -> str:
    """Return the default label template of a sweep, with the swept keys in braces."""
    return name + "".join(f"-{key.replace('_', '-')}{{{key}}}" for key in keys)


def _labels(template: str, swept: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fill the braces of a label template with the values of each entry."""
    for key in _BRACED.findall(template):
        if key not in swept[0]:
            raise ValueError(
                f"label {template!r} has {key!r} in braces, which is not swept: choose from "
                f"{', '.join(swept[0])}"
            )
    labels = [_BRACED.sub(partial(_fill, values), template) for values in swept]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"label {template!r} is the same for two entries of a sweep: put each swept key into "
            "it in braces, and list each value once"
        )
    return labels


def _fill(values: Mapping[str, Any], braced: re.Match[str]) -> str:
    """Format a value for a label: ``[64, 64]`` as ``64-64``."""
    return re.sub(r"[^a-z0-9.+-]+", "-", str(values[braced[1]]).lower()).strip("-")
