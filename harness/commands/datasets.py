"""Commands on datasets: what there is, collecting it, reducing it, and judging a reduction."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.terminal import (
    DataFolder,
    Offline,
    ask_no_hub,
    name_data_folder,
    notices,
    output,
)
from harness.core.errors import InputError

DatasetId = Annotated[
    str, typer.Argument(help="A dataset id, the path of an .npz or .hdf5, or PATH.csv#COLUMN.")
]
ControlDatasetId = Annotated[
    str, typer.Argument(help="A dataset id, or the path of an .npz or .hdf5.")
]
Codebook = Annotated[
    str | None, typer.Option(help="Number continuous actions: kmeans-32, bins-9 and the like.")
]
ArrayNames = Annotated[
    list[str] | None,
    typer.Option("--map", help="An array of an .npz, as ours=theirs (rewards=r); repeatable."),
]


def list_names() -> None:
    """Show datasets, methods, learners and suites."""
    from envs.classic.catalogue import classic_dataset_ids
    from envs.regression.datasets import tabular_ids
    from harness.suites import load_suite, shipped_suites
    from harness.tasks import builtin as registry

    sections = {
        "datasets": dict.fromkeys(classic_dataset_ids(), ""),
        "methods": _summaries(registry.REDUCERS),
        "learners": _summaries(registry.CONTROL_JUDGES),
        "regression datasets": dict.fromkeys(tabular_ids(), ""),
        "regression methods": _summaries(registry.REGRESSION_REDUCERS),
        "regression learners": _summaries(registry.REGRESSION_JUDGES),
        "suites": {name: load_suite(name).description for name in sorted(shipped_suites())},
    }
    for title, entries in sections.items():
        output.print(f"[bold]{title}[/bold]")
        width = max(map(len, entries))
        for name, description in entries.items():
            output.print(f"  {name:<{width}} {description}".rstrip(), markup=False)


def collect(dataset_id: Annotated[str, typer.Argument(help="An embedded dataset's id.")]) -> None:
    """Collect an embedded dataset as a Minari dataset, unless it is there."""
    from envs.loading import open_dataset

    dataset = open_dataset(dataset_id)
    output.print(f"{dataset_id}: {len(dataset.transitions)} transitions", markup=False)


def inspect(
    dataset_id: ControlDatasetId,
    reference: Annotated[
        str | None, typer.Option(help="A dataset to count the state-action pairs against.")
    ] = None,
    codebook: Codebook = None,
    figure: Annotated[
        Path | None, typer.Option(help="Where to draw: a .png, or a folder for it.")
    ] = None,
    names: ArrayNames = None,
    offline: Offline = False,
) -> None:
    """Say what a dataset holds, and what is wrong with it."""
    from envs.actions.codebook import parse_codebook
    from envs.inspection.report import inspect_dataset
    from envs.loading import open_recording

    ask_no_hub(offline)
    lines = inspect_dataset(
        open_recording(dataset_id, _parse_names(names or [])),
        open_recording(reference) if reference else None,
        parse_codebook(codebook) if codebook else None,
        figure,
    )
    for line in lines:
        output.print(line, markup=False)


def convert(
    source: ControlDatasetId,
    destination: Annotated[
        str, typer.Option("--output", help="A new Minari id, such as mine/hopper-v0.")
    ],
    names: ArrayNames = None,
    offline: Offline = False,
) -> None:
    """Write arrays or a D4RL file as a Minari dataset."""
    from envs.convert import convert as write
    from envs.convert import find_notes
    from envs.formats.minari.output import check_new_id
    from envs.loading import open_recording

    ask_no_hub(offline)
    check_new_id(destination)
    recording = open_recording(source, _parse_names(names or []))
    folder = write(recording, destination)
    for note in find_notes(recording):
        notices.print(f"note: {note}", markup=False)
    output.print(f"{destination}: {len(recording)} rows in {folder}", markup=False)


def distill(
    dataset_id: DatasetId,
    destination: Annotated[
        str, typer.Option("--output", help="An .npz, or a new Minari id such as distilled/a-v0.")
    ],
    method: Annotated[
        str | None,
        typer.Option(help="A method that `list` shows; bellman, or loss-matching for regression."),
    ] = None,
    size: Annotated[int, typer.Option(help="Rows to keep or make.")] = 100,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    discount: Annotated[float, typer.Option(help="γ of the Bellman loss.")] = 0.99,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the method, as name=value; repeatable.")
    ] = None,
    codebook: Codebook = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Read a few episodes at a time (method exact).")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes that stream.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler whose workers stream instead.")
    ] = None,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Reduce a dataset and write the result."""
    from envs.actions.codebook import parse_codebook
    from envs.regression.datasets import is_tabular
    from harness.tasks import distilling

    name_data_folder(data_dir)
    ask_no_hub(offline)
    parameters = _parse_parameters(parameter or [])
    numbering = parse_codebook(codebook) if codebook else None
    if numbering and (stream or is_tabular(dataset_id)):
        raise InputError(
            f"codebook {codebook!r}: it is for data that are read whole and have continuous "
            "actions; leave it or --stream out"
        )
    if stream:
        line = distilling.distill_streamed_file(
            dataset_id,
            destination,
            method or "exact",
            size,
            seed,
            discount,
            parameters,
            _workers(jobs, scheduler),
        )
    elif jobs is not None or scheduler:
        raise InputError("--jobs and --scheduler without --stream: one process reduces; add it")
    elif is_tabular(dataset_id):
        line = distilling.distill_tabular_file(
            dataset_id, destination, method or "loss-matching", size, seed, parameters
        )
    else:
        line = distilling.distill_file(
            dataset_id,
            destination,
            method or "bellman",
            size,
            seed,
            discount,
            parameters,
            numbering,
        )
    output.print(line, markup=False)


def certify(
    distilled: Annotated[str, typer.Argument(help="What `distill` wrote: an .npz or a Minari id.")],
    against: Annotated[str, typer.Option(help="The dataset that it was made from.")],
    discount: Annotated[
        float | None, typer.Option(help="γ of the Bellman loss; the set's own unless given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the subsets to compare with.")] = 0,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Say how far losses on a reduction can be from losses on its source."""
    from harness.tasks import certify as certificates

    name_data_folder(data_dir)
    ask_no_hub(offline)
    for line in certificates.certify(distilled, against, discount, seed):
        output.print(line, markup=False)


def _workers(
    jobs: int | None, scheduler: str | None
) -> Callable[[], AbstractContextManager[tuple[Executor, int]]]:
    from harness.execution.worker_pool import check_cluster_installed
    from harness.tasks.distilling import local_workers

    if scheduler is None:
        return partial(local_workers, 1 if jobs is None else jobs)
    check_cluster_installed(scheduler)
    from harness.execution.dask import cluster_workers  # imports dask, which nothing else needs

    return partial(cluster_workers, scheduler)


def _summaries(classes: Mapping[str, type]) -> dict[str, str]:
    """First line of each class's docstring."""
    return {
        name: (found.__doc__ or "").strip().splitlines()[0].replace("``", "")
        for name, found in classes.items()
    }


def _parse_names(assignments: list[str]) -> dict[str, str]:
    names = {}
    for assignment in assignments:
        ours, separator, theirs = assignment.partition("=")
        if not separator:
            raise InputError(f"map {assignment!r}: write it as ours=theirs, such as rewards=r")
        names[ours] = theirs
    return names


def _parse_parameters(assignments: list[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs, values as in TOML and else as text."""
    parameters: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator:
            raise InputError(f"parameter {assignment!r}: write it as name=value")
        try:
            parameters[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            parameters[name] = value
    return parameters
