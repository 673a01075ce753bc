"""The structs and functions of plugin-shim/include/tensorrt_scatter.h, for ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from typing import Any

from ._declarations import COMBINES, OPERATORS, TYPE_OF, Operator
from ._settings import is_deterministic, is_unchecked

#: TRTS_ABI_VERSION.
ABI_VERSION = 1

#: TRTS_CPU.
CPU = -1

#: TRTS_QUERY_WORKSPACE_BYTES.
QUERY_WORKSPACE_BYTES = 8

_MAX_RANK = 8


class Tensor(ctypes.Structure):
    """trts_tensor."""

    _fields_ = [
        ("data", c_void_p),
        ("type", c_int32),
        ("rank", c_int32),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
    ]

    @classmethod
    def of(cls, address: int, dtype: str, shape: Sequence[int]) -> Tensor:
        """Describes a row-major tensor."""
        return cls(address, TYPE_OF[dtype].number, len(shape), (c_int64 * len(shape))(*shape), None)


class Options(ctypes.Structure):
    """trts_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("reduce", c_int32),
        ("unchecked", c_int32),
        ("dim", c_int64),
        ("dim_size", c_int64),
        ("deterministic", c_int32),
        ("unbiased", c_int32),
        ("eps", c_double),
        ("combine", c_int32),
        ("heads", c_int32),
        ("negative_slope", c_double),
    ]

    @classmethod
    def of(
        cls,
        *,
        reduce: int = 0,
        dim: int = -1,
        dim_size: int | None = None,
        unbiased: bool = True,
        eps: float = 1e-12,
        combine: str = "mul",
        heads: int = 1,
        negative_slope: float = 0.2,
    ) -> Options:
        """Makes options from torch_scatter's arguments, the number of a trts_reduce, and the current settings."""
        if dim_size is not None and dim_size < 0:
            raise ValueError(f"dim_size is {dim_size}; expected 0 or more")
        if combine not in COMBINES:
            raise ValueError(f"combine is {combine!r}; expected one of {', '.join(map(repr, COMBINES))}")
        size = -1 if dim_size is None else dim_size
        return cls(
            ctypes.sizeof(cls),
            reduce,
            is_unchecked(),
            dim,
            size,
            is_deterministic(),
            bool(unbiased),
            eps,
            COMBINES[combine],
            # A number that the struct has no room for must not become another one.
            heads if -(2**31) <= heads < 2**31 else -1,
            negative_slope,
        )


class Target(ctypes.Structure):
    """trts_target."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("device", c_int32),
        ("stream", c_void_p),
        ("workspace", c_void_p),
        ("workspace_bytes", c_size_t),
    ]

    @classmethod
    def of(cls, device: int, stream: int) -> Target:
        """Makes a target without a workspace."""
        return cls(ctypes.sizeof(cls), device, stream, None, 0)


class Requirements(ctypes.Structure):
    """trts_requirements."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("workspace_bytes", c_size_t),
        ("dim_size", c_int64),
        ("rank", c_int32),
        ("_shape", c_int64 * _MAX_RANK),
    ]

    @classmethod
    def empty(cls) -> Requirements:
        """Makes a struct for the library to fill in."""
        return cls(ctypes.sizeof(cls))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of out and arg_out, or of group_index's indptr."""
        return tuple(self._shape[: self.rank])


_TENSOR, _OPTIONS, _TARGET = POINTER(Tensor), POINTER(Options), POINTER(Target)


def _arguments(operator: Operator) -> list[Any]:
    """The argument types of an operator's C function: tensors to read, options, tensors to write, target."""
    return [*[_TENSOR] * operator.inputs_of_c, _OPTIONS, *[_TENSOR] * len(operator.outputs), _TARGET]


_SIGNATURES = {
    "trts_query_inputs": [c_int32, POINTER(_TENSOR), c_size_t, _OPTIONS, _TARGET, POINTER(Requirements)],
    **{f"trts_{operator.name}": _arguments(operator) for operator in OPERATORS},
    "trts_last_bad_index": [POINTER(c_int64), POINTER(c_int64)],
    "trts_abi_version": [],
    "trts_set_threads": [c_int32],
    "trts_threads": [],
    "trts_register_plugins": [POINTER(c_int32)],
    "trts_device_name": [c_int32, c_char_p, c_size_t],
    "trts_buffer_new": [c_int32, c_size_t, POINTER(c_void_p), POINTER(c_void_p)],
    "trts_buffer_free": [c_void_p],
    "trts_synchronize": [_TARGET],
}


def declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declares the argument and result types of the library's functions.

    Raises:
        ImportError: the library has another version of the ABI than this module.
    """
    version = library.trts_abi_version() if hasattr(library, "trts_abi_version") else None
    if version != ABI_VERSION:
        raise ImportError(
            f"{library._name} has version {version} of the C ABI, but this package needs {ABI_VERSION}; "
            "install library and package of one release"
        )
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = c_int32
    for name in ("trts_last_error", "trts_version"):
        getattr(library, name).argtypes = []
        getattr(library, name).restype = c_char_p
    return library
