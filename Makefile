# Every target does its own set-up: a virtual environment with pinned packages.
PYTHON ?= python3
JOBS ?= 2
RESULTS ?= results/local/quickstart

BIN := .venv/bin
INSTALLED := .venv/.installed
INSTALLED_ALL := .venv/.installed-all
PYTEST := $(BIN)/python -m pytest

.PHONY: bench test test-fast coverage check benchmarks docs

bench: $(INSTALLED)
	$(BIN)/bellman-bench collect classic/cartpole/medium-v0
	$(BIN)/bellman-bench run quickstart --results $(RESULTS) --jobs $(JOBS)
	$(BIN)/bellman-bench table $(RESULTS)
	$(BIN)/bellman-bench plot $(RESULTS)

# Everything: the methods of the optional coreax, physics engines and the documentation included.
test: $(INSTALLED_ALL)
	$(PYTEST) --numprocesses $(JOBS) --dist loadfile

# For the change at hand: nothing that starts processes, trains or searches for long.
test-fast: $(INSTALLED)
	$(PYTEST) --numprocesses $(JOBS) --dist loadfile -m 'not slow and not benchmark'

# Which lines the fast tests run; fails below the floor in pyproject.toml.
coverage: $(INSTALLED)
	$(PYTEST) --numprocesses $(JOBS) --dist loadfile -m 'not slow and not benchmark' --cov

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

benchmarks: $(INSTALLED_ALL)
	$(PYTEST) -m benchmark -rP tests/benchmarks

# The site, in build/site, with notebooks of the examples; a link that leads nowhere fails it.
docs: $(INSTALLED_ALL)
	$(BIN)/python docs/tools/reference.py
	$(BIN)/python docs/tools/views.py docs/studies/*.md
	$(BIN)/python -m mkdocs build --strict

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(INSTALLED_ALL): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[benchmarks,box2d,docs,mujoco]'
	touch $@
