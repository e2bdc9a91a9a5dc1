"""Runs on an existing Dask cluster, behind the interface of `concurrent.futures`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from distributed import Client, KilledWorker

from harness.errors import InputError
from harness.executors import Crew, Work
from harness.records import RunRecord
from harness.specs import RunSpec

logger = logging.getLogger("bellman_bench")


class DaskCrew(Crew):
    """The workers of a cluster; datasets are sent to them, and records come back."""

    died = (KilledWorker, CancelledError)  # the latter when data was lost with a worker
    attempts = 2

    def __init__(self, address: str, open_source: Callable[[RunSpec], Any]) -> None:
        """Connect to a scheduler and wait for its first worker.

        Args:
            address: Such as ``tcp://10.0.0.1:8786`` or, encrypted, ``tls://10.0.0.1:8786``.
            open_source: Opens the dataset of a run in this process.

        Raises:
            InputError: If no scheduler answers there.
        """
        self._client = _connect(address)
        self._executor = self._client.get_executor(pure=False)
        self._open_source = open_source
        self._sent: dict[str, Any] = {}  # dataset id to distributed's future of it
        if not self._client.scheduler.address.startswith("tls://"):
            logger.warning(
                "traffic with %s is not encrypted: on a network that others use, start scheduler "
                "and workers with TLS and give a tls:// address",
                self._client.scheduler.address,
            )
        self._client.wait_for_workers(1)

    @property
    def capacity(self) -> int:
        """More runs than workers, so that none waits for a run and a cluster knows to grow."""
        return 2 * len(self._client.nthreads()) + 2

    def submit(self, work: Work, spec: RunSpec) -> Future[RunRecord]:
        """Queue a run at the scheduler, with its dataset."""
        future: Future[RunRecord] = self._executor.submit(work, spec, self._source(spec))
        return future

    def had_begun(self, future: Future[RunRecord]) -> bool:  # noqa: ARG002
        """Count every death: the scheduler gives runs to workers that have come up."""
        return True

    def kill(self, future: Future[RunRecord]) -> bool:  # noqa: ARG002
        """Leave the cluster's workers alone: they have other users."""
        return False

    def close(self) -> None:
        """Disconnect; the scheduler drops what is still queued."""
        self._client.close()

    def _source(self, spec: RunSpec) -> Any:
        """Send a dataset to every worker once, and again when all that had it have died."""
        sent = self._sent.get(spec.dataset)
        if sent is None or sent.status != "finished":
            source = self._open_source(spec)
            sent = self._client.scatter(source, broadcast=True, hash=False)
            self._sent[spec.dataset] = sent
        return sent


def _connect(address: str) -> Client:
    try:
        return Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"scheduler {address!r} cannot be reached ({error}): give the address that "
            "dask-scheduler prints, such as tcp://127.0.0.1:8786"
        ) from error
