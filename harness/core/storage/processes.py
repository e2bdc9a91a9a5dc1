"""Processes that share a results folder: who is still there."""

from __future__ import annotations

import os
import platform
import re
from typing import Final

HOST: Final = re.sub(r"[^A-Za-z0-9]+", "-", platform.node()) or "localhost"
EXPIRY: Final = 60.0  # seconds without a sign of life after which a process counts as gone


def is_gone(host: str, pid: int, silence: float) -> bool:
    """Tell whether a process has ended, given the seconds since its last sign of life.

    On this host the process itself is looked for; of others only the silence is known.
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
