"""The command `plot`: figures of what was measured."""

from __future__ import annotations

from harness.commands.terminal import ResultsFolder, notices, output


def plot(directory: ResultsFolder) -> None:
    """Draw what was measured: against gradient steps, size or predictors."""
    from harness.analysis import write_figures

    paths = write_figures(directory)
    for path in paths:
        output.print(f"wrote {path}", markup=False)
    if not paths:
        notices.print(
            "nothing to draw: no run has a size nor a learner several checkpoints, or the metric "
            "has no figures"
        )
