# Every target does its own set-up: a virtual environment with pinned packages.
PYTHON ?= python3
JOBS ?= 2
RESULTS ?= results/local/quickstart

BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_BENCHMARKS := .venv/.installed-benchmarks
PYTEST := $(BIN)/python -m pytest

.PHONY: bench test test-fast check benchmarks

bench: $(INSTALLED)
	$(BIN)/bellman-bench collect classic/cartpole/medium-v0
	$(BIN)/bellman-bench run quickstart --results $(RESULTS) --jobs $(JOBS)
	$(BIN)/bellman-bench table $(RESULTS)
	$(BIN)/bellman-bench plot $(RESULTS)

# Everything, the methods of the optional coreax included.
test: $(INSTALLED_BENCHMARKS)
	$(PYTEST) --numprocesses $(JOBS) --dist loadfile

# For the change at hand: nothing that starts processes, trains or searches for long.
test-fast: $(INSTALLED)
	$(PYTEST) --numprocesses $(JOBS) --dist loadfile -m 'not slow and not benchmark'

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

benchmarks: $(INSTALLED_BENCHMARKS)
	$(PYTEST) -m benchmark -rP tests/benchmarks

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(INSTALLED_BENCHMARKS): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	touch $@
