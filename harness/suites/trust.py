"""What a record may cause: never an import of a module that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.specs import RunSpec


def names_modules(spec: RunSpec) -> bool:
    """Whether a run imports a module that its spec names."""
    named_format, separator, _ = spec.dataset.partition("::")
    given = spec.model_dump(mode="json", include={"reducer", "learner", "environment"})
    names = [*_texts_in(given), named_format if separator else ""]
    return any(":" in name for name in names)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value: parameters may name classes at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(part)
