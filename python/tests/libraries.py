"""The array libraries that the operators take, each on the devices of this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from typing import Any

import gpu
import ml_dtypes
import numpy as np
import pytest

from tensorrt_scatter._declarations import VALUES

DTYPES = {name: np.dtype(getattr(np, name, None) or getattr(ml_dtypes, name)) for name in VALUES}


class Library:
    """An array library: conversions from NumPy's arrays and back."""

    name: str
    #: True if a call writes to `out`; False if it returns a new array.
    writes_out = True
    dtypes = tuple(DTYPES)

    def make(self, array: np.ndarray) -> Any:
        raise NotImplementedError

    def make_transposed(self, array: np.ndarray) -> Any:
        """The same elements, not row-major in memory, if the library lets one choose the order."""
        return self.make(np.ascontiguousarray(array.T)).T

    def back(self, array: Any) -> np.ndarray:
        raise NotImplementedError

    def is_one(self, array: Any) -> bool:
        raise NotImplementedError

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Numpy(Library):
    name = "numpy"

    def make(self, array: np.ndarray) -> Any:
        return array.copy()

    def back(self, array: Any) -> np.ndarray:
        return array

    def is_one(self, array: Any) -> bool:
        return type(array) is np.ndarray


class Torch(Library):
    name = "torch on the CPU"
    device = "cpu"

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")
        if self.device != "cpu":
            check_torch_finds_a_device(self.torch)

    def make(self, array: np.ndarray) -> Any:
        if array.dtype == ml_dtypes.bfloat16:
            return self.torch.from_numpy(array.astype(np.float32)).to(self.torch.bfloat16).to(self.device)
        return self.torch.from_numpy(array.copy()).to(self.device)

    def back(self, array: Any) -> np.ndarray:
        if array.dtype is self.torch.bfloat16:
            return array.to(self.torch.float32).cpu().numpy().astype(ml_dtypes.bfloat16)
        return array.cpu().numpy()

    def is_one(self, array: Any) -> bool:
        return isinstance(array, self.torch.Tensor) and array.device.type == self.device


def check_torch_finds_a_device(torch: Any) -> None:
    """Skips the test where torch or the machine has no CUDA."""
    if torch.version.cuda is None:
        pytest.skip("this torch is built without CUDA")
    if not torch.cuda.is_available():
        gpu.skip("torch finds no CUDA device")


class TorchOnCuda(Torch):
    name = "torch on CUDA"
    device = "cuda"


class TorchOnStream(TorchOnCuda):
    """All work is on a stream other than the default stream."""

    name = "torch on a CUDA stream"

    def __enter__(self) -> Library:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self.torch.cuda.stream(self.torch.cuda.Stream()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class Cupy(Library):
    name = "cupy"
    dtypes = tuple(name for name in DTYPES if name != "bfloat16")

    def __init__(self) -> None:
        self.cupy = pytest.importorskip("cupy", exc_type=ImportError)
        if not self.cupy.is_available():
            gpu.skip("CuPy finds no CUDA device")

    def make(self, array: np.ndarray) -> Any:
        return self.cupy.asarray(array)

    def back(self, array: Any) -> np.ndarray:
        return self.cupy.asnumpy(array)

    def is_one(self, array: Any) -> bool:
        return isinstance(array, self.cupy.ndarray)


class CupyOnStream(Cupy):
    """All work is on a stream other than the default stream."""

    name = "cupy on a CUDA stream"

    def __enter__(self) -> Library:
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self.cupy.cuda.Stream(non_blocking=True))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class Jax(Library):
    name = "jax on the CPU"
    writes_out = False
    platform = "cpu"

    def __init__(self) -> None:
        # JAX would take nearly all device memory; torch and CuPy need some in the same process.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        self.jax = pytest.importorskip("jax")
        self.jax.config.update("jax_enable_x64", True)
        try:
            self.device = self.jax.devices(self.platform)[0]
        except RuntimeError:
            if not any(importlib.util.find_spec(f"jax_cuda{release}_plugin") for release in (12, 13)):
                pytest.skip("this JAX has no CUDA plugin")
            gpu.skip(f"JAX finds no {self.platform} device")

    def make(self, array: np.ndarray) -> Any:
        return self.jax.device_put(array, self.device)

    def back(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def is_one(self, array: Any) -> bool:
        return isinstance(array, self.jax.Array) and array.device == self.device


class JaxOnCuda(Jax):
    name = "jax on CUDA"
    platform = "cuda"


class _OnlyDlpack:
    """An array of a library that the package does not know."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()


class OnlyDlpack(Library):
    """The package cannot make arrays of an unknown library, so results are NumPy's."""

    name = "only __dlpack__"
    writes_out = False
    # NumPy exports no bfloat16.
    dtypes = tuple(name for name in DTYPES if name != "bfloat16")

    def make(self, array: np.ndarray) -> Any:
        return _OnlyDlpack(array.copy())

    def make_transposed(self, array: np.ndarray) -> Any:
        return _OnlyDlpack(np.asfortranarray(array))

    def back(self, array: Any) -> np.ndarray:
        return array

    def is_one(self, array: Any) -> bool:
        return type(array) is np.ndarray


class _OnlyInterface:
    def __init__(self, array: Any) -> None:
        self.__cuda_array_interface__ = array.__cuda_array_interface__
        self._array = array


class OnlyInterface(TorchOnCuda):
    """Arrays like numba's. Results are the package's own device arrays."""

    name = "only __cuda_array_interface__"
    writes_out = False
    dtypes = tuple(name for name in DTYPES if name != "bfloat16")

    def make(self, array: np.ndarray) -> Any:
        return self._expose(super().make(array))

    def make_transposed(self, array: np.ndarray) -> Any:
        return self._expose(super().make(np.ascontiguousarray(array.T)).T)

    def _expose(self, array: Any) -> Any:
        # torch's interface does not name a stream to wait for.
        self.torch.cuda.synchronize()
        return _OnlyInterface(array)

    def back(self, array: Any) -> np.ndarray:
        return self.torch.from_dlpack(array).cpu().numpy()

    def is_one(self, array: Any) -> bool:
        return hasattr(array, "__cuda_array_interface__") and hasattr(array, "__dlpack__")


ALL = (Numpy, Torch, TorchOnCuda, TorchOnStream, Cupy, CupyOnStream, Jax, JaxOnCuda, OnlyDlpack, OnlyInterface)


def parse(kind: str, text: str) -> np.ndarray:
    """Reads the oracle's elements: separated by spaces, 16-bit floats as equal float32 numbers."""
    if kind.startswith("int"):
        return np.array([int(word) for word in text.split()], DTYPES[kind])
    wide = np.float64 if kind == "float64" else np.float32
    return np.array([wide(word) for word in text.split()], wide).astype(DTYPES[kind])
