"""One thread for numerical work: of every library, and only for as long as it is asked for."""

from __future__ import annotations

import subprocess
import sys

LIMITED = """
from threadpoolctl import threadpool_info, threadpool_limits
from harness.core.computing.threads import one_thread

def threads():
    return {library["num_threads"] for library in threadpool_info()}

import numpy
with threadpool_limits(2), one_thread():
    assert threads() == {1}
before = len(threadpool_info())
import scipy.linalg
assert len(threadpool_info()) > before, "SciPy brings a library of its own"
with threadpool_limits(2):
    with one_thread():
        assert threads() == {1}
    assert threads() == {2}
"""


def test_every_library_uses_one_thread_also_one_that_was_loaded_later() -> None:
    """In a process of its own, for this one has loaded what it will."""
    subprocess.run([sys.executable, "-c", LIMITED], check=True, timeout=60)
