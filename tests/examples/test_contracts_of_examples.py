"""Classes that do not belong to the package keep its contracts, in three lines each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from envs.loading import open_recording
from harness.core.transitions import Transitions
from harness.testing import FormatContract, LearnerContract, MetricContract, ReducerContract
from harness.testing.rows import in_episodes, random_transitions

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from every_nth import EveryNth  # noqa: E402
from json_lines import JsonLines, write  # noqa: E402
from mean_shift import MeanShift  # noqa: E402
from neighbour_q import NeighbourQLearner  # noqa: E402


class TestEveryNth(ReducerContract):
    subject = EveryNth[Transitions]()


class TestNeighbourQ(LearnerContract):
    subject = NeighbourQLearner(discount=0.9)


class TestMeanShift(MetricContract):
    subject = MeanShift()


class TestJsonLines(FormatContract):
    subject = JsonLines()

    def write(self, folder: Path) -> tuple[Path, Transitions]:
        made = in_episodes(random_transitions(np.random.default_rng(0), 28))
        made = made.take(np.arange(28), np.ones(28))  # a line has no weight
        made.save(folder / "rows.npz", {})
        write(str(folder / "rows.npz"), folder / "rows.jsonl")
        return folder / "rows.jsonl", made


def test_a_named_format_and_a_suffix_tell_the_same(tmp_path: Path) -> None:
    path, expected = TestJsonLines().write(tmp_path)
    assert len(open_recording(f"json_lines:JsonLines::{path}")) == len(expected)
    with pytest.raises(Exception, match=r"rows\.jsonl"):
        open_recording(str(path))  # its suffix is known only to an installed package
