"""The library's statuses as Python exceptions."""

from __future__ import annotations

import ctypes
import os

from ._declarations import Operator


class BadIndexError(IndexError):
    """An element of index or indptr is out of range, or is not sorted although it must be. Nothing was written."""

    def __init__(self, text: str, position: int, value: int) -> None:
        super().__init__(text)
        #: The row-major position of the first bad element in index or indptr.
        self.position = position
        #: Its value.
        self.value = value

    def __reduce__(self) -> tuple[type[BadIndexError], tuple[str, int, int]]:
        # A worker process pickles its exception for its parent.
        return BadIndexError, (str(self), self.position, self.value)

    def of(self, operator: Operator) -> BadIndexError:
        """The same error, with a message that says what a Python caller can do."""
        has_index = "index" in (declared.name for declared in operator.inputs)
        if not has_index or str(self).startswith("indptr"):
            return self
        remedy = (
            "; inside `with tensorrt_scatter.unchecked():` elements with an index out of range are left out instead"
        )
        return BadIndexError(f"{self}{remedy}", self.position, self.value)


class ExportError(RuntimeError):
    """`export` gives no file. The one at its path is as it was."""

    def __init__(self, path: str | os.PathLike[str], attempts: tuple[str, ...]) -> None:
        super().__init__(
            "\n  ".join([f"{os.fspath(path)} is not written: no exporter gives what the model computes", *attempts])
        )
        self.path = path
        #: Each exporter that was tried, with the reason why its result is not taken.
        self.attempts = attempts

    def __reduce__(self) -> tuple[type[ExportError], tuple[str | os.PathLike[str], tuple[str, ...]]]:
        # A worker process pickles its exception for its parent.
        return ExportError, (self.path, self.attempts)


_OK = 0
_INVALID_ARGUMENT = 1
_BAD_INDEX = 2
_OUT_OF_MEMORY = 3


def check(library: ctypes.CDLL, status: int) -> None:
    """Raises the exception for the status of a C ABI call, if the call failed.

    Raises:
        BadIndexError: TRTS_BAD_INDEX.
        ValueError: TRTS_INVALID_ARGUMENT.
        MemoryError: TRTS_OUT_OF_MEMORY, of the host or of a device.
        RuntimeError: every other status.
    """
    if status == _OK:
        return
    text = library.trts_last_error().decode()
    if status == _BAD_INDEX:
        position, value = ctypes.c_int64(), ctypes.c_int64()
        library.trts_last_bad_index(ctypes.byref(position), ctypes.byref(value))
        raise BadIndexError(text, position.value, value.value)
    if status == _INVALID_ARGUMENT:
        raise ValueError(text)
    if status == _OUT_OF_MEMORY:
        raise MemoryError(text)
    raise RuntimeError(text)
