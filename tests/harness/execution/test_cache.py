"""Reductions that are made once: what is found is what was made, and never anything else."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.random import RandomReducer
from baselines.stratified import StratifiedReducer
from harness.analysis import write_tables
from harness.core.classes.registry import import_class
from harness.core.records import read_records
from harness.core.reduction import Reduction
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions
from harness.distillation.exact import ExactDistiller
from harness.execution import cache as reduction_cache
from harness.execution.cache import (
    cache_folder,
    cache_key,
    damaged_entries,
    fetch,
    in_rows,
    tidy,
)
from harness.execution.local import ProcessExecutor
from harness.execution.timeouts import DeadlineExceeded, deadline
from harness.suites.loading import parse_suite
from harness.suites.run import run_suite
from harness.suites.verify import verify
from harness.testing.rows import random_transitions

pytestmark = pytest.mark.slow

KEY = "a" * 64
SUITE = """
name = "slow"
description = "A reduction that is worth keeping, and one that is not."
task = "regression"
datasets = ["regression/diabetes"]
sizes = [20]
seeds = [0, 1]

[[reducers]]
name = "loss-matching"
parameters = { predictors = 30000 }

[[reducers]]
name = "exact"

[[learners]]
name = "ridge"

[[learners]]
name = "least-squares"
"""


def control_reduction(seed: int, seconds: float = 1.0, rows: int = 12) -> Reduction[Transitions]:
    rng = np.random.default_rng(seed)
    return Reduction(
        rows=random_transitions(rng, rows),
        source_indices=rng.permutation(rows),
        method="random",
        parameters={"share": 0.1, "actions": "product", "bound": None},
        seconds=seconds,
        diagnostics={"zeta": 0.1, "alpha": [1 / 3, -0.0, 5e-324]},
    )


def never() -> Any:
    raise AssertionError("it was there, and was made again")


def contents(reduction: Reduction[Any]) -> Any:
    """All of a reduction, in a form in which equal means equal in every bit."""
    rows = reduction.rows
    values = [getattr(rows, field.name) for field in fields(rows)]
    bits = [
        (value.dtype.str, value.shape, value.strides, value.tobytes())
        if isinstance(value, np.ndarray)
        else value
        for value in (*values, reduction.source_indices)
    ]
    said = (reduction.method, reduction.parameters, reduction.seconds, reduction.diagnostics)
    return bits, repr(said)


numbers = st.floats(width=64)


@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from([np.float32, np.float64]),
    synthetic=st.booleans(),
    episodic=st.booleans(),
    seconds=st.floats(0.2, 1e6),
    diagnostics=st.dictionaries(st.text(), numbers | st.lists(numbers)),
)
@settings(deadline=None, max_examples=50)
def test_a_reduction_of_transitions_comes_back_bit_for_bit(
    seed: int,
    kind: type[np.floating[Any]],
    synthetic: bool,
    episodic: bool,
    seconds: float,
    diagnostics: dict[str, Any],
) -> None:
    made = control_reduction(seed, seconds)
    rows = replace(
        made.transitions,
        observations=made.transitions.observations.astype(kind),
        weights=made.transitions.weights.astype(kind),
        action_count=2 + seed % 3,
        episodes=np.arange(len(made.transitions)) // 3 if episodic else None,
    )
    indices = None if synthetic else made.source_indices
    made = replace(made, rows=rows, source_indices=indices, diagnostics=diagnostics)
    with TemporaryDirectory() as folder:
        assert fetch(Path(folder), KEY, lambda: made, Transitions) is made
        assert contents(fetch(Path(folder), KEY, never, Transitions)) == contents(made)


@given(seed=st.integers(0, 2**32), synthetic=st.booleans())
@settings(deadline=None, max_examples=20)
def test_a_regression_reduction_comes_back_bit_for_bit(seed: int, synthetic: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = RegressionSet(rng.normal(size=(9, 4)), rng.normal(size=9), rng.uniform(0.1, 1, size=9))
    indices = None if synthetic else rng.permutation(9)
    made = Reduction(rows, indices, "exact", {"a": 1}, 3.25, {"rank": 4.0})
    with TemporaryDirectory() as folder:
        fetch(Path(folder), KEY, lambda: made, RegressionSet)
        again = fetch(Path(folder), KEY, never, RegressionSet)
        assert contents(again) == contents(made)


def test_what_lies_apart_in_memory_is_laid_out_as_a_file_keeps_it(tmp_path: Path) -> None:
    source = random_transitions(np.random.default_rng(0), 60)
    made = ExactDistiller().reduce(source, 30, np.random.default_rng(0))
    apart = made.transitions
    assert not apart.rewards.flags.c_contiguous  # or this tests nothing
    together = replace(in_rows(made), seconds=1.0)
    assert together.transitions.content_hash() == apart.content_hash()
    fetch(tmp_path, KEY, lambda: together, Transitions)
    assert contents(fetch(tmp_path, KEY, never, Transitions)) == contents(together)
    assert in_rows(together) is together


def test_what_is_made_at_once_is_not_written(tmp_path: Path) -> None:
    folder = cache_folder(tmp_path)
    fetch(folder, KEY, lambda: control_reduction(0, seconds=0.05), Transitions)
    assert not list(folder.iterdir())
    tidy(folder)
    assert not list(tmp_path.iterdir())


def test_entries_are_kept_from_commits(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    folder = cache_folder(tmp_path / "results" / "suite")
    fetch(folder, KEY, lambda: control_reduction(0), Transitions)
    assert [path.name for path in folder.iterdir()] == [f"{KEY}.npz"]
    command = ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b""


def damages(whole: bytes) -> Iterator[bytes]:
    """The content of an entry with one byte changed, at 200 places, and cut or prolonged."""
    rng = np.random.default_rng(0)
    for position in rng.choice(len(whole), 200, replace=False):
        changed = bytearray(whole)
        changed[position] ^= int(rng.integers(1, 256))
        yield bytes(changed)
    yield from (b"", whole[:-1], whole[:20], whole[1:], whole + b"\0")


def test_no_damaged_entry_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / f"{KEY}.npz"
    made = control_reduction(0)
    fetch(tmp_path, KEY, lambda: made, Transitions)
    whole = path.read_bytes()
    for damaged in damages(whole):
        path.write_bytes(damaged)
        (problem,) = damaged_entries(tmp_path)
        assert problem is not None
        caplog.clear()
        with caplog.at_level(logging.WARNING, "bellman_bench"):
            assert fetch(tmp_path, KEY, lambda: made, Transitions) is made
        assert [record.getMessage() for record in caplog.records] == [problem]
        assert path.name in problem
        assert path.read_bytes() == whole
    assert list(damaged_entries(tmp_path)) == [None]


def test_an_entry_is_good_under_its_own_name_alone(tmp_path: Path) -> None:
    fetch(tmp_path, KEY, lambda: control_reduction(0), Transitions)
    other = "b" * 64
    (tmp_path / f"{KEY}.npz").rename(tmp_path / f"{other}.npz")
    (problem,) = damaged_entries(tmp_path)
    assert problem is not None
    assert other in problem


def test_a_key_names_all_that_a_reduction_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = random_transitions(np.random.default_rng(0), 20)
    reducer, others = StratifiedReducer(), set()
    key = cache_key(reducer, rows, 10, 0)
    assert key == cache_key(StratifiedReducer(), replace(rows), 10, 0)
    (parameter,) = list(StratifiedReducer.model_fields)[:1]
    changed = reducer.model_copy(update={parameter: getattr(reducer, parameter) / 2})
    others.add(cache_key(changed, rows, 10, 0))
    others.add(cache_key(RandomReducer[Transitions](), rows, 10, 0))
    others.add(cache_key(reducer, rows, 11, 0))
    others.add(cache_key(reducer, rows, 10, 1))
    for other in other_rows(rows):
        others.add(cache_key(reducer, other, 10, 0))
    monkeypatch.setattr(StratifiedReducer, "cache_version", 2)
    others.add(cache_key(reducer, rows, 10, 0))
    monkeypatch.undo()
    monkeypatch.setattr(reduction_cache, "version", lambda name: f"99 of {name}")
    others.add(with_fresh_caches(lambda: cache_key(reducer, rows, 10, 0)))
    monkeypatch.undo()
    assert len(others) == 9
    assert key not in others
    assert with_fresh_caches(lambda: cache_key(reducer, rows, 10, 0)) == key


def test_a_users_class_counts_by_its_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, path = random_transitions(np.random.default_rng(0), 20), tmp_path / "users_method.py"
    monkeypatch.chdir(tmp_path)
    path.write_text(
        "from baselines.random import RandomReducer\n\n\nclass Mine(RandomReducer):\n"
        '    """Draws rows."""\n'
    )
    reducer = import_class("users_method:Mine", "method")()
    before, again = (with_fresh_caches(lambda: cache_key(reducer, rows, 10, 0)) for _ in range(2))
    assert before == again
    assert before is not None
    path.write_text(path.read_text() + "# changed\n")
    assert with_fresh_caches(lambda: cache_key(reducer, rows, 10, 0)) != before


def test_a_class_without_a_file_is_not_cached() -> None:
    namespace: dict[str, Any] = {"RandomReducer": RandomReducer, "__name__": "notebook"}
    exec("class Typed(RandomReducer): pass", namespace)
    rows = random_transitions(np.random.default_rng(0), 20)
    assert cache_key(namespace["Typed"](), rows, 10, 0) is None


def other_rows(rows: Transitions) -> list[Transitions]:
    rewards = rows.rewards.copy()
    rewards[0] = np.nextafter(rewards[0], np.inf)
    episodes = np.arange(len(rows)) // 5
    return [
        replace(rows, rewards=rewards),
        replace(rows, episodes=episodes),
        replace(rows, action_count=3),
    ]


def with_fresh_caches(call: Callable[[], str | None]) -> str | None:
    for cached in (reduction_cache._source_hash, reduction_cache._surroundings):
        cached.cache_clear()
    try:
        return call()
    finally:
        for cached in (reduction_cache._source_hash, reduction_cache._surroundings):
            cached.cache_clear()


def fetch_slowly(folder: Path, marks: Path) -> bytes:
    """Want a reduction that takes a second, and mark its making."""

    def make() -> Reduction[Transitions]:
        with marks.open("a") as file:
            file.write("made\n")
        time.sleep(1.0)
        return control_reduction(0)

    return fetch(folder, KEY, make, Transitions).transitions.rewards.tobytes()


def test_processes_that_want_the_same_make_it_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with ProcessExecutor(3) as executor:
        for future in [executor.submit(os.getpid) for _ in range(3)]:
            future.result()  # so that they begin together
        wanted = [executor.submit(fetch_slowly, tmp_path / "cache", marks) for _ in range(3)]
        found = {future.result() for future in wanted}
    assert found == {control_reduction(0).transitions.rewards.tobytes()}
    assert marks.read_text() == "made\n"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"{KEY}.npz"]


def test_a_time_out_ends_the_wait_for_another(tmp_path: Path) -> None:
    with held(tmp_path / f"{KEY}.lock"):
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded), deadline(0.3):
            fetch(tmp_path, KEY, never, Transitions)
        assert time.monotonic() - started < 5
    made = control_reduction(0)
    assert fetch(tmp_path, KEY, lambda: made, Transitions) is made


def test_a_time_out_in_the_making_leaves_no_lock_behind(tmp_path: Path) -> None:
    def linger() -> Reduction[Transitions]:
        while True:
            time.sleep(0.01)

    with pytest.raises(DeadlineExceeded), deadline(0.2):
        fetch(tmp_path, KEY, linger, Transitions)
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    lock = tmp_path / f"{KEY}.lock"
    with held(lock):
        tidy(tmp_path)
        assert lock.exists()  # it is held
    assert lock.exists()  # its holder was killed
    made = control_reduction(0, seconds=0.0)
    assert fetch(tmp_path, KEY, lambda: made, Transitions) is made
    lock.touch()
    tidy(tmp_path)
    assert not lock.exists()


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Have another process hold a lock, and kill it in the end."""
    code = (
        "import time; from pathlib import Path; from harness.core.storage.locks import locked\n"
        f"with locked(Path({str(lock)!r})): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.kill()


def test_records_are_the_same_with_and_without_the_cache(tmp_path: Path) -> None:
    suite, folder = parse_suite(SUITE, "slow.toml"), tmp_path / "slow"

    def results(jobs: int) -> dict[str, dict[str, Any]]:
        shutil.rmtree(folder / "records", ignore_errors=True)
        assert len(run_suite(suite, folder, jobs=jobs)) == len(list(suite.runs()))
        return {record.run_id: record.model_dump() for record in read_records(folder)}

    cold = results(2)
    entries = sorted(cache_folder(folder).glob("*.npz"))
    assert len(entries) == 2  # one a seed, for both learners; `exact` is quicker than a file
    warm = results(1)
    kept = {run_id: seconds_of(record) for run_id, record in cold.items() if "loss-" in run_id}
    assert len(set(kept.values())) == 2
    assert kept == {run_id: seconds_of(warm[run_id]) for run_id in kept}
    for records in (cold, warm):
        for record in records.values():
            del record["result"]["seconds"], record["provenance"]
    assert warm == cold

    found = verify(folder, sample=8)  # makes every reduction again
    assert found.problems == []
    assert "2 cached reductions" in found.summary
    entries[0].write_bytes(entries[0].read_bytes()[:-1])
    (problem,) = verify(folder, sample=0).problems
    assert entries[0].name in problem
    write_tables(folder)


def seconds_of(record: dict[str, Any]) -> float:
    return float(record["result"]["seconds"]["reduction"])
