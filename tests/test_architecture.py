"""Who may import whom, and what must not be imported by what is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path for name in ("harness", "envs", "baselines") for path in (ROOT / name).rglob("*.py")
)

# The modules, mostly one, that may import each of these.
HOMES = {
    "d3rlpy": {"harness/learners/d3rlpy_backend.py"},
    "minari": {"envs/minari_store.py", "envs/minari_root.py", "envs/minari_remote.py"},
    "h5py": {"envs/minari_hdf5.py", "envs/d4rl.py"},
    "typer": {
        "harness/cli.py",
        "harness/commands/datasets.py",
        "harness/commands/results.py",
        "harness/commands/suites.py",
        "harness/commands/terminal.py",
    },
    "coreax": {"baselines/coresets.py"},
    "distributed": {"harness/cluster.py"},
}
# Modules below a prefix must not import modules below the others.
FORBIDDEN = {
    "harness/transitions.py": ("envs", "baselines", "harness.execution.runner", "harness.suites"),
    "harness/records.py": ("envs", "baselines", "harness.execution.runner", "harness.suites"),
    "harness/specs.py": ("envs", "baselines", "harness.execution.runner", "harness.suites"),
    "harness/distillation/": (
        "envs",
        "baselines",
        "harness.execution.runner",
        "harness.suites",
        "gymnasium",
    ),
    "harness/learners/": (
        "envs",
        "baselines",
        "harness.execution.runner",
        "harness.suites",
        "gymnasium",
    ),
    "baselines/": (
        "envs",
        "harness.execution.runner",
        "harness.suites",
        "harness.learners",
        "gymnasium",
    ),
    "envs/": (
        "baselines",
        "harness.execution.runner",
        "harness.suites",
        "harness.learners",
        "torch",
    ),
    "harness/runner.py": (
        "harness.tasks.builtin",
        "harness.suites",
        "harness.distillation",
        "baselines",
    ),
    "harness/analysis/": (
        "envs",
        "baselines",
        "harness.execution.runner",
        "harness.suites",
        "torch",
    ),
}


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def imports(path: Path, package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in imported_names(path))


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_library_has_one_home(package: str) -> None:
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if imports(path, package)}
    assert users == HOMES[package]


@pytest.mark.parametrize("prefix", FORBIDDEN)
def test_imports_go_one_way(prefix: str) -> None:
    members = [path for path in SOURCES if path.relative_to(ROOT).as_posix().startswith(prefix)]
    assert members
    for path in members:
        for package in FORBIDDEN[prefix]:
            assert not imports(path, package), f"{path} imports {package}"


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import harness; harness.Transitions", "torch d3rlpy gymnasium minari pandas matplotlib"),
        ("import harness; harness.distill", "torch d3rlpy gymnasium minari pandas matplotlib"),
        ("import harness.cli", "torch d3rlpy gymnasium minari pandas matplotlib scipy"),
        ("import harness.analysis", "torch d3rlpy gymnasium minari"),
        ("import harness.tasks.builtin", "torch d3rlpy gymnasium minari"),
    ],
)
def test_light_imports_stay_light(statement: str, absent: str) -> None:
    code = f"{statement}; import sys; print(*(set({absent.split()}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""


def test_nothing_is_unpickled() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for risk in (
            "import pickle",
            "allow_pickle=True",
            "torch.load(",
            "load_learnable",
            "eval(",
        ):
            assert risk not in text, f"{path} uses {risk}"
