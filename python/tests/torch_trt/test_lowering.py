"""PyTorch's reductions by an index, written with the plugins' operators: what they compute, and which stay."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch

from tensorrt_scatter.torch_tensorrt import register_converters
from tensorrt_scatter.torch_tensorrt.lowering import TABLE

ATEN = torch.ops.aten
INDEX = torch.tensor([0, 1, 1, 3, 0])
FULL = INDEX[:, None].repeat(1, 3)
TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.int64)


def values(*shape: int, dtype: Any = torch.float32) -> Any:
    """Small whole numbers: sums and products are exact, in any order and type."""
    generator = torch.Generator().manual_seed(math.prod(shape))
    return torch.randint(-4, 5, shape, generator=generator).to(dtype)


def compare(operator: Any, *args: Any, **kwargs: Any) -> None:
    lowered = TABLE[operator](*args, **kwargs)
    assert lowered is not NotImplemented
    torch.testing.assert_close(lowered, operator(*args, **kwargs), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amin", "amax"])
def test_reductions_compute_what_pytorch_computes(reduce: str, include_self: bool, dtype: Any) -> None:
    base, src = values(4, 3, dtype=dtype), values(5, 3, dtype=dtype)
    compare(ATEN.scatter_reduce.two, base, 0, FULL, src, reduce, include_self=include_self)
    compare(ATEN.scatter_reduce.two, base.T, -1, FULL.T, src.T, reduce, include_self=include_self)
    if reduce != "sum":
        compare(ATEN.index_reduce.default, base, 0, INDEX, src, reduce, include_self=include_self)
        compare(ATEN.index_reduce.default, base.T, -1, INDEX.int(), src.T, reduce, include_self=include_self)


def test_a_mean_counts_more_elements_than_a_16_bit_float_can() -> None:
    count = 5000
    base, src = torch.zeros(1, dtype=torch.float16), torch.full([count], 2.0, dtype=torch.float16)
    index = torch.zeros(count, dtype=torch.int64)
    mean = TABLE[ATEN.scatter_reduce.two](base, 0, index, src, "mean", include_self=True)
    assert mean.item() == pytest.approx(2 * count / (count + 1), rel=1e-3)


@pytest.mark.parametrize("rows, columns", [(5, 3), (3, 3), (5, 2), (3, 2), (1, 1)])
def test_an_index_smaller_than_src_takes_a_corner(rows: int, columns: int) -> None:
    index = FULL[:rows, :columns]
    compare(ATEN.scatter_add.default, values(4, 3), 0, index, values(5, 3))
    compare(ATEN.scatter_add.default, values(4, 7), -2, index, values(5, 3))
    compare(ATEN.scatter_reduce.two, values(4, 7), 0, index, values(6, 5), "amax", include_self=False)
    compare(ATEN.scatter_reduce.two, values(7, 4), 1, index.T, values(5, 6), "mean")


def test_a_corner_of_three_axes() -> None:
    index = (torch.arange(2 * 3 * 2) % 4).reshape(2, 3, 2)
    compare(ATEN.scatter_add.default, values(3, 4, 5), 1, index, values(4, 3, 3))


@pytest.mark.parametrize("reduce", ["add", "multiply"])
def test_scatter_with_a_reduction(reduce: str) -> None:
    compare(ATEN.scatter.reduce, values(4, 3), 0, FULL, values(5, 3), reduce=reduce)
    compare(ATEN.scatter.value_reduce, values(4, 3), 0, FULL, 2.0, reduce=reduce)
    compare(ATEN.scatter.value_reduce, values(4, 3, dtype=torch.int32), 0, FULL, 3, reduce=reduce)


@pytest.mark.parametrize("alpha", [1, 3, -0.5])
def test_index_add(alpha: float) -> None:
    compare(ATEN.index_add.default, values(3, 4, 2), 1, INDEX, values(3, 5, 2), alpha=alpha)
    compare(ATEN.index_add.default, values(3, 4), -1, INDEX.int(), values(3, 5), alpha=alpha)


NEGATIVE = INDEX - 4
SECOND = INDEX % 3


@pytest.mark.parametrize(
    "shape, indices, of_values",
    [
        ([4, 3], [INDEX], [5, 3]),
        ([4, 3], [NEGATIVE], [3]),
        ([4, 3], [INDEX.int().reshape(5, 1)], [5, 1, 3]),
        ([2, 4, 3], [None, NEGATIVE], [2, 5, 3]),
        ([4, 3], [NEGATIVE, SECOND - 3], [5]),
        ([4, 3], [INDEX[:, None], SECOND], [5, 5]),
        ([4, 3], [INDEX.int(), SECOND], []),
        ([2, 4, 3, 2], [None, INDEX.reshape(1, 5), SECOND], [2, 1, 5, 1]),
        ([4, 3, 2], [INDEX, SECOND, INDEX % 2], [5]),
        ([4, 3], [torch.tensor(-1)], [3]),
    ],
)
def test_index_put_that_accumulates(shape: list[int], indices: list[Any], of_values: list[int]) -> None:
    compare(ATEN.index_put.default, values(*shape), indices, values(*of_values), True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("initial", [None, 1.0, -10.0])
@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min"])
def test_segment_reduce(reduce: str, initial: float | None, dtype: Any) -> None:
    data, operator = values(5, 3, dtype=dtype), ATEN.segment_reduce.default
    # The second segment is empty.
    compare(operator, data, reduce, offsets=torch.tensor([0, 2, 2, 5]), initial=initial)
    compare(operator, data, reduce, lengths=torch.tensor([2, 0, 3], dtype=torch.int32), initial=initial)
    data = values(2, 5, 3, dtype=dtype)
    compare(operator, data, reduce, offsets=torch.tensor([[0, 2, 2, 5], [0, 1, 4, 5]]), axis=1, initial=initial)
    compare(operator, data, reduce, lengths=torch.tensor([[2, 0, 3], [1, 3, 1]]), axis=1, initial=initial)


@pytest.mark.parametrize(
    "operator, args, kwargs",
    [
        (ATEN.scatter_add.default, (values(4, 3).double(), 0, FULL, values(5, 3).double()), {}),
        (ATEN.scatter_add.default, (torch.tensor(1.0), 0, torch.tensor(0), torch.tensor(2.0)), {}),
        (ATEN.scatter_add.default, (values(4, 3), 0, FULL[:0], values(5, 3)), {}),
        (ATEN.index_add.default, (values(4, 3).bool(), 0, INDEX, values(5, 3).bool()), {}),
        (ATEN.index_put.default, (values(4, 3), [INDEX], values(5, 3), False), {}),
        (ATEN.index_put.default, (values(4, 3), [torch.arange(4) > 1], torch.tensor(1.0), True), {}),
        (ATEN.index_put.default, (values(4, 2, 3), [INDEX, None, SECOND], values(5, 2), True), {}),
        (ATEN.scatter.value_reduce, (values(4, 3, dtype=torch.int32), 0, FULL, 1.5), {"reduce": "add"}),
        (ATEN.segment_reduce.default, (values(5, 3), "prod"), {"offsets": torch.tensor([0, 2, 5])}),
        (ATEN.segment_reduce.default, (values(5, 3).double(), "sum"), {"offsets": torch.tensor([0, 2, 5])}),
    ],
    ids=[
        "float64",
        "0-D",
        "empty index",
        "bool",
        "no accumulation",
        "mask",
        "apart",
        "fraction",
        "product",
        "float64 segments",
    ],
)
def test_what_no_plugin_computes_stays(operator: Any, args: Any, kwargs: Any) -> None:
    assert TABLE[operator](*args, **kwargs) is NotImplemented


class Model(torch.nn.Module):
    """Reductions over the same elements, whose number and that of the groups vary."""

    def forward(self, base: Any, index: Any, src: Any, other: Any) -> tuple[Any, ...]:
        full = index[:, None].expand_as(src)
        return (
            torch.zeros_like(base).scatter_add_(0, full, src),
            base.scatter_reduce(0, full, src, "amax", include_self=False),
            base.scatter_reduce(0, full, src, "mean"),
            base.index_add(0, index, src, alpha=2),
            base.index_put((index,), src, accumulate=True),
            # It is not certain that the sizes agree.
            base.scatter_add(0, full, other),
        )


def test_sizes_that_vary_in_an_exported_program() -> None:
    args = (values(4, 3), INDEX, values(5, 3), values(6, 3))
    elements, groups, others = torch.export.Dim("elements"), torch.export.Dim("groups"), torch.export.Dim("others")
    shapes = ({0: groups}, {0: elements}, {0: elements}, {0: others})
    program = torch.export.export(Model(), args, dynamic_shapes=shapes).run_decompositions(TABLE)
    targets = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert [target for target in targets if "scatter" in target or "index" in target] == [
        "tensorrt_scatter.scatter_sum.default",
        "tensorrt_scatter.scatter_max.default",
        "tensorrt_scatter.scatter_sum.default",
        "tensorrt_scatter.scatter_sum.default",
        "tensorrt_scatter.scatter_sum.default",
        "tensorrt_scatter.scatter_sum.default",
        "aten.scatter_add.default",
    ]
    for sizes in ((4, 5, 6), (9, 7, 7), (8, 3, 30)):
        groups_now, elements_now, others_now = sizes
        index = torch.arange(elements_now) * 3 % groups_now
        args = (values(groups_now, 3), index, values(elements_now, 3), values(others_now, 3))
        torch.testing.assert_close(program.module()(*args), Model()(*args), rtol=0, atol=0)


def test_without_torch_tensorrt_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch_tensorrt", "torch_tensorrt.dynamo.lowering"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="pip install torch-tensorrt"):
        register_converters.__wrapped__()  # the call may have succeeded before, with Torch-TensorRT
