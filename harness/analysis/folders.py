"""Results folders side by side: their arms against one of them, in paired seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.captions import protocol, provenance
from harness.analysis.columns import (
    Column,
    Columns,
    count,
    hundredths,
    shared,
    small,
    tabulate,
    with_interval,
)
from harness.analysis.frame import FULL, arm_rank, beside_every_size
from harness.analysis.metrics import metric_of
from harness.analysis.metrics.base import RETURN
from harness.analysis.metrics.returns.comparison import ALL_DATASETS, scored_runs
from harness.analysis.metrics.returns.improvement import paired_estimates, seed_table
from harness.analysis.tables import Captioned
from harness.core.errors import InputError, unknown_name
from harness.core.presentation.text import listed
from harness.core.records import RunRecord, read_records

PLACE = ["dataset", "size", "learner"]
DEFINITIONS = (
    "difference: mean over pairs of score of arm − score of versus; a pair is a seed of a dataset "
    "that both have, and unpaired seeds are left out; over all datasets each counts alike",
    "score, score of versus: inter-quartile means over the pairs",
    "interval: 95 % percentile bootstrap over seeds, stratified by dataset; none for one seed",
    "full repeated beside every size",
)
SCORE = (
    "score: normalised to 0..1, (return − random) / (expert − random), of each run's mean of the "
    "last three checkpoints"
)

Folders = Mapping[str, Sequence[RunRecord]]  # the records of each results folder, by its name


def read_folders(directories: Sequence[Path]) -> Folders:
    """Read results folders, each named as it is called, or by its path where two are called alike.

    Raises:
        InputError: If one is given twice, or has no readable records.
    """
    twice = [path for path, count in Counter(map(Path.resolve, directories)).items() if count > 1]
    if twice:
        raise InputError(f"results folder {str(twice[0])!r} is given twice: give each once")
    names = [path.resolve().name for path in directories]
    if len(set(names)) < len(names):
        names = list(map(str, directories))
    return {name: list(read_records(path)) for name, path in zip(names, directories, strict=True)}


def compare_folders(folders: Folders, versus: str = FULL, engines: bool = False) -> Captioned:
    """Compare the arms of results folders with one arm, in paired seeds.

    Of several folders, arms are named with theirs, and a dataset, size and learner counts where two
    folders have it. What is compared with is the arm ``versus`` of the first folder that has it.

    Args:
        folders: The records of each.
        versus: The label of an arm.
        engines: Whether engines may differ, which arms are then named with as well.

    Raises:
        InputError: If scores of the folders cannot be compared, no folder has the arm, or nothing
            is in two folders.
    """
    metric = _shared_metric(folders)
    check_comparable(folders, engines)
    frame = pd.concat([_named_runs(folders, name, engines) for name in folders])
    labels = set(frame["label"])
    if versus not in labels:
        raise unknown_name("arm", versus, labels)
    if metric != RETURN:
        frame = frame.assign(score=frame["headline"])
    rows = list(_rows(_in_two_folders(beside_every_size(frame)), versus, metric))
    if not rows:
        raise InputError(
            f"nothing in {listed(list(folders))} to compare with {versus!r}: give folders with "
            "a dataset, size and learner in common, or another --versus"
        )
    columns = _columns(metric)
    return Captioned(tabulate(rows, columns), columns, _caption(folders, metric))


def check_comparable(folders: Folders, engines: bool = False) -> None:
    """Check that what is called the same is the same in all folders.

    Raises:
        InputError: Naming the first dataset or learner that is not, if data, references,
            environment, episodes, parameters or, unless ``engines``, the engine differ.
    """
    seen: dict[tuple[str, str], tuple[str, Any]] = {}
    for name, records in folders.items():
        for subject, what, value in chain.from_iterable(map(_facts, records)):
            other, known = seen.setdefault((subject, what), (name, value))
            if value != known and not (engines and what == "engine"):
                remedy = ", or name engines as arms with --engines" if what == "engine" else ""
                raise InputError(
                    f"{subject} has {what} {known} in {other} and {value} in {name}: scores are "
                    f"compared under one protocol only; run both with the same{remedy}"
                )


def _facts(record: RunRecord) -> Iterator[tuple[str, str, Any]]:
    """Yield what the score of a completed run depends on beside the arm and the seed."""
    spec, result = record.spec, record.result
    if result is None:
        return
    data = f"dataset {spec.dataset!r}"
    split = data if spec.task == "control" else f"{data} at seed {spec.seed}"
    yield split, "hash", result.dataset.content_hash
    yield data, "the environment", result.dataset.environment
    yield data, "the random policy's return", result.dataset.reference_min
    yield data, "the expert's return", result.dataset.reference_max
    yield data, "episodes", spec.episodes
    learner = f"learner {spec.learner.label!r} on {spec.dataset!r}"
    yield learner, "engine", spec.engine
    for name, value in result.learner_parameters.items():
        yield learner, name, value


def _shared_metric(folders: Folders) -> str:
    """Name what the runs of all folders measured.

    Raises:
        InputError: If it is not the same.
    """
    found = {metric_of(records).name: name for name, records in folders.items()}
    if len(found) > 1:
        told = ", ".join(f"{name} measures {metric}" for metric, name in found.items())
        raise InputError(f"{told}: folders are compared by one metric; leave the others out")
    return next(iter(found))


def _named_runs(folders: Folders, name: str, engines: bool) -> pd.DataFrame:
    """Tabulate the scores of a folder; ``label`` is the arm's own, ``arm`` tells it from others."""
    runs = scored_runs(folders[name]).assign(folder=name, label=lambda runs: runs["arm"])
    if len(folders) == 1:
        return runs
    trained = {record.spec.learner.label: record.spec.engine for record in folders[name]}
    sources = [f"{name}, {trained[label]}" if engines else name for label in runs["learner"]]
    arms = [f"{arm} ({source})" for arm, source in zip(runs["arm"], sources, strict=True)]
    return runs.assign(arm=arms)


def _in_two_folders(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the datasets, sizes and learners that two folders have, or the only one."""
    folders = frame.groupby(PLACE, dropna=False)["folder"].transform("nunique")
    return frame[folders >= min(2, frame["folder"].nunique())]


def _rows(frame: pd.DataFrame, versus: str, metric: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of each dataset, size and learner, and of returns those of all datasets."""
    for key, block in frame.groupby(PLACE, dropna=False):
        yield from _block_rows(dict(zip(PLACE, key, strict=True)), block, versus)
    datasets = frame["dataset"].nunique()
    if metric == RETURN and datasets > 1:
        for (size, learner), block in frame.groupby(PLACE[1:], dropna=False):
            if block["dataset"].nunique() == datasets:
                place = {"dataset": ALL_DATASETS, "size": size, "learner": learner}
                yield from _block_rows(place, block, versus)


def _block_rows(
    place: Mapping[str, Any], block: pd.DataFrame, versus: str
) -> Iterator[dict[str, Any]]:
    labels = dict(zip(block["arm"], block["label"], strict=True))  # in the order of folders
    reference = next((arm for arm, label in labels.items() if label == versus), None)
    if reference is None:
        return
    tables = [seed_table(part) for _, part in block.groupby("dataset")]
    for arm in sorted(labels.keys() - {reference}, key=lambda arm: (arm_rank(labels[arm]), arm)):
        estimates = paired_estimates(tables, arm, reference)
        unpaired = sum(map(len, tables)) - estimates["pairs"]
        yield {**place, "arm": arm, "versus": reference, "unpaired": unpaired, **estimates}


def _columns(metric: str) -> Columns:
    write, heading = (hundredths, "") if metric == RETURN else (small, metric)
    return {
        **shared("dataset", "size", "learner", "arm", "versus"),
        **dict.fromkeys(("pairs", "unpaired"), Column("int64", count)),
        **with_interval("reference", write, f"{heading or 'score'} of versus"),
        **with_interval("score", write, heading, "interval"),
        **with_interval("difference", write),
    }


def _caption(folders: Folders, metric: str) -> str:
    records = [record for each in folders.values() for record in each]
    score = SCORE if metric == RETURN else f"score: {metric}, of which less is better"
    told = [provenance(records), score, *DEFINITIONS]
    return "; ".join([*told, protocol(records)] if metric == RETURN else told) + "."
