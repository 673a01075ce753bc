"""Symbolic functions for `torch.onnx.export(..., dynamo=False)`, the exporter over TorchScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import _C
from torch.onnx import symbolic_helper

# It declares torch.ops.tensorrt_scatter.
from . import declared as _declared  # noqa: F401
from . import nodes

Symbolic = Callable[..., Any]

_INT64 = 7  # ONNX's TensorProto.DataType.INT64; onnx itself need not be installed here.
_NAMESPACES = ("tensorrt_scatter", "torch_scatter")


def register_symbolic(op_name: str | None = None, opset_version: int = 17) -> None:
    """Registers the symbolic functions, so that models with torch_scatter's operators export as the plugins' nodes.

    They serve the operators of torch_scatter itself (`torch.ops.torch_scatter.*`) and those of
    `tensorrt_scatter.onnx.ops`. Calling it again does no harm.

    Args:
        op_name: One of `SYMBOLICS`' names, such as "scatter_max"; all of them where it is None.
        opset_version: The lowest opset version they are registered for.

    Raises:
        ValueError: Where there is no operator of that name.
    """
    if op_name is not None and op_name not in SYMBOLICS:
        raise ValueError(f"no operator is called {op_name!r}: expected one of {', '.join(SYMBOLICS)}")
    for name in SYMBOLICS if op_name is None else (op_name,):
        for namespace in _NAMESPACES:
            torch.onnx.utils.register_custom_op_symbolic(f"{namespace}::{name}", SYMBOLICS[name], opset_version)


def _scatter(how: str) -> Symbolic:
    def symbolic(g: Any, src: _C.Value, index: _C.Value, dim: _C.Value, out: _C.Value, dim_size: _C.Value) -> Any:
        groups = _Groups(f"scatter_{how}", dim_size, out, src, _constant(dim, "dim"))
        return _reduction(g, nodes.SCATTER, how, src, index, groups, dim_i=groups.axis)

    return symbolic


def _segment_coo(how: str) -> Symbolic:
    def symbolic(g: Any, src: _C.Value, index: _C.Value, out: _C.Value, dim_size: _C.Value) -> Any:
        groups = _Groups(f"segment_{how}_coo", dim_size, out, src, _rank(index, "index") - 1)
        return _reduction(g, nodes.SEGMENT_COO, how, src, index, groups)

    return symbolic


def _segment_csr(how: str) -> Symbolic:
    def symbolic(g: Any, src: _C.Value, indptr: _C.Value, out: _C.Value) -> Any:
        sizes = _sizes(src)
        bounds = _sizes(indptr)
        if sizes is not None and bounds is not None:
            last = bounds[-1]
            sizes[len(bounds) - 1] = None if last is None else last - 1
        return _emit(g, nodes.SEGMENT_CSR, how, [src, indptr, *_given(out)], sizes, reduce_s=how)

    return symbolic


def _gather_coo(g: Any, src: _C.Value, index: _C.Value, out: _C.Value) -> Any:
    sizes, rows = _sizes(src), _sizes(index)
    if sizes is not None and rows is not None:
        sizes[len(rows) - 1] = rows[-1]
    return _emit(g, nodes.GATHER_COO, "", [src, index, *_given(out)], sizes)


def _gather_csr(g: Any, src: _C.Value, indptr: _C.Value, out: _C.Value, size: _C.Value | None = None) -> Any:
    # torch_scatter's operator has no size.
    rows = None if size is None or symbolic_helper._is_none(size) else _constant(size, "size")
    if rows is None and not _given(out):
        raise ValueError(
            "gather_csr: neither out nor size is given, and TensorRT cannot take the number of rows from the values of "
            "indptr; pass out=, or size= of tensorrt_scatter.onnx.ops.gather_csr"
        )
    sizes = _sizes(src)
    if sizes is not None:
        sizes[_rank(indptr, "indptr") - 1] = rows
    attributes = {} if rows is None else {"size_i": rows}
    return _emit(g, nodes.GATHER_CSR, "", [src, indptr, *_given(out)], sizes, **attributes)


def _composite(node_type: nodes.NodeType, name: str, constant: str | None, keeps_shape: bool) -> Symbolic:
    """`constant` names the attribute of the last argument, with torch.onnx's suffix for its type."""

    def symbolic(
        g: Any, src: _C.Value, index: _C.Value, dim: _C.Value, dim_size: _C.Value, *constants: _C.Value
    ) -> Any:
        groups = _Groups(name, dim_size, None, src, _constant(dim, "dim"))
        attributes = {"dim_i": groups.axis, **groups.attributes()}
        if constant is not None:
            attributes[constant] = _constant(constants[0], constant)
        sizes = _sizes(src) if keeps_shape else groups.sizes()
        return _emit(g, node_type, "", [src, index, *groups.inputs(g)], sizes, **attributes)

    return symbolic


class _Groups:
    """Where a node's number of groups comes from: an attribute, the base, or an input."""

    def __init__(self, name: str, dim_size: _C.Value, out: _C.Value | None, src: _C.Value, dim: int) -> None:
        self.axis, self.src = dim, src
        self.base = [] if out is None else _given(out)
        self.count: int | None = None
        self.shape_input: _C.Value | None = None
        if self.base:
            return
        if symbolic_helper._is_none(dim_size):
            raise ValueError(
                f"{name}: neither dim_size nor out is given, and TensorRT cannot take the number of groups from the "
                "values of the index; pass dim_size="
            )
        self.count = _static(dim_size)
        if self.count is None:
            self.shape_input = dim_size

    def attributes(self) -> dict[str, int | list[int]]:
        if self.count is not None:
            return {"dim_size_i": self.count}
        if self.shape_input is None:
            return {}
        return {f"{name}_i": value for name, value in nodes.GROUPS_AS_INPUT.items()}

    def inputs(self, g: Any) -> list[_C.Value]:
        if self.shape_input is None:
            return self.base
        one = g.op("Constant", value_t=torch.tensor([1]))
        return [g.op("Reshape", self.shape_input, one)]

    def sizes(self) -> list[int | None] | None:
        sizes = _sizes(self.src)
        if sizes is not None:
            base = _sizes(self.base[0]) if self.base else None
            sizes[self.axis] = base[self.axis] if base is not None else self.count
        return sizes


def _reduction(
    g: Any, node_type: nodes.NodeType, how: str, src: _C.Value, index: _C.Value, groups: _Groups, **attributes: int
) -> Any:
    inputs = [src, index, *groups.inputs(g)]
    return _emit(g, node_type, how, inputs, groups.sizes(), reduce_s=how, **groups.attributes(), **attributes)


def _emit(
    g: Any,
    node_type: nodes.NodeType,
    how: str,
    inputs: list[_C.Value],
    sizes: list[int | None] | None,
    **attributes: Any,
) -> Any:
    """The node, with the types of its outputs. arg_out is cast to the type of the index, as PyTorch has it."""
    outputs = 2 if how in nodes.REDUCTIONS_WITH_ARG else 1
    if outputs == 2:
        attributes["arg_type_s"] = nodes.ARG_TYPE
    results = g.op(f"{nodes.DOMAIN}::{node_type.op_type}", *inputs, outputs=outputs, **attributes)
    if outputs == 1:
        return _typed(results, inputs[0].type(), sizes)
    out, arg_out = results
    out, index_type = _typed(out, inputs[0].type(), sizes), inputs[1].type()
    _typed(arg_out, index_type.with_dtype(torch.int32), sizes)
    if index_type.dtype() != torch.int32:
        arg_out = _typed(g.op("Cast", arg_out, to_i=_INT64), index_type, sizes)
    return out, arg_out


def _typed(value: _C.Value, like: Any, sizes: list[int | None] | None) -> _C.Value:
    """Gives `value` the element type of `like` and the sizes, unknown ones being None."""
    if sizes is not None and isinstance(like, _C.TensorType):
        value.setType(like.with_sizes(sizes))
    return value


def _given(out: _C.Value) -> list[_C.Value]:
    return [] if symbolic_helper._is_none(out) else [out]


def _sizes(value: _C.Value) -> list[int | None] | None:
    sizes = symbolic_helper._get_tensor_sizes(value)
    return None if sizes is None else list(sizes)


def _rank(value: _C.Value, name: str) -> int:
    rank = symbolic_helper._get_tensor_rank(value)
    if rank is None:
        raise ValueError(f"the rank of {name} is not known to the exporter: reshape it to a known rank first")
    return int(rank)


def _constant(value: _C.Value, name: str) -> Any:
    """The constant that `value` is: a float where the name ends as torch.onnx's names of floats do, else an integer."""
    helper: Any = symbolic_helper
    return helper._get_const(value, "f" if name.endswith("_f") else "i", name)


def _static(value: _C.Value) -> int | None:
    """The number that `value` always is, or None. A size of a static axis is one, though the exporter computes it."""
    number = symbolic_helper._maybe_get_const(value, "i")
    if isinstance(number, int):
        return number
    node = value.node()
    if node.kind() != "onnx::Gather":
        return None
    shape, axis = node.inputs()
    position = symbolic_helper._maybe_get_const(axis, "i")
    if shape.node().kind() != "onnx::Shape" or not isinstance(position, int):
        return None
    sizes = _sizes(next(iter(shape.node().inputs())))
    return None if sizes is None else sizes[position]


SYMBOLICS: dict[str, Symbolic] = {
    **{f"scatter_{how}": _scatter(how) for how in ("sum", "mul", "mean", "min", "max")},
    **{f"segment_{how}_coo": _segment_coo(how) for how in ("sum", "mean", "min", "max")},
    **{f"segment_{how}_csr": _segment_csr(how) for how in ("sum", "mean", "min", "max")},
    "gather_coo": _gather_coo,
    "gather_csr": _gather_csr,
    "scatter_softmax": _composite(nodes.SOFTMAX, "scatter_softmax", None, keeps_shape=True),
    "scatter_log_softmax": _composite(nodes.LOG_SOFTMAX, "scatter_log_softmax", "eps_f", keeps_shape=True),
    "scatter_logsumexp": _composite(nodes.LOGSUMEXP, "scatter_logsumexp", "eps_f", keeps_shape=False),
    "scatter_std": _composite(nodes.STD, "scatter_std", "unbiased_i", keeps_shape=False),
}
"""The symbolic function of each operator, by the operator's name."""
