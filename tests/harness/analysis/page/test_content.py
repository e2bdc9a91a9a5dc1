"""What is put into the report's page, against the records and the tables."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import write_report
from harness.analysis.page import content
from harness.analysis.page.content import as_json, page_content
from harness.analysis.tables import Tables
from harness.core.records import RunRecord, read_records, write_record
from tests.support.records.control import REFERENCES, make_run, make_suite

HOSTILE = "</script><img src=x onerror=alert(1)> & '\"<!--"


def content_of(folder: Path, records: list[RunRecord]) -> dict[str, Any]:
    for record in records:
        write_record(folder, record)
    return page_content(Tables.read(folder))


def decoded(columns: dict[str, Any], name: str) -> list[str]:
    return [columns[name]["words"][code] for code in columns[name]["codes"]]


def test_learning_curves_are_what_the_records_say(tmp_path: Path) -> None:
    runs = [make_run([1.0, 3.0 * seed], seed=seed) for seed in range(3)]
    (chart,) = (
        chart for chart in content_of(tmp_path, runs)["charts"] if chart["against"] == "step"
    )
    assert chart["rows"]["across"] == [500, 1000]
    assert chart["rows"]["value"] == [1.0, 3.0]  # means of 1 1 1, and of 0 3 6
    assert chart["rows"]["count"] == [3, 3]
    assert chart["rows"]["told"][0] == "1.0 [1.0, 1.0]"


def test_a_choice_lists_what_tables_show_in_their_order(tmp_path: Path) -> None:
    found = content_of(tmp_path, make_suite(seeds=1))
    keys = {key["name"]: key["values"] for key in found["keys"]}
    assert keys == {
        "dataset": [*sorted(REFERENCES), "all datasets"],
        "size": ["50", "200"],
        "learner": ["dqn", "fqi"],
    }
    assert {chart["title"] for chart in found["charts"]} >= {"Return", "Score"}


def test_every_record_is_taken_along_as_it_is_stored(tmp_path: Path) -> None:
    packed = content_of(tmp_path, make_suite(seeds=1))["records"]
    lines = gzip.decompress(base64.b64decode(packed)).decode().splitlines()
    assert [RunRecord.model_validate_json(line) for line in lines] == list(read_records(tmp_path))


def test_too_many_records_stay_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MOST_RECORD_BYTES", 100)
    assert content_of(tmp_path, [make_run([1.0])])["records"] is None


def test_failures_and_replicates_are_listed_where_there_are_any(tmp_path: Path) -> None:
    plain = content_of(tmp_path / "plain", [make_run([1.0], seed=seed) for seed in range(2)])
    assert not {"failure", "replicate"} & plain["runColumns"].keys()
    mixed = content_of(tmp_path / "mixed", [make_run([1.0], replicate=1), make_run(None, seed=1)])
    assert mixed["runs"]["failure"] == [None, "ValueError: diverged"]
    assert mixed["runs"]["replicate"] == [1, 0]
    assert mixed["runs"]["headline"] == [1.0, None]


@pytest.mark.parametrize("text", [HOSTILE, "\u2028 é"])
def test_json_in_a_page_is_read_as_it_was_and_ends_no_element(text: str) -> None:
    written = as_json({"name": text})
    assert json.loads(written) == {"name": text}
    assert "<" not in written


def test_a_page_loads_nothing_and_names_are_text(tmp_path: Path) -> None:
    for seed in range(2):
        write_record(tmp_path, make_run([1.0], dataset=HOSTILE, seed=seed))
    page = write_report(tmp_path).read_text(encoding="utf-8")
    markup = page.split("<script")[0]
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64,|#)', markup) == []
    assert "default-src 'none'" in html.unescape(markup)
    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert page.count("<script") == page.count("</script>") == 4
    for licence in ("Mike Bostock", "Observable, Inc."):
        assert licence in page
