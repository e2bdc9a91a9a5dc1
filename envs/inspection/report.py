"""The report of `bellman-bench inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from envs.dataset import Dataset, make_dataset
from envs.formats.recording import Recording
from envs.inspection.inspect import Inspection, Spread, inspect
from envs.reference import Reference
from harness.core.presentation.text import listed
from harness.core.specs import CodebookSpec


def inspect_dataset(
    recording: Recording,
    reference: Recording | None = None,
    codebook: CodebookSpec | None = None,
    figure: Path | None = None,
) -> list[str]:
    """Inspect a dataset and yield the report line by line, after all errors have been raised.

    Args:
        recording: The dataset.
        reference: A dataset relative to whose state-action pairs the coverage is measured.
        codebook: How continuous actions would be discretised, to measure the error.
        figure: Path of a ``.png`` to draw, or a folder for ``inspect-<dataset>.png``.

    Raises:
        InputError: If the two have different dimensions, the codebook does not suit the actions, or
        the figure cannot be written.
    """
    inspection = inspect(recording, reference)
    found = list(lines(inspection))
    if codebook is not None:
        found += _codebook_lines(make_dataset(recording, codebook))
    if figure is not None:
        from envs.inspection.figure import write_figure  # imports matplotlib

        found.append(f"figure: {write_figure(recording, inspection, figure)}")
    return found


def _codebook_lines(dataset: Dataset) -> Iterator[str]:
    facts = dataset.quantisation or {}
    yield (
        f"codebook: {facts['codes']:.0f} codes, root mean square error "
        f"{facts['root_mean_square']:.3g}, {facts['variance_share']:.2%} of the actions' variance"
    )
    if "coded_return" in facts:
        yield (
            f"  a policy of the nearest recorded state's action: mean return "
            f"{facts['neighbour_return']:.1f} in {facts['episodes']:.0f} episodes of "
            f"{dataset.environment}, and {facts['coded_return']:.1f} with its code in its place "
            f"(standard error of the difference {facts['standard_error']:.1f})"
        )
    else:
        yield "  what it costs a policy could not be measured in an environment"


def lines(inspection: Inspection) -> Iterator[str]:
    """Format an inspection: statistics, then problems, remarks and notes."""
    yield inspection.source
    for name, value in _facts(inspection):
        yield f"  {name:<12}{value}"
    found = (
        ("problems", inspection.problems or ("none found",)),
        ("remarks", inspection.remarks),
        ("notes", inspection.notes),
    )
    for title, findings in found:
        if findings:
            yield f"{title}:"
            yield from (f"  - {finding}" for finding in findings)


def _facts(inspection: Inspection) -> Iterator[tuple[str, str]]:
    limit = inspection.time_limit
    yield "environment", _environment(inspection.environment)
    yield "rows", f"{inspection.rows:,}; {_duplicates(inspection)}"
    if inspection.episodes is not None and inspection.lengths is not None:
        yield "episodes", f"{inspection.episodes:,}"
        yield (
            "lengths",
            _spread(inspection.lengths, "median") + (f"; time limit {limit}" if limit else ""),
        )
    if inspection.returns is not None:
        yield "returns", _spread(inspection.returns, "mean")
    if inspection.scores is not None:
        yield "scores", f"{_spread(inspection.scores, 'mean')}; 0 is random, 1 expert"
        yield "TQ", f"{inspection.scores[1]:.4g}, trajectory quality: the mean score"
    yield "SACo", _coverage(inspection)
    yield "ends", _ends(inspection)
    yield "alignment", _alignment(inspection)
    yield "actions", _actions(inspection)
    for name, columns in (
        ("constant", inspection.constant_columns),
        ("not finite", inspection.non_finite_columns),
    ):
        yield name, listed(columns) or "no column"


def _environment(reference: Reference) -> str:
    evaluated, recorded_in = reference.environment, reference.source_environment
    if recorded_in != evaluated:
        return f"{recorded_in}; policies are evaluated in {evaluated}"
    return str(evaluated) if evaluated else "not named"


def _duplicates(inspection: Inspection) -> str:
    return f"{inspection.duplicate_rows:,} equal an earlier one"


def _spread(spread: Spread, middle: str) -> str:
    low, centre, high = spread
    return f"{low:.5g} … {centre:.5g} … {high:.5g} (minimum, {middle}, maximum)"


def _coverage(inspection: Inspection) -> str:
    pairs = f"{inspection.unique_pairs:,} unique state-action pairs, 100 bins a column"
    if inspection.coverage is None:
        return f"{pairs}; give a reference dataset for a ratio"
    return f"{inspection.coverage:.4g}, state-action coverage: {pairs}, in units of the reference's"


def _ends(inspection: Inspection) -> str:
    of_rows = (
        f"{inspection.terminated:.3%} of rows terminated, {inspection.truncated:.3%} truncated"
    )
    if inspection.terminated_episodes is None or inspection.truncated_episodes is None:
        return of_rows
    return (
        f"{inspection.terminated_episodes:.1%} of episodes terminated, "
        f"{inspection.truncated_episodes:.1%} truncated; {of_rows}"
    )


def _alignment(inspection: Inspection) -> str:
    if inspection.misalignment is None:
        return "unknown, since episodes are"
    return f"{inspection.misalignment:.3%} of rows inside episodes: s' is not the next s"


def _actions(inspection: Inspection) -> str:
    if inspection.action_counts is not None and inspection.action_coverage is not None:
        total = max(sum(inspection.action_counts), 1)
        counts = [f"{a}: {n / total:.1%}" for a, n in enumerate(inspection.action_counts)]
        return f"{listed(counts)}; {inspection.action_coverage:.0%} of the environment's are taken"
    ranges = [f"{low:.4g}..{high:.4g}" for low, high in inspection.action_ranges or ()]
    return f"{len(ranges)} continuous: {listed(ranges)}"
