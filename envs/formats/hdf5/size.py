"""A check that an HDF5 file can contain the arrays it claims, before memory is allocated."""

from __future__ import annotations

import math
from typing import Any

_MOST_COMPRESSED = 1100  # maximum compression ratio; deflate's limit is 1032


def fits_in_file(stored: Any, file_size: int) -> bool:
    """Whether an array's values fit in its file.

    If they were never written, or damage has enlarged a shape, HDF5 returns fill values.

    Args:
        stored: h5py's low-level handle, ``dataset.id``.
        file_size: Bytes of the whole file.
    """
    room = min(int(stored.get_storage_size()), file_size)
    packed = _MOST_COMPRESSED if stored.get_create_plist().get_nfilters() else 1
    claimed: int = math.prod(stored.shape) * stored.dtype.itemsize
    return claimed <= packed * room
