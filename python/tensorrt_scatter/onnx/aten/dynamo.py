"""PyTorch's operators for `torch.onnx.export(..., dynamo=True)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import onnx_ir as ir
from onnxscript import opset18
from onnxscript.function_libs.torch_lib.ops import core

from .. import nodes, translation
from .calls import CALLS, INDEX_PUT, Call
from .graph import ONNX_TYPES, Graph, Size, filling

_op: Any = opset18
_FILLED_LIKE = ("Expand", "Identity", "Cast", "CastLike", "Reshape", "Slice")
"""Nodes whose output has no other numbers than their first input."""


class _Graph(Graph):
    """The graph that the exporter over torch.export makes, by onnxscript."""

    def __init__(self, domain: str, sizes_are_inputs: bool) -> None:
        super().__init__(sizes_are_inputs)
        self._domain = domain

    def op(self, op_type: str, *inputs: Any, **attributes: Any) -> Any:
        return getattr(_op, op_type)(*inputs, **attributes)

    def plugin(self, name: str, constants: dict[str, Any], **given: Any) -> tuple[Any, ...]:
        operator, reduction = nodes.operator_of(name)
        call = nodes.call(name, operator, reduction, given, constants)
        made = translation.emit(operator, reduction, call, self._domain)
        return tuple(made) if isinstance(made, (tuple, list)) else (made,)

    def constant(self, values: Any, dtype: str = "int64") -> Any:
        return _op.Constant(value=ir.tensor(values, dtype=ir.DataType(ONNX_TYPES[dtype])))

    def filled(self, shape: Any, number: float, dtype: str) -> Any:
        return _op.ConstantOfShape(shape, value=ir.tensor([number], dtype=ir.DataType(ONNX_TYPES[dtype])))

    def sizes_of(self, value: Any) -> Sequence[Size] | None:
        if value.shape is None:
            return None
        return [size if isinstance(size, int) else size.value for size in value.shape]

    def dtype_of(self, value: Any) -> str:
        names = {number: name for name, number in ONNX_TYPES.items()}
        return names.get(int(value.dtype), str(value.dtype))

    def filling_of(self, value: Any) -> float | None:
        while value.const_value is None:
            producer = value.producer()
            if producer is None:
                return None
            if producer.op_type in ("Constant", "ConstantOfShape"):
                attribute = producer.attributes.get("value")
                return None if attribute is None else filling(attribute.as_tensor().numpy())
            if producer.op_type not in _FILLED_LIKE:
                return None
            value = producer.inputs[0]
        return filling(value.const_value.numpy())


def translations(domain: str, sizes_are_inputs: bool) -> dict[Callable[..., Any], Callable[..., Any]]:
    """The part of a translation table for PyTorch's operators."""
    table = {call.overload: _translation(call, domain, sizes_are_inputs) for call in CALLS}
    table[INDEX_PUT.overload] = _index_put(_translation(INDEX_PUT, domain, sizes_are_inputs))
    return table


def _translation(call: Call, domain: str, sizes_are_inputs: bool) -> Callable[..., Any]:
    def translate(*args: Any, **kwargs: Any) -> Any:
        result = call.formula(_Graph(domain, sizes_are_inputs), *args, **kwargs)
        return result if call.outputs == 1 else [result]

    # The exporter reads the names of the arguments from here.
    parameters = list(inspect.signature(call.formula).parameters.values())[1:]
    signature = inspect.Signature([each.replace(annotation=inspect.Parameter.empty) for each in parameters])
    translate.__signature__ = signature  # type: ignore[attr-defined]
    translate.__annotations__ = {}
    return translate


def _index_put(summed: Callable[..., Any]) -> Callable[..., Any]:
    """index_put, which the exporter itself translates where it only writes."""

    def index_put(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
        return summed(self, indices, values) if accumulate else core.aten_index_put(self, indices, values, False)

    # The exporter would read types of arguments from them.
    index_put.__annotations__ = {}
    return index_put
