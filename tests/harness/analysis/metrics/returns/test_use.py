"""The table of regret and agreement: what it averages, and when there is one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.analysis import write_tables
from harness.analysis.metrics.returns.use import compare_use
from harness.core.records import RunRecord, RunResult, Use, write_record

MakeRun = Callable[..., RunRecord]


def judged(record: RunRecord, regret: float, agreement: float) -> RunRecord:
    assert isinstance(record.result, RunResult)
    use = Use(regret=regret, agreement=agreement)
    return record.model_copy(update={"result": record.result.model_copy(update={"use": use})})


def test_there_is_a_table_where_records_have_a_certificate(tmp_path: Path, run: MakeRun) -> None:
    write_record(tmp_path, run([1.0], arm="random", size=10))
    assert {path.stem for path in write_tables(tmp_path)} == {"comparison"}
    write_record(tmp_path, judged(run([1.0], arm="random", size=10, seed=1), 0.5, 0.75))
    assert {path.stem for path in write_tables(tmp_path)} == {"comparison", "use"}
    table = pd.read_csv(tmp_path / "tables" / "use.csv")
    assert table[["arm", "size", "seeds", "regret", "agreement"]].to_numpy().tolist() == [
        ["random", 10, 1, 0.5, 0.75]
    ]
    text = (tmp_path / "tables" / "use.md").read_text()
    assert "over the median gap between its best and its worst action" in text


def test_each_is_an_interquartile_mean_over_seeds(run: MakeRun) -> None:
    rng = np.random.default_rng(0)
    regrets, agreements = rng.random(8), rng.random(8)
    runs = [
        judged(run([1.0], arm="random", size=10, seed=seed), *pair)
        for seed, pair in enumerate(zip(regrets, agreements, strict=True))
    ]
    row = compare_use([*runs, run(None, arm="random", size=10, seed=8)]).iloc[0]
    assert row["seeds"] == 8
    for name, values in (("regret", regrets), ("agreement", agreements)):
        assert row[name] == pytest.approx(np.sort(values)[2:6].mean())
        assert values.min() <= row[f"{name}_low"] < row[name] < row[f"{name}_high"] <= values.max()


def test_full_stands_beside_every_size_and_replicates_count_as_their_mean(run: MakeRun) -> None:
    runs = [judged(run([1.0], seed=seed), 0.1, 0.9) for seed in range(2)]
    runs += [
        judged(run([1.0], arm="random", size=size, seed=seed, replicate=turn), turn, 0.5)
        for size, seed, turn in product((10, 20), range(2), range(2))
    ]
    table = compare_use(reversed(runs))
    assert table[["size", "arm", "seeds"]].to_numpy().tolist() == [
        [10, "full", 2],
        [10, "random", 2],
        [20, "full", 2],
        [20, "random", 2],
    ]
    assert table["regret"].tolist() == pytest.approx([0.1, 0.5, 0.1, 0.5])
