"""The number of threads that operators on the CPU use. The names are torch's."""

from __future__ import annotations

from ._errors import check
from ._library import loaded


def set_num_threads(threads: int) -> None:
    """Sets the number of threads that an operator on the CPU may use, the caller's included.

    The number holds for the process and for children that it forks. Results do not depend on it. Small calls use the
    caller's thread only. ``torch.set_num_threads`` does not change this number.

    Args:
        threads: the number; 0 restores the default, which is the environment variable ``RAYON_NUM_THREADS`` where it is
            a positive number, else the number of processors that the process may use.

    Raises:
        ValueError: the number is negative.
    """
    library = loaded()
    check(library, library.trts_set_threads(threads))


def get_num_threads() -> int:
    """The number of threads that an operator on the CPU may use, the caller's included."""
    threads: int = loaded().trts_threads()
    return threads
