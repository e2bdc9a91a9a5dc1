"""The report as its reader meets it: in a browser, by keyboard, on a telephone, in the dark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis import write_report
from harness.core.records import write_record
from harness.core.storage.record_files import RecordFiles
from tests.support.records.control import make_run
from tests.support.web.browser import Browser, chromium
from tests.support.web.pages import ROOT

pytestmark = pytest.mark.slow  # it starts a browser

RESULTS = ROOT / "results"
STUDIES = ("quickstart", "theory-regression")  # returns at one size, and gaps against predictors
MOST_BYTES = 2_000_000
MOST_MILLISECONDS = 1000
HOSTILE = "a/</script><img src=x onerror='window.hacked = 1'>&<!--"
ENTER, ESCAPE, RIGHT, DOWN = "\ue007", "\ue00c", "\ue014", "\ue015"
ROWS = "#comparison tbody tr"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports of committed studies; none is made where no browser would open it."""
    assert browser
    folder = tmp_path_factory.mktemp("pages")
    return {name: write_report(RESULTS / name, folder / name) for name in STUDIES}


@pytest.fixture
def page(browser: Browser, pages: dict[str, Path]) -> Browser:
    """The browser with the quickstart's report open in it, as wide as a desk has it."""
    browser.prefer("light")
    browser.resize(1280)
    browser.open(pages["quickstart"])
    return browser


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest, page: Browser, pages: dict[str, Path]) -> Browser:
    page.open(pages[request.param])
    return page


def column(page: Browser, name: str) -> list[str]:
    """The texts of a column of the comparison, in the rows that are shown."""
    headers = page.texts("#comparison th")
    return page.texts(f"{ROWS} td:nth-child({headers.index(name) + 1})")


def test_it_opens_within_a_second_and_asks_for_nothing(
    page: Browser, pages: dict[str, Path]
) -> None:
    assert pages["quickstart"].stat().st_size < MOST_BYTES
    page.requests()
    took = []
    for _ in range(4):  # of which the quickest tells the page from what else the machine does
        page.open(pages["quickstart"])
        took.append(page.run("return performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(took) < MOST_MILLISECONDS
    assert {address.partition(":")[0] for address in page.requests()} == {"file", "data"}
    assert page.complaints() == []
    assert page.texts(".verdict")[0].startswith("In 2 of 2 pairs of dataset and learner")


def test_it_shows_what_the_table_says(page: Browser) -> None:
    told = {
        f"{row.arm}, {row.dataset}, size {row['size']}, learner {row.learner}: return "
        f"{row['return']:.1f} [{row.return_low:.1f}, {row.return_high:.1f}], {row.seeds} seeds"
        for _, row in pd.read_csv(RESULTS / "quickstart" / "tables" / "comparison.csv").iterrows()
    }
    labels = page.run(
        "return [...document.querySelectorAll('.marks a')].map(a => a.getAttribute('aria-label'))"
    )
    assert set(labels) == told
    assert len(labels) == len(told)


def test_a_column_is_sorted_by_keyboard(page: Browser) -> None:
    before = [float(text) for text in column(page, "return")]
    header = page.find("#comparison th[data-name='return']")
    page.run("arguments[0].querySelector('button').focus()", header)
    for order, backwards in (("ascending", False), ("descending", True)):
        page.press(ENTER)
        assert [float(text) for text in column(page, "return")] == sorted(before, reverse=backwards)
        assert header.get_attribute("aria-sort") == order
        assert page.texts("#comparison [role=status]") == [
            f"12 of 12 rows, sorted by return, {order}"
        ]
    page.find("#comparison th[data-name='arm'] button").click()
    assert column(page, "arm") == sorted(column(page, "arm"))
    assert header.get_attribute("aria-sort") == "none"


def test_one_choice_serves_curves_and_table(page: Browser) -> None:
    assert len(page.find_all("figure")) == 2
    page.find("select[name=learner] option[value=fqi]").click()
    assert set(column(page, "learner")) == {"fqi"}
    assert page.texts("figcaption") == ["classic/cartpole/medium-v0, size 50, learner fqi"]
    page.find("#choices input[value=random]").click()
    assert "random" not in column(page, "arm")
    assert len(page.find_all(".marks a")) == len(page.texts(ROWS)) == 5
    page.find("#choices select option:last-child").click()
    assert page.texts("figure svg [aria-label='x-axis label']")[-1].startswith("gradient steps")
    assert len(page.find_all(".marks a")) == 5 * 8  # checkpoints
    assert "at the checkpoints that all seeds of an arm share" in page.texts("#curves-caption")[0]
    page.find("#choices .arms button:last-child").click()
    assert page.texts(ROWS) == []
    assert page.texts("#panels") == ["No marks for these choices."]


def test_a_mark_shows_its_numbers_and_leads_to_its_runs(page: Browser) -> None:
    page.run("document.querySelector('.marks a').focus()")
    page.press(RIGHT, DOWN)
    assert page.texts(".tip") == [
        "stratified, classic/cartpole/medium-v0, size 50, learner dqn"
        "return 52.2 [9.4, 115.3], 5 seeds"
    ]
    page.press(ENTER)
    stored = RecordFiles(RESULTS / "quickstart").find(
        "classic-cartpole-medium-v0__stratified__n50__dqn__seed4"
    )
    assert stored is not None
    assert page.texts("#runs tbody td:nth-child(2)") == ["0", "1", "2", "3", "4"]
    page.find("#runs tbody tr:last-child button").click()
    page.wait_for("#record-text")
    (text,) = page.texts("#record-text")
    assert json.loads(text) == json.loads(stored.line)
    assert page.violations() == []
    page.press(ESCAPE)
    assert page.texts("#runs") == []
    assert page.run("return document.activeElement.getAttribute('aria-label')").startswith("strat")


def test_a_pointer_near_a_mark_shows_its_numbers(page: Browser) -> None:
    page.point_at(page.find(".marks a"), aside=6)
    assert page.texts(".tip")[0].endswith("return 493.5 [448.2, 500.0], 5 seeds")


def test_a_row_of_all_rows_leads_to_runs_without_a_size(page: Browser) -> None:
    page.find(f"{ROWS} button").click()
    assert page.texts("#runs-heading") == ["full, classic/cartpole/medium-v0, size 50, learner dqn"]
    assert page.texts("#runs tbody td:nth-child(2)") == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_against_it(study: Browser, scheme: str) -> None:
    study.prefer(scheme)
    study.run("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    assert study.violations() == []
    assert study.complaints() == []


def test_a_telephone_scrolls_tables_alone(study: Browser) -> None:
    study.resize(360)
    study.driver.refresh()
    assert study.run("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    assert "size" not in study.texts("#comparison th")  # which is the same in all rows
    assert len(study.texts("figure"))


def test_paper_has_no_buttons(page: Browser) -> None:
    page.tell("Emulation.setEmulatedMedia", media="print")
    assert page.texts("#choices") == []
    assert len(page.texts(ROWS)) == 12
    page.tell("Emulation.setEmulatedMedia", media="")


def test_without_scripts_tables_remain(
    page: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["quickstart"].read_text(encoding="utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(re.sub("<script>.*?</script>", "", text, flags=re.DOTALL), encoding="utf-8")
    page.open(bare)
    assert len(page.texts(ROWS)) == 12
    assert page.texts("#choices") == page.texts("#curves") == []


def test_a_large_study_opens_on_its_first_dataset(page: Browser, tmp_path: Path) -> None:
    for dataset in "abcdefg":
        for size in (None, 10, 20):
            arm = "full" if size is None else "random"
            write_record(tmp_path, make_run([50.0], dataset=dataset, arm=arm, size=size))
    page.open(write_report(tmp_path))
    assert page.texts("figcaption") == ["a, learner fqi"]
    assert set(column(page, "dataset")) == {"a"}
    page.find("select[name=dataset] option").click()
    assert len(page.texts("figcaption")) == 7
    assert page.texts(".verdict")[0].startswith("In 7 of 7 pairs of dataset and learner")


def test_names_are_text(page: Browser, tmp_path: Path) -> None:
    for seed in range(2):
        for dataset in (HOSTILE, "b"):
            for size, value in ((10, 1.0), (20, 2.0)):
                write_record(
                    tmp_path,
                    make_run([value, value], dataset=dataset, arm="random", size=size, seed=seed),
                )
    page.open(write_report(tmp_path))
    assert page.run("return window.hacked") is None
    assert column(page, "dataset")[:2] == [HOSTILE, HOSTILE]
    assert page.texts("figcaption")[0] == f"{HOSTILE}, learner fqi"
    assert [option.text for option in page.find_all("select[name=dataset] option")][1] == HOSTILE
    page.find(f"{ROWS} button").click()
    assert page.texts("#runs-heading") == [f"random, {HOSTILE}, size 10, learner fqi"]
    assert page.complaints() == []
