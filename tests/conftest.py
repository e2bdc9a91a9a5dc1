from __future__ import annotations

from collections.abc import Iterator

import pytest

from envs import Dataset, open_dataset


@pytest.fixture(scope="session", autouse=True)
def minari_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the datasets that tests collect out of the user's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        yield


@pytest.fixture(scope="session")
def cartpole() -> Dataset:
    return open_dataset("classic/cartpole/medium-v0")
