"""The runner: executes the pending runs of a results folder."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from harness.core.errors import InputError
from harness.core.records import RunRecord, parse_record, write_record
from harness.core.specs import RunSpec
from harness.core.storage.files import remove_partials
from harness.core.storage.record_files import RecordFiles, StoredRecord
from harness.execution.leases import Leases
from harness.execution.worker import explain, failed_record
from harness.execution.worker_pool import Work, WorkerPool, reduction_identity

FAILED_STARTS: Final = 5  # consecutive workers that may die before they have started
POLL: Final = 0.2  # seconds between checks of signals, time-outs and other runners
GRACE: Final = 5.0  # seconds after a time-out before a run's worker is killed

logger = logging.getLogger("bellman_bench")


class Stopped(KeyboardInterrupt):
    """The runner was stopped cleanly by a signal."""

    def __init__(self, signal_number: int) -> None:
        """Keep the signal's number, for the exit status."""
        super().__init__(signal_number)
        self.signal_number = signal_number


@dataclass(frozen=True)
class PendingRun:
    """A run to execute, unless its record changes before it starts."""

    spec: RunSpec
    replaces: StoredRecord | None  # the failed record; None: there is no record

    @cached_property
    def reduction(self) -> str:
        """Identity of the run's reduction, equal for runs that share it."""
        return reduction_identity(self.spec)


@dataclass
class _Attempt:
    due: PendingRun
    attempt: int
    begun: float  # monotonic time in seconds
    overdue: bool = False


def pending_runs(
    runs: Sequence[RunSpec], directory: Path, retry_failed: bool = False
) -> list[PendingRun]:
    """List the runs without a record, and optionally those that failed.

    Raises:
        InputError: If a record was made with other settings than the suite's, or is damaged.
    """
    due, files = [], RecordFiles(directory)
    for spec in runs:
        stored = files.find(spec.run_id)
        if stored is None:
            due.append(PendingRun(spec, None))
            continue
        record = parse_record(stored)
        if record.spec != spec:
            raise InputError(
                f"{stored.place} was made with other settings than this suite's: results of two "
                "protocols cannot share a folder; choose another --results or remove the old ones"
            )
        if retry_failed and record.status == "failed":
            due.append(PendingRun(spec, stored))
    return due


def run_all(
    due: Sequence[PendingRun],
    work: Work,
    directory: Path,
    pool: WorkerPool,
    timeout: float | None = None,
) -> Generator[RunRecord]:
    """Execute runs; write each record as soon as its run ends, then yield it.

    Runs leased by another runner are left to it, and executed here if it dies.

    Args:
        due: The pending runs.
        work: Executes one run, in a worker.
        directory: The results folder.
        pool: The worker pool.
        timeout: Maximum seconds of one run, enforced by ``work`` first and then by the pool.

    Raises:
        InputError: If workers repeatedly die at start, or the packed file is damaged meanwhile.
        Stopped: On SIGINT and SIGTERM, once the workers have ended.
    """
    remove_partials(directory / "records")
    with _stop_signals() as received, Leases(directory) as leases, pool:
        runner = _Runner(due, work, directory, pool, leases, timeout)
        while runner.step():
            yield from runner.take_records()
            if received:
                raise Stopped(received[0])


class _Runner:
    """Runs that are waiting and runs that are submitted."""

    def __init__(
        self,
        due: Sequence[PendingRun],
        work: Work,
        directory: Path,
        pool: WorkerPool,
        leases: Leases,
        timeout: float | None,
    ) -> None:
        self._waiting = list(due)
        self._work = work
        self._directory = directory
        self._files = RecordFiles(directory)
        self._pool = pool
        self._leases = leases
        self._timeout = timeout
        self._running: dict[Future[RunRecord], _Attempt] = {}
        self._landed: set[Future[RunRecord]] = set()
        self._reduced: set[str] = set()  # reductions of runs that have ended
        self._failed_starts = 0

    def step(self) -> bool:
        """Submit runs while there is capacity, and wait briefly; False when nothing is left."""
        self._launch()
        if self._running:
            self._landed = wait(self._running, POLL, FIRST_COMPLETED).done
            self._end_overdue()
        elif self._waiting:
            time.sleep(POLL)  # for the runs of other runners
        return bool(self._running or self._waiting)

    def take_records(self) -> Iterator[RunRecord]:
        """Write and yield the records of runs that have just ended."""
        for future in self._landed:
            flight = self._running.pop(future)
            self._reduced.add(flight.due.reduction)
            record = self._outcome(future, flight)
            if record and self._leases.holds(record.run_id):
                write_record(self._directory, record)
                self._leases.release(record.run_id)
                yield record
        self._landed = set()

    def _launch(self) -> None:
        for due in self._in_order():
            if len(self._running) >= self._pool.capacity:
                return
            if self._is_done(due):
                self._waiting.remove(due)
            elif self._leases.acquire(due.spec.run_id):
                self._waiting.remove(due)
                if self._is_done(due):  # between the check and the lease
                    self._leases.release(due.spec.run_id)
                    continue
                self._begin(due, attempt=1)

    def _in_order(self) -> Iterator[PendingRun]:
        """Yield the waiting runs; those that would wait for another run's reduction come last."""
        last = []
        for due in self._waiting[:]:
            if due.reduction in self._reductions_in_the_making():
                last.append(due)
            else:
                yield due
        yield from last

    def _reductions_in_the_making(self) -> set[str]:
        return {flight.due.reduction for flight in self._running.values()} - self._reduced

    def _begin(self, due: PendingRun, attempt: int) -> None:
        future = self._pool.submit(self._work, due.spec)
        self._running[future] = _Attempt(due, attempt, time.monotonic())

    def _is_done(self, due: PendingRun) -> bool:
        """Whether another runner has executed a run since it was listed as pending.

        That runner's record may have been packed since, and so may the failed record that this run
        is to replace: neither moves a run from one state to the other. While a run is leased here,
        nothing of the folder can be packed.
        """
        return self._files.has_another(due.spec.run_id, due.replaces)

    def _outcome(self, future: Future[RunRecord], flight: _Attempt) -> RunRecord | None:
        """Return a run's record, or None if it was started again."""
        spec = flight.due.spec
        try:
            record = future.result()
        except self._pool.died as error:
            return self._outcome_of_death(future, flight, error)
        except BaseException as error:  # a worker's: what stops this process is a signal
            record = failed_record(spec, "exception", explain(error))
        self._failed_starts = 0
        return record

    def _outcome_of_death(
        self, future: Future[RunRecord], flight: _Attempt, error: BaseException
    ) -> RunRecord | None:
        spec = flight.due.spec
        if flight.overdue:
            text = f"not ended {GRACE:g} s after the time-out of {self._timeout:g} s: killed"
            return failed_record(spec, "time-out", text)
        if not self._pool.had_started(future):
            self._count_failed_start(error)
            self._begin(flight.due, flight.attempt)
            return None
        if flight.attempt < self._pool.attempts:
            logger.warning("%s: its worker died; starting the run again", spec.run_id)
            self._begin(flight.due, flight.attempt + 1)
            return None
        cause = self._pool.cause_of_death(future)
        text = f"{explain(error)}\nits worker died at every attempt, {cause}"
        return failed_record(spec, "worker died", text)

    def _count_failed_start(self, error: BaseException) -> None:
        """Stop if workers repeatedly die at start, which no run causes."""
        self._failed_starts += 1
        if self._failed_starts == FAILED_STARTS:
            raise InputError(
                f"{FAILED_STARTS} worker processes died at start: a script that runs a suite "
                "needs `if __name__ == '__main__':`; add it, or find what kills the processes"
            ) from error

    def _end_overdue(self) -> None:
        if self._timeout is None:
            return
        latest = time.monotonic() - self._timeout - GRACE
        for future, flight in self._running.items():
            if flight.begun < latest and not flight.overdue and not future.done():
                flight.overdue = self._pool.kill(future)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of being ended by them, in the main thread only."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in numbers
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
