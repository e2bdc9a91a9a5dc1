"""The command `distill`: reduce a dataset and write the result to disk."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from functools import partial
from typing import Annotated, Any

import typer

from harness.commands.reading import takes_reading
from harness.commands.terminal import (
    Codebook,
    DataFolder,
    Offline,
    ask_no_hub,
    name_data_folder,
    output,
)
from harness.core.classes.reading import Reading, refuse_for_regression
from harness.core.errors import InputError

DatasetId = Annotated[
    str,
    typer.Argument(
        help="A dataset id, the path of an .npz, .hdf5 or .csv, FORMAT::PATH, or PATH.csv#COLUMN."
    ),
]


@takes_reading()
def distill(
    dataset_id: DatasetId,
    reading: Reading,
    destination: Annotated[
        str, typer.Option("--output", help="An .npz, or a new Minari id such as distilled/a-v0.")
    ],
    method: Annotated[
        str | None,
        typer.Option(help="A method from `list`; default bellman, loss-matching for regression."),
    ] = None,
    size: Annotated[int, typer.Option(help="Rows to select or synthesise.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Fixes all randomness of the method.")] = 0,
    discount: Annotated[float, typer.Option(help="γ of the Bellman loss.")] = 0.99,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the method, as name=value; repeatable.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="What rows say: labels from `list`, or a table as in a suite.")
    ] = "recorded",
    codebook: Codebook = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Read a few episodes at a time.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes for --stream.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler for --stream, instead of processes.")
    ] = None,
    data_dir: DataFolder = None,
    offline: Offline = False,
) -> None:
    """Reduce a dataset and write the result."""
    from envs.actions.codebook import parse_codebook
    from envs.regression.datasets import is_tabular
    from harness.core.classes.specs import read_labels
    from harness.tasks import distilling

    name_data_folder(data_dir)
    ask_no_hub(offline)
    regression = is_tabular(dataset_id)
    if codebook and regression:
        raise InputError(
            f"codebook {codebook!r}: it is for transitions with continuous actions; leave it out"
        )
    spec = read_labels(_parse_labels(labels))
    if spec and regression:
        raise InputError(
            f"labels {labels!r}: regression has neither rewards nor actions; leave them out"
        )
    if regression:
        refuse_for_regression(reading, dataset_id)
    if not stream and (jobs is not None or scheduler):
        raise InputError(
            "--jobs and --scheduler without --stream: one process reduces; add --stream"
        )
    order = distilling.Order(
        dataset_id=dataset_id,
        destination=destination,
        method=method or ("exact" if stream else "loss-matching" if regression else "bellman"),
        size=size,
        seed=seed,
        parameters=_parse_parameters(parameter or []),
        discount=discount,
        codebook=parse_codebook(codebook) if codebook else None,
        labels=spec,
        reading=reading,
    )
    if stream:
        line = distilling.distill_streamed_file(order, _workers(jobs, scheduler))
    elif regression:
        line = distilling.distill_regression_file(order)
    else:
        line = distilling.distill_file(order)
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


def _parse_labels(labels: str) -> Any:
    """Parse a TOML table, as ``{ name = "advantage", when = "before" }``; else it is a name."""
    if not labels.lstrip().startswith("{"):
        return labels
    try:
        return tomllib.loads(f"labels = {labels}")["labels"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"labels {labels!r} are no table of TOML ({error}): write such as "
            '\'{ name = "advantage", when = "before" }\''
        ) from error


def _parse_parameters(assignments: list[str]) -> dict[str, Any]:
    """Parse ``name=value`` pairs, with values as in TOML or else as strings."""
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
