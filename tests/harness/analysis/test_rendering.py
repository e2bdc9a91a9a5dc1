import io
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from harness.analysis import comparison, render
from harness.analysis.metrics.returns.comparison import COLUMNS
from harness.core.errors import InputError
from harness.core.records import RunRecord
from tests.support.written import number, read_latex, read_markdown

MakeRun = Callable[..., RunRecord]
MakeSuite = Callable[..., list[RunRecord]]


@pytest.fixture
def awkward(suite: MakeSuite, run: MakeRun) -> pd.DataFrame:
    """A table with signs, gaps, and a dataset whose name needs escaping in every format."""
    return comparison([*suite(seeds=3), run([-0.01], dataset="my_data|50%, a&b.npz", size=7)])


@pytest.mark.parametrize(
    ("format", "read"),
    [("markdown", read_markdown), ("latex", read_latex)],
    ids=["markdown", "latex"],
)
def test_readable_formats_hold_the_table(
    awkward: pd.DataFrame, format: str, read: Callable[[str], pd.DataFrame]
) -> None:
    cells = read(render(awkward, format, COLUMNS))
    for key in ("dataset", "learner", "arm"):
        assert cells[key].tolist() == awkward[key].tolist()
    for key in ("size", "seeds", "failed"):
        assert cells[key].astype(int).tolist() == awkward[key].tolist()
    for key, decimals in (("return", 1), ("score", 2), ("retention", 2)):
        expected = pytest.approx(awkward[key].tolist(), abs=0.51 * 10**-decimals, nan_ok=True)
        assert cells[key].map(number).tolist() == expected
        shown = cells.loc[awkward[key].notna(), key]
        assert shown.str.fullmatch(rf"-?\d+\.\d{{{decimals}}}").all()
    for key in ("reduction", "training"):
        expected = pytest.approx(awkward[f"seconds_{key}"].tolist(), rel=0.005)
        assert cells[f"{key} (s)"].map(number).tolist() == expected


@pytest.mark.parametrize(
    ("format", "read"),
    [("markdown", read_markdown), ("latex", read_latex)],
    ids=["markdown", "latex"],
)
def test_readable_intervals_hold_their_ends(
    awkward: pd.DataFrame, format: str, read: Callable[[str], pd.DataFrame]
) -> None:
    cells = read(render(awkward, format, COLUMNS))
    for key, tolerance in (("return", 0.051), ("score", 0.0051)):
        ends = cells[f"{key} interval"].str.extract(r"^\[(\S+), (\S+)\]$").astype(float)
        expected = awkward[[f"{key}_low", f"{key}_high"]].to_numpy()
        np.testing.assert_allclose(ends.to_numpy(), expected, atol=tolerance, rtol=0)
        assert (cells.loc[awkward[f"{key}_low"].isna(), f"{key} interval"] == "–").all()


def test_markdown_is_aligned(awkward: pd.DataFrame) -> None:
    lines = render(awkward, "markdown", COLUMNS).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_a_rounded_zero_has_no_sign(awkward: pd.DataFrame) -> None:
    assert not read_markdown(render(awkward, "markdown", COLUMNS))["return"].eq("-0.0").any()


def test_latex_is_a_booktabs_tabular(awkward: pd.DataFrame) -> None:
    text = render(awkward, "latex", COLUMNS)
    columns = len(awkward.columns) - 2  # an interval takes one column, not two
    rules = [text.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert text.startswith(r"\begin{tabular}")
    assert rules == sorted(rules)
    assert {line.count(" & ") for line in text.splitlines() if " & " in line} == {columns - 1}


def test_csv_keeps_full_precision(awkward: pd.DataFrame) -> None:
    text = render(awkward, "csv", COLUMNS)
    types = {name: column.dtype for name, column in COLUMNS.items()}
    exact = {name: number for name, kind in types.items() if kind == "float64"}
    parsed = pd.read_csv(io.StringIO(text), converters=exact).astype(types)
    pd.testing.assert_frame_equal(parsed, awkward, check_exact=True)


def test_an_unknown_format_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown format 'markdwn'.*did you mean 'markdown'"):
        render(comparison([]), "markdwn", COLUMNS)
