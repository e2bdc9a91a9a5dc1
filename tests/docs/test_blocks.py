"""The blocks of code of all pages run as they stand, but for those that say why not."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.suites.loading import parse_suite
from tests.support.commands import Command
from tests.support.embedded import store_small
from tests.support.web.pages import PAGES, Block, blocks, page_name

pytestmark = pytest.mark.slow

EPISODES = 12  # of each dataset here: blocks take seconds
RUN = [page for page in PAGES if any(block.is_run for block in blocks(page))]
HEAD = """
name = "fragment"
description = "The rest of a suite that a page shows a part of."
datasets = ["classic/cartpole/medium-v0"]
sizes = [50]
seeds = [0]
learners = ["linear-fqi"]
"""


@pytest.fixture(scope="module", autouse=True)
def small_datasets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Store datasets of a few episodes under the names that pages use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("small")))
        for name in ("cartpole", "acrobot", "pendulum"):
            store_small(f"classic/{name}/medium-v0", EPISODES)
        yield


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_no_block_is_overlooked(page: Path) -> None:
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(list(blocks(page)))


@pytest.mark.parametrize("page", RUN, ids=page_name)
def test_blocks_run(
    page: Path, bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.code, encoding="utf-8")
        if block.is_run:
            run(block, bench)
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]  # other pages may have a file of the same name


def run(block: Block, bench: Command) -> None:
    """Run a block in the working directory; what may be a part alone is completed."""
    if block.language == "sh":
        for line in block.code.replace("\\\n", " ").splitlines():
            run_line(shlex.split(line, comments=True), bench)
    elif block.language == "toml":
        whole = block.code if block.code.startswith("name") else HEAD + block.code
        parse_suite(whole, "a page")
    elif block.language == "python":
        exec(compile(block.code, "a page", "exec"), {"__name__": "page"})


def run_line(words: list[str], bench: Command) -> None:
    if words[0] == "bellman-bench":
        found = bench(*words[1:])
        assert found.status == 0, found.errors
        return
    assert words[0] == "python"
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
