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
    "d3rlpy": {f"harness/learners/{name}.py" for name in ("d3rlpy_backend", "fitted_q_evaluation")},
    "minari": {f"envs/formats/minari/{name}.py" for name in ("store", "root", "remote", "upload")},
    "h5py": {"envs/formats/minari/hdf5.py", "envs/formats/hdf5/d4rl.py"},
    "typer": {
        "harness/cli.py",
        *(
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "harness" / "commands").rglob("*.py")
            if path.stem not in ("__init__", "leaderboard", "pack", "report", "status")
        ),
    },
    "coreax": {f"baselines/{name}.py" for name in ("coreax_import", "herding", "recombination")},
    "distributed": {"harness/execution/dask.py"},
    "numba": {"harness/core/computing/compiling.py"},
    "mlflow": {"harness/execution/tracking/mlflow.py"},
    "wandb": {"harness/execution/tracking/wandb.py"},
    "pytest": {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "harness" / "testing").glob("*.py")
        if path.stem != "rows"
    },
}
MOST_MODULES = 14  # in one folder


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


def test_a_folder_can_be_overlooked() -> None:
    folders = {path.parent for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]}
    for folder in folders:
        assert len(list(folder.glob("*.py"))) <= MOST_MODULES, folder


def test_the_order_of_rooms_is_kept() -> None:
    """The contracts in pyproject.toml, as `make check` looks at them."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import harness; harness.Transitions",
            "torch d3rlpy gymnasium minari numba pandas matplotlib",
        ),
        (
            "import harness; harness.distill",
            "torch d3rlpy gymnasium minari numba pandas matplotlib",
        ),
        (
            "import harness; harness.load_results",
            "torch d3rlpy gymnasium minari numba pandas matplotlib",
        ),
        ("import harness.cli", "torch d3rlpy gymnasium minari numba pandas matplotlib scipy"),
        ("import harness.analysis", "torch d3rlpy gymnasium minari"),
        ("import harness.tasks.builtin", "numba torch d3rlpy gymnasium minari"),
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
