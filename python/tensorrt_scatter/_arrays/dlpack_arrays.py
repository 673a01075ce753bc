"""Arrays of any library that has __dlpack__ or __cuda_array_interface__, such as JAX.

Such a library does not tell its current stream. So a call waits for its arguments, and for its result. It never writes
to the arrays. A result goes back through ``from_dlpack`` or ``asarray`` of the array API if the library has it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import _dlpack
from .._c_abi import CPU, Target
from .._declarations import Declared
from .._device_memory import SCRATCH, DeviceArray
from .._driver import device_of_address
from .._errors import check
from .._library import loaded
from .base import Arrays, View, checked_dtype
from .numpy_arrays import CONVERSION

#: The legacy default stream, for DLPack and for the driver. DLPack does not allow 0, which is ambiguous.
_DEFAULT_STREAM = 1


class DlpackArrays(Arrays):
    """Arrays of any library with DLPack or the CUDA array interface."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        super().__init__(arrays)
        self._first = next(iter(arrays.values()))
        self._views: dict[int, View] = {}

    @staticmethod
    def takes(array: Any) -> bool:
        # A class has these attributes too, but is not an array.
        has_interface = hasattr(array, "__cuda_array_interface__") or hasattr(array, "__dlpack__")
        return has_interface and not isinstance(array, type)

    def device_of(self, name: str, array: Any) -> int:
        jax = sys.modules.get("jax")
        if jax is not None and isinstance(array, jax.core.Tracer):
            raise TypeError(
                f"{name} is traced by jax.jit, jax.grad or jax.vmap, and has no values yet; call the function outside "
                "of them, or inside through jax.pure_callback"
            )
        if not hasattr(array, "__dlpack_device__"):
            return device_of_address(array.__cuda_array_interface__["data"][0])
        kind, number = array.__dlpack_device__()
        if kind in _dlpack.HOST_DEVICES:
            return CPU
        if kind in _dlpack.CUDA_DEVICES:
            return int(number)
        raise ValueError(f"{name} is on DLPack's device type {int(kind)}; expected the CPU or a CUDA device")

    @property
    def stream(self) -> int:
        return 0 if self.device == CPU else _DEFAULT_STREAM

    def view(self, declared: Declared, array: Any) -> View:
        if id(array) not in self._views:
            self._views[id(array)] = self._look_at(declared, array)
        view = self._views[id(array)]
        # One array may be two arguments, and these may have different sets of types.
        checked_dtype(declared, view.dtype, CONVERSION)
        return view

    def _look_at(self, declared: Declared, array: Any) -> View:
        if isinstance(array, (DeviceArray, np.ndarray)):
            # A result that this class made.
            return array.view() if isinstance(array, DeviceArray) else _numpy_view(declared, array)
        if not hasattr(array, "__dlpack__"):
            return self._look_at_interface(declared, array.__cuda_array_interface__, array)
        stream = {} if self.device == CPU else {"stream": _DEFAULT_STREAM}
        tensor = _dlpack.imported(array.__dlpack__(**stream))
        dtype = checked_dtype(declared, tensor.dtype, CONVERSION)
        if self.device == CPU:
            return _numpy_view(declared, _dlpack.as_numpy(tensor))
        return self._device_view(declared.name, tensor.address, dtype, tensor.shape, tensor.strides, tensor)

    def _look_at_interface(self, declared: Declared, interface: Mapping[str, Any], owner: Any) -> View:
        described = np.dtype(interface["typestr"])
        dtype, shape = checked_dtype(declared, described.name, CONVERSION), tuple(interface["shape"])
        strides = interface.get("strides")
        elements = None if strides is None else tuple(stride // described.itemsize for stride in strides)
        if interface.get("stream") is not None:
            self._wait(interface["stream"])
        return self._device_view(declared.name, interface["data"][0] or 0, dtype, shape, elements, owner)

    @staticmethod
    def _device_view(
        name: str, address: int, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...] | None, owner: Any
    ) -> View:
        if strides is not None and not _dlpack.is_row_major(shape, strides):
            raise ValueError(f"{name} of shape {shape} has strides {strides}; give a row-major copy of it")
        return View(address, dtype, shape, owner, is_array=False)

    def empty(self, shape: Sequence[int], like: Any) -> Any:
        dtype = self._views[id(like)].dtype
        if self.device == CPU:
            return np.empty(shape, _dlpack.numpy_dtype(dtype))
        return DeviceArray(self.device, tuple(shape), dtype)

    def scratch(self, count: int) -> View:
        return DeviceArray(self.device, (count,), SCRATCH).view()

    def store(self, out: Any, result: Any) -> Any:
        return result

    def finish(self, result: Any) -> Any:
        if self.device != CPU:
            self._wait(_DEFAULT_STREAM)
        if not hasattr(self._first, "__array_namespace__"):
            return result
        namespace = self._first.__array_namespace__()
        # NumPy's from_dlpack does not know bfloat16; asarray of the other libraries does.
        if self.device == CPU:
            # Without a device, JAX puts the array on its default device, which may be a GPU.
            return namespace.asarray(result, device=self._first.device)
        return namespace.from_dlpack(result)

    def _wait(self, stream: int) -> None:
        library = loaded()
        check(library, library.trts_synchronize(Target.of(self.device, stream)))


def _numpy_view(declared: Declared, array: Any) -> View:
    row_major = np.require(array, requirements=["C", "ALIGNED"])
    dtype = checked_dtype(declared, array.dtype.name, CONVERSION)
    # The memory belongs to another library: it is only read.
    return View(row_major.__array_interface__["data"][0], dtype, row_major.shape, (row_major, array), is_array=False)
