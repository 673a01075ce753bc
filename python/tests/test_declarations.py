"""The tables of types, reductions and operators equal the library's, and every list in the package agrees with them."""

from __future__ import annotations

import ctypes
import inspect
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import tensorrt_scripts
import test_arguments

import tensorrt_scatter as ts
from tensorrt_scatter import _c_abi, _errors
from tensorrt_scatter import _declarations as declarations
from tensorrt_scatter._declarations import OPERATORS, REDUCTIONS, SUM, TYPES, Base, Role
from tensorrt_scatter._library import loaded

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "plugin-shim" / "include" / "tensorrt_scatter.h"
PAGES = ROOT / "docs" / "plugins"


def has_weights(operator: declarations.Operator) -> bool:
    return any(declared.role is Role.WEIGHTS for declared in operator.inputs)


def numbers(typename: str) -> dict[str, int]:
    """The enumerators after `typedef int32_t typename;` in the header."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    enumeration = re.search(rf"typedef int32_t {typename};\s*enum \{{(.*?)\}}", text, re.DOTALL)
    assert enumeration is not None
    return {name: int(number) for name, number in re.findall(r"TRTS_(\w+) = (\d+)", enumeration[1])}


def prototypes() -> dict[str, list[str]]:
    """The names of the arguments of each function in the header."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    found = re.findall(r"\btrts_status (trts_\w+)\(([^)]*)\);", text)
    return {name: [argument.split()[-1].lstrip("*") for argument in arguments.split(",")] for name, arguments in found}


def test_types_are_the_librarys() -> None:
    assert {each.name.upper(): each.number for each in TYPES} == numbers("trts_type")
    assert all(each.bytes == each.dlpack[1] // 8 for each in TYPES)


def test_reductions_are_the_librarys() -> None:
    assert {each.name.upper(): each.number for each in REDUCTIONS} == numbers("trts_reduce")


def test_operators_are_the_librarys() -> None:
    assert {each.name.upper(): each.number for each in OPERATORS} == numbers("trts_operator")


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_c_functions_take_what_is_declared(operator: declarations.Operator) -> None:
    arguments = [declared.name for declared in operator.inputs]
    # A node has its inputs by their place.
    optional = [declared.is_optional for declared in operator.inputs]
    assert optional == sorted(optional) and not any(optional[: operator.index + 1])
    assert not any(optional) or operator.base is Base.NONE
    # A number of groups may come behind optional inputs only where an attribute tells whether they are there.
    assert (any(optional) and operator.has_groups) == operator.has("weight_input")
    arguments += ["base"] if operator.base is Base.START else []
    arguments += ["options", *(output.name for output in operator.outputs), "target"]
    assert prototypes()[f"trts_{operator.name}"] == arguments
    assert len(_c_abi._SIGNATURES[f"trts_{operator.name}"]) == len(arguments)


def test_statuses_are_the_librarys() -> None:
    status = numbers("trts_status")
    assert (
        status["OK"],
        status["INVALID_ARGUMENT"],
        status["BAD_INDEX"],
        status["OUT_OF_MEMORY"],
    ) == (_errors._OK, _errors._INVALID_ARGUMENT, _errors._BAD_INDEX, _errors._OUT_OF_MEMORY)


class Failing:
    def trts_last_error(self) -> bytes:
        return b"as said"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("INVALID_ARGUMENT", ValueError),
        ("OUT_OF_MEMORY", MemoryError),
        ("NO_DEVICE", RuntimeError),
        ("CUDA_ERROR", RuntimeError),
        ("INTERNAL_ERROR", RuntimeError),
    ],
)
def test_statuses_become_pythons_exceptions(status: str, error: type[Exception]) -> None:
    library: Any = Failing()
    with pytest.raises(error, match="as said") as caught:
        _errors.check(library, numbers("trts_status")[status])
    assert caught.type is error


def rows_of_plugins() -> dict[str, list[str]]:
    """The cells of the plugins' table in their README, by the plugin."""
    rows = (
        line.split("|")[1:-1] for line in (PAGES / "README.md").read_text().splitlines() if line.startswith("| [TRTS_")
    )
    return {
        match[0]: [cell.strip() for cell in cells] for cells in rows if (match := re.findall(r"\[(\w+)\]", cells[0]))
    }


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_plugins_have_the_inputs_and_attributes_that_are_declared(operator: declarations.Operator) -> None:
    _, inputs, attributes, *_ = rows_of_plugins()[operator.op_type]
    wanted = [f"{declared.name}?" if declared.is_optional else declared.name for declared in operator.inputs]
    wanted += ["base?"] if operator.base is not Base.NONE else []
    assert inputs.split(", ") == wanted
    page = (PAGES / f"{operator.op_type}.md").read_text()
    described = set(re.findall(r"^\| `(\w+)` \| (?:INT32|FLOAT32|text|FLOAT)", page, re.MULTILINE))
    assert described == set(operator.defaults())
    assert set(filter(None, attributes.split(", "))) <= described
    # The README leaves out attributes that several plugins share.
    assert described - set(filter(None, attributes.split(", "))) <= {"arg_type", "dim_size_input", "weight_input"}


def test_every_plugin_is_declared() -> None:
    assert set(rows_of_plugins()) == {operator.op_type for operator in OPERATORS}


def test_the_package_has_every_function() -> None:
    functions = set(declarations.functions())
    assert functions <= set(ts.__all__)
    assert all(inspect.isfunction(getattr(ts, name)) for name in functions)
    # test_arguments checks the parameters of each.
    assert functions == set(test_arguments.SIGNATURES)
    assert len(set(ts.__all__)) == len(ts.__all__)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_functions_have_the_parameters_that_are_declared(operator: declarations.Operator) -> None:
    for name in operator.functions():
        signature = inspect.signature(getattr(ts, name)).parameters
        parameters = list(signature)
        wanted = [declared.name for declared in operator.inputs]
        assert parameters[: len(wanted)] == wanted
        for declared in operator.inputs:
            assert signature[declared.name].default is (None if declared.is_optional else inspect.Parameter.empty)
        assert ("out" in parameters) >= (operator.base is not Base.NONE)
        torch_scatters = {each.name for each in operator.attributes if each.schema} - {"deterministic", "size"}
        assert torch_scatters <= set(parameters)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: each.name)
def test_operators_have_the_types_and_reductions_that_are_declared(operator: declarations.Operator) -> None:
    for type_ in TYPES:
        for reduction in REDUCTIONS if operator.reductions else (SUM,):
            has_both = type_.name in operator.inputs[0].types and reduction in (operator.reductions or (SUM,))
            status = status_of_query(operator, type_.name, reduction)
            assert (status == _errors._OK) == has_both, (type_.name, reduction.name)


@pytest.mark.parametrize("operator", [each for each in OPERATORS if has_weights(each)], ids=lambda each: each.name)
def test_weights_have_the_types_that_are_declared(operator: declarations.Operator) -> None:
    (declared,) = (declared for declared in operator.inputs if declared.role is Role.WEIGHTS)
    for src, given in itertools.product(TYPES, TYPES):
        fits = src.name in operator.inputs[0].types and given.name in declared.beside(src.name).types
        status = status_of_query(operator, src.name, SUM, given.name)
        assert (status == _errors._OK) == fits, (src.name, given.name)


def status_of_query(
    operator: declarations.Operator, dtype: str, reduction: declarations.Reduction, weights: str | None = None
) -> int:
    """The library's own status for a query with a first input of that type. The tables do not decide it.

    src is [2, 3]. Weights and scores have src's type where `weights` does not name another.
    """
    # Zeros are valid indices and, as indptr, segments without elements.
    zeros = ctypes.create_string_buffer(64)
    address = ctypes.addressof(zeros)
    types = {Role.VALUES: dtype, Role.INDICES: "int32", Role.WEIGHTS: weights or dtype}
    shapes = {"src": (2, 3), "index": (2,), "indptr": (3,), "destination": (2,), "weight": (2,), "score": (2,)}
    shapes |= {"other": (2, 3), "other_index": (2,)}
    if "other" in (declared.name for declared in operator.inputs):
        # These weights are of columns.
        shapes["weight"] = (3,)
    first, *others = operator.inputs
    tensors = [_c_abi.Tensor.of(address, dtype, shapes[first.name])]
    tensors += [_c_abi.Tensor.of(address, types[each.role], shapes[each.name]) for each in others]
    inputs = (ctypes.POINTER(_c_abi.Tensor) * len(tensors))(*map(ctypes.pointer, tensors))
    options = _c_abi.Options.of(reduce=reduction.number, dim=0, dim_size=2)
    target, required = _c_abi.Target.of(_c_abi.CPU, 0), _c_abi.Requirements.empty()
    return int(loaded().trts_query_inputs(operator.number, inputs, len(tensors), options, target, required))


def test_tensorrt_has_a_definition_and_a_layer_of_every_operator_and_reduction() -> None:
    definitions = tensorrt_scripts.load("numpy_operators")
    assert set(definitions.OF_PLUGIN) == {operator.op_type for operator in OPERATORS}
    layers = tensorrt_scripts.load("layers").LAYERS
    found = {(layer.plugin, layer.attributes.get("reduce")) for layer in layers}
    for operator in OPERATORS:
        wanted = [name for reduction in operator.reductions for name in reduction.names] or [None]
        assert {(operator.op_type, name) for name in wanted} <= found


def test_options_are_the_headers() -> None:
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    for struct in (_c_abi.Options, _c_abi.Target, _c_abi.Requirements, _c_abi.Tensor):
        name = f"trts_{struct.__name__.lower()}"
        body = re.search(rf"typedef struct {name} \{{(.*?)\}}", text, re.DOTALL)
        assert body is not None
        fields = re.findall(r"(\w+)(?:\[\w+\])?;", body[1])
        assert [field[0].lstrip("_") for field in struct._fields_] == fields


def test_eager_has_a_formula_for_every_reduction() -> None:
    torch = pytest.importorskip("torch")
    from tensorrt_scatter.onnx import eager

    src, index = torch.tensor([3.0, 2.0]), torch.tensor([0, 0])
    given = {"axis": 0, "out": None, "size": 1}
    results = {each.name: eager.scatter(src, index, reduce=each.name, **given)[0].item() for each in REDUCTIONS}
    assert results == {"sum": 5.0, "mul": 6.0, "mean": 2.5, "min": 2.0, "max": 3.0}
    with pytest.raises(NotImplementedError, match="there is no formula for the reduction 'any'"):
        eager.scatter(src, index, reduce="any", **given)


def test_onnx_has_every_operator() -> None:
    for package in ("torch", "onnx", "onnxscript"):
        pytest.importorskip(package)
    from onnx import defs

    from tensorrt_scatter.onnx import eager, nodes, ops, reference, schemas, symbolic, translation_table

    assert set(ops.__all__) == set(declarations.functions())
    assert all(inspect.isfunction(getattr(ops, name)) for name in ops.__all__)
    names = {name for name, _, _ in nodes.functions()}
    assert set(symbolic.SYMBOLICS) == names
    assert {overload._schema.name.partition("::")[2] for overload in translation_table()} == names
    assert {op.__name__ for op in reference.reference_ops(ts)} == {operator.op_type for operator in OPERATORS}
    for operator in OPERATORS:
        assert callable(getattr(eager, operator.name))
        schema = defs.get_schema(operator.op_type, nodes.DOMAIN)
        assert set(schema.attributes) == {*operator.defaults(), *schemas._PARSER}
        assert [each.name for each in schema.inputs][: len(operator.inputs)] == [each.name for each in operator.inputs]
        optional = {each.name: each.option == defs.OpSchema.FormalParameterOption.Optional for each in schema.inputs}
        assert all(optional[each.name] == each.is_optional for each in operator.inputs)
