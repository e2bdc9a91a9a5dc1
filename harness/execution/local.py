"""Where runs are executed: local processes, behind the interface of `concurrent.futures`.

pebble was tried (5.2.3) and refused: its workers share one pipe under two locks, which a worker
holds while it unpickles a call, and so imports the call's module. One that is killed then never
frees them: every other worker waits for 60 s and dies, what it had finished is lost, and calls that
no worker had acknowledged end or hang with it. A pool for each process, thrown away at every death,
would leave no less code here than `ProcessPoolExecutor` does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
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
    """As many runs at once as there are processes here."""

    died = (BrokenExecutor,)
    attempts = 2

    def __init__(self, jobs: int) -> None:
        """Start up to ``jobs`` processes, when they are needed.

        Raises:
            InputError: In a process that another has started, which happens when a script that
                runs a suite is imported by its own workers.
        """
        if multiprocessing.current_process().name != "MainProcess":
            raise InputError(
                "a suite run inside a worker process: workers import the script that started "
                "them; put what it does under `if __name__ == '__main__':`"
            )
        self._executor = ProcessExecutor(jobs)
        self._jobs = jobs

    @property
    def capacity(self) -> int:
        """One run a process, so that a run in flight is a run that has begun."""
        return self._jobs

    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Begin a run; the process opens the dataset and finds or makes the reduction itself."""
        return self._executor.submit(work, spec, None)

    def had_started(self, future: Future[RunRecord]) -> bool:
        """Tell whether the process had come up."""
        return self._executor.had_started(future)

    def kill(self, future: Future[RunRecord]) -> bool:
        """Kill the process that does the run."""
        self._executor.kill(future)
        return True

    def close(self) -> None:
        """End every process."""
        self._executor.shutdown()


class ProcessExecutor(Executor):
    """Processes that live and die alone: the death of one ends nothing but what it was doing."""

    def __init__(self, count: int) -> None:
        """Start up to ``count`` processes, when they are needed."""
        self._workers = [_Worker() for _ in range(count)]

    def submit(
        self,
        fn: Callable[Arguments, Returned],
        /,
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Future[Returned]:
        """Give a call to the process that has least to do."""
        worker = min(self._workers, key=lambda worker: len(worker.pending))
        return worker.submit(fn, *args, **kwargs)

    def had_started(self, future: Future[Any]) -> bool:
        """Tell whether the process that a call was given to had come up."""
        return any(worker.had_started(future) for worker in self._workers)

    def kill(self, future: Future[Any]) -> None:
        """Kill the process that a call was given to; another takes its place."""
        for worker in self._workers:
            if future in worker.pending:
                worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all processes, those at work by force."""
        for worker in self._workers:
            worker.close(wait, cancel_futures)


class _Worker:
    """One process, replaced when it has died."""

    def __init__(self) -> None:
        self.pending: set[Future[Any]] = set()
        self._pool: ProcessPoolExecutor | None = None
        self._process: BaseProcess | None = None
        self._first: Future[int] = Future()  # ends when the process has come up
        self._firsts: WeakKeyDictionary[Future[Any], Future[int]] = WeakKeyDictionary()

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
        future.add_done_callback(self.pending.discard)
        return future

    def had_started(self, future: Future[Any]) -> bool:
        first = self._firsts.get(future)
        return first is not None and first.done() and first.exception() is None

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
            context = multiprocessing.get_context("spawn")  # a fork of a user of torch may hang
            self._pool = ProcessPoolExecutor(1, context, initializer=_prepare_worker)
            others = set(multiprocessing.active_children())
            with _environment(dict.fromkeys(THREAD_VARIABLES, "1")), _interrupts_deferred():
                self._first = self._pool.submit(os.getpid)
            started = set(multiprocessing.active_children()) - others
            self._process = started.pop() if started else None
        return self._pool


def _prepare_worker() -> None:
    """Leave interrupts to the parent, and end when it ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Start processes that a Ctrl-C in their terminal does not reach."""
    ensure_running()  # or it is started inside, and unblocks what is blocked here
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
