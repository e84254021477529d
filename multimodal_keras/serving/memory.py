"""Give freed memory back: many threads, and now and then a large picture or body."""

from __future__ import annotations

import ctypes
import os
import sys

# Parameters of glibc's mallopt, see mallopt(3).
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
# Below Pillow's blocks, which are just under 16 MB.
ARENAS, LARGE_BYTES = 2, 12 * 2**20


def bound_memory() -> bool:
    """Let glibc share two heaps among all threads, and give large blocks back at once.

    By default it has eight heaps for each core, every one of which keeps what its largest request once needed: a server's
    memory grows for hours, as if it leaked. Whoever sets `MALLOC_ARENA_MAX` has chosen otherwise.

    Returns:
        Whether it was done; it is not without glibc.
    """
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_ARENA_MAX, ARENAS)) and bool(mallopt(_MMAP_THRESHOLD, LARGE_BYTES))
