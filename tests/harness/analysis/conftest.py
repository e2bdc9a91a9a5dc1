"""Synthetic records for every test of the analysis."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.core.records import RunRecord
from tests.support.records.control import make_run, make_suite
from tests.support.records.regression import make_study, make_theory


@pytest.fixture
def run() -> Callable[..., RunRecord]:
    return make_run


@pytest.fixture
def suite() -> Callable[..., list[RunRecord]]:
    return make_suite


@pytest.fixture(scope="session")
def records() -> tuple[RunRecord, ...]:
    return tuple(make_suite())


@pytest.fixture(scope="session")
def trials() -> tuple[RunRecord, ...]:
    return tuple(make_study())


@pytest.fixture(scope="session")
def theory() -> tuple[RunRecord, ...]:
    return tuple(make_theory())
