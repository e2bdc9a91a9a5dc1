from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from envs.dataset import Dataset
from envs.loading import open_dataset
from harness.cli import main
from tests.support.commands import Command, Outcome

settings.register_profile("untimed", deadline=None)  # times belong to tests/benchmarks
settings.load_profile("untimed")


TESTS = Path(__file__).parent
SLOW_FOLDERS = {"end_to_end", "examples"}  # whose tests start processes and train


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what lies in a slow folder: `make test-fast` leaves it out."""
    for item in items:
        if SLOW_FOLDERS & set(item.path.relative_to(TESTS).parts):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def minari_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the datasets that tests collect out of the user's own folder, and ask no hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        patch.setenv("BELLMAN_BENCH_OFFLINE", "1")  # no test depends on what a hub holds
        yield


@pytest.fixture(scope="session")
def cartpole() -> Dataset:
    return open_dataset("classic/cartpole/medium-v0")


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process and say how it ended."""

    def call(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["bellman-bench", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), captured.out, captured.err)

    return call
