"""The site builds without a warning, and with all that its pages show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.web.pages import PAGES, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra docs"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    for page in PAGES[1:]:
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file()


def test_figures_and_formulas_are_in_it(site: Path) -> None:
    study = (site / "studies" / "labels.html").read_text(encoding="utf-8")
    assert "../repository/results/labels/figures/size-return.png" in study
    copied = site / "repository" / "results" / "labels" / "figures" / "size-return.png"
    original = ROOT / "results" / "labels" / "figures" / "size-return.png"
    assert copied.read_bytes() == original.read_bytes()
    concepts = (site / "concepts.html").read_text(encoding="utf-8")
    assert "arithmatex" not in concepts
    assert concepts.count("<math") > 20


def test_programs_come_as_notebooks(site: Path) -> None:
    page = (site / "examples.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="(notebooks/\w+\.ipynb)"', page))
    assert {name.removeprefix("notebooks/") for name in linked} == {
        path.name for path in (site / "notebooks").iterdir()
    }
    for name in linked:
        assert json.loads((site / name).read_text(encoding="utf-8"))["cells"]


def test_nothing_is_fetched(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for mark in ('src="http', "fonts.googleapis", "unpkg.com", 'rel="preconnect"'):
            assert mark not in text, (page, mark)


def test_the_reference_is_made_of_docstrings(site: Path) -> None:
    text = (site / "api" / "classes.html").read_text(encoding="utf-8")
    assert 'id="harness.core.reduction.Reducer.reduce"' in text
