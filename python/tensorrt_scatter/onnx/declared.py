"""The operators `torch.ops.tensorrt_scatter.*`: schemas, implementations in plain PyTorch and fake kernels.

They are functional: unlike torch_scatter's, they leave `out` as it was. Importing this module declares them. It needs
nothing of torch_scatter, whose own operators have no fake kernels and so cannot be exported by `torch.export`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

import torch
from torch import Tensor

from . import eager

NAMESPACE = "tensorrt_scatter"

Outputs = Union[Tensor, tuple[Tensor, Tensor]]

# torch.library has no type hints.
_torch_library: Any = torch.library
_library = _torch_library.Library(NAMESPACE, "DEF")


def _declare(name: str, arguments: str, kernel: Callable[..., Outputs], fake: Callable[..., Outputs]) -> None:
    """Declares an operator that returns (out, arg_out) where its name says min or max, and out otherwise.

    An operator with a number of groups has an overload `dim_size` that takes it as a tensor, for torch.jit.trace: it
    records a tensor where it would freeze a number.
    """
    outputs = "(Tensor, Tensor)" if "_min" in name or "_max" in name else "Tensor"
    _library.define(f"{name}({arguments}) -> {outputs}")
    # Explicit, so that exporters keep the operator as one node.
    _library.impl(name, kernel, "CompositeExplicitAutograd")
    torch.library.register_fake(f"{NAMESPACE}::{name}", fake, lib=_library)
    if "dim_size" in arguments:
        required = ", ".join(argument.split("=")[0] for argument in arguments.split(", "))
        _library.define(f"{name}.dim_size({required.replace('SymInt? dim_size', 'Tensor dim_size')}) -> {outputs}")
        _library.impl(f"{name}.dim_size", kernel, "CompositeExplicitAutograd")


def _axis(dim: int, src: Tensor) -> int:
    if not -src.dim() <= dim < src.dim():
        raise IndexError(f"dim is {dim}, but src has {src.dim()} axes: expected {-src.dim()} to {src.dim() - 1}")
    return dim % src.dim()


def _with_axis(src: Tensor, dim: int, size: Any) -> list[Any]:
    return [size if axis == dim else extent for axis, extent in enumerate(src.shape)]


def _known_groups(out: Tensor | None, dim: int, dim_size: Any) -> Any:
    if out is not None:
        return out.shape[dim]
    if dim_size is None:
        raise ValueError(
            "neither dim_size nor out is given: an exported model cannot take the number of groups from the values of "
            "the index; pass dim_size="
        )
    return dim_size


def _number(dim_size: Tensor | int | None) -> int | None:
    return int(dim_size) if isinstance(dim_size, Tensor) else dim_size


def _outputs(src: Tensor, index: Tensor, size: list[Any], how: str) -> Outputs:
    out = src.new_empty(size)
    return (out, index.new_empty(size)) if how in ("min", "max") else out


def _pair(result: tuple[Tensor, Tensor | None]) -> Outputs:
    out, arg = result
    return out if arg is None else (out, arg)


def _declare_scatter(how: str) -> None:
    def kernel(src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Any = None) -> Outputs:
        dim = _axis(dim, src)
        count = eager.groups(index, out, dim, _number(dim_size))
        return _pair(eager.reduce(src, eager.expand_index(index, src, dim), dim, out, count, how))

    def fake(src: Tensor, index: Tensor, dim: int = -1, out: Tensor | None = None, dim_size: Any = None) -> Outputs:
        dim = _axis(dim, src)
        return _outputs(src, index, _with_axis(src, dim, _known_groups(out, dim, dim_size)), how)

    arguments = "Tensor src, Tensor index, int dim=-1, Tensor? out=None, SymInt? dim_size=None"
    _declare(f"scatter_{how}", arguments, kernel, fake)


def _declare_segment_coo(how: str) -> None:
    def kernel(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Any = None) -> Outputs:
        dim = index.dim() - 1
        count = eager.groups(index, out, dim, _number(dim_size))
        return _pair(eager.reduce(src, eager.expand_rows(index, src), dim, out, count, how))

    def fake(src: Tensor, index: Tensor, out: Tensor | None = None, dim_size: Any = None) -> Outputs:
        dim = index.dim() - 1
        return _outputs(src, index, _with_axis(src, dim, _known_groups(out, dim, dim_size)), how)

    _declare(f"segment_{how}_coo", "Tensor src, Tensor index, Tensor? out=None, SymInt? dim_size=None", kernel, fake)


def _declare_segment_csr(how: str) -> None:
    def kernel(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Outputs:
        return _pair(eager.segment_csr(src, indptr, how))

    def fake(src: Tensor, indptr: Tensor, out: Tensor | None = None) -> Outputs:
        return _outputs(src, indptr, _with_axis(src, indptr.dim() - 1, indptr.shape[-1] - 1), how)

    _declare(f"segment_{how}_csr", "Tensor src, Tensor indptr, Tensor? out=None", kernel, fake)


def _declare_gathers() -> None:
    def coo(src: Tensor, index: Tensor, out: Tensor | None = None) -> Tensor:
        return eager.gather_coo(src, index)

    def coo_fake(src: Tensor, index: Tensor, out: Tensor | None = None) -> Tensor:
        return src.new_empty(_with_axis(src, index.dim() - 1, index.shape[-1]))

    def csr(src: Tensor, indptr: Tensor, out: Tensor | None = None, size: int | None = None) -> Tensor:
        if out is not None:
            size = out.shape[indptr.dim() - 1]
        elif size is None:
            size = int(indptr.max()) if indptr.numel() else 0
        return eager.gather_csr(src, indptr, size)

    def csr_fake(src: Tensor, indptr: Tensor, out: Tensor | None = None, size: Any = None) -> Tensor:
        dim = indptr.dim() - 1
        if out is None and size is None:
            raise ValueError(
                "neither size nor out is given: an exported model cannot take the number of rows that gather_csr makes "
                "from the values of indptr; pass size= or out="
            )
        return src.new_empty(_with_axis(src, dim, size if out is None else out.shape[dim]))

    _declare("gather_coo", "Tensor src, Tensor index, Tensor? out=None", coo, coo_fake)
    _declare("gather_csr", "Tensor src, Tensor indptr, Tensor? out=None, SymInt? size=None", csr, csr_fake)


def _declare_composite(name: str, keeps_shape: bool, constant: str | None = None, default: Any = None) -> None:
    """`constant` is the declaration of the formula's constant, which comes after dim_size."""
    defaults = () if constant is None else (default,)
    compute = getattr(eager, name)

    def kernel(src: Tensor, index: Tensor, dim: int = -1, dim_size: Any = None, *constants: Any) -> Tensor:
        dim = _axis(dim, src)
        _check_float(src, name)
        count = eager.groups(index, None, dim, _number(dim_size))
        result: Tensor = compute(src, eager.expand_index(index, src, dim), dim, count, *(constants or defaults))
        return result

    def fake(src: Tensor, index: Tensor, dim: int = -1, dim_size: Any = None, *constants: Any) -> Tensor:
        dim = _axis(dim, src)
        _check_float(src, name)
        count = _known_groups(None, dim, dim_size)
        return torch.empty_like(src) if keeps_shape else src.new_empty(_with_axis(src, dim, count))

    arguments = "Tensor src, Tensor index, int dim=-1, SymInt? dim_size=None"
    _declare(f"scatter_{name}", f"{arguments}, {constant}={default}" if constant else arguments, kernel, fake)


def _check_float(src: Tensor, name: str) -> None:
    if not src.dtype.is_floating_point:
        raise ValueError(
            f"scatter_{name} is defined for floats, but src is {src.dtype}: convert it first, by src.float()"
        )


for _how in ("sum", "mul", "mean", "min", "max"):
    _declare_scatter(_how)
for _how in ("sum", "mean", "min", "max"):
    _declare_segment_coo(_how)
    _declare_segment_csr(_how)
_declare_gathers()
_declare_composite("softmax", keeps_shape=True)
_declare_composite("log_softmax", keeps_shape=True, constant="float eps", default=1e-12)
_declare_composite("logsumexp", keeps_shape=False, constant="float eps", default=1e-12)
_declare_composite("std", keeps_shape=False, constant="bool unbiased", default=True)
