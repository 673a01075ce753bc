"""ONNX schemas of the plugins' nodes, for onnx's checker and shape inference.

Importing this module registers them in this process. A model does not need them to be run.
"""

from __future__ import annotations

import importlib

from onnx import TensorProto, TypeProto, defs
from onnx.shape_inference import InferenceContext, InferenceError

from .._declarations import HEADS, INDICES, OPERATORS, TYPE_OF, Base, Operator, Output, Result, Role
from . import nodes

_Schema = defs.OpSchema
_KINDS = {int: _Schema.AttrType.INT, float: _Schema.AttrType.FLOAT, str: _Schema.AttrType.STRING}
# Attributes that only TensorRT's parser reads: to find the plugin, and the inputs that are shape tensors.
_PARSER = {
    "plugin_version": _Schema.AttrType.STRING,
    "plugin_namespace": _Schema.AttrType.STRING,
    nodes.SHAPE_INPUTS: _Schema.AttrType.INTS,
}

_VARIABLES = {Role.VALUES: "T", Role.INDICES: "I", Role.WEIGHTS: "W"}
"""The type variable of the inputs of each role."""

Dims = list["int | str | None"]
"""A shape. Each size is a number, a symbol, or None if it is unknown."""


def register() -> None:
    """Registers the schema of every operator that has none yet, in each domain."""
    # onnx's reference evaluator cannot be imported once two domains have an operator of the same name. It reads the
    # schemas when it is imported, so that must come first.
    importlib.import_module("onnx.reference.op_run")
    for operator in OPERATORS:
        for domain in nodes.DOMAINS:
            if not defs.has(operator.op_type, domain):
                outputs = len(operator.outputs) + operator.has_groups_output
                defs.register_schema(schema(operator, outputs, domain))


def schema(operator: Operator, outputs: int, domain: str = nodes.DOMAIN) -> defs.OpSchema:
    """The schema of an operator's node with at most `outputs` outputs. arg_out and groups are optional."""
    parameter, option = _Schema.FormalParameter, _Schema.FormalParameterOption
    inputs = [
        parameter(
            given.name, _VARIABLES[given.role], param_option=option.Optional if given.is_optional else option.Single
        )
        for given in operator.inputs
    ]
    # The input is a base or, without a base, the number of groups. So it may have all types.
    if operator.base is not Base.NONE:
        inputs.append(parameter("base", "M", param_option=option.Optional))
    if operator.has_groups:
        inputs.append(parameter("groups", "M", param_option=option.Optional))
    written = [
        parameter(output.name, "A", param_option=option.Optional)
        if output.is_of_some_reductions
        else parameter(output.name, _VARIABLES[output.role])
        for output in operator.outputs
    ]
    if operator.has_groups_output:
        written.append(parameter("groups", "A", param_option=option.Optional))
    written = written[:outputs]
    texts = {
        Role.VALUES: "values",
        Role.INDICES: "indices, or bounds of segments",
        Role.WEIGHTS: "factors or scores: those of src, or float32 beside 16-bit floats",
    }
    types = {given.role: given.types for given in operator.inputs}
    constraints = [
        (variable, _type_strings(types[role]), texts[role]) for role, variable in _VARIABLES.items() if role in types
    ]
    if len(inputs) > len(operator.inputs):
        of_either = _type_strings(tuple(TYPE_OF))
        constraints.append(("M", of_either, "those of src for a base, an integer for a number of groups"))
    if any(output.type_str == "A" for output in written):
        constraints.append(("A", _type_strings(INDICES), "positions"))
    defaults = operator.defaults().items()
    attributes = {**{name: _KINDS[type(default)] for name, default in defaults}, **_PARSER}
    made = _Schema(
        operator.op_type,
        domain,
        nodes.DOMAIN_VERSION,
        inputs=inputs,
        outputs=written,
        type_constraints=constraints,
        attributes=[_Schema.Attribute(name, kind, "", required=False) for name, kind in attributes.items()],
    )
    made.set_type_and_shape_inference_function(lambda context: _infer(operator, context))
    return made


def _type_strings(names: tuple[str, ...]) -> list[str]:
    return [f"tensor({TYPE_OF[name].onnx})" for name in names]


def _infer(operator: Operator, context: InferenceContext) -> None:
    reduce = _text(context, operator, "reduce")
    try:
        has_arg = operator.reduction(reduce).has_arg if operator.reductions else False
    except ValueError as error:
        raise InferenceError(f"{operator.op_type}: {error}") from error
    for place, output in enumerate(operator.outputs[: context.get_num_outputs()]):
        dims = _output_dims(operator, output, context)
        if not output.is_of_some_reductions:
            like = context.get_input_type(0 if output.role is Role.VALUES else operator.index)
            _set(context, place, like.tensor_type.elem_type, dims)
        # Without the attribute arg_out is int32 too. But exports for the existing CUDA C++ plugins declare int64, as in
        # PyTorch.
        elif has_arg and context.get_attribute("arg_type") is not None:
            wide = _text(context, operator, "arg_type") == "int64"
            _set(context, place, TensorProto.INT64 if wide else TensorProto.INT32, dims)
    if operator.has_groups_output and context.get_num_outputs() > len(operator.outputs):
        _set(context, len(operator.outputs), TensorProto.INT32, [None])


def _output_dims(operator: Operator, output: Output, context: InferenceContext) -> Dims | None:
    """The shape of an output; None if the rank of the first input is unknown."""
    first, index = _dims(context, 0), _dims(context, operator.delimiter)
    if first is None or output.result is Result.SRC:
        return first
    if not operator.has_dim and not index:
        # Of scores, only the index tells the rank.
        return None if output.result is Result.SCORES else [None] * len(first)
    dim = _number(context, operator, "dim") if operator.has_dim else 0
    axis = operator.axis(len(index or ()), dim)
    if not -len(first) <= axis < len(first):
        raise InferenceError(
            f"{operator.op_type}: the axis is {axis}, but {operator.inputs[0].name} has rank {len(first)}"
        )
    heads = _number(context, operator, HEADS.name) if operator.has(HEADS.name) else None
    return output.shape(first, index or (), axis, _given_size(operator, context, axis), heads)


def _given_size(operator: Operator, context: InferenceContext, axis: int) -> int | str | None:
    """The size of out on the axis, from an attribute or from the base; None if neither tells it."""
    given = -1 if operator.size is None else _number(context, operator, operator.size.name)
    if given >= 0:
        return given
    has_size_input = operator.has_groups and _number(context, operator, "dim_size_input") == 1
    if context.get_num_inputs() - has_size_input > len(operator.inputs):
        base = _dims(context, len(operator.inputs))
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


def _number(context: InferenceContext, operator: Operator, name: str) -> int:
    attribute = context.get_attribute(name)
    return int(attribute.i if attribute is not None else operator.defaults()[name])


def _text(context: InferenceContext, operator: Operator, name: str) -> str:
    attribute = context.get_attribute(name)
    return attribute.s.decode() if attribute is not None else str(operator.defaults().get(name, ""))


register()
