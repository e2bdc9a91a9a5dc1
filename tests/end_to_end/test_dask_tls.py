"""A suite on a Dask cluster whose certificates Dask's own configuration names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dask
import pytest
from distributed.security import Security

from envs.dataset import Dataset
from harness.core.errors import InputError
from harness.core.records import read_records
from harness.core.transitions import Transitions
from harness.execution.dask import cluster_workers
from harness.suites.run import run_suite
from harness.tasks.distilling import Order, Workers, distill_streamed_file, local_workers

pytest.importorskip("cryptography")  # makes the certificates

SUITE = """
name = "secret"
description = "One arm on data that the worker does not have."
datasets = ["cartpole.npz"]
sizes = [20]
seeds = [0, 1]
episodes = 2

[[reducers]]
name = "random"

[[learners]]
name = "linear-fqi"
"""


@dataclass
class Cluster:
    address: str
    certificates: dict[str, str]  # environment variables that name them


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One pair of certificate and key for all; the certificate vouches for itself."""
    folder = tmp_path_factory.mktemp("certificates")
    made = Security.temporary()
    (folder / "cert.pem").write_text(made.tls_client_cert)
    (folder / "key.pem").write_text(made.tls_client_key)
    variables = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "cert.pem")}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        for part in ("cert", "key"):
            name = f"DASK_DISTRIBUTED__COMM__TLS__{role}__{part.upper()}"
            variables[name] = str(folder / f"{part}.pem")
    return variables


@pytest.fixture(scope="module")
def cluster(
    certificates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A scheduler and a worker, each a process, that speak nothing but TLS."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    common = ["--protocol", "tls", "--host", "127.0.0.1", "--no-dashboard"]
    common += ["--scheduler-file", str(file)]
    roles = {
        "scheduler": ["--port", "0"],
        "worker": ["--nthreads", "1", "--no-nanny"],
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{role}", *common, *options],
            cwd=folder,
            env={**os.environ, **certificates, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for role, options in roles.items()
    ]
    yield Cluster(wait_for_address(file), certificates)
    for process in processes:
        process.kill()
        process.wait()


def wait_for_address(file: Path) -> str:
    for _ in range(300):
        if file.exists():
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.1)
    raise TimeoutError("the scheduler does not start")


@pytest.fixture
def suite_folder(tmp_path: Path, cartpole: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a dataset and a suite that uses it."""
    references = cartpole.reference.model_dump(mode="json", exclude_none=True)
    cartpole.transitions.save(tmp_path / "cartpole.npz", references)
    (tmp_path / "secret.toml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_travel_encrypted(cluster: Cluster, suite_folder: Path) -> None:
    assert cluster.address.startswith("tls://127.0.0.1:")
    command = [sys.executable, "-m", "harness.cli", "run", "secret.toml", "--results", "results"]
    done = subprocess.run(
        [*command, "--scheduler", cluster.address],
        env={**os.environ, **cluster.certificates},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "2 runs done, 0 failed" in done.stdout
    assert "not encrypted" not in done.stderr
    assert {record.status for record in read_records(suite_folder / "results")} == {"completed"}


def test_a_dataset_is_distilled_on_a_cluster(
    cluster: Cluster, cartpole: Dataset, tmp_path: Path
) -> None:
    certificates = {
        name.removeprefix("DASK_").replace("__", ".").replace("_", "-").lower(): path
        for name, path in cluster.certificates.items()
    }

    def distil(name: str, workers: Callable[[], AbstractContextManager[Workers]]) -> Transitions:
        path = tmp_path / name
        order = Order(cartpole.dataset_id, str(path), "exact", 50, 0, {})
        distill_streamed_file(order, workers)
        return Transitions.load(path)[0]

    with dask.config.set(certificates):
        there = distil("there.npz", partial(cluster_workers, cluster.address))
    here = distil("here.npz", partial(local_workers, 1))
    assert there.content_hash() == here.content_hash()


@pytest.mark.parametrize("given", [{}, {"ca-file": "/no/such.pem", "client.cert": "/no/such.pem"}])
def test_without_its_certificates_there_is_no_connection(
    cluster: Cluster, suite_folder: Path, given: dict[str, str]
) -> None:
    named = {f"distributed.comm.tls.{name}": path for name, path in given.items()}
    remedy = "name the cluster's certificates in Dask's configuration"
    with dask.config.set(named), pytest.raises(InputError, match=remedy) as refused:
        run_suite("secret.toml", suite_folder / "none", scheduler=cluster.address)
    assert "\n" not in str(refused.value)
    assert not (suite_folder / "none").exists()


def test_certificates_of_another_cluster_are_refused(cluster: Cluster, suite_folder: Path) -> None:
    other = Security.temporary()
    named = {
        "distributed.comm.tls.ca-file": other.tls_ca_file,
        "distributed.comm.tls.client.cert": other.tls_client_cert,
        "distributed.comm.tls.client.key": other.tls_client_key,
    }
    with dask.config.set(named), pytest.raises(InputError, match="certificate does not match"):
        run_suite("secret.toml", suite_folder / "none", scheduler=cluster.address)


def test_an_encrypted_scheduler_takes_no_plain_address(
    cluster: Cluster, suite_folder: Path
) -> None:
    address = cluster.address.replace("tls://", "tcp://")
    with pytest.raises(InputError, match="cannot be reached"):
        run_suite("secret.toml", suite_folder / "none", scheduler=address)
