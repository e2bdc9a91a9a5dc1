"""The committed figures: each is what the command on its study's page draws from the records."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from tests.support.commands import Command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
FIGURES = sorted((ROOT / "results").glob("*/figures/*.png"))


@pytest.mark.skipif(
    f"matplotlib=={matplotlib.__version__}" not in (ROOT / "constraints.txt").read_text(),
    reason="committed figures are drawn by the matplotlib of constraints.txt",
)
@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.parent.parent.name)
def test_figures_are_what_the_command_on_the_page_draws(
    path: Path, bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = path.parent.parent.name
    page = (ROOT / "docs" / "studies" / f"{study}.md").read_text(encoding="utf-8")
    command = re.search(rf"^bellman-bench (plot results/{study}(?: .*)?)$", page, re.MULTILINE)
    assert command, "the page names no command that draws its figure"
    monkeypatch.chdir(ROOT)
    assert bench(*command[1].split(), "--output", tmp_path).status == 0
    np.testing.assert_array_equal(imread(tmp_path / path.name), imread(path))
