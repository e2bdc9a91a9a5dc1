"""Compiled code that is kept on disk is that of the source as it is now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.computing.compiling import check_compiler_installed
from harness.core.errors import InputError

CALLED = """
from harness.core.computing.compiling import compiled

@compiled
def called(x):
    return x + {added}
"""
CALLING = """
from called import called
from harness.core.computing.compiling import compiled

@compiled
def calling(x):
    return called(x)

print(calling(1.0), sum(calling.stats.cache_hits.values()))
"""


def run_calling(folder: Path, added: float, **environment: str) -> tuple[float, int]:
    """Write both modules unless they are there, and return what is computed, and cache hits."""
    (folder / "called.py").write_text(CALLED.format(added=added))
    if not (folder / "calling.py").exists():
        (folder / "calling.py").write_text(CALLING)
    found = subprocess.run(
        [sys.executable, "calling.py"],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("NUMBA")},
            "PYTHONPATH": str(Path(__file__).parents[4]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    value, hits = found.stdout.split()
    return float(value), int(hits)


def test_a_change_of_what_is_called_in_another_file_is_noticed(tmp_path: Path) -> None:
    assert run_calling(tmp_path, 1.0) == (2, 0)
    assert run_calling(tmp_path, 1.0) == (2, 1)
    assert run_calling(tmp_path, 10.0) == (11, 0)


def test_it_compiles_where_nothing_can_be_kept(tmp_path: Path) -> None:
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}  # of which none is given
    assert run_calling(tmp_path, 1.0, **nowhere) == (2, 0)
    assert run_calling(tmp_path, 1.0, **nowhere) == (2, 0)


def test_a_compiler_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 2.3 or less')")
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"engine 'fast' needs Numba.*NumPy 2\.3.*that fit"):
        check_compiler_installed("engine 'fast'")
