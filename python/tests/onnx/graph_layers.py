"""Graph layers in ONNX's text format: rows that a Gather reads, maybe weighted, reduced by a scatter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from graphs import Feeds, model

_ZEROS = "size = Shape (x)  base = ConstantOfShape <value = {dtype}[1] {{0}}> (size)"
_LOWEST = """floor = ConstantOfShape <value = {dtype}[1] {{{worst}}}> (shape)
    start = ScatterElements <axis = {axis}, reduction = "{opposite}"> (base, at, floor)"""
_WORST = {
    ("float", "max"): "-3.4028234663852886e+38",
    ("float", "min"): "3.4028234663852886e+38",
    ("int32", "max"): "-2147483648",
    ("int32", "min"): "2147483647",
}


@dataclass
class Layer:
    """One layer. Its inputs are x, edges [2, E] and maybe weight; its output has x's shape."""

    x: list[Any] = field(default_factory=lambda: ["n", 3])
    """The sizes of x; axis `axis` is that of the nodes."""
    axis: int = 0
    elements: Any = "e"
    weight: list[Any] | None = None
    """The sizes of the weights as they are multiplied."""
    reduction: str = "add"
    dtype: str = "float"
    index: str = "int64"
    weight_first: bool = False
    inputs: list[str] = field(default_factory=list)
    """More inputs, in ONNX's text."""
    before_scatter: str = ""
    """More nodes between the messages and the scatter."""
    messages: str = "messages"
    base: str = _ZEROS
    outputs: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The graph."""
        sizes = ", ".join(map(str, self.x))
        inputs = [f"{self.dtype}[{sizes}] x", f"{self.index}[2, {self.elements}] edges", *self.inputs]
        if self.weight is not None:
            inputs.insert(2, f"{self.dtype}[{', '.join(map(str, self.weight))}] weight")
        factors = "weight, rows" if self.weight_first else "rows, weight"
        weighted = f"messages = Mul ({factors})" if self.weight is not None else "messages = Identity (rows)"
        behind = ", ".join(str(axis) for axis in range(len(self.x)) if axis != self.axis)
        column = f"others = Constant <value_ints = [{behind}]> ()  column = Unsqueeze (destination, others)"
        if not behind:
            column = "column = Identity (destination)"
        start = "start = Identity (base)"
        if self.reduction in ("min", "max"):
            start = _LOWEST.format(
                dtype=self.dtype,
                axis=self.axis,
                worst=_WORST[self.dtype, self.reduction],
                opposite={"min": "max", "max": "min"}[self.reduction],
            )
        outputs = ", ".join([f"{self.dtype}[{sizes}] out", *self.outputs])
        return f"""g ({", ".join(inputs)}) => ({outputs}) {{
            first = Constant <value_int = 0> ()  second = Constant <value_int = 1> ()
            source = Gather <axis = 0> (edges, first)
            destination = Gather <axis = 0> (edges, second)
            rows = Gather <axis = {self.axis}> (x, source)
            {weighted}
            {self.before_scatter}
            shape = Shape ({self.messages})
            {column}
            at = Expand (column, shape)
            {self.base.format(dtype=self.dtype)}
            {start}
            out = ScatterElements <axis = {self.axis}, reduction = "{self.reduction}"> (start, at, {self.messages})
        }}"""

    def model(self, opset: int = 18) -> onnx.ModelProto:
        """The checked model."""
        return model(self.text(), opset)

    def feeds(self, seed: int, n: int, e: int, lowest: int | None = None) -> Feeds:
        """Random inputs for `n` nodes and `e` edges. Indices from `lowest` on; by default also those from the end."""
        generator = np.random.default_rng(seed)
        named = {"n": n, "e": e, "f": e}
        dtype = {"float": np.float32, "int32": np.int32, "float16": np.float16}[self.dtype]
        index = {"int32": np.int32, "int64": np.int64}[self.index]

        def draw(sizes: list[Any]) -> Any:
            return generator.integers(-4, 5, [named.get(size, size) for size in sizes]).astype(dtype)

        edges = generator.integers(-n if lowest is None else lowest, n, (2, e)).astype(index)
        feeds: Feeds = {"x": draw(self.x), "edges": edges}
        if self.weight is not None:
            feeds["weight"] = draw(self.weight)
        return feeds
