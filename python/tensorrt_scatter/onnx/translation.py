"""Translations for `torch.onnx.export(..., dynamo=True)`, the exporter over torch.export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# It declares torch.ops.tensorrt_scatter.
from . import declared as _declared  # noqa: F401
from . import nodes

Translation = Callable[..., Any]


def translation_table() -> dict[Callable[..., Any], Translation]:
    """What `torch.onnx.export(..., custom_translation_table=...)` takes: each operator as its plugin's node.

    The operators are those of `tensorrt_scatter.onnx.ops`. torch_scatter's own cannot pass `torch.export`, which wants
    fake kernels of them: export inside `torch_scatter_as_plugins`, which lets a model call these in their place.

    Raises:
        ModuleNotFoundError: Where onnxscript, which this exporter of PyTorch needs, is not installed.
    """
    operators = torch.ops.tensorrt_scatter
    return {getattr(operators, name).default: translation for name, translation in _translations().items()}


def _translations() -> dict[str, Translation]:
    return {
        **{f"scatter_{how}": _scatter(how) for how in ("sum", "mul", "mean", "min", "max")},
        **{f"segment_{how}_coo": _segment_coo(how) for how in ("sum", "mean", "min", "max")},
        **{f"segment_{how}_csr": _segment_csr(how) for how in ("sum", "mean", "min", "max")},
        "gather_coo": _gather_coo,
        "gather_csr": _gather_csr,
        "scatter_softmax": _softmax,
        "scatter_log_softmax": _with_eps(nodes.LOG_SOFTMAX),
        "scatter_logsumexp": _with_eps(nodes.LOGSUMEXP),
        "scatter_std": _std,
    }


def _scatter(how: str) -> Translation:
    def translate(src: Any, index: Any, dim: int = -1, out: Any = None, dim_size: Any = None) -> Any:
        return _reduction(nodes.SCATTER, how, src, index, out, dim_size, dim=dim)

    return translate


def _segment_coo(how: str) -> Translation:
    def translate(src: Any, index: Any, out: Any = None, dim_size: Any = None) -> Any:
        return _reduction(nodes.SEGMENT_COO, how, src, index, out, dim_size)

    return translate


def _segment_csr(how: str) -> Translation:
    def translate(src: Any, indptr: Any, out: Any = None) -> Any:
        return _emit(nodes.SEGMENT_CSR, how, [src, indptr, *_given(out)], reduce=how)

    return translate


def _gather_coo(src: Any, index: Any, out: Any = None) -> Any:
    return _emit(nodes.GATHER_COO, "", [src, index, *_given(out)])


def _gather_csr(src: Any, indptr: Any, out: Any = None, size: Any = None) -> Any:
    if out is not None:
        return _emit(nodes.GATHER_CSR, "", [src, indptr, out])
    if not isinstance(size, int):
        raise ValueError("gather_csr: size varies, and the plugin takes a fixed one; pass out= of that size instead")
    return _emit(nodes.GATHER_CSR, "", [src, indptr], size=size)


def _softmax(src: Any, index: Any, dim: int = -1, dim_size: Any = None) -> Any:
    return _composite(nodes.SOFTMAX, src, index, dim_size, dim=dim)


def _with_eps(node_type: nodes.NodeType) -> Translation:
    def translate(src: Any, index: Any, dim: int = -1, dim_size: Any = None, eps: float = 1e-12) -> Any:
        return _composite(node_type, src, index, dim_size, dim=dim, eps=eps)

    return translate


def _std(src: Any, index: Any, dim: int = -1, dim_size: Any = None, unbiased: bool = True) -> Any:
    return _composite(nodes.STD, src, index, dim_size, dim=dim, unbiased=int(unbiased))


def _composite(node_type: nodes.NodeType, src: Any, index: Any, dim_size: Any, **attributes: Any) -> Any:
    inputs, size = _groups(None, dim_size)
    return _emit(node_type, "", [src, index, *inputs], **size, **attributes)


def _reduction(
    node_type: nodes.NodeType, how: str, src: Any, index: Any, out: Any, dim_size: Any, **attributes: Any
) -> Any:
    inputs, size = _groups(out, dim_size)
    return _emit(node_type, how, [src, index, *inputs], reduce=how, **size, **attributes)


def _groups(out: Any, dim_size: Any) -> tuple[list[Any], dict[str, int | list[int]]]:
    """The inputs and attributes that tell a node its number of groups. The fake kernels saw to it that one is there."""
    if out is not None:
        return [out], {}
    if isinstance(dim_size, int):
        return [], {"dim_size": dim_size}
    from onnxscript import opset18

    op: Any = opset18
    return [op.Reshape(dim_size, op.Constant(value_ints=[1]))], nodes.GROUPS_AS_INPUT


def _emit(node_type: nodes.NodeType, how: str, inputs: list[Any], **attributes: Any) -> Any:
    """The node. arg_out is cast to the type of the index, as PyTorch has it."""
    import onnx_ir as ir
    from onnxscript import opset18
    from onnxscript.values import Op, Opset

    from . import schemas

    has_arg = how in nodes.REDUCTIONS_WITH_ARG
    # The exporter makes as many outputs as the schema has, so each number of them needs one of its own.
    schema = schemas.schema(node_type, with_arg=has_arg)
    if has_arg:
        attributes["arg_type"] = nodes.ARG_TYPE
    results = Op(Opset(nodes.DOMAIN, nodes.DOMAIN_VERSION), node_type.op_type, schema)(*inputs, **attributes)
    if not has_arg:
        return results
    out, arg_out = results
    if inputs[1].dtype == ir.DataType.INT32:
        return out, arg_out
    return out, opset18.Cast(arg_out, to=ir.DataType.INT64)


def _given(out: Any) -> list[Any]:
    return [] if out is None else [out]
