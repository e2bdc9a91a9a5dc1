"""The worker pool of local processes.

pebble (5.2.3) was tried and rejected: its workers share one pipe under two locks, which a worker
holds while it unpickles a call, and so imports the call's module. If it is killed then, the locks
are never released: every other worker waits for 60 s and dies, its finished results are lost, and
calls that no worker had acknowledged fail or hang. One pool per process, replaced at every death,
would need no less code here than `ProcessPoolExecutor` does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import RunSpec
from harness.execution.worker_pool import Work, WorkerPool

THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


class LocalPool(WorkerPool):
    """A pool of local processes, one run per process at a time."""

    died = (BrokenExecutor,)
    attempts = 2

    def __init__(self, jobs: int) -> None:
        """Create a pool of up to ``jobs`` processes, started when needed.

        Raises:
            InputError: In a child process, as when a script that runs a suite is imported by its
            own workers.
        """
        if multiprocessing.current_process().name != "MainProcess":
            raise InputError(
                "a suite cannot be run inside a worker process: workers import the script that "
                "started them; put the script's code under `if __name__ == '__main__':`"
            )
        self._executor = ProcessExecutor(jobs)
        self._jobs = jobs

    @property
    def capacity(self) -> int:
        """One run per process, so that every submitted run has begun."""
        return self._jobs

    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Start a run; the process opens the dataset and loads or makes the reduction itself."""
        return self._executor.submit(work, spec, None)

    def had_started(self, future: Future[RunRecord]) -> bool:
        """Whether the process had started before it died."""
        return self._executor.had_started(future)

    def cause_of_death(self, future: Future[RunRecord]) -> str:
        """Say with what exit code or by what signal the process ended."""
        code = self._executor.exit_code(future)
        if code is None:
            return super().cause_of_death(future)
        if code >= 0:
            return f"the last time with exit code {code}: a class must not end its process"
        memory = ": of a lack of memory?" if code == -signal.SIGKILL else ""
        return f"the last time by {signal.Signals(-code).name}{memory}"

    def kill(self, future: Future[RunRecord]) -> bool:
        """Kill the process that executes the run."""
        self._executor.kill(future)
        return True

    def close(self) -> None:
        """End every process."""
        self._executor.shutdown()


class ProcessExecutor(Executor):
    """An executor of independent processes: the death of one only ends its own calls."""

    def __init__(self, count: int) -> None:
        """Create an executor of up to ``count`` processes, started when needed."""
        self._workers = [_Worker() for _ in range(count)]

    def submit(
        self,
        fn: Callable[Arguments, Returned],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Returned]:
        """Submit a call to the process with the shortest queue."""
        worker = min(self._workers, key=lambda worker: len(worker.pending))
        return worker.submit(fn, *args, **kwargs)

    def had_started(self, future: Future[Any]) -> bool:
        """Whether the process that a call was submitted to had started."""
        return any(worker.had_started(future) for worker in self._workers)

    def exit_code(self, future: Future[Any]) -> int | None:
        """Return how the process ended that a call was given to; None: it lives, or is unknown."""
        codes = (worker.exit_code(future) for worker in self._workers)
        return next((code for code in codes if code is not None), None)

    def kill(self, future: Future[Any]) -> None:
        """Kill the process that a call was submitted to; a new one replaces it."""
        for worker in self._workers:
            if future in worker.pending:
                worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes; busy ones are killed."""
        for worker in self._workers:
            worker.close(wait, cancel_futures)


class _Worker:
    """One worker process, replaced when it dies."""

    def __init__(self) -> None:
        self.pending: set[Future[Any]] = set()
        self._pool: ProcessPoolExecutor | None = None
        self._process: BaseProcess | None = None
        self._first: Future[int] = Future()  # done when the process has started
        self._firsts: WeakKeyDictionary[Future[Any], Future[int]] = WeakKeyDictionary()
        self._processes: WeakKeyDictionary[Future[Any], BaseProcess] = WeakKeyDictionary()

    def submit(
        self,
        fn: Callable[Arguments, Returned],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Returned]:
        try:
            future = self._warm_pool().submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self.close(wait=True, cancel_futures=True)
            future = self._warm_pool().submit(fn, *args, **kwargs)
        self.pending.add(future)
        self._firsts[future] = self._first
        if self._process:
            self._processes[future] = self._process
        future.add_done_callback(self.pending.discard)
        return future

    def had_started(self, future: Future[Any]) -> bool:
        first = self._firsts.get(future)
        return first is not None and first.done() and first.exception() is None

    def exit_code(self, future: Future[Any]) -> int | None:
        process = self._processes.get(future)
        if process is None:
            return None
        # it is dead, but the pool's own thread may have waited for it and not yet noted its code
        deadline = time.monotonic() + 1.0
        while process.exitcode is None and time.monotonic() < deadline:
            process.join(0.01)
        return process.exitcode

    def kill(self) -> None:
        if self._process:
            self._process.kill()

    def close(self, wait: bool, cancel_futures: bool) -> None:
        if self.pending:
            self.kill()
        if self._pool:
            self._pool.shutdown(wait, cancel_futures=cancel_futures)
        self._pool = self._process = None

    def _warm_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")  # a fork may hang once torch is in use
            self._pool = ProcessPoolExecutor(1, context, initializer=_prepare_worker)
            others = set(multiprocessing.active_children())
            with _environment(dict.fromkeys(THREAD_VARIABLES, "1")), _interrupts_deferred():
                self._first = self._pool.submit(os.getpid)
            started = set(multiprocessing.active_children()) - others
            self._process = started.pop() if started else None
        return self._pool


def _prepare_worker() -> None:
    """Ignore interrupts, which the parent handles, and end whenever the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Start processes that ignore a Ctrl-C in their terminal."""
    ensure_running()  # else it is started inside the block, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
