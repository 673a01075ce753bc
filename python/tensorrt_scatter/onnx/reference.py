"""Running models with the plugins' nodes in onnx's reference evaluator, without TensorRT or a GPU.

session = evaluator(onnx.load("model.onnx"))
out, = session.run(None, {"src": src, "index": index})
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from . import nodes

Array = NDArray[Any]


class Operators(Protocol):
    """The functions that compute: those of `tensorrt_scatter`, on NumPy arrays."""

    scatter: Any
    segment_coo: Any
    segment_csr: Any


def evaluator(model: onnx.ModelProto | str, operators: Any = None) -> ReferenceEvaluator:
    """onnx's reference evaluator of `model`, a model or a path, that knows the plugins' nodes.

    Args:
        model: The model. Its own nodes are computed by onnx in NumPy, slowly.
        operators: A module with torch_scatter's functions on NumPy arrays; `tensorrt_scatter`, whose CPU backend
            computes, where it is None.
    """
    return ReferenceEvaluator(model, new_ops=reference_ops(operators))


def reference_ops(operators: Any = None) -> list[type[OpRun]]:
    """The plugins' nodes as `ReferenceEvaluator(..., new_ops=...)` takes them. For `operators`, see `evaluator`."""
    if operators is None:
        operators = importlib.import_module("tensorrt_scatter")
    return [_op_run(node_type, operators) for node_type in nodes.ALL]


def _op_run(node_type: nodes.NodeType, operators: Any) -> type[OpRun]:
    def run(self: OpRun, *inputs: Array, **attributes: Any) -> tuple[Array, ...]:
        given = {name: value for name, value in attributes.items() if value is not None}
        return _Node(node_type, inputs, {**node_type.attributes, **given}).run(operators)

    # ReferenceEvaluator finds an operator by its class's name and domain, and the attributes by a schema.
    return type(node_type.op_type, (OpRun,), {"op_domain": nodes.DOMAIN, "_run": run})


class _Node:
    """A node's call: its inputs, told apart by its attributes."""

    def __init__(self, node_type: nodes.NodeType, inputs: tuple[Array, ...], attributes: dict[str, Any]) -> None:
        self.type, self.attributes = node_type, attributes
        self.src, self.index, *more = inputs
        self.dim_size = attributes.get("dim_size", -1)
        if attributes.get("dim_size_input", 0) == 1:
            self.dim_size = int(more.pop().reshape(()))
        self.base = more[0] if more else None

    def run(self, operators: Any) -> tuple[Array, ...]:
        axis = self.attributes.get("dim", self.index.ndim - 1)
        groups = None if self.dim_size < 0 else self.dim_size
        if self.type.has_groups and groups is None and self.base is None:
            raise ValueError(f"{self.type.op_type}: the node tells no number of groups: expected dim_size or a base")
        # torch_scatter's functions may write to out; a node never writes to its base.
        out = None if self.base is None else self.base.copy()
        if self.type is nodes.GATHER_COO:
            return (operators.gather_coo(self.src, self.index, out),)
        if self.type is nodes.GATHER_CSR:
            return (operators.gather_csr(self.src, self.index, self._rows(out)),)
        if not self.type.reductions:
            return (self._composite(operators, axis, groups),)
        reduce = str(self.attributes["reduce"])
        if self.type is nodes.SCATTER:
            result = getattr(operators, f"scatter_{reduce}")(self.src, self.index, axis, out, groups)
        elif self.type is nodes.SEGMENT_COO:
            result = getattr(operators, f"segment_{reduce}_coo")(self.src, self.index, out, groups)
        else:
            result = getattr(operators, f"segment_{reduce}_csr")(self.src, self.index, out)
        if reduce not in nodes.REDUCTIONS_WITH_ARG:
            return (result,)
        return result[0], result[1].astype(np.dtype(self.attributes["arg_type"]))

    def _rows(self, out: Array | None) -> Array | None:
        size = self.attributes["size"]
        if out is not None or size < 0:
            return out
        axis = self.index.ndim - 1
        return np.zeros([size if i == axis else extent for i, extent in enumerate(self.src.shape)], self.src.dtype)

    def _composite(self, operators: Any, axis: int, groups: int | None) -> Array:
        call = {"dim": axis, "dim_size": groups}
        if "eps" in self.attributes:
            call["eps"] = self.attributes["eps"]
        if "unbiased" in self.attributes:
            call["unbiased"] = bool(self.attributes["unbiased"])
        function = {
            nodes.SOFTMAX.op_type: "scatter_softmax",
            nodes.LOG_SOFTMAX.op_type: "scatter_log_softmax",
            nodes.LOGSUMEXP.op_type: "scatter_logsumexp",
            nodes.STD.op_type: "scatter_std",
        }[self.type.op_type]
        result: Array = getattr(operators, function)(self.src, self.index, **call)
        return result
