# Every target does its own set-up: a virtual environment with pinned packages.
PYTHON ?= python3
JOBS ?= 2
RESULTS ?= results/local/quickstart

BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_BENCHMARKS := .venv/.installed-benchmarks

.PHONY: bench test check benchmarks

bench: $(INSTALLED)
	$(BIN)/bellman-bench collect classic/cartpole/medium-v0
	$(BIN)/bellman-bench run quickstart --results $(RESULTS) --jobs $(JOBS)
	$(BIN)/bellman-bench table $(RESULTS)
	$(BIN)/bellman-bench plot $(RESULTS)

test: $(INSTALLED)
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

benchmarks: $(INSTALLED_BENCHMARKS)
	$(BIN)/python -m pytest -m benchmark -rP tests/benchmarks

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(INSTALLED_BENCHMARKS): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[benchmarks]'
	touch $@
