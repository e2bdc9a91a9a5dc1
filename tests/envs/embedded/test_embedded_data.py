"""Every embedded dataset is collected from nothing: it is sound, and what the guide says it is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from envs.catalogue import embedded_dataset_ids
from envs.comparison import compare, evidence_of
from envs.formats.recording import Recording
from envs.inspection.defects import find_problems
from envs.inspection.statistics import Statistics
from envs.loading import open_recording
from tests.support.extras import needs_of

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[3] / "docs" / "environments.md"
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


def test_its_row_of_the_guide_is_so(recording: Recording) -> None:
    """Within what another processor's digits may change, which a gait carries on."""
    text = GUIDE.read_text(encoding="utf-8")
    row = re.search(rf"^\| `{recording.source}` \|(.*)\|$", text, re.MULTILINE)
    assert row, recording.source
    episodes, rows, mean_return, score = (
        float(cell.replace(",", "").replace("−", "-")) for cell in row[1].split("|")
    )
    assert recording.episodes is not None
    returns = np.bincount(recording.episodes, recording.rewards)
    low, high = recording.reference.reference_min, recording.reference.reference_max
    assert low is not None
    assert high is not None
    assert len(returns) == episodes
    assert len(recording) == pytest.approx(rows, rel=0.1)
    assert returns.mean() == pytest.approx(mean_return, abs=0.05 * (high - low))
    assert score == pytest.approx((mean_return - low) / (high - low), abs=0.01)
