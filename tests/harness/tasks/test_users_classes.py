"""Classes of the user's in runs: what they raise, what they change, and what records import."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from envs.dataset import Dataset
from harness.core.classes.registry import import_class
from harness.core.errors import InputError
from harness.core.records import read_records, record_path, write_record
from harness.core.reduction import reduce_seeded
from harness.core.specs import RunSpec
from harness.learners.linear_fqi import LinearFQILearner
from harness.suites.loading import make_suite
from harness.suites.run import run_suite
from harness.tasks.builtin import REDUCERS
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


@pytest.mark.parametrize("raised", ["SystemExit(0)", "SystemExit(3)", "ValueError('no')"])
def test_a_module_that_exits_is_refused_in_a_line(here: Path, raised: str) -> None:
    name = f"exiting_{abs(hash(raised))}"
    (here / f"{name}.py").write_text(f"raise {raised}\n")
    with pytest.raises(InputError, match=rf"module {name} cannot be imported \({raised[:5]}"):
        import_class(f"{name}:Sound", "method")
