"""What the report's page is given: curves, runs and records, in the words of its tables."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.columns import Columns, percent
from harness.analysis.figures.styles import arm_styles
from harness.analysis.metrics.base import Chart
from harness.analysis.metrics.returns.comparison import ALL_DATASETS
from harness.analysis.metrics.returns.signal import without_controls
from harness.analysis.metrics.verdicts import written
from harness.analysis.rendering import readable
from harness.analysis.results import results_frame
from harness.analysis.tables import Tables
from harness.core.storage.record_files import RecordFiles

KEYS = ("dataset", "size", "learner", "judge")  # columns to choose by, beside the arm
RUN_COLUMNS = {  # of the list of runs, and their headings
    "seed": "seed",
    "replicate": "replicate",
    "status": "status",
    "failure": "failure",
    "headline": "",  # the metric's name
    "score": "score",
    "rows": "rows",
    "seconds_reduction": "reduction (s)",
    "seconds_training": "training (s)",
}
MOST_RECORD_BYTES = 3_000_000  # of records that the page takes along; compressed it is a tenth
DASH_SCALE = 2.0  # of matplotlib's dashes, in line widths, to pixels


def page_content(tables: Tables) -> dict[str, Any]:
    """Say all that the page's scripts need, as JSON has it.

    Values are those of the tables; texts of keys are as tables write them, so that one choice
    serves both. What does not exist is None.
    """
    comparison, columns = tables.comparison.frame, tables.comparison.columns
    keys = [name for name in KEYS if name in columns]
    charts = [
        _chart(chart, tables, keys)
        for chart in tables.metric.charts
        if chart.is_drawn(tables.records)
    ]
    return {
        "keys": [
            {
                "name": name,
                "heading": columns[name].heading or name,
                "values": list(dict.fromkeys(map(columns[name].write, comparison[name]))),
            }
            for name in keys
        ],
        "arms": _arms(tables),
        "charts": [chart for chart in charts if chart["rows"]["across"]],
        "allDatasets": ALL_DATASETS,
        **_runs(tables, keys),
        "records": _records(tables.directory),
    }


def as_json(content: Mapping[str, Any]) -> str:
    """Write JSON that can stand inside an element of HTML, whatever its texts hold."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _arms(tables: Tables) -> list[dict[str, Any]]:
    """Say how each arm looks; controls, unless alone, are not shown at first, as in figures."""
    shown = {record.spec.reducer.label for record in without_controls(tables.records)}
    controls = {record.spec.reducer.label for record in tables.records} - shown
    return [
        {
            "name": arm,
            "isControl": arm in controls,
            "colour": style.colour,
            "marker": style.marker,
            "dash": "" if isinstance(style.line, str) else _dash(style.line[1]),
        }
        for arm, style in arm_styles(tables.comparison.frame["arm"]).items()
    ]


def _dash(lengths: Sequence[float]) -> str:
    return " ".join(f"{DASH_SCALE * length:g}" for length in lengths)


def _chart(chart: Chart, tables: Tables, keys: Sequence[str]) -> dict[str, Any]:
    """Say a chart: its axes, and by columns its rows, which have a value."""
    captioned = tables.comparison if chart.table is None else tables.read_table(chart.table)
    table, columns = captioned.frame, captioned.columns
    rows = table[np.isfinite(table[chart.value])]
    unit = "trials" if "trials" in rows else "seeds"
    return {
        "title": chart.title,
        "label": columns[chart.value].heading or chart.value,
        "axis": chart.axis,
        "caption": "" if chart.table is None else captioned.caption,  # else with the comparison
        "against": chart.against,
        "across": chart.across,
        "floor": chart.floor,
        "unit": unit,
        "isShare": columns[chart.value].write is percent,  # which tables write in percent
        "rows": {
            **_texts(rows, [*keys, "arm", chart.against], columns),
            "across": _numbers(rows[chart.against]),
            "value": _numbers(rows[chart.value]),
            "low": _numbers(rows[f"{chart.value}_low"]),
            "high": _numbers(rows[f"{chart.value}_high"]),
            "count": _numbers(rows[unit]),
            "told": [written(row, chart.value, columns) for _, row in rows.iterrows()],
        },
    }


def _runs(tables: Tables, keys: Sequence[str]) -> dict[str, Any]:
    """Say every run, with the columns by which rows find theirs."""
    keyed = tables.metric.runs(tables.records)
    against = [chart.against for chart in tables.metric.charts]
    known = [name for name in dict.fromkeys([*keys, "arm", *against]) if name in keyed]
    facts = results_frame(tables.records, "").set_index("run_id").loc[keyed["run_id"]]
    shown = [name for name in RUN_COLUMNS if _differs(facts[name])]
    return {
        "runKeys": known,
        "runColumns": {name: RUN_COLUMNS[name] or tables.metric.name for name in shown},
        "runs": {
            "run_id": keyed["run_id"].tolist(),
            **_texts(keyed, known, tables.comparison.columns),
            **{name: _values(facts[name]) for name in shown},
        },
    }


def _differs(column: pd.Series) -> bool:
    """Tell whether a column says anything: not all runs have scores, failures or replicates."""
    said = column.fillna(0).astype(bool) if column.name == "replicate" else column.notna()
    return bool(said.any())


def _values(column: pd.Series) -> list[Any]:
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column)
    return [None if pd.isna(text) else str(text) for text in column]


def _texts(rows: pd.DataFrame, names: Iterable[str], columns: Columns) -> dict[str, Any]:
    """Write columns as tables do, each as a list of words and the number of each row's word."""
    written_rows = readable(rows[list(dict.fromkeys(names))], columns)
    coded = {str(name): pd.factorize(column) for name, column in written_rows.items()}
    return {
        name: {"words": words.tolist(), "codes": codes.tolist()}
        for name, (codes, words) in coded.items()
    }


def _numbers(column: pd.Series) -> list[float | None]:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return [float(value) if np.isfinite(value) else None for value in values]


def _records(directory: Path) -> str | None:
    """Pack all records, as `bellman-bench pack` lays them out, if the page has room for them."""
    files = RecordFiles(directory)
    lines = [stored.line for stored in filter(None, map(files.find, files.run_ids()))]
    if sum(map(len, lines)) > MOST_RECORD_BYTES:
        return None
    return base64.b64encode(gzip.compress(b"\n".join(lines), mtime=0)).decode()
