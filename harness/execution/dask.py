"""The worker pool of an existing Dask cluster."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from typing import Any

from distributed import Client, KilledWorker

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.core.specs import RunSpec
from harness.execution.worker_pool import Work, WorkerPool, reduction_identity

PATIENCE = 10.0  # seconds to wait for a scheduler's answer
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?[^/\s:]+:\d+|((tcp|tls)://)?\[[\da-fA-F:]+\]:\d+")

logger = logging.getLogger("bellman_bench")


class DaskPool(WorkerPool):
    """The workers of a Dask cluster; datasets are sent to them, and records are returned.

    A reduction is made by one worker and transferred from there to those that need it.
    """

    died = (KilledWorker, CancelledError)  # the latter if data was lost with a worker
    attempts = 2

    def __init__(
        self,
        address: str,
        open_source: Callable[[RunSpec], Any],
        reduce: Callable[[RunSpec, Any], Any],
    ) -> None:
        """Connect to a scheduler and wait for its first worker.

        Args:
            address: For example ``tcp://10.0.0.1:8786`` or, encrypted, ``tls://10.0.0.1:8786``.
            open_source: Opens the dataset of a run in this process.
            reduce: Makes the reduction of a run's dataset in a worker.

        Raises:
            InputError: If no scheduler answers there.
        """
        self._client = _connect(address)
        self._executor = self._client.get_executor(pure=False)
        self._open_source = open_source
        self._reduce = reduce
        self._sent: dict[str, Any] = {}  # dataset id -> its future in distributed
        self._reductions: dict[str, tuple[Any, int]] = {}  # future in distributed, and the attempt

    @property
    def capacity(self) -> int:
        """More runs than workers, so that none is idle and an adaptive cluster scales up."""
        return 2 * len(self._client.nthreads()) + 2

    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Queue a run at the scheduler, with its dataset and its reduction."""
        source = self._source(spec)
        sent = (source, self._reduction(spec, source))
        future: Future[RunRecord] = self._executor.submit(work, spec, sent)
        return future

    def had_started(self, future: Future[RunRecord]) -> bool:  # noqa: ARG002
        """Always True: the scheduler only gives runs to workers that have started."""
        return True

    def kill(self, future: Future[RunRecord]) -> bool:  # noqa: ARG002
        """Do nothing and return False: the cluster's workers have other users."""
        return False

    def close(self) -> None:
        """Disconnect; the scheduler cancels queued runs."""
        self._client.close()

    def _source(self, spec: RunSpec) -> Any:
        """Send a dataset to every worker once, and again if all workers that had it have died."""
        sent = self._sent.get(spec.dataset)
        if sent is None or sent.status != "finished":
            source = self._open_source(spec)
            sent = self._client.scatter(source, broadcast=True, hash=False)
            self._sent[spec.dataset] = sent
        return sent

    def _reduction(self, spec: RunSpec, source: Any) -> Any:
        """Have a reduction made once, and again if it was lost with its worker."""
        if spec.size is None:
            return None  # it is the dataset itself, which is not sent twice
        identity = reduction_identity(spec)
        made, attempt = self._reductions.get(identity, (None, 0))
        killed = made is not None and made.status == "error" and attempt < self.attempts
        if made is None or killed or made.status in ("cancelled", "lost"):
            made = self._client.submit(self._reduce, spec, source, pure=False)
            self._reductions[identity] = made, attempt + 1
        return made


def _connect(address: str) -> Client:
    """Connect, warn if traffic is not encrypted, and wait for a first worker."""
    client = _open_client(address)
    reached = client.scheduler.address
    if not reached.startswith("tls://"):
        logger.warning(
            "traffic with %s is not encrypted: on a shared network, start scheduler and workers "
            "with TLS and give a tls:// address",
            reached,
        )
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        logger.warning("%s has no worker: waiting for one to be started", reached)
        client.wait_for_workers(1)
    return client


def _open_client(address: str) -> Client:
    remedy = "give the address that dask-scheduler prints, such as tcp://127.0.0.1:8786"
    if not _ADDRESS.fullmatch(address):  # distributed would try it, and leak threads
        raise InputError(f"scheduler {address!r} is not an address: {remedy}")
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        if address.startswith("tls://"):
            remedy += (
                ", and name the cluster's certificates in Dask's configuration: "
                "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...TLS__CLIENT__CERT and ...TLS__CLIENT__KEY"
            )
        raise InputError(f"scheduler {address!r} cannot be reached ({error}): {remedy}") from error


@contextmanager
def cluster_workers(address: str) -> Iterator[tuple[Executor, int]]:
    """Connect to a scheduler, and yield its workers as an executor, with their number.

    Args:
        address: As for `DaskPool`.

    Raises:
        InputError: If no scheduler answers there.
    """
    with _connect(address) as client:
        yield client.get_executor(pure=False), sum(client.nthreads().values())
