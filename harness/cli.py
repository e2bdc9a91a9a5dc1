"""The command line: `bellman-bench`."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from harness.errors import InputError
from harness.records import read_records

app = typer.Typer(
    help="Distil offline reinforcement-learning datasets and measure what is lost.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
output = Console(soft_wrap=True, highlight=False)
notices = Console(stderr=True, soft_wrap=True, highlight=False)

DatasetId = Annotated[
    str, typer.Argument(help="A dataset id, the path of an .npz, or PATH.csv#COLUMN.")
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the published regression sets; else OpenML."),
]
ResultsFolder = Annotated[Path, typer.Argument(help="A results folder that `run` has filled.")]


def main() -> None:
    """Run the command line; bad input ends with one line and exit status 2."""
    arguments = [word for word in sys.argv[1:] if word != "--debug"] or ["--help"]
    try:
        status = app(arguments, prog_name="bellman-bench", standalone_mode=False)
    except InputError as error:
        status = _fail(str(error), 2, error)
    except typer.TyperException as error:
        given = f"given 'bellman-bench {' '.join(arguments)}'; see bellman-bench --help"
        status = _fail(f"{error.format_message().rstrip('.')}; {given}", 2, error)
    except (KeyboardInterrupt, typer.Abort) as error:
        status = _fail("interrupted; run the same command again to go on", 130, error)
    except Exception as error:  # the last resort: a line for the user, a traceback on request
        status = _fail(f"{type(error).__name__}: {error} (add --debug for more)", 1, error)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int, error: BaseException) -> int:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    notices.print(f"error: {' '.join(message.split())}", style="red", markup=False)
    return status


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Declare the options of every command; `main` reads --debug itself."""


@app.command("list")
def list_names() -> None:
    """Show datasets, methods, learners and suites."""
    from envs import classic_dataset_ids
    from envs.tabular import tabular_ids
    from harness import registry
    from harness.suites import load_suite, shipped_suites

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
        for name, description in entries.items():
            output.print(f"  {name:<18} {description}".rstrip(), markup=False)


@app.command()
def collect(dataset_id: Annotated[str, typer.Argument(help="An embedded dataset's id.")]) -> None:
    """Collect an embedded dataset as a Minari dataset, unless it is there."""
    from envs import open_dataset

    dataset = open_dataset(dataset_id)
    output.print(f"{dataset_id}: {len(dataset.transitions)} transitions", markup=False)


@app.command()
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
    data_dir: DataFolder = None,
) -> None:
    """Reduce a dataset and write the result."""
    from envs.tabular import is_tabular
    from harness import distilling

    _name_data_folder(data_dir)
    parameters = _parse_parameters(parameter or [])
    if is_tabular(dataset_id):
        line = distilling.distill_tabular_file(
            dataset_id, destination, method or "loss-matching", size, seed, parameters
        )
    else:
        line = distilling.distill_file(
            dataset_id, destination, method or "bellman", size, seed, discount, parameters
        )
    output.print(line, markup=False)


@app.command()
def certify(
    distilled: Annotated[str, typer.Argument(help="What `distill` wrote: an .npz or a Minari id.")],
    against: Annotated[str, typer.Option(help="The dataset that it was made from.")],
    discount: Annotated[
        float | None, typer.Option(help="γ of the Bellman loss; the set's own unless given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the subsets to compare with.")] = 0,
    data_dir: DataFolder = None,
) -> None:
    """Say how far losses on a reduction can be from losses on its source."""
    from harness import certify as certificates

    _name_data_folder(data_dir)
    for line in certificates.certify(distilled, against, discount, seed):
        output.print(line, markup=False)


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A shipped suite, or the path of a TOML file.")],
    results: Annotated[
        Path | None, typer.Option(help="Results folder; results/SUITE unless given.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to run on, not in processes.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a run has failed.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Repeat the runs that failed.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="A line of JSON an event, instead of the bar.")
    ] = False,
    data_dir: DataFolder = None,
) -> None:
    """Run what a suite still lacks in its results folder."""
    from harness.progress import NoticeHandler, log_events, show_bar
    from harness.runner import Stopped
    from harness.status import read_status
    from harness.suites import load_suite, run_suite

    _name_data_folder(data_dir)
    loaded = load_suite(suite)
    folder = results or Path("results") / loaded.name
    logger = logging.getLogger("bellman_bench")
    logger.handlers = [NoticeHandler(None if log_json else notices)]
    watch = log_events if log_json else partial(show_bar, notices)
    try:
        records = run_suite(
            loaded,
            folder,
            jobs,
            watch,
            scheduler=scheduler,
            timeout=timeout,
            retry_failed=retry_failed,
        )
    except Stopped as stop:
        logger.error(read_status(folder).stopped_line())
        raise typer.Exit(128 + stop.signal_number) from None
    now = read_status(folder)
    output.print(f"{now.ended_line(records)}; records in {folder / 'records'}", markup=False)
    for line in now.failure_lines():
        logger.error(line)
    if now.failed:
        raise typer.Exit(1)


@app.command()
def status(directory: ResultsFolder) -> None:
    """Say how far a suite is, from another terminal if need be."""
    from harness.status import read_status

    for line in read_status(directory).lines():
        output.print(line, markup=False)


@app.command()
def verify(
    directory: ResultsFolder,
    sample: Annotated[int, typer.Option(help="Runs to repeat, chosen at random.")] = 3,
    data_dir: DataFolder = None,
) -> None:
    """Check records and datasets, and whether runs come out the same again."""
    from harness import verify as verification

    _name_data_folder(data_dir)
    found = verification.verify(directory, sample)
    for problem in found.problems:
        notices.print(problem, style="red", markup=False)
    output.print(found.summary, markup=False)
    if found.problems:
        raise typer.Exit(1)


@app.command()
def table(
    directory: ResultsFolder,
    format_: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex, html.")
    ] = "markdown",
    into: Annotated[
        Path | None,
        typer.Option(help="A text that holds '<!-- begin NAME -->' and '<!-- end NAME -->'."),
    ] = None,
    claims: Annotated[
        Path | None, typer.Option(help="A TOML file of published claims to judge.")
    ] = None,
) -> None:
    """Print the comparison of arms, by returns, errors or gaps, and write it in every format."""
    from harness.analysis import comparison, embed, render, write_tables

    text = render(comparison(read_records(directory)), format_)
    written = write_tables(directory, claims)
    if into:
        embed(into, directory.name, text)
    output.out(text, end="", highlight=False)
    for path in written:
        notices.print(f"wrote {path}", markup=False)


@app.command()
def plot(directory: ResultsFolder) -> None:
    """Draw what was measured: against gradient steps, size or predictors."""
    from harness.analysis import write_figures

    for path in write_figures(directory):
        output.print(f"wrote {path}", markup=False)


@app.command()
def report(directory: ResultsFolder) -> None:
    """Write report.html: figures, table and caption on one page."""
    from harness.analysis import write_report

    output.print(f"wrote {write_report(directory)}", markup=False)


def _summaries(classes: Mapping[str, type]) -> dict[str, str]:
    """First line of each class's docstring."""
    return {
        name: (found.__doc__ or "").strip().splitlines()[0].replace("``", "")
        for name, found in classes.items()
    }


def _name_data_folder(data_dir: Path | None) -> None:
    """Tell this process and those that it starts where the published sets lie."""
    if data_dir is not None:
        os.environ["BELLMAN_BENCH_DATA"] = str(data_dir)


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


if __name__ == "__main__":
    main()
