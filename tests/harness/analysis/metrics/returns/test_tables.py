from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from harness.analysis import caption, comparison, write_tables
from harness.core.records import RunRecord, write_record
from tests.support.written import read_markdown

MakeRun = Callable[..., RunRecord]


def test_only_the_comparison_is_written_where_there_is_nothing_to_compare(
    tmp_path: Path, run: MakeRun
) -> None:
    write_record(tmp_path, run([1.0]))
    assert {path.stem for path in write_tables(tmp_path)} == {"comparison"}


def test_replicates_add_a_table_of_variance(tmp_path: Path, run: MakeRun) -> None:
    for seed, replicate in product(range(2), range(2)):
        write_record(tmp_path, run([1.0 + seed], seed=seed, replicate=replicate))
    assert {path.stem for path in write_tables(tmp_path)} == {"comparison", "variance"}


def test_replicates_count_as_their_mean(run: MakeRun) -> None:
    values = {0: [1.0, 5.0], 1: [4.0, 8.0], 2: [10.0, 20.0]}
    replicated = [
        run([value], seed=seed, replicate=turn)
        for seed, found in values.items()
        for turn, value in enumerate(found)
    ]
    averaged = [run([sum(found) / 2], seed=seed) for seed, found in values.items()]
    pd.testing.assert_frame_equal(comparison(replicated), comparison(averaged))
    assert "2 learner seeds on each reduction" in caption(replicated)
    assert "learner seeds" not in caption(averaged)


def test_the_new_tables_say_seeds_data_and_protocol(
    tmp_path: Path, records: Sequence[RunRecord]
) -> None:
    for record in records:
        write_record(tmp_path, record)
    for path in write_tables(tmp_path):
        if path.suffix == ".md" and path.stem != "comparison":
            line, _, table = path.read_text().partition("\n\n")
            for part in ("seeds 0–4", "5000 gradient steps", "discount 0.99", "medium-v0 10000"):
                assert part in line
            rows = pd.read_csv(path.with_suffix(".csv"))
            assert len(read_markdown(table)) == len(rows) > 0


def test_a_caption_says_what_a_codebook_costs(run: MakeRun) -> None:
    plain = run([1.0])
    assert plain.result is not None
    facts = {"codes": 32.0, "variance_share": 0.00125}
    dataset = plain.result.dataset.model_copy(update={"quantisation": facts})
    result = plain.result.model_copy(update={"dataset": dataset})
    coded = plain.model_copy(update={"result": result})
    assert "numbered by 32 codes, which lose 0.12% of their variance" in caption([coded])
    assert "codes" not in caption([plain])
