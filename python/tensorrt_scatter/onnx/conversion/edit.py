"""Changes to a model's graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..._declarations import REDUCTION_OF, Operator
from .. import nodes
from . import facts
from .elements import Known
from .facts import Dim
from .numbering import Numbering
from .report import LeftAlone


def name_of(node: ir.Node) -> str:
    """The name of a node in a report."""
    return node.name or (node.outputs[0].name if node.outputs else None) or node.op_type


class Editor:
    """Inserts and replaces nodes of a model, with unused names."""

    def __init__(self, model: ir.Model, wrap_negative_indices: bool, domain: str = nodes.DOMAIN) -> None:
        self.model = model
        self.numbering = Numbering()
        self.known = Known()
        self._wrap = wrap_negative_indices
        self._domain = domain
        self._names = set(_names(model.graph))
        self._inserted: list[ir.Node] = []
        self._wrapped: dict[Hashable, ir.Value] = {}
        self._unwrapped: dict[ir.Value, tuple[ir.Value, Hashable]] = {}
        self._sizes: dict[Hashable, ir.Value] = {}

    def begin(self) -> None:
        """Begins to go through the nodes in their order: no inserted node is used again before its place."""
        self._wrapped.clear()
        self._sizes.clear()

    @contextmanager
    def undone_where_left_alone(self) -> Iterator[None]:
        """Removes the inserted nodes if a rule inserts nodes and then finds that it does not apply."""
        self._inserted.clear()
        try:
            yield
        except LeftAlone:
            for node in reversed(self._inserted):
                graph_of(node).remove(node, safe=True)
            raise

    def insert(
        self,
        before: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value],
        dtype: ir.DataType | None,
        shape: Sequence[Dim] | None,
        attributes: dict[str, Any] | None = None,
    ) -> ir.Value:
        """Inserts a node of ONNX's own domain with one output."""
        node = ir.node(op_type, inputs, attributes=attributes or {})
        self._describe(node.outputs[0], f"{name_of(before)}/{op_type}", dtype, shape)
        self._insert(before, node)
        return node.outputs[0]

    def insert_plugin(
        self,
        before: ir.Node,
        operator: Operator,
        inputs: Sequence[ir.Value],
        attributes: Mapping[str, nodes.AttributeValue],
        outputs: Sequence[tuple[str, ir.DataType | None, Sequence[Dim] | None]],
    ) -> Sequence[ir.Value]:
        """Inserts a plugin's node. Each of its outputs has a name, a type and a shape."""
        node = self._plugin(operator, inputs, attributes, len(outputs), None)
        for value, (name, dtype, shape) in zip(node.outputs, outputs):
            self._describe(value, f"{name_of(before)}/{name}", dtype, shape)
        self._insert(before, node)
        return node.outputs

    def _insert(self, before: ir.Node, node: ir.Node) -> None:
        node.name = node.outputs[0].name
        graph_of(before).insert_before(before, node)
        self._inserted.append(node)

    def _plugin(
        self,
        operator: Operator,
        inputs: Sequence[ir.Value],
        attributes: Mapping[str, nodes.AttributeValue],
        outputs: int,
        name: str | None,
    ) -> ir.Node:
        self.model.opset_imports.setdefault(self._domain, nodes.DOMAIN_VERSION)
        # Every attribute is written out, so that nothing depends on what a reader of the model takes for a default.
        told: dict[str, nodes.AttributeValue] = {**operator.defaults(), **attributes}
        given = [ir.Attr(key, _kind(value), value) for key, value in told.items()]
        return ir.Node(self._domain, operator.op_type, inputs, given, num_outputs=outputs, name=name)

    def constant(self, before: ir.Node, array: NDArray[Any]) -> ir.Value:
        """Inserts a constant."""
        tensor = ir.tensor(array)
        return self.insert(before, "Constant", [], tensor.dtype, array.shape, {"value": tensor})

    def sizes(self, before: ir.Node, value: ir.Value, axes: Sequence[int]) -> ir.Value:
        """The sizes of `value` on some axes as an INT64 vector; a constant if the sizes do not vary."""
        known = facts.dims(value)
        if known is not None and all(isinstance(known[axis], int) for axis in axes):
            return self.constant(before, np.array([known[axis] for axis in axes], np.int64))
        shape = self.insert(before, "Shape", [value], ir.DataType.INT64, None)
        places = self.constant(before, np.array(axes, np.int64))
        return self.insert(before, "Gather", [shape, places], ir.DataType.INT64, [len(axes)])

    def size(self, before: ir.Node, value: ir.Value, axis: int) -> ir.Value:
        """The size of `value` on an axis, as an INT64 vector of one element.

        It is not taken from the value itself if the value was made from a vector of sizes: then nothing may need it.
        """
        key = id(before.graph), self.size_key(value, axis)
        size = self._sizes.get(key)
        if size is None or _is_removed(size):
            size = self._sizes[key] = self._size(before, value, axis)
        return size

    def _size(self, before: ir.Node, value: ir.Value, axis: int) -> ir.Value:
        known, given = facts.dims(value), facts.shape_given(value)
        if given is None or (known is not None and isinstance(known[axis], int)):
            return self.sizes(before, value, [axis])
        place = facts.piece(given, axis)
        if place is not None:
            return place
        places = self.constant(before, np.array([axis], np.int64))
        return self.insert(before, "Gather", [given, places], ir.DataType.INT64, [1])

    def replace(
        self,
        node: ir.Node,
        operator: Operator,
        inputs: Sequence[ir.Value],
        attributes: Mapping[str, nodes.AttributeValue],
    ) -> None:
        """Replaces `node` by a plugin's node. The first output keeps its name."""
        old = node.outputs[0]
        has_arg = "reduce" in attributes and REDUCTION_OF[str(attributes["reduce"])].has_arg
        plugin = self._plugin(operator, inputs, attributes, 2 if has_arg else 1, node.name)
        for arg_out in plugin.outputs[1:]:
            self._describe(arg_out, f"{old.name}_arg_out", ir.DataType.INT32, facts.dims(old))
        ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [plugin], [old], plugin.outputs[:1])

    def replace_by_view(self, node: ir.Node, plugin: ir.Value, shape: Sequence[int] | ir.Value) -> None:
        """Replaces `node` by a Reshape of a plugin's result. The output keeps its name; the plugin takes the node's."""
        old, maker = node.outputs[0], plugin.producer()
        sizes = shape if isinstance(shape, ir.Value) else self.constant(node, np.array(shape, np.int64))
        assert maker is not None
        view = ir.node("Reshape", [plugin, sizes], name=maker.name)
        maker.name = node.name
        ir.convenience.replace_nodes_and_values(graph_of(node), node, [node], [view], [old], view.outputs)

    def unsqueeze_front(self, before: ir.Node, value: ir.Value, rank: int) -> ir.Value:
        """Adds axes of size 1 at the front of `value`, up to `rank` axes."""
        shape = facts.dims(value)
        if shape is None or len(shape) == rank:
            return value
        axes = list(range(rank - len(shape)))
        wanted: list[Dim] = [*(1 for _ in axes), *shape]
        # From opset 13 on the axes are an input.
        if self.model.opset_imports.get("", 0) < 13:
            return self.insert(before, "Unsqueeze", [value], value.dtype, wanted, {"axes": axes})
        return self.insert(before, "Unsqueeze", [value, self.constant(before, np.array(axes))], value.dtype, wanted)

    def squeeze_back(self, before: ir.Node, value: ir.Value, count: int) -> ir.Value:
        """Removes axes of size 1 at the end of `value`."""
        sizes = facts.dims(value) or []
        axes, wanted = list(range(len(sizes) - count, len(sizes))), sizes[: len(sizes) - count]
        if self.model.opset_imports.get("", 0) < 13:
            return self.insert(before, "Squeeze", [value], value.dtype, wanted, {"axes": axes})
        return self.insert(before, "Squeeze", [value, self.constant(before, np.array(axes))], value.dtype, wanted)

    def sum_of_last_axis(self, before: ir.Node, value: ir.Value) -> ir.Value:
        """The sums of `value` along its last axis, which goes."""
        wanted = (facts.dims(value) or [])[:-1]
        # From opset 13 on the axes are an input.
        if self.model.opset_imports.get("", 0) < 13:
            return self.insert(before, "ReduceSum", [value], value.dtype, wanted, {"axes": [-1], "keepdims": 0})
        axes = self.constant(before, np.array([-1], np.int64))
        return self.insert(before, "ReduceSum", [value, axes], value.dtype, wanted, {"keepdims": 0})

    def non_negative(self, before: ir.Node, index: ir.Value, data: ir.Value, axis: int) -> ir.Value:
        """Adds the size of `axis` to the negative elements of an index into `data`, which count from the end."""
        if not self.wraps(index):
            return index
        if index.dtype not in (ir.DataType.INT32, ir.DataType.INT64):
            raise LeftAlone("it is not known that its index is of INT32 or INT64")
        key = id(before.graph), self.numbering.of(index), index.dtype, facts.rank(index), self.size_key(data, axis)
        known = self._wrapped.get(key)
        if known is None or _is_removed(known):
            known = self._wrapped[key] = self._with_size_added(before, index, index.dtype, data, axis)
            self._unwrapped[known] = index, self.size_key(data, axis)
        return known

    def wraps(self, index: ir.Value) -> bool:
        """Whether the size of an axis has to be added to negative elements of an index: it may have some."""
        return self._wrap and not facts.never_negative(index)

    def unwrapped(self, index: ir.Value) -> tuple[ir.Value, Hashable] | None:
        """The index that `non_negative` was given where it returned this one, and the key of the size that it added."""
        return self._unwrapped.get(index)

    def size_key(self, data: ir.Value, axis: int) -> Hashable:
        """What equals another size's key where the sizes are certainly equal."""
        sizes, given = facts.dims(data), facts.shape_given(data)
        if sizes is not None and sizes[axis] is not None:
            return sizes[axis]
        place = None if given is None else facts.piece(given, axis)
        return ("element", self.numbering.of(place)) if place is not None else ("axis", self.numbering.of(data), axis)

    def _with_size_added(
        self, before: ir.Node, index: ir.Value, dtype: ir.DataType, data: ir.Value, axis: int
    ) -> ir.Value:
        sizes = facts.dims(data)
        zero = self.constant(before, np.array(0, dtype.numpy()))
        if sizes is not None and isinstance(sizes[axis], int):
            size = self.constant(before, np.array(sizes[axis], dtype.numpy()))
        else:
            # A vector of one element: an index has at least one axis, so that it broadcasts.
            size = self.size(before, data, axis)
            if dtype != ir.DataType.INT64:
                size = self.insert(before, "Cast", [size], dtype, [1], {"to": int(dtype)})
        shape_of_index = facts.dims(index)
        negative = self.insert(before, "Less", [index, zero], ir.DataType.BOOL, shape_of_index)
        from_the_end = self.insert(before, "Add", [index, size], dtype, shape_of_index)
        return self.insert(before, "Where", [negative, from_the_end, index], dtype, shape_of_index)

    def drop_unused(self, values: Sequence[ir.Value | None]) -> None:
        """Removes the nodes that made `values`, if nothing uses their results."""
        pending = list(values)
        while pending:
            value = pending.pop()
            if value is None or value.uses() or value.is_graph_output():
                continue
            producer = value.producer()
            if producer is None:
                if value.is_initializer() and not value.is_graph_input() and value.graph is not None:
                    value.graph.initializers.pop(str(value.name), None)
            # It may have been removed already, after another of its users.
            elif producer.graph is not None and not any(
                other.uses() or other.is_graph_output() for other in producer.outputs
            ):
                pending += producer.inputs
                graph_of(producer).remove(producer, safe=True)
                release_outer(producer)

    def _describe(self, value: ir.Value, name: str, dtype: ir.DataType | None, shape: Sequence[Dim] | None) -> None:
        value.name = self._free(name)
        value.type = None if dtype is None else ir.TensorType(dtype)
        value.shape = None if shape is None else ir.Shape(shape)

    def _free(self, name: str) -> str:
        free, number = name, 1
        while free in self._names:
            free, number = f"{name}_{number}", number + 1
        self._names.add(free)
        return free


def _is_removed(value: ir.Value) -> bool:
    """Whether the node of a value was removed: where a node was left alone, what was inserted for it is."""
    producer = value.producer()
    return producer is not None and producer.graph is None


def graph_of(node: ir.Node) -> ir.Graph:
    """The graph that a node is in."""
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        raise LeftAlone("it is in no graph")
    return graph


def release_outer(removed: ir.Node) -> None:
    """Takes the inputs from the nodes in the subgraphs of a removed node. They would still count as uses of values of the
    graph around it."""
    for graph in facts.graphs_in(removed):
        for inner in facts.nested(graph):
            for node in inner:
                for place in range(len(node.inputs)):
                    node.replace_input_with(place, None)


def _kind(value: nodes.AttributeValue) -> ir.AttributeType:
    kinds = {str: ir.AttributeType.STRING, float: ir.AttributeType.FLOAT, list: ir.AttributeType.INTS}
    return kinds.get(type(value), ir.AttributeType.INT)


def _names(graph: ir.Graph) -> Iterator[str]:
    for inner in facts.nested(graph):
        yield from (value.name for value in (*inner.inputs, *inner.initializers.values()) if value.name)
        for node in inner:
            yield from (name for name in (node.name, *(value.name for value in node.outputs)) if name)
