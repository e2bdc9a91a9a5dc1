"""The figures of a results folder, by what its runs measured."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from harness.analysis.frame import controls_of
from harness.analysis.metrics import metric_of
from harness.core.errors import InputError
from harness.core.presentation.figure_style import figure_style
from harness.core.records import RunRecord, read_records
from harness.core.storage.files import write_whole


def write_figures(
    directory: Path,
    folder: Path | None = None,
    arms: Collection[str] = (),
    learners: Collection[str] = (),
) -> list[Path]:
    """Draw the records of ``DIRECTORY``, each figure as PNG and SVG.

    Args:
        directory: A results folder.
        folder: Where the figures go; None: ``DIRECTORY/figures``.
        arms: As of `draw_figures`.
        learners: As of `draw_figures`.

    Raises:
        InputError: As of `draw_figures`.
        PathError: If the folder cannot be written.
    """
    return [
        write_whole((folder or directory / "figures") / f"{name}.{kind}", encode(figure, kind))
        for name, figure in draw_figures(directory, arms, learners).items()
        for kind in ("png", "svg")
    ]


def draw_figures(
    directory: Path, arms: Collection[str] = (), learners: Collection[str] = ()
) -> Mapping[str, Figure]:
    """Draw the records of ``DIRECTORY``, and return the figures by name.

    Which figures there are is for the metric to say, by its `figures`; there may be none. The same
    records and library versions give the same bytes.

    Args:
        directory: A results folder.
        arms: Labels of those to draw, with their controls; all unless given.
        learners: Labels of those to draw; all unless given.

    Raises:
        InputError: If there are no readable records, none of a completed run, none of an arm or
            learner that is named, or records that do not share one metric.
    """
    records = list(read_records(directory))
    metric = metric_of(records)
    drawn = _chosen(records, "arm", arms, lambda record: record.spec.reducer.label)
    if arms:
        drawn = [*drawn, *_controls(records, arms)]
    drawn = _chosen(drawn, "learner", learners, lambda record: record.spec.learner.label)
    return metric.figures(drawn)


def encode(figure: Figure, kind: str) -> bytes:
    """Return the file of a figure, of kind ``png`` or ``svg``."""
    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    with figure_style():
        figure.savefig(content, format=kind, dpi=160, metadata=metadata)
    return _with_palette(content) if kind == "png" else content.getvalue()


def _chosen(
    records: Sequence[RunRecord],
    kind: str,
    names: Collection[str],
    name_of: Callable[[RunRecord], str],
) -> Sequence[RunRecord]:
    if not names:
        return records
    known = set(map(name_of, records))
    for name in names:
        if name not in known:
            raise InputError(
                f"{kind} {name!r} has no record: choose from {', '.join(sorted(known))}"
            )
    return [record for record in records if name_of(record) in names]


def _controls(records: Sequence[RunRecord], arms: Collection[str]) -> list[RunRecord]:
    """List the runs of the controls of these arms, but for those that are named themselves."""
    controls = controls_of(records)
    labels = {control.label for arm in arms for control in controls.get(arm, ())} - set(arms)
    return [record for record in records if record.spec.reducer.label in labels]


def _with_palette(png: io.BytesIO) -> bytes:
    """Keep 256 colours of a picture, a third of its bytes, because figures are committed."""
    small = io.BytesIO()
    with Image.open(png) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            small, format="png", optimize=True
        )
    return small.getvalue()
