"""NumPy's arrays. Their bfloat16 is that of ml_dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._c_abi import CPU
from .._declarations import Declared
from .base import Arrays, View, checked_dtype

#: The expression that converts an array with NumPy's methods.
CONVERSION = "{name}.astype('{dtype}')"


class NumpyArrays(Arrays):
    """NumPy's arrays."""

    @staticmethod
    def takes(array: Any) -> bool:
        return isinstance(array, np.ndarray)

    def device_of(self, name: str, array: Any) -> int:
        return CPU

    def view(self, declared: Declared, array: Any) -> View:
        name = declared.name
        dtype = checked_dtype(declared, array.dtype.name, CONVERSION)
        if name == "out" and not array.flags.writeable:
            raise ValueError("out is read-only; give an array that can be written to")
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array; give one without a mask, as {name}.filled(...) makes")
        # A dtype of either byte order has the same name.
        native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        row_major = np.require(native, requirements=["C", "ALIGNED"])
        address = row_major.__array_interface__["data"][0]
        return View(address, dtype, row_major.shape, row_major, is_array=row_major is array)

    def empty(self, shape: Sequence[int], like: Any) -> Any:
        return np.empty(shape, like.dtype.newbyteorder("="))

    def scratch(self, count: int) -> View:
        raise NotImplementedError("the CPU needs no workspace")

    def store(self, out: Any, result: Any) -> Any:
        out[...] = result
        return out
