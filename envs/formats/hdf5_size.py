"""Whether an HDF5 file has room for what it claims, asked before memory is given away."""

from __future__ import annotations

import math
from typing import Any

_MOST_COMPRESSED = 1100  # times; deflate's limit is 1032


def fits_in_file(stored: Any, file_size: int) -> bool:
    """Tell whether an array's values can be in its file.

    Where they were never written, or damage has enlarged a shape, HDF5 makes them up.

    Args:
        stored: h5py's low-level handle, ``dataset.id``.
        file_size: Bytes of the whole file.
    """
    room = min(int(stored.get_storage_size()), file_size)
    packed = _MOST_COMPRESSED if stored.get_create_plist().get_nfilters() else 1
    claimed: int = math.prod(stored.shape) * stored.dtype.itemsize
    return claimed <= packed * room
