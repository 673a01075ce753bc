"""Lowers the opset of a model to the highest one that a release is made for, where no node needs a newer one.

For TensorRT 8.6 it is also what makes reductions right: from opset 18 on they have their axes as an input, which that
release does not read; up to opset 17 as an attribute. ONNX's version converter and onnxscript's do not serve: they stop
at nodes of other domains, or leave a model as it is without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx
import onnx_ir as ir

from ...releases import Release
from .. import facts
from ..edit import Editor, name_of
from ..report import Change, Kept, LeftAlone, Report
from . import grid_sample, reduce_axes, split_sizes
from .walk import nodes_of

_NEWEST_KNOWN = 25
"""The newest opset of whose definitions it is known how they differ from older ones."""

_SAME_BUT_FOR_TYPES = frozenset(
    """
    Acos Acosh Asin Asinh Atan Atanh AveragePool Bernoulli Cast CastLike Constant ConstantOfShape Conv ConvTranspose Cos Cosh
    DequantizeLinear Det Dropout Elu Equal EyeLike Flatten GRU GlobalAveragePool GlobalLpPool GlobalMaxPool HardSigmoid
    HardSwish Identity If InstanceNormalization IsInf IsNaN LSTM Loop LpNormalization MaxPool MaxRoiPool MaxUnpool
    Multinomial NegativeLogLikelihoodLoss Pad QLinearMatMul QuantizeLinear RNN RandomNormal RandomNormalLike
    RandomUniform RandomUniformLike Reshape Resize RoiAlign Round Scan ScatterElements ScatterND Selu Shape Sin Sinh
    Size Softplus Softsign Squeeze Tan ThresholdedRelu TopK Transpose Unsqueeze
    """.split()  # noqa: SIM905
)
"""The operators whose definitions from opset 17 to 25 add types, inputs, attributes or values of these, and change
nothing for a node that has none of what was added."""

_ADDED_VALUES = {
    "Pad": {"mode": {"wrap"}},
    "Resize": {"coordinate_transformation_mode": {"half_pixel_symmetric"}},
    "ScatterElements": {"reduction": {"min", "max"}},
    "ScatterND": {"reduction": {"min", "max"}},
}
"""Values of text attributes that came with a definition after opset 17."""


def rewrite(model: ir.Model, release: Release, edit: Editor, report: Report) -> None:
    """Lowers the opset, or says which nodes need the newer one."""
    version, highest = model.opset_imports.get(""), release.highest_opset
    if version is None or version <= highest:
        return
    steps: list[Callable[[Editor], None]] = []
    needs = []
    for node in nodes_of(model):
        try:
            step = _step(node, version, highest)
            if step is not None:
                steps.append(step)
        except LeftAlone as left:
            needs.append(Kept(name_of(node), node.op_type, f"it needs an opset above {highest}: {left}"))
    if model.functions:
        reason = f"it needs an opset above {highest}: its definition is not looked at"
        needs += [Kept(function.name, "function", reason) for function in model.functions.values()]
    if needs:
        report.kept += needs
        return
    for step in steps:
        step(edit)
    model.opset_imports[""] = highest
    report.changes.append(Change("the model", f"opset {version}", f"opset {highest}"))


def why_newer(node: ir.Node, version: int, highest: int) -> str | None:
    """Why a node of ONNX's own domain needs its definition of opset `version`; None if that of `highest` is the same."""
    try:
        _step(node, version, highest)
    except LeftAlone as left:
        return str(left)
    return None


def _step(node: ir.Node, version: int, highest: int) -> Callable[[Editor], None] | None:
    """What gives a node the definition of an older opset; None if nothing has to be done.

    Raises:
        LeftAlone: it is not certain that the older definition computes the same.
    """
    unknown = LeftAlone(f"how opset {version} differs from older ones is not known here")
    if version > onnx.defs.onnx_opset_version():
        raise unknown
    newer, older = _definition(node, version), _definition(node, highest)
    if newer is not None and older is not None and newer.since_version == older.since_version:
        return None
    if version > _NEWEST_KNOWN:
        raise unknown
    if newer is None:
        raise LeftAlone(f"ONNX has no operator {node.op_type}")
    if older is None:
        raise LeftAlone(f"ONNX has {node.op_type} from opset {newer.since_version} on")
    if node.op_type in reduce_axes.REDUCTIONS and older.since_version < 18:
        axes = reduce_axes.axes_of(node)
        _check_types(node, older)
        return lambda edit: reduce_axes.write(node, axes, edit)
    if node.op_type == "Split":
        sizes = split_sizes.sizes_of(node)
        return lambda edit: split_sizes.write(node, sizes, edit)
    if node.op_type == "GridSample":
        grid_sample.check_sizes(node)
        return lambda edit: grid_sample.write_older_mode(node)
    if node.op_type not in _SAME_BUT_FOR_TYPES and node.op_type not in reduce_axes.REDUCTIONS:
        raise LeftAlone(f"its definition of opset {newer.since_version} may compute something else")
    _check_inputs(node, older)
    _check_types(node, older)
    if node.op_type == "AveragePool" and facts.number(node, "ceil_mode", 0):
        # Which elements the last window has was told anew.
        raise LeftAlone("its ceil_mode may mean something else")
    added = _added_attributes(node, newer, older)
    return (lambda edit: _remove(node, added)) if added else None


def _definition(node: ir.Node, version: int) -> onnx.defs.OpSchema | None:
    # onnx_ir keeps what is not UTF-8 as bytes.
    if not isinstance(node.op_type, str):
        return None
    try:
        return onnx.defs.get_schema(node.op_type, version, "")
    except onnx.defs.SchemaError:
        return None


def _check_inputs(node: ir.Node, older: onnx.defs.OpSchema) -> None:
    given = [place for place, value in enumerate(node.inputs) if value is not None]
    if given and given[-1] >= older.max_input:
        raise LeftAlone(f"its input {given[-1]} came with a later definition")
    if len(node.outputs) > older.max_output:
        raise LeftAlone(f"its output {older.max_output} came with a later definition")


def _check_types(node: ir.Node, older: onnx.defs.OpSchema) -> None:
    values = [*zip(node.inputs, _formal(older.inputs, len(node.inputs)))]
    values += zip(node.outputs, _formal(older.outputs, len(node.outputs)))
    for value, formal in values:
        # Sequences have no element type that a TensorRT release could take; what is not known is not newer.
        if value is not None and value.dtype is not None and isinstance(value.type, ir.TensorType):
            name = f"tensor({_type_string(value.dtype)})"
            if name not in formal.types:
                raise LeftAlone(f"{value.dtype.name} came with a later definition")


def _formal(
    declared: Sequence[onnx.defs.OpSchema.FormalParameter], count: int
) -> list[onnx.defs.OpSchema.FormalParameter]:
    """The declarations of `count` inputs or outputs: the last one may stand for many."""
    return [declared[min(place, len(declared) - 1)] for place in range(count)]


def _type_string(dtype: ir.DataType) -> str:
    return {"FLOAT": "float", "DOUBLE": "double"}.get(dtype.name, dtype.name.lower())


def _added_attributes(node: ir.Node, newer: onnx.defs.OpSchema, older: onnx.defs.OpSchema) -> list[str]:
    """The attributes that the older definition lacks. They have their default values, which mean what it does."""
    added = []
    for name, given in node.attributes.items():
        if given.value in _ADDED_VALUES.get(node.op_type, {}).get(name, ()):
            raise LeftAlone(f"{name} {given.value!r} came with a later definition")
        if name in older.attributes:
            continue
        declared = newer.attributes.get(name)
        is_default = declared is not None and bool(declared.default_value.name) and given.value == _default(declared)
        if not is_default and not (name == "dilations" and set(given.value) == {1}):
            raise LeftAlone(f"its attribute {name} came with a later definition")
        added.append(name)
    return added


def _default(declared: onnx.defs.OpSchema.Attribute) -> int | float | str:
    value = onnx.helper.get_attribute_value(declared.default_value)
    default: int | float | str = value.decode() if isinstance(value, bytes) else value
    return default


def _remove(node: ir.Node, names: list[str]) -> None:
    for name in names:
        node.attributes.pop(name)
