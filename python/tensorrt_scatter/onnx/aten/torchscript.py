"""PyTorch's operators for `torch.onnx.export(..., dynamo=False)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.onnx import symbolic_helper, symbolic_opset11

from .. import nodes, symbolic
from .calls import CALLS, INDEX_PUT, SCATTER_OF_A_NUMBER, Call
from .graph import Graph, Size, filling

_helper: Any = symbolic_helper

_FILLED_LIKE = ("onnx::Expand", "onnx::Identity", "onnx::Cast", "onnx::Reshape", "onnx::Slice")
"""Nodes whose output has no other numbers than their first input."""


class _Graph(Graph):
    """The graph that the exporter over TorchScript makes."""

    def __init__(self, context: Any, domain: str, sizes_are_inputs: bool) -> None:
        super().__init__(sizes_are_inputs)
        self._context = context
        self._domain = domain

    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> Any:
        named = {f"{name}_{symbolic.suffix(value)}": value for name, value in attributes.items()}
        return self._context.op(op_type, *inputs, **named)

    def plugin(self, name: str, constants: dict[str, Any], **given: Any) -> tuple[Any, ...]:
        operator, reduction = nodes.operator_of(name)
        call = nodes.call(name, operator, reduction, given, constants)
        made = symbolic.emit(self._context, operator, reduction, call, self._domain)
        return made if isinstance(made, tuple) else (made,)

    def constant(self, values: Any, dtype: str = "int64") -> Any:
        return self._context.op("Constant", value_t=torch.tensor(values, dtype=getattr(torch, dtype)))

    def filled(self, shape: Any, number: float, dtype: str) -> Any:
        value = torch.tensor([number], dtype=getattr(torch, dtype))
        return self._context.op("ConstantOfShape", shape, value_t=value)

    def sizes_of(self, value: Any) -> Sequence[Size] | None:
        sizes = symbolic.sizes_of(value)
        if sizes is None:
            return None
        like = self._like(value)
        known = None if like is None else self.sizes_of(like)
        if known is None or len(known) != len(sizes):
            # A size that varies is at least equal to itself.
            known = [f"{value.debugName()} on axis {axis}" for axis in range(len(sizes))]
        return [known[axis] if size is None else size for axis, size in enumerate(sizes)]

    def _like(self, value: Any) -> Any:
        """The value whose shape another was expanded to, or made with."""
        node = value.node()
        if node.kind() not in ("onnx::Expand", "onnx::ConstantOfShape"):
            return None
        shape = list(node.inputs())[-1].node()
        return next(iter(shape.inputs())) if shape.kind() == "onnx::Shape" else None

    def dtype_of(self, value: Any) -> str:
        dtype = value.type().dtype()
        return str(dtype).removeprefix("torch.")

    def filling_of(self, value: Any) -> float | None:
        while True:
            node = value.node()
            if node.kind() in ("onnx::Constant", "onnx::ConstantOfShape"):
                is_tensor = "value" in node.attributeNames() and node.kindOf("value") == "t"
                return filling(node.t("value")) if is_tensor else None
            if node.kind() not in _FILLED_LIKE:
                return None
            value = next(iter(node.inputs()))


def symbolics(domain: str, sizes_are_inputs: bool) -> dict[str, Callable[..., Any]]:
    """The symbolic functions for PyTorch's operators, by the operators' names."""
    found: dict[str, list[Call]] = {}
    for call in CALLS:
        found.setdefault(call.name, []).append(call)
    # Of aten::scatter, the overloads without a reduction have no formula.
    others = {"aten::scatter": symbolic_opset11.scatter}
    made = {name: _symbolic(calls, others.get(name), domain, sizes_are_inputs) for name, calls in found.items()}
    made[INDEX_PUT.name] = _index_put(domain, sizes_are_inputs)
    return made


def _symbolic(calls: list[Call], other: Any, domain: str, sizes_are_inputs: bool) -> Callable[..., Any]:
    """A symbolic function for the overloads of an operator; `other` is that of overloads without a formula."""

    def translate(g: Any, *values: Any) -> Any:
        fitting = [call for call in calls if len(call.arguments) == len(values)]
        if not fitting:
            return other(g, *values)
        call = fitting[0]
        if SCATTER_OF_A_NUMBER in fitting and _number(values[3]) is not None:
            # The overload's name is not in the graph, and a number has become a tensor of rank 0.
            call = SCATTER_OF_A_NUMBER
        given = [_parsed(value, argument) for value, argument in zip(values, call.arguments)]
        result = call.formula(_Graph(g, domain, sizes_are_inputs), *given)
        return result if call.outputs == 1 else (result, *[None] * (call.outputs - 1))

    return translate


def _index_put(domain: str, sizes_are_inputs: bool) -> Callable[..., Any]:
    """index_put, which the exporter itself translates where it only writes."""

    def translate(g: Any, self: Any, indices: Any, values: Any, accumulate: Any = None) -> Any:
        if accumulate is None or not _helper._get_const(accumulate, "b", "accumulate"):
            return symbolic_opset11.index_put(g, self, indices, values, False)
        coordinates = _tensors(indices)
        if all(_comes_from_sizes(each) for each in coordinates if each is not None):
            raise ValueError(
                "index_put: accumulate is True and the indices are constants, or come from sizes alone. "
                "torch.onnx.export(dynamo=False) writes so, and loses the index, where index_put_ is called on a part "
                "of a tensor, such as x[:, 0]; call index_put on the part and write its result back, or export with "
                "dynamo=True"
            )
        return INDEX_PUT.formula(_Graph(g, domain, sizes_are_inputs), self, coordinates, values)

    return translate


def _comes_from_sizes(value: Any) -> bool:
    """Whether a value is made from constants and sizes, without the values of any input."""
    pending, seen = [value], set()
    while pending:
        node = pending.pop().node()
        if node.kind() in ("prim::Param", "prim::GetAttr"):
            return False
        if node.kind() != "onnx::Shape" and node not in seen:
            seen.add(node)
            pending += node.inputs()
    return True


def _tensors(values: Any) -> list[Any]:
    """The elements of a list, with None for a None."""
    elements = _helper._unpack_list(values) if _helper._is_packed_list(values) else [values]
    return [None if _helper._is_none(element) else element for element in elements]


def _parsed(value: Any, argument: Any) -> Any:
    """An argument as a formula takes it."""
    if _helper._is_none(value):
        return None
    kind = str(argument.type).removeprefix("Optional[").removesuffix("]")
    if kind == "Tensor":
        return value
    if kind == "number":
        number = _number(value)
        if number is None:
            raise ValueError(f"{argument.name} varies: expected a number that the model fixes")
        return number
    return _helper._get_const(value, {"int": "i", "bool": "b", "str": "s"}[kind], argument.name)


def _number(value: Any) -> float | None:
    """The number that a value is; None if it varies, or has axes."""
    constant = _helper._maybe_get_scalar(value)
    is_number = isinstance(constant, torch.Tensor) and constant.dim() == 0
    return constant.item() if is_number else None
