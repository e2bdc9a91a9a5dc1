"""Every embedded dataset is collected from nothing: it is sound, and what the guide says it is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from envs.catalogue import TIERS, embedded_dataset_ids
from envs.comparison import compare, evidence_of
from envs.formats.recording import Recording
from envs.inspection.defects import find_problems
from envs.inspection.statistics import Statistics
from envs.loading import open_recording
from tests.support.embedded import needs_of

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[3] / "docs" / "environments.md"
NUMBER = re.compile(r"[−\d][\d,.]*")
DATASETS = [pytest.param(each, marks=needs_of(each)) for each in embedded_dataset_ids()]


@pytest.fixture(scope="module", params=DATASETS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return open_recording(request.param)


def test_nothing_is_wrong_with_it(recording: Recording) -> None:
    found = list(find_problems(Statistics(recording)))
    if "doublependulum" in recording.source:
        # What the rail exerts on a cart that never reaches its end.
        assert found.pop().startswith("constant in all rows: observation 8:")
    assert found == []


def test_it_is_of_its_environment(recording: Recording) -> None:
    environment = recording.reference.environment
    assert environment is not None
    assert list(compare(evidence_of(recording), environment, environment)) == []


def test_the_guide_says_what_it_is(recording: Recording) -> None:
    """Within what another processor's digits may change, which a gait carries on."""
    namespace, _, name = recording.source.rpartition("/")
    row = re.search(rf"^\| `{namespace}/…` \|(.*)\|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert row is not None
    cell = row[1].split("|")[TIERS.index(name.removesuffix("-v0"))]
    mean_return, score, rows = (
        float(number.replace(",", "").replace("−", "-")) for number in NUMBER.findall(cell)
    )
    assert recording.episodes is not None
    returns, reference = np.bincount(recording.episodes, recording.rewards), recording.reference
    low, high = reference.reference_min or 0.0, reference.reference_max or 0.0
    assert len(recording) == pytest.approx(rows, rel=0.1)
    assert returns.mean() == pytest.approx(mean_return, abs=0.05 * (high - low))
    assert score == pytest.approx((mean_return - low) / (high - low), abs=0.01)
