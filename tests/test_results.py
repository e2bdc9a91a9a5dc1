"""The committed results: the tables and pages follow from the committed records."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from harness.analysis import Tables, embed, write_tables
from harness.core.errors import InputError
from harness.core.records import read_records
from harness.core.transitions import Transitions
from harness.execution.cache import unpack_reduction
from harness.execution.kept_sets import INDEX
from harness.suites.loading import load_suite

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "results" / "published"
RESULTS = sorted({path.parent for path in (ROOT / "results").glob("*/records*")})
FINISHED = [folder for folder in RESULTS if (folder / "tables").exists()]


def claims_of(study: str) -> Path:
    return PUBLISHED / f"arxiv-2512.00536{'-tiers' if study == 'paper-rl-tiers' else ''}.toml"


@pytest.mark.parametrize("folder", FINISHED, ids=lambda folder: folder.name)
def test_tables_regenerate_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("tables", "figures"))
    judged = (folder / "tables" / "claims.md").exists()
    written = write_tables(copy, claims_of(folder.name) if judged else None)
    committed = {path.name for path in (folder / "tables").iterdir() if path.suffix != ".tex"}
    assert committed <= {path.name for path in written}
    for name in committed:
        assert (copy / "tables" / name).read_bytes() == (folder / "tables" / name).read_bytes()


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_results_hold_the_runs_of_their_suite(folder: Path) -> None:
    found = {record.run_id: record for record in read_records(folder)}
    expected = {spec.run_id: spec for spec in load_suite(folder.name).runs()}
    page = (ROOT / "docs" / "studies" / f"{folder.name}.md").read_text(encoding="utf-8")
    assert found.keys() == expected.keys()
    for run_id, record in found.items():
        assert record.spec == expected[run_id]
        assert record.status == "completed" or f"`{run_id}`" in page  # a failure is told
        assert record.provenance.dirty is False


def test_a_page_reads_every_committed_figure_and_table() -> None:
    """A page shows a figure, links to a table in markdown, or takes a view of one in CSV."""
    command = ["git", "ls-files", "results/*/figures/*", "results/*/tables/*"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    files = listed.stdout.split()
    if not files:
        pytest.skip("not a checkout: what is committed cannot be told from what was written anew")
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    views = re.findall(r"<!-- begin view (\S+)/(\S+)", text)
    viewed = {f"results/{study}/tables/{name}.csv" for study, name in views}
    assert [file for file in files if file not in viewed and file not in text] == []


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("results/*/sets.zip")), ids=lambda p: p.parent.name
)
def test_kept_sets_are_those_that_the_runs_trained_on(path: Path) -> None:
    hashes = {
        record.spec.set_id: record.result.reduction.content_hash
        for record in read_records(path.parent)
        if record.result
    }
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist()) - {INDEX}
        assert names
        for name in names:
            kept = unpack_reduction(archive.read(name), Transitions)
            assert kept.rows.content_hash() == hashes[Path(name).stem]


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("README.md", "quickstart"),
        ("docs/studies/paper-rl.md", "paper-rl verdict"),
        ("docs/studies/paper-rl-d3rlpy.md", "paper-rl-d3rlpy verdict"),
        ("docs/studies/paper-rl-tiers.md", "paper-rl-tiers verdict"),
    ],
)
def test_pages_show_what_the_records_say(page: str, name: str) -> None:
    study = name.split()[0]
    blocks = Tables.read(ROOT / "results" / study, claims_of(study)).blocks("markdown")
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"<!-- begin {name} -->\n{blocks[name]}<!-- end {name} -->" in text


def test_a_table_is_put_between_its_marks_alone(tmp_path: Path) -> None:
    text = tmp_path / "text.md"
    text.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n")
    embed(text, "a", "new\\1\n")
    assert text.read_text() == "before\n<!-- begin a -->\nnew\\1\n<!-- end a -->\nafter\n"
    with pytest.raises(InputError, match="begin b"):
        embed(text, "b", "new\n")
    with pytest.raises(InputError, match="no file"):
        embed(tmp_path / "absent.md", "a", "new\n")
