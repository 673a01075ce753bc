"""The ONNX nodes of the plugins: what every module that writes or reads them shares.

A node has the inputs of its operator, without the optional ones that were not given, and maybe one more: a base; or,
with `dim_size_input` = 1, the number of groups as a shape tensor of one element (TensorRT 10 and newer). Its outputs are
out and, for min and max, arg_out; those of group_index are perm and indptr.

TensorRT's ONNX parser finds a plugin by the node's op type, and does not look at the domain. ONNX Runtime's execution
provider for TensorRT does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, Union

from .._declarations import DIM, DIM_SIZE, OPERATORS, WEIGHT_INPUT, Base, Operator, Reduction

DOMAIN = "tensorrt_scatter"
"""The nodes' domain: the one that exports for the existing CUDA C++ plugins have. ONNX's checker wants a domain other
than its own."""

DOMAIN_OF_ONNX_RUNTIME = "trt.plugins"
"""The domain in which ONNX Runtime's execution provider for TensorRT has the plugins."""

DOMAINS = (DOMAIN, DOMAIN_OF_ONNX_RUNTIME)
"""The domains that a node may have."""

DOMAIN_VERSION = 1
"""The version of the domain, for the model's opset imports."""

ARG_TYPE = "int32"
"""The type of arg_out in the nodes that this package writes. Every TensorRT has it."""

SHAPE_INPUTS = "tensorrt_plugin_shape_input_indices"
"""An attribute for TensorRT's parser, not for the plugin: it lists the inputs that are shape tensors (from 10.1 on)."""

_FIRST_WITH_SIZES_AS_INPUTS = 10
"""The first major version of TensorRT in which a plugin takes a number of groups as an input."""

AttributeValue = Union[int, float, str, list[int]]


def checked_domain(domain: str) -> str:
    """The domain.

    Raises:
        ValueError: nodes cannot have it.
    """
    if domain not in DOMAINS:
        raise ValueError(
            f"domain is {domain!r}: expected {DOMAIN!r}, or {DOMAIN_OF_ONNX_RUNTIME!r} for ONNX Runtime's TensorRT "
            "execution provider"
        )
    return domain


def takes_sizes_as_inputs(target: str | None) -> bool:
    """Whether a plugin can take a number of groups as an input in the TensorRT version `target`. None is the newest.

    Raises:
        ValueError: `target` is no version such as "8.6", "10" or "11".
    """
    if target is None:
        return True
    major = target.partition(".")[0]
    if not major.isdecimal() or int(major) < 8:
        raise ValueError(f'target is {target!r}: expected a version of TensorRT, such as "8.6", "10" or "11"')
    return int(major) >= _FIRST_WITH_SIZES_AS_INPUTS


def groups_as_input(operator: Operator, count: int) -> dict[str, AttributeValue]:
    """The attributes of a node whose last input is the number of groups, behind `count` others."""
    attributes: dict[str, AttributeValue] = {"dim_size_input": 1, SHAPE_INPUTS: [count]}
    if WEIGHT_INPUT in operator.attributes and count == len(operator.inputs):
        attributes[WEIGHT_INPUT.name] = 1
    return attributes


def functions() -> Iterator[tuple[str, Operator, Reduction | None]]:
    """Each operator of torch.ops.tensorrt_scatter: its name, its row of the table, and its reduction."""
    for operator in OPERATORS:
        if not operator.reductions:
            yield operator.function_of(), operator, None
        for reduction in operator.reductions:
            yield operator.function_of(reduction.name), operator, reduction


def operator_of(name: str) -> tuple[Operator, Reduction | None]:
    """The row of the table and the reduction of an operator of torch.ops.tensorrt_scatter."""
    return _OPERATORS[name]


def parameters(operator: Operator) -> dict[str, str]:
    """The arguments of the torch operator, by name, each with its declaration in the operator's schema."""
    declared = {
        given.name: f"Tensor? {given.name}=None" if given.is_optional else f"Tensor {given.name}"
        for given in operator.inputs
    }
    if operator.has_dim:
        declared[DIM.name] = DIM.schema
    if operator.base is not Base.NONE:
        declared["out"] = "Tensor? out=None"
    return declared | {attribute.name: attribute.schema for attribute in operator.attributes if attribute.schema}


_OPERATORS = {name: (operator, reduction) for name, operator, reduction in functions()}

Value = TypeVar("Value")


@dataclass(frozen=True)
class Call(Generic[Value]):
    """A call of a torch operator in a model that is being exported. Values are the exporter's own."""

    inputs: list[Value]
    """The node's inputs, without a number of groups."""
    attributes: dict[str, AttributeValue]
    varying_size: Value | None
    """The number of groups if it becomes an input of the node."""


def call(
    name: str, operator: Operator, reduction: Reduction | None, given: Mapping[str, Any], constants: Mapping[str, Any]
) -> Call[Any]:
    """Turns the arguments of a torch operator into the inputs and attributes of a node, for both exporters.

    Args:
        name: The torch operator's name.
        operator: The operator.
        reduction: Its reduction.
        given: The arguments that are not None, by name, as the exporter's values.
        constants: The given arguments that are constants, as numbers.

    Raises:
        ValueError: nothing tells the number of groups or rows.
    """
    inputs = [
        given[declared.name] for declared in operator.inputs if declared.name in given or not declared.is_optional
    ]
    attributes: dict[str, AttributeValue] = {}
    for attribute in operator.attributes:
        if attribute.schema and not attribute.is_size and attribute.name in constants:
            value = constants[attribute.name]
            # The attribute's default is not written.
            if attribute.name != "deterministic" or value:
                # A flag of torch is a number in a node.
                attributes[attribute.name] = type(attribute.default)(value)
    if reduction is not None:
        attributes["reduce"] = reduction.name
        if reduction.has_arg:
            attributes["arg_type"] = ARG_TYPE
    if "out" in given:
        return Call([*inputs, given["out"]], attributes, None)
    size = operator.size
    if size is None:
        return Call(inputs, attributes, None)
    if size.name not in given:
        raise ValueError(f"{name}: {missing_size(operator)}")
    if size.name in constants:
        attributes[size.name] = int(constants[size.name])
        return Call(inputs, attributes, None)
    if size is not DIM_SIZE:
        raise ValueError(
            f"{name}: {size.name} varies, and the plugin takes a fixed one; pass out= of that size instead"
        )
    return Call(inputs, attributes | groups_as_input(operator, len(inputs)), given[size.name])


def missing_size(operator: Operator) -> str:
    """The message for an operator without its number of groups or rows."""
    size, has_out = operator.size, operator.base is not Base.NONE
    name = "" if size is None else size.name
    missing = f"neither {name} nor out is given" if has_out else f"{name} is not given"
    names = operator.inputs[operator.destination].name
    what, where = ("groups", f"the {names}") if size is DIM_SIZE else ("rows", operator.inputs[1].name)
    remedy = f"{name}= or out=" if has_out else f"{name}="
    return (
        f"{missing}: an exported model cannot take the number of {what} from the values of {where}, since TensorRT "
        f"wants shapes before values; pass {remedy}"
    )
