"""Classes of the user's in runs: what they raise, what they change, and what records import."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from envs.dataset import Dataset
from envs.evaluation import evaluate
from harness.core.classes.environments import EnvironmentSpec
from harness.core.classes.registry import import_class
from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.errors import InputError
from harness.core.learner import TrainedPolicy
from harness.core.records import read_records, write_record
from harness.core.reduction import reduce_seeded
from harness.core.specs import RunSpec
from harness.core.storage.record_files import record_path
from harness.learners.linear_fqi import LinearFQILearner
from harness.suites.loading import make_suite
from harness.suites.run import run_suite
from harness.suites.verify import verify
from harness.tasks.builtin import REDUCERS
from harness.tasks.control import check_evaluable
from harness.tasks.kinds import task_of

CARTPOLE = "classic/cartpole/random-v0"
SUITE = {
    "name": "planted",
    "description": "",
    "datasets": [CARTPOLE],
    "reducers": ["random"],
    "sizes": [10],
    "learners": ["linear-fqi"],
    "seeds": [0],
    "episodes": 1,
}


class Writing(LinearFQILearner):
    """Learns, and writes into the rows that it was given."""

    name: ClassVar[str] = "writing"

    def fit(self, transitions: Any, seed: int) -> Any:
        for array in (transitions.rewards, transitions.rewards.base):
            if array is not None:
                array.flags.writeable = True
                array[:] = 42.0
        return super().fit(transitions, seed)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, from which modules are imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_learner_that_changes_its_rows_fails_and_changes_no_others(cartpole: Dataset) -> None:
    spec = RunSpec.model_validate(
        {
            "dataset": CARTPOLE,
            "reducer": "random",
            "size": 10,
            "learner": {"name": f"{__name__}:Writing", "label": "writing"},
            "seed": 0,
            "discount": 0.99,
            "episodes": 1,
        }
    )
    reduction = reduce_seeded(cartpole.transitions, REDUCERS.make("random", {}), 10, 0)
    before = reduction.rows.content_hash()
    with pytest.raises(InputError, match="learner 'writing' changes the rows"):
        task_of(spec).run(spec, cartpole, reduction)
    assert reduction.rows.content_hash() == before


def test_a_record_alone_imports_no_module_when_its_folder_is_resumed(here: Path) -> None:
    """A record of somebody's names an environment; the suite that is resumed does not."""
    run_suite(SUITE, here / "results")
    (record,) = read_records(here / "results")
    record_path(here / "results", record.run_id).unlink()
    planted_spec = record.spec.model_copy(
        update={"environment": "planted_environment:E-v0", "seed": 1}
    )
    planted = record.model_copy(update={"spec": planted_spec, "run_id": planted_spec.run_id})
    write_record(here / "results", planted)
    (here / "planted_environment.py").write_text("from pathlib import Path\nPath('x').touch()\n")
    run_suite(make_suite(SUITE, "given"), here / "results")
    assert not (here / "x").exists()


@pytest.mark.parametrize("learner", ["planted:P", {"name": "planted:P", "parameters": {}}])
def test_a_record_alone_imports_no_learner_of_a_teacher_when_it_is_repeated(
    here: Path, learner: Any
) -> None:
    run_suite(SUITE, here / "results")
    (record,) = read_records(here / "results")
    teacher = {"name": "learner", "parameters": {"learner": learner}}
    reducer = ReducerSpec.model_validate(
        {"name": "random", "label": "random", "labels": {"name": "advantage", "teacher": teacher}}
    )
    spec = record.spec.model_copy(update={"reducer": reducer})
    write_record(here / "results", record.model_copy(update={"spec": spec}))
    (here / "planted.py").write_text("from pathlib import Path\nPath('x').touch()\n")
    found = verify(here / "results", sample=1)
    assert found.unrepeatable == 1
    assert not (here / "x").exists()


@pytest.mark.parametrize(
    "teacher",
    [
        "planted:P",
        {"name": "planted:P"},
        {"name": "learner", "parameters": {"learner": "planted:P"}},
    ],
)
def test_a_record_alone_imports_no_teacher_of_a_learner_when_it_is_repeated(
    here: Path, teacher: Any
) -> None:
    run_suite(SUITE, here / "results")
    (record,) = read_records(here / "results")
    learner = LearnerSpec(name="teacher", label="linear-fqi", parameters={"teacher": teacher})
    spec = record.spec.model_copy(update={"learner": learner})
    write_record(here / "results", record.model_copy(update={"spec": spec}))
    (here / "planted.py").write_text("from pathlib import Path\nPath('x').touch()\n")
    found = verify(here / "results", sample=1)
    assert found.unrepeatable == 1
    assert not (here / "x").exists()


def test_labels_and_controls_of_a_users_reducer_are_arms_of_their_own(here: Path) -> None:
    (here / "own_reducer.py").write_text(
        "from baselines.random import RandomReducer\n\n"
        "class Own(RandomReducer):\n    name = 'own'\n"
    )
    own = {"name": "own_reducer:Own"}
    arms = [own, {**own, "labels": "advantage"}, {**own, "control": "constant"}]
    suite = make_suite({**SUITE, "reducers": arms}, "given")
    assert [arm.label for arm in suite.reducers] == ["own", "own-advantage", "own-constant"]


@pytest.mark.parametrize("raised", ["SystemExit(0)", "SystemExit(3)", "ValueError('no')"])
def test_a_module_that_exits_is_refused_in_a_line(here: Path, raised: str) -> None:
    name = f"exiting_{abs(hash(raised))}"
    (here / f"{name}.py").write_text(f"raise {raised}\n")
    with pytest.raises(InputError, match=rf"module {name} cannot be imported \({raised[:5]}"):
        import_class(f"{name}:Sound", "method")


@pytest.mark.parametrize(
    ("yielded", "message"),
    [
        ([5, 5], "step 5 after step 5"),
        ([5, 2], "step 2 after step 5"),
        ([-3], "step -3"),
        ([2.5], r"step 2\.5"),
        (["policy"], "a str"),
        ([], "no policy"),
    ],
)
def test_what_no_learner_may_yield_fails_the_run(
    cartpole: Dataset, monkeypatch: pytest.MonkeyPatch, yielded: list[Any], message: str
) -> None:
    """Steps that fall would be tables and figures that cannot be made."""

    def fit(self: Any, transitions: Any, seed: int) -> Any:  # noqa: ARG001
        for step in yielded:
            yield step if isinstance(step, str) else TrainedPolicy(step, Constant(np.zeros(1)))

    monkeypatch.setattr(LinearFQILearner, "fit", fit)
    spec = RunSpec.model_validate(
        {
            **{"dataset": CARTPOLE, "reducer": "random", "size": 5, "learner": "linear-fqi"},
            **{"seed": 0, "discount": 0.99, "episodes": 1},
        }
    )
    with pytest.raises(InputError, match=rf"learner 'linear-fqi' yielded {message}"):
        task_of(spec).run(spec, cartpole)


@dataclass
class Constant:
    """A policy whose actions are always these, whatever it is given."""

    actions: Any

    def act(self, observations: Any) -> Any:
        """Return as many as there are observations, if there is one."""
        if isinstance(self.actions, np.ndarray) and len(self.actions) == 1:
            return np.repeat(self.actions.astype(int), len(observations))
        return self.actions


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.full(2, 0.7), "float64 of shape .2,."),
        (np.array(["1", "1"]), "shape .2,."),
        (np.zeros(5, dtype=int), "int64 of shape .5,."),
        (np.zeros((2, 1), dtype=int), "shape .2, 1."),
        (np.full(2, np.nan), "float64"),
        ([0, 1], r"\[0, 1\]"),
        (None, "None"),
        (np.array([0, 2]), "actions from 0 to 2: the environment takes Discrete.2."),
        (np.array([-1, 0]), "actions from -1 to 0"),
    ],
)
def test_what_no_policy_may_return_is_refused(actions: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"the policy returned .*{message}"):
        evaluate(Constant(actions), EnvironmentSpec(id="CartPole-v1"), 2, 0)


def test_an_environment_of_another_shape_is_refused(cartpole: Dataset) -> None:
    acrobot = replace(cartpole, environment=EnvironmentSpec(id="Acrobot-v1"))
    with pytest.raises(InputError, match=r"observations of 4 numbers, .* observations of 6"):
        check_evaluable(acrobot)
    fewer = replace(cartpole, transitions=replace(cartpole.transitions, action_count=3))
    with pytest.raises(InputError, match="3 actions by its own account, but CartPole-v1 has 2"):
        check_evaluable(fewer)
