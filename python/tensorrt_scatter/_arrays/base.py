"""The interface between the operators and an array library."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .._c_abi import CPU
from .._declarations import FLOATS, Declared, Role


@dataclasses.dataclass(frozen=True)
class View:
    """A row-major array in memory: the caller's array, or a row-major copy of it."""

    address: int
    dtype: str
    shape: tuple[int, ...]
    #: The object that owns the memory.
    owner: Any
    #: True if the memory is the caller's array and may be written to.
    is_array: bool


class Arrays(abc.ABC):
    """The arrays of one call. They come from one library and are on one device."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        devices = {name: self.device_of(name, array) for name, array in arrays.items()}
        (first, device), *others = devices.items()
        for name, other in others:
            if other != device:
                raise ValueError(
                    f"{first} is on {_device(device)}, but {name} on {_device(other)}; give them one device"
                )
        #: The number of the CUDA device, or ``CPU``.
        self.device = device

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which the device is the library's current device."""
        return contextlib.nullcontext()

    @property
    def stream(self) -> int:
        """The CUstream on which the call works."""
        return 0

    @staticmethod
    @abc.abstractmethod
    def takes(array: Any) -> bool:
        """True if the object is an array of this library."""

    @abc.abstractmethod
    def device_of(self, name: str, array: Any) -> int:
        """The number of an array's CUDA device, or ``CPU``.

        Raises:
            ValueError: the array is on another kind of device.
        """

    @abc.abstractmethod
    def view(self, declared: Declared, array: Any) -> View:
        """The memory of an array if it is row-major; otherwise the memory of a row-major copy.

        Raises:
            TypeError: the array has information beside its memory, such as a mask.
            ValueError: the argument cannot have the array's type, layout or device.
        """

    @abc.abstractmethod
    def empty(self, shape: Sequence[int], like: Any) -> Any:
        """A new row-major array of the type of ``like``. Its elements are not initialized."""

    @abc.abstractmethod
    def scratch(self, count: int) -> View:
        """Device memory of ``count`` bytes that lives until the call ends."""

    @abc.abstractmethod
    def store(self, out: Any, result: Any) -> Any:
        """Copies the result into ``out`` and returns ``out``. Returns the result if ``out`` cannot be written to."""

    def written(self, out: Any) -> Any:
        """Returns ``out`` after a call wrote to its memory. A library that counts writes is told here."""
        return out

    def finish(self, result: Any) -> Any:
        """Turns an array of :meth:`empty`, or ``out``, into what the caller gets."""
        return result


#: For a type without kernels: the types to convert to. The message names the first that the argument can have.
_WIDER = {
    "bool": ("int32", "float32"),
    "int8": ("int32", "float32"),
    "uint8": ("int32", "float32"),
    "int16": ("int32", "float32"),
    "uint16": ("int32", "float32"),
    "uint32": ("int64", "float64"),
    "uint64": ("int64", "float64"),
    "int32": ("float32",),
    "int64": ("float32",),
    "float128": ("float64",),
    "longdouble": ("float64",),
}


def checked_dtype(declared: Declared, dtype: str, conversion: str) -> str:
    """Returns ``dtype`` if the argument can have it.

    Args:
        declared: The argument.
        dtype: Its type.
        conversion: The expression by which the library converts an array, with `{name}` and `{dtype}` in it.

    Raises:
        ValueError: the argument cannot have the type. The message says what to convert to.
    """
    if dtype in declared.types:
        return dtype
    wider = ("float32",) if dtype.startswith(("float8", "float6", "float4")) else _WIDER.get(dtype, ())
    if declared.role is Role.WEIGHTS:
        wider = declared.types
    taken = next((each for each in wider if each in declared.types), None)
    remedy = "" if taken is None else f": convert it, by {conversion.format(name=declared.name, dtype=taken)}"
    expected = " or ".join(filter(None, (", ".join(declared.types[:-1]), declared.types[-1])))
    if declared.types == FLOATS:
        expected = f"a floating-point type, {expected}"
    raise ValueError(f"{declared.name} has dtype {dtype}; expected {expected}{remedy}")


def _device(device: int) -> str:
    return "the CPU" if device == CPU else f"CUDA device {device}"
