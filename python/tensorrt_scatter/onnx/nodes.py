"""The ONNX nodes of the plugins: their names and attributes, in one place for all who write or read them.

Inputs are src, the index (or indptr), and a third where needed: a base, or, where `dim_size_input` is 1, the number of
groups as a shape tensor of one element (TensorRT 10 and newer). Outputs are out and, for min and max, arg_out.

TensorRT's ONNX parser finds a plugin by the node's op type alone. The domain is that of the existing CUDA C++ plugins'
exports, so that models of either look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "tensorrt_scatter"
"""The nodes' domain. TensorRT ignores it; ONNX's checker wants one that is not its own."""

DOMAIN_VERSION = 1
"""The version of the domain that models import."""

REDUCTIONS_WITH_ARG = ("min", "max")
"""The reductions that also tell where a group's winner lies."""

ARG_TYPE = "int32"
"""The type of arg_out in the nodes that are written here: the one that every TensorRT has."""


GROUPS_AS_INPUT: dict[str, int | list[int]] = {"dim_size_input": 1, "tensorrt_plugin_shape_input_indices": [2]}
"""The attributes of a node whose last input is the number of groups. By the second one TensorRT's parser, from 10.1 on,
knows that the input is a shape tensor; it is the parser's, not the plugin's."""


@dataclass(frozen=True)
class NodeType:
    """A plugin as an ONNX node."""

    op_type: str
    attributes: dict[str, int | float | str]
    """Each attribute and what it is where a node leaves it out."""

    @property
    def has_groups(self) -> bool:
        """Whether the node has to be told a number of groups, by `dim_size`, `dim_size_input` or its base."""
        return "dim_size" in self.attributes

    @property
    def reductions(self) -> tuple[str, ...]:
        """What `reduce` may be."""
        if "reduce" not in self.attributes:
            return ()
        return (
            ("sum", "add", "mul", "mean", "min", "max")
            if "dim" in self.attributes
            else ("sum", "add", "mean", "min", "max")
        )


_GROUPS: dict[str, int | float | str] = {"dim_size": -1, "dim_size_input": 0}
_DIM: dict[str, int | float | str] = {"dim": -1}
_REDUCE: dict[str, int | float | str] = {"reduce": "sum", "arg_type": ARG_TYPE}
_EPS: dict[str, int | float | str] = {"eps": 1e-12}

SCATTER = NodeType("TRTS_Scatter", {**_DIM, **_GROUPS, **_REDUCE})
SEGMENT_COO = NodeType("TRTS_SegmentCOO", {**_GROUPS, **_REDUCE})
GATHER_COO = NodeType("TRTS_GatherCOO", {})
SEGMENT_CSR = NodeType("TRTS_SegmentCSR", _REDUCE)
GATHER_CSR = NodeType("TRTS_GatherCSR", {"size": -1})
SOFTMAX = NodeType("TRTS_ScatterSoftmax", {**_DIM, **_GROUPS})
LOG_SOFTMAX = NodeType("TRTS_ScatterLogSoftmax", {**_DIM, **_GROUPS, **_EPS})
LOGSUMEXP = NodeType("TRTS_ScatterLogSumExp", {**_DIM, **_GROUPS, **_EPS})
STD = NodeType("TRTS_ScatterStd", {**_DIM, **_GROUPS, "unbiased": 1})

ALL = (SCATTER, SEGMENT_COO, GATHER_COO, SEGMENT_CSR, GATHER_CSR, SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, STD)
BY_OP_TYPE = {node_type.op_type: node_type for node_type in ALL}
