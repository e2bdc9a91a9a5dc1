"""Leases on runs, so that several runners on one results folder do no run twice."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import ValidationError

from harness.core.classes.specs import Frozen
from harness.core.errors import InputError
from harness.core.presentation.text import counted
from harness.core.storage.files import remove_partials, write_whole
from harness.core.storage.locks import locked
from harness.core.storage.processes import EXPIRY, HOST, is_gone

HEARTBEAT: Final = EXPIRY / 6  # seconds between heartbeats


class Holder(Frozen):
    """The runner that holds a lease."""

    host: str
    pid: int
    token: str  # distinguishes runners of one process


@dataclass(frozen=True)
class Lease:
    """A run that a runner is executing."""

    run_id: str
    holder: Holder
    silence: float  # seconds since the holder's last heartbeat


class Leases:
    """The leases of one runner, renewed by a heartbeat thread until they are released.

    Leases are changed under a file lock, which the kernel releases when its holder dies. They
    expire when their runner has ended.
    """

    def __init__(self, directory: Path) -> None:
        """Create leases on runs of the results folder ``directory``."""
        self._folder = _leases_folder(directory)
        self._lock = self._folder / ".lock"
        self._me = Holder(host=HOST, pid=os.getpid(), token=uuid.uuid4().hex)
        self._held: set[str] = set()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()
        with self._locked() as now:
            for run_id in self._held:
                self._path(run_id).unlink(missing_ok=True)
            for path in self._folder.glob("*.json"):  # of killed runners
                lease = _read_lease(path, now)
                if lease is None or _is_expired(lease):
                    path.unlink(missing_ok=True)
            remove_partials(self._folder)
            if [entry.name for entry in self._folder.iterdir()] == [self._lock.name]:
                self._lock.unlink()
                self._folder.rmdir()

    def acquire(self, run_id: str) -> bool:
        """Lease a run, unless another live runner holds it."""
        with self._locked() as now:
            other = _read_lease(self._path(run_id), now)
            if other and not _is_expired(other):
                return False
            write_whole(self._path(run_id), self._me.model_dump_json().encode())
            self._held.add(run_id)
            return True

    def holds(self, run_id: str) -> bool:
        """Whether a lease is still held, which a suspended runner may have lost."""
        with self._locked() as now:
            return self._is_mine(run_id, now)

    def release(self, run_id: str) -> None:
        """Release a lease."""
        with self._locked() as now:
            if self._is_mine(run_id, now):
                self._path(run_id).unlink()
            self._held.discard(run_id)

    @contextmanager
    def keep_others_off(self) -> Iterator[None]:
        """Keep every runner from leasing a run, while no run is leased.

        Raises:
            InputError: If a live runner holds a lease.
        """
        with self._locked() as now:
            live = read_leases(self._folder.parent, now)
            if live:
                holder = live[0].holder
                raise InputError(
                    f"{counted(len(live), 'run')} in progress in {str(self._folder.parent)!r}, "
                    f"such as {live[0].run_id} by process {holder.pid} on {holder.host}: wait "
                    "until its runners have ended, or stop them, and repeat this"
                )
            yield

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT):
            with self._locked() as now:
                self._held = {run_id for run_id in self._held if self._is_mine(run_id, now)}
                for run_id in self._held:
                    os.utime(self._path(run_id))

    def _is_mine(self, run_id: str, now: float) -> bool:
        lease = _read_lease(self._path(run_id), now)
        return lease is not None and lease.holder == self._me

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.json"

    @contextmanager
    def _locked(self) -> Iterator[float]:
        """Exclude other runners and threads; yields the time by the file system's clock."""
        with locked(self._lock):
            os.utime(self._lock)
            yield self._lock.stat().st_mtime


def read_leases(directory: Path, now: float) -> list[Lease]:
    """List the leases of live runners.

    Args:
        directory: The results folder.
        now: Current time, in seconds since the epoch.
    """
    paths = sorted(_leases_folder(directory).glob("*.json"))
    leases = (_read_lease(path, now) for path in paths)
    return [lease for lease in leases if lease and not _is_expired(lease)]


def remove_expired(directory: Path) -> None:
    """Remove what killed runners have left, and the folder of leases if it is empty then."""
    if _leases_folder(directory).exists():
        with Leases(directory):
            pass


@contextmanager
def no_runs(directory: Path) -> Iterator[None]:
    """Keep runners from starting runs in a results folder, in which none is in progress.

    Raises:
        InputError: If a live runner holds a lease.
    """
    with Leases(directory) as leases, leases.keep_others_off():
        yield


def _leases_folder(directory: Path) -> Path:
    return directory / "leases"


def _read_lease(path: Path, now: float) -> Lease | None:
    try:
        holder = Holder.model_validate_json(path.read_bytes())
        return Lease(path.stem, holder, now - path.stat().st_mtime)
    except (FileNotFoundError, ValidationError):  # a damaged lease counts as free
        return None


def _is_expired(lease: Lease) -> bool:
    return is_gone(lease.holder.host, lease.holder.pid, lease.silence)
