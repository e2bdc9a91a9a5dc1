"""Run records: what they say, and how they are written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
)

from harness.core.classes.environments import EnvironmentSpec
from harness.core.classes.specs import Frozen
from harness.core.errors import InputError
from harness.core.specs import RunSpec
from harness.core.storage.checksums import seal
from harness.core.storage.files import write_whole
from harness.core.storage.record_files import (
    RecordFiles,
    StoredRecord,
    read_own_file,
    record_path,
)

# 1: no checksum, reason, CPU; 2: no codebook; 3: no environment; 4: no use; 5: no engine;
# 6: no environment_spec, which only a result with one needs
SCHEMA_VERSION: Final = 6
NEWEST_VERSION: Final = 7
HEADLINE_CHECKPOINTS = 3  # the headline return is the mean over this many last checkpoints

Parameters = dict[str, JsonValue]


class DatasetFacts(Frozen):
    """Facts about the dataset of a record."""

    environment_id: str | None = None  # None in regression
    environment_spec: EnvironmentSpec | None = None  # None: made just as it is registered
    rows: int
    bytes: int
    content_hash: str
    reference_min: float | None = None  # mean return of the random policy; None in regression
    reference_max: float | None = None  # mean return of the expert; None in regression
    quantisation: dict[str, float] | None = None  # the codebook's error and cost; None without one

    @property
    def environment(self) -> EnvironmentSpec | None:
        """Where policies were evaluated; None in regression."""
        if self.environment_spec is not None or self.environment_id is None:
            return self.environment_spec
        return EnvironmentSpec(id=self.environment_id)

    @model_serializer(mode="wrap")
    def _plain_is_unsaid(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if self.environment_spec is None:
            del content["environment_spec"]
        return content


class ReductionFacts(Frozen):
    """Facts about the reduction of a record."""

    rows: int
    bytes: int
    content_hash: str
    synthetic: bool
    parameters: Parameters  # all parameters, including defaults
    diagnostics: dict[str, float | list[float]]


class Checkpoint(Frozen):
    """A checkpoint of the training, with the return of each evaluation episode."""

    step: int  # gradient steps so far
    returns: tuple[float, ...]  # (episodes,)
    metrics: dict[str, float]  # of the learner, such as its mean loss since the last checkpoint

    @cached_property
    def mean_return(self) -> float:
        """Mean over the evaluation episodes."""
        return _mean(self.returns)


class Seconds(Frozen):
    """Wall time of each stage."""

    reduction: float
    training: float  # 0 for a metric computed on the reduction: nothing is trained
    evaluation: float


class Use(Frozen):
    """What a policy is worth as far as the full data tell it, without an environment."""

    regret: float  # mean over states of what its actions lose, in median action gaps of a teacher
    agreement: float  # share of states where it acts as the teacher does


class RunResult(Frozen):
    """The measurements of a completed control run."""

    dataset: DatasetFacts
    reduction: ReductionFacts
    learner_parameters: Parameters
    checkpoints: Annotated[tuple[Checkpoint, ...], Field(min_length=1)]
    seconds: Seconds
    use: Use | None = None  # of the last policy; None where no teacher can judge it


METRIC_RULE: Final = (
    "choose 1 to 48 printable characters without spaces at the ends, and not 'return', which is "
    "what policies are measured by"
)


def _printable(name: str) -> str:
    if not name.isprintable() or name != name.strip() or name == "return":
        raise ValueError(f"metric {name!r}: {METRIC_RULE}")
    return name


def _number(value: Any, info: ValidationInfo) -> float:
    """Take whatever is a number, and no text that could be read as one."""
    with suppress(TypeError, ValueError, OverflowError, RuntimeError):
        if not isinstance(value, str | bytes | bool):
            return float(value)
    metric = info.data.get("metric")
    raise ValueError(f"metric {metric!r} gave {type(value).__name__}: its value must be a number")


MetricName = Annotated[str, Field(min_length=1, max_length=48), AfterValidator(_printable)]


class MeasuredResult(Frozen):
    """The single measurement of a completed run without checkpoints; smaller is better."""

    dataset: DatasetFacts  # in regression, of the training split
    reduction: ReductionFacts
    learner_parameters: Parameters
    metric: MetricName
    value: Annotated[float, BeforeValidator(_number)]  # of the metric
    details: dict[str, float]  # further measurements
    seconds: Seconds


Result = RunResult | MeasuredResult


class Provenance(Frozen):
    """Software versions and hardware that a record was made with."""

    versions: dict[str, str]  # package or interpreter to version
    commit: str | None  # of the checkout that ran, if any
    dirty: bool | None  # whether that checkout had uncommitted changes
    platform: str
    threads: int
    cpu: str | None = None  # unknown in records of schema version 1


Reason = Literal["exception", "non-finite", "out of memory", "time-out", "worker died"]


class RunRecord(Frozen):
    """The record of one run: its spec, measurements and provenance."""

    schema_version: Literal[1, 2, 3, 4, 5, 6, 7] = SCHEMA_VERSION
    run_id: str
    spec: RunSpec
    status: Literal["completed", "failed"]
    reason: Reason | None = None  # why a run failed; None in records of schema version 1
    error: str | None = None  # traceback of a failed run
    # None if the run failed. Discriminated by task: trying both types would double reading time.
    result: Annotated[Result | None, Field(union_mode="left_to_right")] = None
    provenance: Provenance

    @cached_property
    def headline(self) -> float:
        """The run's headline number.

        In control the mean over the last three checkpoints (all, if fewer) of the mean return; in
        regression the value of the metric.
        """
        if self.result is None:
            raise ValueError(f"run {self.run_id} failed and has no result")
        if isinstance(self.result, MeasuredResult):
            return self.result.value
        last = self.result.checkpoints[-HEADLINE_CHECKPOINTS:]
        return _mean([checkpoint.mean_return for checkpoint in last])

    @property
    def failure(self) -> str | None:
        """Why the run failed: the last line of its error, which names the exception."""
        if self.status == "completed":
            return None
        return (self.error or "unknown").strip().splitlines()[-1]


def schema_version_of(result: Result) -> Literal[6, 7]:
    """Return the oldest schema version, of those written, that can say all of a result."""
    return SCHEMA_VERSION if result.dataset.environment_spec is None else NEWEST_VERSION


def _mean(values: Sequence[float]) -> float:
    """What `numpy.mean` gives, to the last bit; it spends most of its time on other cases."""
    return float(np.add.reduce(values) / len(values))


def write_record(directory: Path, record: RunRecord) -> Path:
    """Write a record atomically to a file of its own, with a checksum, and return its path."""
    path = record_path(directory, record.run_id)
    return write_whole(path, seal(record.model_dump_json(indent=1).encode()))


def read_record(path: Path) -> RunRecord:
    """Read a record that has a file of its own.

    Raises:
        InputError: If the file is not a complete record of a known schema version, or has changed
            since it was written.
    """
    return parse_record(read_own_file(path))


def parse_record(stored: StoredRecord) -> RunRecord:
    """Parse a stored record.

    Raises:
        InputError: If it is not a complete record of a known schema version, or has changed since
        it was written.
    """
    try:
        record = RunRecord.model_validate_json(stored.json())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise _damaged(stored, f"{where}: {first['msg']}") from error
    except ValueError as error:
        raise _damaged(stored, str(error)) from error
    if record.schema_version > 1 and not stored.is_sealed:
        raise _damaged(stored, "it has no checksum")
    return record


def _damaged(stored: StoredRecord, what: str) -> InputError:
    return InputError(
        f"{stored.place} is not a record of schema version 1 to {NEWEST_VERSION} "
        f"({what}): {stored.remedy}"
    )


def read_records(directory: Path) -> Iterator[RunRecord]:
    """Read every record of a results folder, in the order of run ids.

    Raises:
        InputError: If there is no record, or one cannot be read.
    """
    files = RecordFiles(directory)
    return _parse_each(files, files.filled_ids())


def read_present_records(directory: Path) -> Iterator[RunRecord]:
    """Read every record of a results folder, of which there may be none.

    Raises:
        InputError: If one cannot be read.
    """
    files = RecordFiles(directory)
    return _parse_each(files, files.run_ids())


def _parse_each(files: RecordFiles, run_ids: Iterable[str]) -> Iterator[RunRecord]:
    return map(parse_record, filter(None, map(files.find, run_ids)))
