"""ONNX schemas of the plugins' nodes, so that onnx's checker and shape inference know them.

Importing this module registers them, in this process alone; a model does not need them to be run.
"""

from __future__ import annotations

from onnx import TensorProto, TypeProto, defs
from onnx.shape_inference import InferenceContext, InferenceError

from . import nodes

_Schema = defs.OpSchema
_VALUES = [f"tensor({name})" for name in ("float", "float16", "bfloat16", "double", "int32", "int64")]
_INDICES = ["tensor(int32)", "tensor(int64)"]
_KINDS = {int: _Schema.AttrType.INT, float: _Schema.AttrType.FLOAT, str: _Schema.AttrType.STRING}
# What TensorRT's parser reads: to find the plugin, and the inputs that are shape tensors.
_PARSER = {
    "plugin_version": _Schema.AttrType.STRING,
    "plugin_namespace": _Schema.AttrType.STRING,
    "tensorrt_plugin_shape_input_indices": _Schema.AttrType.INTS,
}

Dims = list["int | str | None"]
"""A shape: each size is a number, a symbol, or unknown."""


def register() -> None:
    """Registers the schema of every node type, where that is not done yet."""
    for node_type in nodes.ALL:
        if not defs.has(node_type.op_type, nodes.DOMAIN):
            defs.register_schema(schema(node_type, with_arg=bool(node_type.reductions)))


def schema(node_type: nodes.NodeType, with_arg: bool) -> defs.OpSchema:
    """The schema of a node type, with an optional second output arg_out or without one."""
    attributes = {**{name: _KINDS[type(default)] for name, default in node_type.attributes.items()}, **_PARSER}
    parameter = _Schema.FormalParameter
    option = _Schema.FormalParameterOption
    outputs = [parameter("out", "T")]
    if with_arg:
        outputs.append(parameter("arg_out", "A", param_option=option.Optional))
    made = _Schema(
        node_type.op_type,
        nodes.DOMAIN,
        nodes.DOMAIN_VERSION,
        inputs=[
            parameter("src", "T"),
            parameter("index", "I"),
            # The base, or without one the number of groups: hence the types.
            parameter("base", "M", param_option=option.Optional),
            parameter("groups", "M", param_option=option.Optional),
        ],
        outputs=outputs,
        type_constraints=[
            ("T", _VALUES, "values"),
            ("I", _INDICES, "indices, or bounds of segments"),
            ("M", _VALUES, "those of src for a base, an integer for a number of groups"),
            *([("A", _INDICES, "positions")] if with_arg else []),
        ],
        attributes=[_Schema.Attribute(name, kind, "", required=False) for name, kind in attributes.items()],
    )
    made.set_type_and_shape_inference_function(lambda context: _infer(node_type, context))
    return made


def _infer(node_type: nodes.NodeType, context: InferenceContext) -> None:
    reduce = _text(context, node_type, "reduce")
    if reduce and reduce not in node_type.reductions:
        raise InferenceError(
            f"{node_type.op_type}: reduce is {reduce!r}: expected one of {', '.join(node_type.reductions)}"
        )
    src = context.get_input_type(0)
    dims = _out_dims(node_type, context)
    _set(context, 0, src.tensor_type.elem_type, dims)
    # Without the attribute it is int32 too; but exports for the existing CUDA C++ plugins declare int64, as PyTorch has it.
    arg_type = _text(context, node_type, "arg_type") if context.get_attribute("arg_type") is not None else None
    if context.get_num_outputs() > 1 and arg_type is not None:
        _set(context, 1, TensorProto.INT64 if arg_type == "int64" else TensorProto.INT32, dims)


def _out_dims(node_type: nodes.NodeType, context: InferenceContext) -> Dims | None:
    """The shape of out, or None where the rank of src is not known."""
    src, index = _dims(context, 0), _dims(context, 1)
    if src is None or node_type in (nodes.SOFTMAX, nodes.LOG_SOFTMAX):
        return src
    if "dim" in node_type.attributes:
        axis = _number(context, node_type, "dim")
    elif index is None:
        return [None] * len(src)
    else:
        axis = len(index) - 1
    if not -len(src) <= axis < len(src):
        raise InferenceError(f"{node_type.op_type}: the axis is {axis}, but src has rank {len(src)}")
    src[axis] = _size(node_type, context, axis, index)
    return src


def _size(node_type: nodes.NodeType, context: InferenceContext, axis: int, index: Dims | None) -> int | str | None:
    """The size of out on the reduced, or gathered, axis."""
    if node_type is nodes.GATHER_COO:
        return index[-1] if index else None
    if node_type is nodes.SEGMENT_CSR:
        return index[-1] - 1 if index and isinstance(index[-1], int) else None
    name = "size" if node_type is nodes.GATHER_CSR else "dim_size"
    given = _number(context, node_type, name)
    if given >= 0:
        return given
    has_size_input = node_type.has_groups and _number(context, node_type, "dim_size_input") == 1
    if context.get_num_inputs() - has_size_input > 2:
        base = _dims(context, 2)
        return base[axis] if base is not None and -len(base) <= axis < len(base) else None
    return None


def _dims(context: InferenceContext, position: int) -> Dims | None:
    kind = context.get_input_type(position)
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in kind.tensor_type.shape.dim]


def _set(context: InferenceContext, position: int, elem_type: int, dims: Dims | None) -> None:
    kind = TypeProto()
    kind.tensor_type.elem_type = elem_type
    if dims is not None:
        kind.tensor_type.shape.SetInParent()
        for size in dims:
            dim = kind.tensor_type.shape.dim.add()
            if isinstance(size, int):
                dim.dim_value = size
            elif size is not None:
                dim.dim_param = size
    context.set_output_type(position, kind)


def _number(context: InferenceContext, node_type: nodes.NodeType, name: str) -> int:
    attribute = context.get_attribute(name)
    return int(attribute.i if attribute is not None else node_type.attributes[name])


def _text(context: InferenceContext, node_type: nodes.NodeType, name: str) -> str:
    attribute = context.get_attribute(name)
    return attribute.s.decode() if attribute is not None else str(node_type.attributes.get(name, ""))


register()
