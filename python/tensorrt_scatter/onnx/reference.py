"""Runs models with the plugins' nodes in onnx's reference evaluator, without TensorRT or a GPU.

session = evaluator(onnx.load("model.onnx"))
out, = session.run(None, {"src": src, "index": index})
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from .._declarations import OPERATORS, Base, Operator
from . import nodes, schemas

Array = NDArray[Any]


def evaluator(model: onnx.ModelProto | str, operators: Any = None) -> ReferenceEvaluator:
    """Makes onnx's reference evaluator for a model, with the plugins' nodes.

    Args:
        model: The model or its path. onnx computes ONNX's own nodes in NumPy, slowly.
        operators: A module with torch_scatter's functions on NumPy arrays. None stands for `tensorrt_scatter`, whose
        CPU
            backend computes.
    """
    return ReferenceEvaluator(model, new_ops=reference_ops(operators))


def reference_ops(operators: Any = None) -> list[type[OpRun]]:
    """The plugins' nodes for `ReferenceEvaluator(..., new_ops=...)`. For `operators`, see `evaluator`."""
    if operators is None:
        operators = importlib.import_module("tensorrt_scatter")
    return [_op_run(operator, operators, domain) for domain in nodes.DOMAINS for operator in OPERATORS]


def _op_run(operator: Operator, operators: Any, domain: str) -> type[OpRun]:
    def run(self: OpRun, *inputs: Array, **attributes: Any) -> tuple[Array, ...]:
        given = {name: value for name, value in attributes.items() if value is not None}
        return _run(operator, operators, list(inputs), {**operator.defaults(), **given})

    # ReferenceEvaluator finds an operator by the name and the domain of its class, and the attributes by the schema.
    outputs = len(operator.outputs) + operator.has_groups_output
    schema = schemas.schema(operator, outputs, domain)
    return type(operator.op_type, (OpRun,), {"op_domain": domain, "op_schema": schema, "_run": run})


def _run(operator: Operator, operators: Any, inputs: list[Array], attributes: dict[str, Any]) -> tuple[Array, ...]:
    """Computes a node: calls the operator's function with the node's inputs and attributes as arguments."""
    arguments: dict[str, Any] = {
        attribute.name: attributes[attribute.name]
        for attribute in operator.attributes
        # On the CPU all results have the same bits every time.
        if attribute.schema and not attribute.is_size and attribute.name != "deterministic"
    }
    if "unbiased" in arguments:
        arguments["unbiased"] = bool(arguments["unbiased"])
    groups = None
    if attributes.get("dim_size_input", 0) == 1:
        groups = inputs.pop()
    base = inputs[len(operator.inputs)] if len(inputs) > len(operator.inputs) else None
    if operator.has_groups:
        arguments["dim_size"] = attributes["dim_size"] if groups is None else int(groups.reshape(()))
        if arguments["dim_size"] < 0:
            arguments["dim_size"] = None
        if arguments["dim_size"] is None and base is None:
            expected = "dim_size" if operator.base is Base.NONE else "dim_size or a base"
            raise ValueError(f"{operator.op_type}: the node tells no number of groups: expected {expected}")
    elif base is None and operator.size is not None and attributes[operator.size.name] >= 0:
        base = _rows(operator, inputs, attributes[operator.size.name])
    if operator.base is not Base.NONE:
        # A function may write to out. A node never writes to its base.
        arguments["out"] = None if base is None else base.copy()
    reduce = str(attributes["reduce"]) if operator.reductions else ""
    result = getattr(operators, operator.function_of(reduce))(*inputs[: len(operator.inputs)], **arguments)
    if operator.has_groups_output and groups is not None:
        # Only the shape of the second output is defined.
        return result, np.zeros(arguments["dim_size"], np.int32)
    if not reduce:
        return (result,) if len(operator.outputs) == 1 else tuple(result)
    if not operator.reduction(reduce).has_arg:
        return (result,)
    return result[0], result[1].astype(np.dtype(attributes["arg_type"]))


def _rows(operator: Operator, inputs: list[Array], size: int) -> Array:
    """An `out` with `size` rows."""
    src, index = inputs[:2]
    axis = operator.axis(index.ndim, -1)
    return np.zeros([size if i == axis else extent for i, extent in enumerate(src.shape)], src.dtype)
