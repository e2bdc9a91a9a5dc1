"""Liveness of processes that share a results folder."""

from __future__ import annotations

import os
import platform
import re
from typing import Final

HOST: Final = re.sub(r"[^A-Za-z0-9]+", "-", platform.node()) or "localhost"
EXPIRY: Final = 60.0  # seconds without a heartbeat after which a process counts as dead


def is_gone(host: str, pid: int, silence: float) -> bool:
    """Whether a process has ended, given the seconds since its last heartbeat.

    On this host the process itself is looked up; of other hosts only the silence is known.
    """
    return silence > EXPIRY or (host == HOST and not _exists(pid))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
