from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from minari.storage import remotes
from minari.storage.remotes.cloud_storage import CloudStorage

from envs.formats.minari.remote import download
from envs.formats.minari.store import is_stored, read_recording, stored_ids
from harness.core.errors import InputError
from tests.support.web.hub import serve_hub

DATASET = "made/by-hand-v0"
KNOWN = ["classic/cartpole/medium-v0"]
PROJECT = Path(__file__).parents[4]


class NotFound(Exception):  # noqa: N818
    """Named as Google's library names it."""


class FolderStorage(CloudStorage):  # type: ignore[misc]
    """A remote that is a folder of datasets, with which things go wrong."""

    folder: ClassVar[Path]
    asked: ClassVar[list[str]]
    trouble: ClassVar[Exception | None]

    def __init__(self, name: str, token: str | None = None) -> None:  # noqa: ARG002
        self.asked.append(f"connect {name}")

    def get_dataset_metadata(self, dataset_id: str) -> dict[str, Any]:
        path = self.folder / dataset_id / "data" / "metadata.json"
        if not path.exists():
            raise NotFound(f"404 {dataset_id}")
        content: dict[str, Any] = json.loads(path.read_text())
        return content

    def download_dataset(self, dataset_id: str, path: Path) -> None:
        self.asked.append(dataset_id)
        data = path / dataset_id / "data"
        data.mkdir(parents=True)
        for source in sorted((self.folder / dataset_id / "data").iterdir(), reverse=True):
            shutil.copy(source, data)
            if self.trouble is not None:  # half of it is there
                raise self.trouble

    def list_datasets(self, prefix: str | None = None) -> Iterable[str]:  # noqa: ARG002
        return []

    list_namespaces = list_datasets

    def upload_dataset(self, dataset_id: str) -> None: ...

    def upload_namespace(self, namespace: str) -> None: ...

    def download_namespace_metadata(self, namespace: str, path: Path) -> None: ...


@pytest.fixture
def remote(
    write_minari: Callable[..., str],
    sound_episode: dict[str, Any],
    empty_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> type[FolderStorage]:
    """A remote that holds one dataset; the root holds none."""
    write_minari(sound_episode, sound_episode, dataset_id=DATASET)
    empty_root.rename(tmp_path / "remote")
    empty_root.mkdir()
    FolderStorage.folder, FolderStorage.asked = tmp_path / "remote", []
    FolderStorage.trouble = None
    monkeypatch.setitem(remotes._registry, "folder", lambda: FolderStorage)
    monkeypatch.setenv("MINARI_REMOTE", "folder://made")
    monkeypatch.delenv("BELLMAN_BENCH_OFFLINE", raising=False)
    return FolderStorage


def refusal(root: Path, dataset_id: str = DATASET) -> str:
    """Return the one line with which a download is refused, which leaves nothing behind."""
    with pytest.raises(InputError) as caught:
        download(dataset_id, KNOWN)
    assert list(root.iterdir()) == []
    message = str(caught.value)
    assert "\n" not in message
    return message


def edit_metadata(remote: type[FolderStorage], **changes: Any) -> None:
    path = remote.folder / DATASET / "data" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.usefixtures("remote")
def test_a_download_is_the_dataset_and_nothing_else(
    empty_root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "bellman_bench"):
        assert download(DATASET, KNOWN) == empty_root / DATASET
    assert len(read_recording(DATASET)) == 6
    assert stored_ids() == [DATASET]
    hidden = [path for path in empty_root.rglob("*") if path.name.startswith(".")]
    assert hidden == []
    for path in (tmp_path / "remote" / DATASET / "data").iterdir():
        assert (empty_root / DATASET / "data" / path.name).read_bytes() == path.read_bytes()
    assert f"downloading {DATASET} of 0." in caplog.text
    assert "MB from folder://made" in caplog.text


@pytest.mark.usefixtures("remote")
def test_an_unknown_dataset_is_refused_with_what_could_be_meant(empty_root: Path) -> None:
    message = refusal(empty_root, "classic/cartpole/medum-v0")
    assert "unknown dataset 'classic/cartpole/medum-v0'" in message
    assert "did you mean 'classic/cartpole/medium-v0'" in message
    assert "folder://made has no such dataset" in message
    assert str(empty_root) in message


@pytest.mark.parametrize("value", ["1", "true"])
def test_offline_nothing_is_asked(
    remote: type[FolderStorage],
    empty_root: Path,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BELLMAN_BENCH_OFFLINE", value)
    message = refusal(empty_root)
    assert "--offline forbids" in message
    assert str(empty_root) in message
    assert remote.asked == []


@pytest.mark.parametrize(
    ("trouble", "rule"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "must be writable and have free space"),
        (ConnectionResetError("reset\nby peer"), "connect to the network"),
        (RuntimeError("anything"), "cannot be read (RuntimeError: anything)"),
        (NotFound("404"), "has no such dataset"),
    ],
    ids=["disk full", "cut off", "other", "gone"],
)
def test_a_download_that_fails_half_way_leaves_nothing(
    remote: type[FolderStorage], empty_root: Path, trouble: Exception, rule: str
) -> None:
    remote.trouble = trouble
    assert rule in refusal(empty_root)
    assert remote.asked[-1] == DATASET


KILLED = """
import os, signal
from minari.storage import remotes
from envs.formats.minari.remote import download
from tests.envs.formats.minari.test_remote import FolderStorage

class Killed(FolderStorage):
    folder, asked = __import__("pathlib").Path(os.environ["FOLDER"]), []

    @property
    def trouble(self):
        os.kill(os.getpid(), signal.SIGKILL)

remotes._registry["folder"] = lambda: Killed
download("made/by-hand-v0", [])
"""


@pytest.mark.usefixtures("remote")
def test_what_a_killed_download_leaves_is_no_dataset_and_goes_with_the_next(
    empty_root: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "FOLDER": str(tmp_path / "remote")}
    done = subprocess.run([sys.executable, "-c", KILLED], check=False, env=environment, cwd=PROJECT)
    assert done.returncode == -signal.SIGKILL
    assert len(list(empty_root.glob(".downloading-*/made/by-hand-v0/data/*"))) == 1
    assert stored_ids() == []
    assert not is_stored(DATASET)
    download(DATASET, KNOWN)
    assert len(read_recording(DATASET)) == 6
    assert sorted(path.name for path in empty_root.iterdir()) == ["made"]


def test_of_many_who_ask_at_once_one_downloads(remote: type[FolderStorage]) -> None:
    with ThreadPoolExecutor(4) as executor:
        paths = list(executor.map(lambda _: download(DATASET, KNOWN), range(4)))
    assert len(set(paths)) == 1
    assert remote.asked.count(DATASET) == 1


def test_what_does_not_fit_is_not_begun(remote: type[FolderStorage], empty_root: Path) -> None:
    edit_metadata(remote, dataset_size=1e12)
    message = refusal(empty_root)
    assert "of 1,000,000,000,000.0 MB does not fit" in message
    assert DATASET not in remote.asked


def test_a_version_that_cannot_be_read_is_not_begun(
    remote: type[FolderStorage], empty_root: Path
) -> None:
    edit_metadata(remote, minari_version="0.1.0")
    assert "was made by Minari 0.1.0" in refusal(empty_root)
    assert DATASET not in remote.asked


def test_metadata_alone_are_no_dataset(remote: type[FolderStorage], empty_root: Path) -> None:
    (remote.folder / DATASET / "data" / "main_data.hdf5").unlink()
    assert "has only its metadata" in refusal(empty_root)


@pytest.mark.usefixtures("remote")
def test_a_folder_that_is_no_dataset_stays_as_it_is(empty_root: Path) -> None:
    mine = empty_root / DATASET / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(InputError, match="move or delete the folder"):
        download(DATASET, KNOWN)
    assert mine.read_text() == "mine"
    assert not is_stored(DATASET)


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize("dataset_id", ["../by-hand-v0", "made/../../x-v0", "/etc", ".hidden/x-v0"])
def test_ids_that_lead_out_of_the_root_are_refused(empty_root: Path, dataset_id: str) -> None:
    assert f"dataset id {dataset_id!r}" in refusal(empty_root, dataset_id)


@pytest.mark.parametrize("name", ["hf://farama-minari", "nowhere", "ftp://x"])
@pytest.mark.usefixtures("remote")
def test_a_remote_that_cannot_be_asked_is_named(
    empty_root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_REMOTE", name)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.delitem(sys.modules, "minari.storage.remotes.huggingface", raising=False)
    message = refusal(empty_root)
    assert name in message
    assert ("bellman-bench[remote]" in message) == name.startswith("hf")


ASK_HUB = """
import sys
from envs.formats.minari.remote import download
from envs.formats.minari.store import read_recording
from harness.core.errors import InputError

for dataset_id in sys.argv[1:]:
    try:
        download(dataset_id, ["a-v0"])
        print(len(read_recording(dataset_id)), "rows")
    except InputError as error:
        print(error)
"""


def ask_hub(address: str, root: Path, *dataset_ids: str) -> list[str]:
    """Download with the hub's own library, which reads its address when it is imported."""
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(root.parent / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", ASK_HUB, *dataset_ids],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **settings, "MINARI_REMOTE": "hf://farama-minari", "no_proxy": "*"},
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(find_spec("huggingface_hub") is None, reason="needs the extra remote")
def test_the_hub_serves_what_it_holds(remote: type[FolderStorage], empty_root: Path) -> None:
    with serve_hub(remote.folder) as address:
        found = ask_hub(address, empty_root, DATASET, "made/nothing-v0", "nobody/x-v0")
    assert found[0] == "6 rows"
    assert all("hf://farama-minari has no such dataset" in line for line in found[1:])
    (unreachable,) = ask_hub(address, empty_root, "made/other-v0")
    assert "connect to the network" in unreachable
    assert str(empty_root) in unreachable
    assert sorted(path.name for path in empty_root.iterdir()) == ["made"]
