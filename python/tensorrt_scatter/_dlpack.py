"""DLPack's structs and capsules (https://dmlc.github.io/dlpack), in the unversioned layout that every library takes."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int32, c_int64, c_uint8, c_uint16, c_uint64, c_void_p
from typing import Any

import numpy as np

from ._declarations import TYPE_OF, TYPES

#: kDLCPU and kDLCUDAHost.
HOST_DEVICES = frozenset({1, 3})

#: kDLCUDA and kDLCUDAManaged.
CUDA_DEVICES = frozenset({2, 13})

#: kDLCUDA.
CUDA = 2

_NAME = b"dltensor"

#: The name of each type with kernels, by DLDataTypeCode and bits.
_NAMES = {each.dlpack: each.name for each in TYPES}
#: The names of types without kernels, for messages.
_NAMES_OF_OTHERS = {
    (6, 8): "bool",
    **{(0, bits): f"int{bits}" for bits in (8, 16)},
    **{(1, bits): f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{(5, bits): f"complex{bits}" for bits in (64, 128)},
}


class _Device(ctypes.Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class _DataType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device", _Device),
        ("ndim", c_int32),
        ("dtype", _DataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class _ManagedTensor(ctypes.Structure):
    _fields_ = [("tensor", _Tensor), ("manager", c_void_p), ("deleter", c_void_p)]


_api = ctypes.pythonapi
_get_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, c_char_p)(("PyCapsule_GetPointer", _api))
_new = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", _api))
# A destructor takes the capsule as an address: a capsule that is being destroyed must not become a Python object again.
_is_valid_raw = ctypes.PYFUNCTYPE(ctypes.c_int, c_void_p, c_char_p)(("PyCapsule_IsValid", _api))
_get_pointer_raw = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", _api))


@dataclasses.dataclass(frozen=True)
class ImportedTensor:
    """A tensor of another library, and the capsule that owns it."""

    address: int
    dtype: str
    shape: tuple[int, ...]
    #: In elements; None for a row-major tensor.
    strides: tuple[int, ...] | None
    capsule: Any


def imported(capsule: Any) -> ImportedTensor:
    """Reads the description of a tensor. The capsule still owns it."""
    address = _get_pointer(capsule, _NAME)
    tensor = _ManagedTensor.from_address(address).tensor
    kind = (tensor.dtype.code, tensor.dtype.bits)
    dtype = _NAMES.get(kind) or _NAMES_OF_OTHERS.get(kind) or f"(DLPack code {kind[0]}, {kind[1]} bits)"
    if tensor.dtype.lanes != 1:
        dtype = f"{dtype} in vectors of {tensor.dtype.lanes}"
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else None
    return ImportedTensor((tensor.data or 0) + tensor.byte_offset, dtype, shape, strides, capsule)


def is_row_major(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """True if the strides, in elements, are row-major. The stride of an axis of size 1 does not count."""
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size != 1 and stride != expected:
            return 0 in shape
        expected *= size
    return True


def numpy_dtype(name: str) -> Any:
    """NumPy's type of that name. bfloat16 comes from ml_dtypes."""
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def as_numpy(tensor: ImportedTensor) -> Any:
    """A NumPy array over the memory of a host tensor. The array keeps the tensor alive."""
    dtype = numpy_dtype(tensor.dtype)
    interface = {
        "data": (tensor.address, True),
        "shape": tensor.shape,
        # NumPy does not know the names of ml_dtypes; an opaque type has the same bytes.
        "typestr": f"|V{dtype.itemsize}",
        "strides": None if tensor.strides is None else tuple(stride * dtype.itemsize for stride in tensor.strides),
        "version": 3,
    }
    return np.asarray(_Exposed(interface, tensor)).view(dtype)


class _Exposed:
    """An object from which np.asarray takes memory, and which the array keeps alive."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__array_interface__ = interface
        self._owner = owner


#: The memory of exported tensors, by the address of their structs, until their consumers release them.
_exported: dict[int, tuple[Any, ...]] = {}


def _functions_for_consumers() -> tuple[Any, Any]:
    """Makes the deleter of tensors and the destructor of capsules, as C functions.

    Consumers may call them while the interpreter shuts down and this module has lost its variables. So they hold their
    own variables, and are never freed.
    """
    tensors, name, is_valid, get_pointer = _exported, _NAME, _is_valid_raw, _get_pointer_raw

    def delete(address: int) -> None:
        tensors.pop(address, None)

    def destroy(capsule: int) -> None:
        # A consumer renames the capsule and deletes the tensor itself.
        if is_valid(capsule, name):
            delete(get_pointer(capsule, name))

    functions = ctypes.CFUNCTYPE(None, c_void_p)(delete), ctypes.PYFUNCTYPE(None, c_void_p)(destroy)
    for function in functions:
        _api.Py_IncRef(ctypes.py_object(function))
    return functions


_deleter, _destructor = _functions_for_consumers()


def exported(owner: Any, address: int, device: tuple[int, int], dtype: str, shape: Sequence[int]) -> Any:
    """Makes a capsule with a row-major tensor. ``owner`` keeps the memory alive."""
    sizes = (c_int64 * len(shape))(*shape)
    code, bits = TYPE_OF[dtype].dlpack
    tensor = _Tensor(address, _Device(*device), len(shape), _DataType(code, bits, 1), sizes, None, 0)
    managed = _ManagedTensor(tensor, None, ctypes.cast(_deleter, c_void_p).value)
    key = ctypes.addressof(managed)
    _exported[key] = (managed, sizes, owner)
    return _new(key, _NAME, ctypes.cast(_destructor, c_void_p).value)
