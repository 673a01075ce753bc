"""PyTorch's own operators by both exporters, with pytorch=True: plugins' nodes that compute what PyTorch computes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import EXPORTERS, attributes, export, plugin_nodes, run
from numpy.typing import NDArray
from torch import Tensor

import tensorrt_scatter
from tensorrt_scatter.onnx import register_symbolic, translation_table

aten = torch.ops.aten
functional = torch.nn.functional

GROUPS, COLUMNS = 4, 3
Inputs = dict[str, Tensor]
Call = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""A call of src [n, 3], index [n], base [4, 3] and the lengths [4] of segments of src."""

SIZES = {"src": {0: "n"}, "index": {0: "n"}, "base": {}, "lengths": {}}


def inputs(n: int) -> Inputs:
    """Small integers, whose sums are equal in any order; the last group and the second segment are empty."""
    generator = torch.Generator().manual_seed(n)
    return {
        "src": torch.randint(-4, 5, (n, COLUMNS), generator=generator).float(),
        "index": torch.randint(0, GROUPS - 1, (n,), generator=generator),
        "base": torch.randint(-4, 5, (GROUPS, COLUMNS), generator=generator).float(),
        "lengths": torch.tensor([2, 0, 3, n - 5]),
    }


def rows(index: Tensor, src: Tensor) -> Tensor:
    return index[:, None].expand_as(src)


def bounds(lengths: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])


def empty(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64)


SCATTERS: dict[str, Call] = {
    "scatter_add": lambda src, index, base, _: base.scatter_add(0, rows(index, src), src),
    "scatter_add, last axis": lambda src, index, base, _: base.T.scatter_add(-1, rows(index, src).T, src.T),
    "scatter_add, expand(-1, K)": lambda src, index, base, _: base.scatter_add(0, index[:, None].expand(-1, 3), src),
    "scatter_add, no index": lambda src, index, base, _: base.scatter_add(0, empty(0), src),
    "scatter_add of bool": lambda src, index, base, _: (base > 2).scatter_add(0, rows(index, src), src > 0),
    # PyTorch uses a corner of src, and of base.
    "scatter_add, one row": lambda src, index, base, _: base.scatter_add(0, index[None, :3], src),
    "scatter_add, corner": lambda src, index, base, _: base.scatter_add(0, rows(index, src)[:5, :2], src),
    "scatter_add, corner of three axes": lambda src, index, base, _: torch.stack([base, base + 1]).scatter_add(
        1, rows(index, src)[None, :, :2], torch.stack([src, src])
    ),
    "scatter add": lambda src, index, base, _: base.scatter(0, rows(index, src), src, reduce="add"),
    "scatter multiply": lambda src, index, base, _: base.scatter(0, rows(index, src), src, reduce="multiply"),
    "scatter multiply of a number": lambda src, index, base, _: base.scatter(
        0, rows(index, src), 0.5, reduce="multiply"
    ),
    "scatter without a reduction": lambda src, index, base, _: base.scatter(
        0, torch.arange(3)[:, None].expand(3, 3), src[:3]
    ),
    "scatter of a number without a reduction": lambda src, index, base, _: base.scatter(0, index[None, :3], 7.0),
    "scatter_reduce of rank 0": lambda src, index, base, _: src[0, 0].scatter_reduce(0, empty(), src[1, 1], "mean"),
    "scatter_reduce mean of int64": lambda src, index, base, _: base.long().scatter_reduce(
        0, rows(index, src), src.long(), "mean"
    ),
    "scatter_reduce mean of int32, without self": lambda src, index, base, _: base.int().scatter_reduce(
        0, rows(index, src), src.int(), "mean", include_self=False
    ),
    "index_add": lambda src, index, base, _: base.index_add(0, index, src, alpha=2.5),
    "index_add, last axis": lambda src, index, base, _: base.T.index_add(-1, index, src.T),
    "index_add of integers": lambda src, index, base, _: base.int().index_add(0, index.int(), src.int(), alpha=2),
    "index_add of bool": lambda src, index, base, _: (base > 2).index_add(0, index, src > 0),
    "index_add of one row": lambda src, index, base, _: base.index_add(0, index[0], src[:1]),
    "index_add of rank 0": lambda src, index, base, _: src[0, 0].index_add(0, empty(), src[1, 1]),
    "index_add_": lambda src, index, base, _: base.clone().index_add_(0, index, src),
    "index_put": lambda src, index, base, _: base.index_put((index - 2,), src, accumulate=True),
    "index_put of a number": lambda src, index, base, _: base.index_put((index,), torch.tensor(2.0), accumulate=True),
    "index_put at one row": lambda src, index, base, _: base.index_put((index[0],), src[0], accumulate=True),
    "index_put, two coordinates": lambda src, index, base, _: torch.zeros(GROUPS, 5, 3).index_put(
        (index, (index * 2 - 3).clamp(-3, 4)), src, accumulate=True
    ),
    "index_put, coordinates of other shapes": lambda src, index, base, _: base.index_put(
        (index[:, None], torch.arange(3)), src, accumulate=True
    ),
    "index_put, last axes": lambda src, index, base, _: aten.index_put(
        torch.zeros(2, GROUPS, 5, 3), [None, index, index - 3], src[None] * 2, True
    ),
    "index_put, last axis at one": lambda src, index, base, _: aten.index_put(
        base.T, [None, index[0]], src[:3, 0], True
    ),
    "index_put without accumulate": lambda src, index, base, _: base.index_put((torch.tensor([0, 2]),), src[:2]),
    "index_put of a mask without accumulate": lambda src, index, base, _: base.index_put(
        (base > 0,), torch.tensor(1.0)
    ),
    "put": lambda src, index, base, _: base.put(index * 2 - 3, src[:, 0], accumulate=True),
}


def reductions() -> dict[str, Call]:
    """scatter_reduce and index_reduce: each reduction, with and without self, of sizes that vary and do not."""

    def into_base(call: str, reduce: str, include_self: bool) -> Call:
        def scatter(src: Tensor, index: Tensor, base: Tensor, _: Tensor) -> Tensor:
            at = rows(index, src) if call == "scatter_reduce" else index
            result: Tensor = getattr(base, call)(0, at, src, reduce, include_self=include_self)
            return result

        return scatter

    made = {}
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        for include_self in (True, False):
            for call in ("scatter_reduce", "index_reduce")[: 1 if reduce == "sum" else 2]:
                name = f"{call} {reduce}, {'with' if include_self else 'without'} self"
                made[name] = into_base(call, reduce, include_self)
    return made


def without_self_where_sizes_vary() -> dict[str, Call]:
    """As many groups as src has rows. Those that receive nothing keep what was there, or are known to be 0."""
    made: dict[str, Call] = {}
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        made[f"{reduce} into values"] = lambda src, index, base, _, reduce=reduce: src.exp().scatter_reduce(
            0, rows(index, src), src, reduce, include_self=False
        )
        made[f"{reduce} into zeros"] = lambda src, index, base, _, reduce=reduce: torch.zeros_like(src).scatter_reduce(
            0, rows(index, src), src, reduce, include_self=False
        )
    made["amax of -infinity"] = lambda src, index, base, _: torch.zeros_like(src).index_reduce(
        0, index, torch.full_like(src, float("-inf")), "amax", include_self=False
    )
    return made


def segments() -> dict[str, Call]:
    """segment_reduce and embedding_bag."""
    made: dict[str, Call] = {}
    for reduce in ("sum", "mean", "max", "min"):
        for initial in (None, 2.5) if reduce in ("sum", "min") else (None, 0, 2.5):
            made[f"segment_reduce {reduce}, initial {initial}"] = (
                lambda src, index, base, lengths, reduce=reduce, initial=initial: torch.segment_reduce(
                    src, reduce, offsets=bounds(lengths), axis=0, initial=initial, unsafe=True
                )
            )
    made["segment_reduce of lengths"] = lambda src, index, base, lengths: torch.segment_reduce(
        src, "max", lengths=lengths.int()
    )
    made["segment_reduce, last axis"] = lambda src, index, base, lengths: torch.segment_reduce(
        src.T.contiguous(), "mean", lengths=torch.stack([lengths, lengths, lengths.flip(0)]), axis=-1, initial=1.0
    )
    for mode in ("sum", "mean", "max"):
        made[f"embedding_bag {mode}"] = lambda src, index, base, lengths, mode=mode: functional.embedding_bag(
            index, base, bounds(lengths)[:-1], mode=mode
        )
    made["embedding_bag with weights"] = lambda src, index, base, lengths: functional.embedding_bag(
        index, base, bounds(lengths)[:-1], mode="sum", per_sample_weights=src[:, 1]
    )
    made["embedding_bag with the last offset"] = lambda src, index, base, lengths: functional.embedding_bag(
        index, base, bounds(lengths), mode="mean", include_last_offset=True
    )
    return made


CALLS = SCATTERS | reductions() | without_self_where_sizes_vary() | segments()


def of_all(src: Tensor, index: Tensor, base: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
    return tuple(call(src, index, base, lengths) for call in CALLS.values())


@functools.cache
def exported(exporter: str) -> onnx.ModelProto:
    """One model with all calls. An export takes seconds."""
    return export(exporter, of_all, inputs(8), SIZES, pytorch=True)


@functools.cache
def results(exporter: str, n: int) -> list[NDArray[Any]]:
    return run(exported(exporter), inputs(n), tensorrt_scatter)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_equal_to_pytorch(name: str, exporter: str) -> None:
    for n in (8, 13):
        result, expected = results(exporter, n)[list(CALLS).index(name)], CALLS[name](*inputs(n).values()).numpy()
        assert result.dtype == expected.dtype and result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_nothing_but_plugins_reduces(exporter: str) -> None:
    model = exported(exporter)
    onnx.checker.check_model(model, full_check=True)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("ScatterElements") == 2
    assert {attributes(node).get("reduction", "none") for node in model.graph.node} == {"none"}


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_usual_call_is_one_node(exporter: str) -> None:
    def call(src: Tensor, index: Tensor, base: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        highest = torch.zeros(GROUPS, COLUMNS).index_reduce(0, index, src, "amax", include_self=False)
        return base.index_add(0, index, src), highest, torch.segment_reduce(src, "sum", offsets=lengths, unsafe=True)

    model = export(exporter, call, {**inputs(8), "lengths": torch.tensor([0, 2, 8])}, SIZES, pytorch=True)
    assert {node.op_type for node in model.graph.node} <= {"TRTS_Scatter", "TRTS_SegmentCSR", "Constant"}
    assert sorted(attributes(node)["reduce"] for node in plugin_nodes(model)) == ["max", "sum", "sum"]


def test_before_tensorrt_10_no_number_of_groups_is_an_input(operators: ModuleType) -> None:
    calls = without_self_where_sizes_vary()

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        return tuple(each(*given) for each in calls.values())

    model = export("torchscript", call, inputs(8), SIZES, pytorch=True, target="8.6")
    assert not any("dim_size_input" in attributes(node) for node in plugin_nodes(model))
    for n in (8, 13):
        for result, expected in zip(run(model, inputs(n), operators), call(*inputs(n).values()), strict=True):
            np.testing.assert_allclose(result, expected.numpy(), rtol=1e-6)


def part(src: Tensor, index: Tensor, base: Tensor, _: Tensor) -> Tensor:
    whole = base.clone()
    whole[:, 1].index_put_((index,), src[:, 0], accumulate=True)
    return whole


REFUSED: dict[str, Call] = {
    "bincount: the size of its result comes from the values": lambda src, index, base, _: index.bincount(minlength=4),
    "segment_reduce: reduce is 'prod'": lambda src, index, base, lengths: torch.segment_reduce(
        src, "prod", lengths=lengths
    ),
    "an index is a mask.*torch.where": lambda src, index, base, _: base.index_put(
        (base > 0,), torch.tensor(1.0), accumulate=True
    ),
    "the axes with an index are .0, 2.*permute": lambda src, index, base, _: aten.index_put(
        torch.zeros(GROUPS, 3, GROUPS), [index, None, index], src, True
    ),
    "put: accumulate is False": lambda src, index, base, _: base.put(index, src[:, 0]),
    "embedding_bag: padding_idx is 1": lambda src, index, base, lengths: functional.embedding_bag(
        index, base, bounds(lengths)[:-1], padding_idx=1
    ),
    "a mean of int16": lambda src, index, base, _: base.short().index_reduce(0, index, src.short(), "mean"),
    "loses the index.*dynamo=True": part,
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_call_that_cannot_be_equal_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=words):
        export("torchscript", REFUSED[words], inputs(8), SIZES, pytorch=True)


def test_a_call_that_cannot_be_equal_is_refused_by_the_other_exporter() -> None:
    with pytest.raises(Exception, match=r"bincount: the size of its result comes from the values.*scatter_sum"):
        export("dynamo", lambda src, index, base, _: index.bincount(), inputs(8), SIZES, pytorch=True)


@pytest.mark.parametrize("name", ["register_symbolic", "translation_table"])
def test_the_package_has_the_same_functions(name: str) -> None:
    ours, shortcut = getattr(tensorrt_scatter.onnx, name), getattr(tensorrt_scatter, name)
    assert inspect.signature(ours).parameters == inspect.signature(shortcut).parameters
    with pytest.raises(ValueError, match="target is 'ten'"):
        shortcut(pytorch=True, target="ten")
    with pytest.raises(ValueError, match="domain is 'mine'"):
        shortcut(domain="mine")


def test_they_are_registered_only_if_wanted() -> None:
    assert not any(overload in translation_table() for overload in (aten.scatter_add.default, aten.index_put.default))
    call, given = SCATTERS["scatter_add"], inputs(8)
    for options, expected in (({"pytorch": True}, 1), ({}, 0), ({"pytorch": True}, 1)):
        # A newer opset than that of the registration has functions of its own.
        assert len(plugin_nodes(export("torchscript", call, given, SIZES, opset=20, **options))) == expected
    register_symbolic()
