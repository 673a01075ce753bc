"""CuPy's arrays, on CuPy's current stream."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

from .._declarations import Declared
from .base import Arrays, View, checked_dtype
from .numpy_arrays import CONVERSION


class CupyArrays(Arrays):
    """CuPy's arrays."""

    @staticmethod
    def takes(array: Any) -> bool:
        cupy = sys.modules.get("cupy")
        return cupy is not None and isinstance(array, cupy.ndarray)

    def device_of(self, name: str, array: Any) -> int:
        if _cupy().cuda.runtime.is_hip:
            raise ValueError(f"{name} is an array of CuPy for ROCm; expected one on a CUDA device")
        return int(array.device.id)

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        device: contextlib.AbstractContextManager[Any] = _cupy().cuda.Device(self.device)
        return device

    @property
    def stream(self) -> int:
        return int(_cupy().cuda.get_current_stream().ptr)

    def view(self, declared: Declared, array: Any) -> View:
        dtype = checked_dtype(declared, array.dtype.name, CONVERSION)
        row_major = array if array.flags.c_contiguous else array.copy(order="C")
        return View(row_major.data.ptr, dtype, row_major.shape, row_major, is_array=row_major is array)

    def empty(self, shape: Sequence[int], like: Any) -> Any:
        return _cupy().empty(tuple(shape), like.dtype)

    def scratch(self, count: int) -> View:
        memory = _cupy().empty(count, "uint8")
        return View(memory.data.ptr, "uint8", (count,), memory, is_array=True)

    def store(self, out: Any, result: Any) -> Any:
        out[...] = result
        return out


def _cupy() -> Any:
    # The caller imported it: there was an array.
    return sys.modules["cupy"]
