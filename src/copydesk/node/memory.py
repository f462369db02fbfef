"""The allocator of the process, set up for large columns that come and go.

What lives here: `keep_freed_memory`.
What it may touch: the C library.
Always true: a matter of speed only; where the C library is another one, nothing happens.
Start reading: `keep_freed_memory`.

A fan-out to 100,000 copy traders makes some forty temporary columns. By default glibc gives each
of them back to the system when it is freed and takes fresh pages for the next: thousands of page
faults per lead fill. Told to keep what was freed, it makes none.
"""

import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = -3, -1, -2, -8
_LARGEST_COLUMN = 32 << 20  # the most that glibc lets MMAP_THRESHOLD be
_KEEP = 1 << 30
_AHEAD = 64 << 20


def keep_freed_memory() -> bool:
    """Let freed memory stay with the process; False where the C library knows nothing of it."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = (
        (_MMAP_THRESHOLD, _LARGEST_COLUMN),
        (_TRIM_THRESHOLD, _KEEP),
        (_TOP_PAD, _AHEAD),
        (_ARENA_MAX, 1),  # the engine thread shares the arena that keeps
    )
    return all(tuple(mallopt(name, value) == 1 for name, value in settings))
