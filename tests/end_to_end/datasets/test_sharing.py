"""Sets are shared with a card, pushed to a hub of this machine, and loaded from it elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import minari
import pytest
from minari.storage.hosting import list_remote_datasets

from envs.formats.minari.upload import check_pushable
from harness import load_dataset, load_results
from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.tasks.saving import load_origin
from tests.support.commands import Command
from tests.support.web.hub import TOKEN, Hub, serve_hub

constants = pytest.importorskip("huggingface_hub.constants")  # of the extra remote

SET = Path(__file__).parents[3] / "results" / "sets" / "cartpole-medium-50.npz"
SHARED = "sets/cartpole-50-v0"
ME = "hf://me"
PUSH = ("--licence", "mit", "--remote", ME)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Minari datasets without any."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "here"))
    return tmp_path / "here"


@pytest.fixture
def hub(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub of no repositories, to which the user is logged in."""
    own = root.parent
    (own / "hub").mkdir()
    with serve_hub(own / "hub") as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        files = "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + files)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(own / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(own / "nobody"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.delenv("BELLMAN_BENCH_OFFLINE")
        yield Hub


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refusal(bench: Command, *words: str | Path) -> str:
    """Return the one line with which a command is refused."""
    found = bench("share", *words)
    assert found.status == 2, found.output
    line = found.errors.splitlines()[-1]
    assert line.startswith("error: ")
    return line


def test_a_shared_set_is_the_same_elsewhere(
    hub: type[Hub], bench: Command, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = bench("share", SET, "--output", SHARED, *PUSH)
    assert pushed.status == 0, pushed.errors
    assert f"pushed: MINARI_REMOTE={ME} loads {SHARED} anywhere" in pushed.output
    repository = hub.folder / "sets"
    assert json.loads((repository / "namespace_metadata.json").read_text())["datasets"] == [SHARED]
    assert "cartpole-50-v0/README.md" in files_in(repository)

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("MINARI_REMOTE", ME)
    found, (expected, about) = load_dataset(SHARED), Transitions.load(SET)
    assert found.action_count == expected.action_count
    for name in ARRAY_NAMES:
        given, wanted = getattr(found, name), getattr(expected, name)
        assert given.dtype == wanted.dtype
        assert given.tobytes() == wanted.tobytes(), name
    origin = load_origin(SHARED)
    assert origin.keys() < about.keys()
    assert origin == {name: about[name] for name in origin}
    assert {"method", "parameters", "seed", "source_hash", "discount"} <= origin.keys()
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "by-minari"))
    assert minari.load_dataset(SHARED, download=True).total_steps == 50
    places = (root, tmp_path / "elsewhere", tmp_path / "by-minari")
    for name in ("README.md", "data/main_data.hdf5"):
        assert len({(place / SHARED / name).read_bytes() for place in places}) == 1


def test_a_name_that_is_taken_is_refused_and_the_next_version_is_not(
    hub: type[Hub], bench: Command, root: Path
) -> None:
    assert bench("share", SET, "--output", SHARED, *PUSH).status == 0
    pushed = files_in(hub.folder)
    again = refusal(bench, SHARED, "--remote", ME)
    assert f"dataset '{SHARED}' exists on {ME} already" in again
    assert "choose another version" in again
    assert files_in(hub.folder) == pushed
    following = "sets/cartpole-50-v1"
    assert bench("share", SET, "--output", following, *PUSH).status == 0
    registered = json.loads((hub.folder / "sets" / "namespace_metadata.json").read_text())
    assert sorted(registered["datasets"]) == [SHARED, following]
    assert (root / following / "README.md").is_file()


def test_without_a_token_nothing_is_asked_or_written(
    hub: type[Hub], bench: Command, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert "run `hf auth login`" in refusal(bench, SET, "--output", SHARED, *PUSH)
    assert hub.asked == []
    assert files_in(root) == set()


@pytest.mark.usefixtures("hub")
def test_without_a_network_nothing_is_written(
    bench: Command, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "connect to the network" in refusal(bench, SET, "--output", SHARED, *PUSH)
    assert files_in(root) == set()


def test_a_token_that_may_not_write_is_said(
    hub: type[Hub], bench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN[::-1])
    line = refusal(bench, SET, "--output", SHARED, *PUSH)
    assert f"remote '{ME}' refuses the token" in line
    assert files_in(hub.folder) == set()


@pytest.mark.parametrize("broken", ["/commit/", "/preupload/", "/repos/create", "/resolve/"])
def test_an_upload_that_fails_half_way_is_repeated_as_it_says(
    hub: type[Hub], bench: Command, root: Path, broken: str
) -> None:
    hub.broken = broken
    line = refusal(bench, SET, "--output", SHARED, *PUSH)
    assert ("the dataset is whole on this machine" in line) == (broken != "/resolve/")
    assert len(load_dataset(SHARED)) == 50
    assert ("not in its list" in line) == (broken == "/resolve/")
    hub.broken = ""
    remedy = line.partition("by bellman-bench ")[2].split()
    assert bench(*remedy).status == 0
    assert {f"{SHARED}/{name}" for name in files_in(root / SHARED)} <= files_in(hub.folder)
    assert SHARED in list_remote_datasets(ME)


def test_a_remote_that_can_be_none_is_refused(bench: Command, root: Path) -> None:
    for remote in ("me", "gcp://me", "hf://me/sets"):
        words = (SET, "--output", SHARED, "--licence", "mit", "--remote", remote)
        assert "write it as hf://NAME" in refusal(bench, *words)
    assert "--offline forbids" in refusal(bench, SET, "--output", SHARED, *PUSH)
    with pytest.raises(InputError, match="has a namespace, as in mine/walks-v0"):
        check_pushable("walks-v0", ME)
    assert files_in(root) == set()


@pytest.mark.usefixtures("root")
def test_the_card_says_what_is_known(bench: Command, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    written = bench("share", SET, "--output", SHARED, "--licence", "CC-BY-4.0")
    assert written.status == 0, written.errors
    path = tmp_path / "here" / SHARED / "README.md"
    card = DatasetCard(path.read_text(encoding="utf-8"))
    listed = vars(card.data)
    assert listed["license"] == "cc-by-4.0"
    assert "dataset-distillation" in listed["tags"]
    assert listed["task_categories"] == ["reinforcement-learning"]
    for fact in (
        "50 weighted transitions",
        "They carry `advantage` labels",
        "- dataset: `classic/cartpole/medium-v0`",
        "- environment: `CartPole-v1`",
        "- mean return of the random policy: 20.45",
        "`stratified with advantage labels` with seed 0 and discount 0.99",
        f'minari.load_dataset("{SHARED}", download=True)',
    ):
        assert fact in card.text, fact
    assert "## Certificate" not in card.text
    assert "## Returns" not in card.text

    path.write_text(path.read_text(encoding="utf-8") + "\nBy hand.\n", encoding="utf-8")
    assert bench("share", SHARED).status == 0
    assert path.read_text(encoding="utf-8").endswith("\nBy hand.\n")
    assert bench("share", SHARED, "--licence", "mit").status == 0
    assert path.read_text(encoding="utf-8").startswith("---\nlicense: mit\n")


@pytest.mark.usefixtures("root")
def test_a_licence_is_said_or_stated_by_the_source(bench: Command, tmp_path: Path) -> None:
    line = refusal(bench, SET, "--output", SHARED)
    assert "give --licence" in line
    assert "identifier" in refusal(bench, SET, "--output", SHARED, "--licence", "as you like")
    assert bench("share", SET, "--output", SHARED, "--licence", "odbl").status == 0
    few = tmp_path / "few.npz"
    bench("distill", SHARED, "--method", "random", "--size", "5", "--output", few)
    assert bench("share", few, "--output", "sets/few-v0").status == 0
    card = (tmp_path / "here" / "sets" / "few-v0" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: odbl\n")


@pytest.mark.usefixtures("root")
def test_what_is_no_set_is_refused(bench: Command, tmp_path: Path) -> None:
    said = ("--licence", "mit")
    assert "give its new id as --output" in refusal(bench, SET, *said)
    assert "leave --output out" in refusal(bench, SHARED, "--output", "sets/other-v0", *said)
    assert f"dataset '{SHARED}' is not below" in refusal(bench, SHARED, *said)
    expected = Transitions.load(SET)[0]
    expected.save(tmp_path / "bare.npz", {})
    line = refusal(bench, tmp_path / "bare.npz", "--output", SHARED, *said)
    assert "does not say how it was made" in line
    points = tmp_path / "points.npz"
    bench("distill", "regression/diabetes", "--method", "random", "--size", "9", "--output", points)
    assert "is a regression set" in refusal(bench, points, "--output", SHARED, *said)
    assert files_in(tmp_path / "here") == set()


SUITE = """
name = "small"
description = "Two arms, trained in closed form."
datasets = ["rows.npz"]
sizes = [40]
seeds = [0, 1]
episodes = 2
reducers = ["full", { name = "stratified", labels = "advantage" }]
learners = [{ name = "linear-fqi", parameters = { feature_count = 20, iterations = 5 } }]
"""


@pytest.mark.usefixtures("cartpole")
def test_certificate_and_returns_are_those_of_this_set(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, folder, path = "rows.npz", Path("runs"), Path("set.npz")
    whole = ("classic/cartpole/medium-v0", "--method", "random", "--size", "600")
    bench("distill", *whole, "--output", source)
    Path("small.toml").write_text(SUITE)
    assert bench("run", "small.toml", "--results", folder).status == 0
    bench(
        *("distill", source, "--method", "stratified", "--labels", "advantage", "--size", "40"),
        *("--seed", "1", "--output", path),
    )
    said = ("--licence", "mit", "--against", source, "--results", folder)
    written = bench("share", path, "--output", "own/small-v0", *said)
    assert written.status == 0, written.errors
    card = Path(written.output.partition(": ")[2].partition(", ")[0], "README.md").read_text()

    certified = bench("certify", path, "--against", source).output
    assert f"```text\n{certified}```" in card
    assert bench("certify", "own/small-v0", "--against", source).output == certified

    runs = load_results(folder)
    (own,) = runs[(runs["method"] == "stratified") & (runs["seed"] == 1)]["headline"]
    full = runs[runs["method"] == "full"]["headline"].mean()
    (row,) = (line for line in card.splitlines() if line.startswith("| linear-fqi"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["linear-fqi", "5", "1", f"{own:.1f}", "2", f"{full:.1f}"]

    line = refusal(bench, SET, "--output", "own/other-v0", "--licence", "mit", "--results", folder)
    assert "no run was trained on this set" in line
