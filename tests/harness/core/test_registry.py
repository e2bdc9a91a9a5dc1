"""Names of classes: found, or refused in a line that names them, the rule and the remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness import distill, distill_regression
from harness.core.classes.registry import reference_to
from harness.core.classes.specs import ReducerSpec
from harness.core.errors import InputError
from harness.core.learner import Learner
from harness.core.metric import ReductionMetric
from harness.core.records import read_records
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions
from harness.suites.loading import make_suite
from harness.suites.run import run_suite
from harness.tasks.builtin import LEARNERS, REDUCERS, REGRESSION_REDUCERS
from harness.testing.rows import random_transitions

MODULE = '''
from typing import ClassVar
import numpy as np
from baselines.random import RandomReducer
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions


class Sound(Reducer[Transitions]):
    """Keeps the first rows."""

    name: ClassVar[str] = "sound"
    first: int = 0

    def _reduce(self, rows, size, rng):
        kept = np.arange(size)
        return rows.take(kept), kept, {}


class OfRegression(Sound, Reducer[RegressionSet]):
    name = "of-regression"

    @classmethod
    def row_type(cls):
        return RegressionSet


class Unfinished(Reducer[Transitions]):
    name: ClassVar[str] = "unfinished"


class Nameless(Reducer[Transitions]):
    def _reduce(self, rows, size, rng):
        return rows, None, {}


class Shouting(Sound):
    name = "Not A Label"


class TooMany(Sound):
    name = "too-many"

    def _reduce(self, rows, size, rng):
        return rows, None, {}


class NoTuple(Sound):
    name = "no-tuple"

    def _reduce(self, rows, size, rng):
        return rows.take(np.arange(size))


class WrongRows(Sound):
    name = "wrong-rows"

    def _reduce(self, rows, size, rng):
        return rows.take(np.arange(size)), np.arange(size) + len(rows), {}


class Raising(Sound):
    name = "raising"

    def _reduce(self, rows, size, rng):
        return 1 / 0


class BadCheck(Sound):
    name = "bad-check"

    def check_usable(self, rows):
        return rows.no_such_thing


def function():
    return 1
'''
PREFIX = "plugged_in_names"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module of good and bad classes and one that cannot load."""
    (tmp_path / f"{PREFIX}.py").write_text(MODULE)
    (tmp_path / "broken_module.py").write_text("import no_such_library\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop(PREFIX, None)
    return tmp_path


def source(rows: int = 30) -> Transitions:
    return random_transitions(np.random.default_rng(0), rows)


@pytest.mark.usefixtures("here")
def test_a_class_is_found_by_module_and_name() -> None:
    reduction = distill(source(), f"{PREFIX}:Sound", size=4)
    assert reduction.method == "sound"
    assert reduction.source_indices is not None
    assert reduction.source_indices.tolist() == [0, 1, 2, 3]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("no_such_module:Sound", r"module no_such_module cannot be imported .*ModuleNotFoundError"),
        ("broken_module:Sound", r"cannot be imported .*no_such_library.*correct"),
        (f"{PREFIX}:Sond", r"unknown class of plugged_in_names: 'Sond'.*did you mean 'Sound'"),
        (f"{PREFIX}:function", r"not a subclass of harness.core.reduction.Reducer: derive"),
        ("os:getcwd", r"not a subclass of harness.core.reduction.Reducer"),
        (f"{PREFIX}:", "the rule is module:Class"),
        ("a b:C", "the rule is module:Class"),
        (f"{PREFIX}:Unfinished", "lacks _reduce, which .*Reducer requires: implement it"),
        (f"{PREFIX}:Nameless", "has the name None: .*give it one"),
        (f"{PREFIX}:Shouting", "has the name 'Not A Label'"),
        (f"{PREFIX}:OfRegression", "works on RegressionSet, but the data here are Transitions"),
    ],
)
def test_what_is_no_reducer_is_refused_in_a_line(name: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as refused:
        REDUCERS.find(name)
    assert name.split(":")[-1] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("TooMany", r"too-many.*breaks its contract: 30 rows for size 4, .*sizes = 'exact'"),
        ("NoTuple", r"no-tuple.*_reduce returned Transitions, .*\(Transitions, source rows"),
        ("WrongRows", r"wrong-rows.*source rows ndarray for 4 rows.*one integer of 0..29"),
    ],
)
def test_a_broken_contract_is_named_while_it_runs(name: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as refused:
        distill(source(), f"{PREFIX}:{name}", size=4)
    assert "\n" not in str(refused.value)


def test_parameters_of_a_plugged_in_class_are_checked(here: Path) -> None:
    assert here.is_dir()
    with pytest.raises(InputError, match=r"'frist'.*did you mean 'first'"):
        distill(source(), f"{PREFIX}:Sound", size=4, frist=1)
    with pytest.raises(InputError, match=r"first = 'x'"):
        distill(source(), f"{PREFIX}:Sound", size=4, first="x")


def save_source(folder: Path) -> Path:
    path = folder / "rows.npz"
    names = {"environment_id": "CartPole-v1", "reference_min": 0.0, "reference_max": 1.0}
    rows = random_transitions(np.random.default_rng(0), 30, obs_dim=4)
    rows.save(path, names)
    return path


def suite_of(*reducers: Any) -> dict[str, Any]:
    return {
        "name": "plugged",
        "description": "For a test.",
        "datasets": ["rows.npz"],
        "reducers": list(reducers),
        "sizes": [4],
        "learners": [{"name": "fresh-predictors", "parameters": {"predictors": 5}}],
        "seeds": [0],
    }


def test_in_a_suite_a_run_that_fails_is_a_record_and_the_others_go_on(here: Path) -> None:
    save_source(here)
    names = ("Sound", "TooMany", "Raising", "NoTuple")
    records = run_suite(suite_of(*(f"{PREFIX}:{name}" for name in names)), here / "r", jobs=2)
    found = {record.spec.reducer.label: record for record in records}
    assert {label: record.status for label, record in found.items()} == {
        "sound": "completed",
        "too-many": "failed",
        "raising": "failed",
        "no-tuple": "failed",
    }
    assert "ZeroDivisionError" in (found["raising"].error or "")
    assert "breaks its contract" in (found["too-many"].error or "")
    assert len(list(read_records(here / "r"))) == 4


@pytest.mark.parametrize(
    ("reducer", "rule"),
    [
        (f"{PREFIX}:BadCheck", "'bad-check' cannot be used: its check_usable failed .*Attribute"),
        (f"{PREFIX}:Unfinished", "lacks _reduce"),
        ({"name": f"{PREFIX}:Sound", "parameters": {"frist": 1}}, "did you mean 'first'"),
        ("no_such_module:Sound", "cannot be imported"),
    ],
)
def test_a_suite_with_a_bad_class_is_refused_before_anything_runs(
    here: Path, reducer: Any, rule: str
) -> None:
    save_source(here)
    with pytest.raises(InputError, match=rule):
        run_suite(suite_of("random", reducer), here / "r")
    assert not (here / "r").exists()


def test_a_label_is_the_name_of_the_class_unless_one_is_given(here: Path) -> None:
    assert here.is_dir()
    suite = make_suite(
        suite_of(f"{PREFIX}:Sound", {"name": f"{PREFIX}:Sound", "label": "mine"}), "given"
    )
    assert [reducer.label for reducer in suite.reducers] == ["sound", "mine"]
    with pytest.raises(ValueError, match="needs a label"):
        ReducerSpec(name=f"{PREFIX}:Sound")


class FirstRows(Reducer[Transitions]):
    """Keeps the rows from ``start`` on."""

    name: ClassVar[str] = "first-rows"

    start: int = 0

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:  # noqa: ARG002
        kept = self.start + np.arange(size)
        return rows.take(kept), kept, {}


def test_objects_are_taken_as_well_as_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_source(tmp_path)
    reduction = distill(source(), FirstRows(start=3), size=2)
    assert reduction.source_indices is not None
    assert reduction.source_indices.tolist() == [3, 4]
    (record,) = run_suite(suite_of(FirstRows(start=5)), tmp_path / "r")
    assert record.status == "completed", record.error
    assert record.spec.reducer.name == f"{__name__}:FirstRows"
    assert record.spec.reducer.label == "first-rows"
    assert record.spec.reducer.parameters == {"start": 5}
    assert record.result is not None
    assert record.result.reduction.parameters == {"start": 5}


def test_parameters_beside_an_object_are_refused() -> None:
    with pytest.raises(InputError, match="parameters start given with the object"):
        distill(source(), FirstRows(), size=2, start=1)
    with pytest.raises(
        InputError, match="works on Transitions, but the data here are RegressionSet"
    ):
        distill_regression(np.ones((3, 2)), np.ones(3), FirstRows())  # type: ignore[arg-type]


def test_a_class_that_no_process_can_import_is_refused() -> None:
    class Local(FirstRows):
        pass

    with pytest.raises(InputError, match=r"Local.*worker processes must import it"):
        reference_to(Local)


def test_a_built_in_class_goes_by_its_name() -> None:
    assert reference_to(REDUCERS.find("stratified")) == "stratified"
    assert ReducerSpec.model_validate(REDUCERS.make("stratified", {})).name == "stratified"


def test_every_listed_name_is_that_of_its_class() -> None:
    for registry in (REDUCERS, REGRESSION_REDUCERS, LEARNERS):
        names = [name for name, found in registry.classes() if found.name == name]
        assert names == registry.names()
    kinds = dict(LEARNERS.classes())
    assert issubclass(kinds["dqn"], Learner)
    assert issubclass(kinds["fresh-predictors"], ReductionMetric)


SCRIPT = '''
import sys
from typing import ClassVar
import numpy as np
from harness import run_suite
from harness.core.reduction import Reducer
from harness.core.transitions import Transitions


class Last(Reducer[Transitions]):
    """Keeps the last rows."""

    name: ClassVar[str] = "last"

    def _reduce(self, rows, size, rng):
        kept = len(rows) - size + np.arange(size)
        return rows.take(kept), kept, {}


if __name__ == "__main__":
    suite = {
        "name": "scripted", "description": "By a script.", "datasets": ["rows.npz"],
        "reducers": [Last(), "random"], "sizes": [4], "seeds": [0],
        "learners": [{"name": "fresh-predictors", "parameters": {"predictors": 5}}],
    }
    for record in run_suite(suite, "r", jobs=2):
        print(record.spec.reducer.name, record.status)
'''


def test_a_class_of_a_script_reaches_worker_processes(tmp_path: Path) -> None:
    save_source(tmp_path)
    (tmp_path / "scripted_suite.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "scripted_suite.py"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert sorted(done.stdout.splitlines()) == [
        "random completed",
        "scripted_suite:Last completed",
    ]


def test_an_installed_package_offers_its_classes_by_name(tmp_path: Path) -> None:
    """Entry points of a package, as its metadata declare them, in a process of its own."""
    save_source(tmp_path)
    package = tmp_path / "site"
    metadata = package / "offering-1.0.dist-info"
    metadata.mkdir(parents=True)
    (package / f"{PREFIX}.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[bellman_bench.reducers]\nfirst-few = {PREFIX}:Sound\ngone = {PREFIX}:NotThere\n"
    )
    path = os.pathsep.join([str(package), str(Path.cwd())])

    def bench(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )

    said = bench(
        "distill", "rows.npz", "--method", "first-few", "--size", "4", "--output", "few.npz"
    )
    assert "4 kept of 30 transitions by sound" in said.stdout, said.stderr
    assert "first-few" in bench("list").stdout
    gone = bench("distill", "rows.npz", "--method", "gone", "--output", "few.npz")
    assert gone.returncode == 2
    assert "cannot be imported" in gone.stderr
    assert RegressionSet.noun == "rows"
