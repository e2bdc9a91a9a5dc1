"""The distribution: built, installed beside nothing else of this checkout, and run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envs.embedded.train import SETTINGS
from harness.suites.shipped import shipped_suites

ROOT = Path(__file__).parent.parent
PACKAGES = ("harness", "envs", "baselines")
BUILD = "import setuptools.build_meta as build; print(build.build_{kind}({folder!r}))"


def run(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def build(kind: str, source: Path, folder: Path) -> Path:
    done = run(sys.executable, "-c", BUILD.format(kind=kind, folder=str(folder)), cwd=source)
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made of a source distribution, as an installer makes it."""
    copied, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for package in PACKAGES:
        without_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copied / package, ignore=without_caches)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copied)
    shutil.unpack_archive(build("sdist", copied, built), built)
    (unpacked,) = (path for path in built.iterdir() if path.is_dir())
    return build("wheel", unpacked, built)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean environment, which has the libraries of this one."""
    place = tmp_path_factory.mktemp("clean")
    assert run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place).returncode == 0
    (packages,) = place.glob("lib/python*/site-packages")
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries), encoding="utf-8")
    python = place / "bin" / "python"
    done = run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"),
        *("--no-index", "--force-reinstall", wheel),
        cwd=place,
    )
    assert done.returncode == 0, done.stderr
    return place / "bin"


@pytest.mark.slow
def test_the_wheel_holds_all_that_is_no_code(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"harness/suites/{name}.toml" for name in shipped_suites()} <= names
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {f"envs/embedded/weights/{name}.json" for name in SETTINGS} <= names
    assets = (ROOT / "harness" / "analysis" / "page" / "assets").rglob("*.*")
    assert {path.relative_to(ROOT).as_posix() for path in assets} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if ".dist-info" not in top} == set(PACKAGES)


@pytest.mark.slow
@pytest.mark.usefixtures("cartpole")
def test_an_installed_wheel_runs_the_smoke_suite(installed: Path, tmp_path: Path) -> None:
    listed = run(installed / "bellman-bench", "list", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "quickstart" in listed.stdout
    where = run(installed / "python", "-c", "import harness; print(harness.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(installed.parent), where
    done = run(
        *(installed / "bellman-bench", "run", "smoke", "--results", "smoke", "--jobs", "2"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "12 runs done, 0 failed" in done.stdout


@pytest.mark.parametrize("package", ["envs", "baselines"])
def test_another_package_of_our_name_fails_loudly(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    code = "import sys; sys.path.insert(0, sys.argv[1]); import harness"
    done = run(sys.executable, "-c", code, tmp_path, cwd=ROOT)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert re.match(rf"ImportError: package '{package}' is '{tmp_path}", last)
    assert "rename it" in last


def test_another_harness_fails_loudly(tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").touch()
    code = "import sys; sys.path.insert(0, sys.argv[1]); from harness import distill"
    done = run(sys.executable, "-c", code, tmp_path, cwd=ROOT)
    assert done.returncode == 1
    assert "cannot import name 'distill' from 'harness'" in done.stderr.splitlines()[-1]


def test_an_empty_folder_of_our_name_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    code = "import sys; sys.path.insert(0, sys.argv[1]); import harness; harness.load_dataset"
    assert run(sys.executable, "-c", code, tmp_path, cwd=ROOT).returncode == 0
