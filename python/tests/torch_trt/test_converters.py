"""Torch-TensorRT lowers, partitions and converts, up to the network: TensorRT's builder needs a GPU.

The recorder of `recording` stands in the place of the builder. Torch-TensorRT itself, its registry of converters,
TensorRT's registry of plugins and the plugins are real.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.fx import GraphModule
from torch.fx.passes.splitter_base import FxNetSplitterInternalError

with pytest.MonkeyPatch.context() as _patch:
    if not torch.cuda.is_available():
        # Torch-TensorRT asks for the device when it is imported.
        _patch.setattr(torch.cuda, "current_device", lambda: 0)
        _patch.setattr(torch.cuda, "get_device_capability", lambda *device: (9, 0))
    pytest.importorskip("torch_tensorrt")
    import torch_tensorrt
    from torch_tensorrt.dynamo.conversion import TRTInterpreter
    from torch_tensorrt.dynamo.lowering import get_decompositions, post_lowering, pre_export_lowering
    from torch_tensorrt.dynamo.partitioning import construct_submodule_inputs, fast_partition, global_partition

    from tensorrt_scatter.torch_tensorrt import register_converters

    register_converters()

import tensorrt as trt
from cases import ALL, Case  # type: ignore[import-not-found]
from recording import Network, record

from tensorrt_scatter.onnx import ops

Lower = Callable[..., GraphModule]
Compile = Callable[..., "Compiled"]


class Compiled:
    """What Torch-TensorRT makes of a lowered model, up to the engines."""

    def __init__(self, module: GraphModule, converts: bool = True) -> None:
        try:
            parted, _ = fast_partition(copy.deepcopy(module), min_block_size=1)
        except FxNetSplitterInternalError:
            # As torch_tensorrt.dynamo.compile does.
            parted, _ = global_partition(module, min_block_size=1)
        parts = {name: part for name, part in parted.named_children() if isinstance(part, GraphModule)}
        engines = [part for name, part in parts.items() if "_run_on_acc" in name]
        self.in_engines = _targets(*engines)
        self.in_pytorch = _targets(parted, *[part for name, part in parts.items() if "_run_on_gpu" in name])
        self.networks = [_network(part) for part in engines] if converts else []


def _targets(*modules: GraphModule) -> list[str]:
    """The operators that the modules call."""
    nodes = [node for module in modules for node in module.graph.nodes if node.op == "call_function"]
    return [str(node.target) for node in nodes if node.target is not operator.getitem]


def _network(part: GraphModule) -> Network:
    interpreter = TRTInterpreter(part, construct_submodule_inputs(part))
    interpreter._construct_trt_network_def()
    network: Network = interpreter.ctx.net
    return network


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Torch-TensorRT's settings name a device, and may do so where there is none."""
    if not torch.cuda.is_available():
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *device: (9, 0))
    return monkeypatch


@pytest.fixture
def lowered(without_gpu: pytest.MonkeyPatch) -> Lower:
    """Exports a function and lowers it as torch_tensorrt.dynamo.compile does."""

    def lower(function: Callable[..., Any], args: Any, shapes: Any = None) -> GraphModule:
        class Model(torch.nn.Module):
            def forward(self, *args: Any) -> Any:
                return function(*args)

        given = None if shapes is None else {"args": tuple(shapes)}
        program = torch.export.export(Model(), tuple(args), dynamic_shapes=given)
        settings = torch_tensorrt.dynamo.CompilationSettings(min_block_size=1)
        program = pre_export_lowering(program, settings).run_decompositions(get_decompositions())
        module: GraphModule = post_lowering(program.module(), settings)
        return module

    return lower


@pytest.fixture
def compiled(lowered: Lower, without_gpu: pytest.MonkeyPatch) -> Compile:
    """Lowers a function, parts it and converts each part."""
    record(without_gpu)

    def compile_(function: Callable[..., Any], args: Any, shapes: Any = None) -> Compiled:
        return Compiled(lowered(function, args, shapes))

    return compile_


@pytest.mark.parametrize("case", ALL, ids=str)
def test_each_operator_is_one_layer(case: Case, compiled: Compile) -> None:
    made = compiled(lambda *args: case.call(ops, *args), case.inputs(12).values())
    assert made.in_pytorch == []
    (network,) = made.networks
    (layer,) = network.plugins
    assert layer.plugin == case.op_type
    assert layer.attributes.items() >= {name: pytest.approx(value) for name, value in case.attributes.items()}.items()


def values(*shape: int, dtype: Any = torch.float32) -> Any:
    return torch.ones(shape, dtype=dtype)


INDEX = torch.tensor([0, 1, 1, 3, 0])
ARGS = (values(4, 3), INDEX, values(5, 3))


def full(index: Any, src: Any) -> Any:
    """A 1-D index in the shape of src, as models write it."""
    return index[:, None].expand_as(src)


ATEN_CALLS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "scatter_add": (lambda base, index, src: base.scatter_add(0, full(index, src), src), ["scatter_sum"]),
    "scatter_add_": (lambda base, index, src: base.clone().scatter_add_(0, full(index, src), src), ["scatter_sum"]),
    "scatter": (lambda base, index, src: base.scatter(0, full(index, src), src, reduce="multiply"), ["scatter_mul"]),
    "prod": (lambda base, index, src: base.scatter_reduce(0, full(index, src), src, "prod"), ["scatter_mul"]),
    "amax": (lambda base, index, src: base.scatter_reduce(0, full(index, src), src, "amax"), ["scatter_max"]),
    "amin without self": (
        lambda base, index, src: base.scatter_reduce(0, full(index, src), src, "amin", include_self=False),
        ["scatter_min"],
    ),
    "mean": (
        lambda base, index, src: base.scatter_reduce(-2, full(index, src), src, "mean"),
        ["scatter_sum", "scatter_sum"],
    ),
    "index_add": (lambda base, index, src: base.index_add(0, index, src), ["scatter_sum"]),
    "index_reduce": (lambda base, index, src: base.index_reduce(0, index, src, "amax"), ["scatter_max"]),
    "index_put": (lambda base, index, src: base.index_put((index,), src, accumulate=True), ["scatter_sum"]),
    "segment_reduce": (
        lambda base, index, src: torch.segment_reduce(src, "sum", offsets=index.cumsum(0), unsafe=True),
        ["segment_sum_csr"],
    ),
    "segment_reduce of lengths": (
        lambda base, index, src: torch.segment_reduce(src, "max", lengths=index, unsafe=True),
        ["segment_max_csr"],
    ),
    "segment_reduce from a value": (
        lambda base, index, src: torch.segment_reduce(src, "mean", lengths=index, unsafe=True, initial=1.0),
        ["segment_sum_csr"],
    ),
    "index_put of several": (
        lambda base, index, src: base.index_put((index, index % 3), src[:, 0], accumulate=True),
        ["scatter_sum"],
    ),
    "a corner": (lambda base, index, src: base.scatter_add(0, index[:3, None], src), ["scatter_sum"]),
}


@pytest.mark.parametrize("name", ATEN_CALLS)
def test_reductions_of_pytorch_are_layers_of_plugins(name: str, lowered: Lower) -> None:
    call, expected = ATEN_CALLS[name]
    made = Compiled(lowered(call, ARGS), converts=False)
    # Torch-TensorRT itself would make several layers of each row.
    assert made.in_pytorch == []
    plugins = [target for target in made.in_engines if target.startswith("tensorrt_scatter")]
    assert plugins == [f"tensorrt_scatter.{each}.default" for each in expected]
    assert not [target for target in made.in_engines if "aten.scatter" in target or "aten.index" in target]


def test_a_scatter_add_of_an_expanded_index_is_one_layer(compiled: Compile) -> None:
    def call(base: Any, index: Any, src: Any) -> Any:
        return base.scatter_add(0, index.expand_as(src), src)

    base, index, src = ARGS
    made = compiled(call, (base, index[:, None], src))
    assert made.in_pytorch == []
    assert made.in_engines == ["tensorrt_scatter.scatter_sum.default"]
    (layer,) = made.networks[0].layers
    assert [tensor.shape for tensor in layer.inputs] == [(5, 3), (5, 1), (4, 3)]
    assert layer.attributes == {"dim": 0, "reduce": "sum"}


def test_an_index_that_is_expanded_along_the_reduced_axis_stays(lowered: Lower) -> None:
    def call(base: Any, index: Any, src: Any) -> Any:
        return base.scatter_add(0, index.expand_as(src), src)

    base, index, src = ARGS
    module = lowered(call, (base, index[None, :3] % 3, src))
    assert _targets(module) == ["aten.expand.default", "tensorrt_scatter.scatter_sum.default"]


def test_an_input_that_happens_to_be_expanded_is_read_whole(lowered: Lower) -> None:
    base, index, src = ARGS
    module = lowered(lambda base, index, src: base.scatter_add(0, index, src), (base, full(index, src), src))
    (scatter,) = [node for node in module.graph.nodes if node.op == "call_function"]
    assert scatter.args[1].op == "placeholder"


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
def test_positions_have_the_type_of_the_index(dtype: Any, compiled: Compile) -> None:
    made = compiled(lambda src, index: ops.scatter_max(src, index, 0, dim_size=4), (values(5, 3), INDEX.to(dtype)))
    (network,) = made.networks
    expected = trt.int64 if dtype is torch.int64 else trt.int32
    assert [layer.type.name for layer in network.layers] == ["PLUGIN_V3"] + ["CAST"] * (dtype is torch.int64)
    assert network.layers[0].outputs[1].dtype == trt.int32
    assert network.outputs[1].dtype == expected


def test_sizes_that_vary_leave_nothing_in_pytorch_but_what_is_not_certain(lowered: Lower) -> None:
    def call(base: Any, index: Any, src: Any, other: Any) -> tuple[Any, ...]:
        return (
            base.scatter_reduce(0, full(index, src), src, "amax", include_self=False),
            base.scatter_reduce(0, full(index, src), src, "mean"),
            base.index_put((index,), src, accumulate=True),
            base.scatter_add(0, full(index, src), other),
        )

    sizes = {name: torch.export.Dim(name, min=2, max=100) for name in ("groups", "elements", "others")}
    shapes = [{0: sizes[name]} for name in ("groups", "elements", "elements", "others")]
    made = Compiled(lowered(call, (*ARGS, values(6, 3)), shapes), converts=False)
    assert [target for target in made.in_pytorch if "sym_size" not in target] == ["aten.scatter_add.default"]
    assert len([target for target in made.in_engines if target.startswith("tensorrt_scatter")]) == 4


@pytest.mark.parametrize("with_weight", [False, True])
def test_a_number_of_groups_that_varies_is_a_shape_input(with_weight: bool, compiled: Compile) -> None:
    def call(x: Any, index: Any, destination: Any, weight: Any) -> Any:
        return ops.gather_scatter_sum(x, index, destination, weight if with_weight else None, dim_size=x.size(0))

    nodes, edges = torch.export.Dim("nodes", min=2, max=100), torch.export.Dim("edges", min=2, max=100)
    shapes = [{0: nodes}, {0: edges}, {0: edges}, {0: edges}]
    made = compiled(call, (values(4, 3), INDEX, INDEX, values(5)), shapes)
    assert made.in_pytorch == []
    (layer,) = made.networks[-1].plugins
    assert layer.attributes == {"dim_size_input": 1, "reduce": "sum"} | ({"weight_input": 1} if with_weight else {})
    assert len(layer.inputs) == 3 + with_weight
    (size,) = layer.shape_inputs
    assert size.shape == (1,)


def test_an_index_that_is_a_constant(compiled: Compile) -> None:
    constant = INDEX.clone()
    made = compiled(lambda src: ops.scatter_sum(src, constant.to(src.device), 0, dim_size=4), (values(5, 3),))
    assert made.in_pytorch == []
    (network,) = made.networks
    (layer,) = network.plugins
    assert [tensor.shape for tensor in layer.inputs] == [(5, 3), (5,)]
    assert layer.inputs[1].dtype == trt.int64


def test_the_deterministic_setting_is_in_the_layer(compiled: Compile) -> None:
    import tensorrt_scatter

    with tensorrt_scatter.deterministic():
        made = compiled(lambda base, index, src: base.index_add(0, index, src), ARGS)
    assert made.networks[0].plugins[0].attributes == {"dim": 0, "reduce": "sum", "deterministic": 1}


@pytest.mark.parametrize(
    "call, args",
    [
        (lambda src, index: ops.scatter_sum(src, index, 0, dim_size=4), (values(5, 3, dtype=torch.float64), INDEX)),
        (lambda src, index, size: torch.ops.tensorrt_scatter.scatter_sum(src, index, 0, None, size), None),
        (lambda base, index: base.scatter_add(0, index, base), (values(5, dtype=torch.float64), INDEX)),
        (lambda base, mask: base.index_put((mask,), base[0, 0], accumulate=True), (values(4, 3), values(4) > 0)),
    ],
    ids=["float64", "a size as a tensor", "scatter_add of float64", "a mask"],
)
def test_what_no_plugin_takes_runs_in_pytorch(call: Any, args: Any, lowered: Lower) -> None:
    module = lowered(call, args or (values(5, 3), INDEX, torch.tensor(4)))
    made = Compiled(module, converts=False)
    assert not [target for target in made.in_engines if "scatter" in target or "index_put" in target]
    assert len([target for target in made.in_pytorch if "scatter" in target or "index_put" in target]) == 1


def test_registering_again_changes_nothing() -> None:
    from torch_tensorrt.dynamo.conversion import DYNAMO_CONVERTERS

    target = torch.ops.tensorrt_scatter.scatter_sum.default
    register_converters()
    assert len(DYNAMO_CONVERTERS.get_all_converters_with_target(target)[0]) == 1
