"""Which values of a model are certainly equal.

PyTorch's exporters compute the index of every layer anew, from the same input. What uses an index, such as its
grouping, is wanted once for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

import numpy as np
import onnx_ir as ir

from . import facts

# Two nodes of these have different results from the same inputs.
_RANDOM = {
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}

_LARGEST_COMPARED = 2**24
"""The bytes of the largest constant that is compared with others."""


class Numbering:
    """Gives values numbers. Values with equal numbers are equal whenever the model runs: equal nodes of ONNX's own
    domain made them, from equal inputs."""

    def __init__(self, largest: int = _LARGEST_COMPARED) -> None:
        """`largest` is the size in bytes of the largest constant that is compared with others."""
        self._largest = largest
        self._numbers: dict[ir.Value, int] = {}
        self._found: dict[Hashable, int] = {}

    def of(self, value: ir.Value) -> int:
        """The number of a value."""
        value = facts.resolve(value)
        pending = [value]
        while pending:
            top = pending[-1]
            inputs = _inputs(top)
            missing = [each for each in inputs or () if each is not None and each not in self._numbers]
            if top in self._numbers or not missing:
                pending.pop()
                if top not in self._numbers:
                    self._numbers[top] = self._found.setdefault(self._key(top, inputs), len(self._found))
            else:
                pending += missing
        return self._numbers[value]

    def _key(self, value: ir.Value, inputs: list[ir.Value | None] | None) -> Hashable:
        array = facts.constant(value)
        if array is not None:
            if array.nbytes > self._largest:
                return value
            return array.dtype.str, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
        node = value.producer()
        if inputs is None or node is None:
            # The value itself: nothing else equals it.
            return value
        numbers = tuple(None if each is None else self._numbers[each] for each in inputs)
        attributes = tuple(sorted((name, _hashable(node, each)) for name, each in node.attributes.items()))
        return node.op_type, attributes, numbers, value.index()


def _inputs(value: ir.Value) -> list[ir.Value | None] | None:
    """What the node that makes `value` reads. None if something else decides on the value too."""
    node = value.producer()
    if node is None or node.domain != "" or node.op_type in _RANDOM:
        return None
    if any(_has_graphs(attribute) for attribute in node.attributes.values()):
        return None
    return [None if each is None else facts.resolve(each) for each in node.inputs]


def _has_graphs(attribute: ir.Attr) -> bool:
    return attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)


def _hashable(node: ir.Node, attribute: ir.Attr) -> tuple[str, str]:
    array = facts.tensor(node, attribute.name) if attribute.type == ir.AttributeType.TENSOR else None
    if array is not None:
        return f"{array.dtype.str}{array.shape}", hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return attribute.type.name, repr(attribute.value)
