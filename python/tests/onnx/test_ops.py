"""The torch operators: their results, compared with torch_scatter and with the rules, and their fake kernels."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cases
import numpy as np
import numpy_functions
import pytest
import torch
from exporting import assert_same
from torch import Tensor

import tensorrt_scatter as ts
from tensorrt_scatter._declarations import (
    ATTENTION_CSR,
    GATHER_SCATTER,
    GATHER_SEGMENT_COO,
    GATHER_SEGMENT_CSR,
    GROUP_INDEX,
    LOG_SOFTMAX_CSR,
    LOGSUMEXP_CSR,
    SOFTMAX_CSR,
    STD_CSR,
)
from tensorrt_scatter.onnx import ops


@pytest.fixture(scope="module")
def torch_scatter() -> ModuleType:
    return pytest.importorskip("torch_scatter")


COMPOSITES_CSR = (SOFTMAX_CSR, LOG_SOFTMAX_CSR, LOGSUMEXP_CSR, STD_CSR)
LACKING = [
    name
    for operator in (
        GATHER_SCATTER,
        GATHER_SEGMENT_COO,
        GATHER_SEGMENT_CSR,
        GROUP_INDEX,
        *COMPOSITES_CSR,
        ATTENTION_CSR,
    )
    for name in operator.functions()
]
"""The functions that torch_scatter does not have."""


def outputs(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


@pytest.mark.parametrize("case", cases.ALL, ids=str)
def test_fake_kernels_agree_with_the_real_ones(case: cases.Case) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    inputs = case.inputs(9)
    real = outputs(case.call(ops, *inputs.values()))
    with FakeTensorMode() as mode:
        fake = outputs(case.call(ops, *(mode.from_tensor(tensor) for tensor in inputs.values())))
    assert [(t.shape, t.dtype) for t in fake] == [(t.shape, t.dtype) for t in real]


@pytest.mark.parametrize("name", sorted({*ops.__all__} - {*LACKING}))
def test_arguments_are_torch_scatters(name: str, torch_scatter: ModuleType) -> None:
    ours, theirs = (list(inspect.signature(getattr(module, name)).parameters) for module in (ops, torch_scatter))
    assert ours[: len(theirs)] == theirs
    assert ours[len(theirs) :] == (["size"] if name == "gather_csr" else [])


@pytest.mark.parametrize("name", LACKING)
def test_arguments_that_torch_scatter_lacks_are_those_of_the_functions_on_arrays(name: str) -> None:
    """But for `out`, to which these functions do not write."""
    ours, those_of_arrays = (list(inspect.signature(getattr(module, name)).parameters) for module in (ops, ts))
    assert ours == [name for name in those_of_arrays if name != "out"]


@pytest.mark.parametrize("case", [case for case in cases.ALL if not case.deviation], ids=str)
def test_results_are_torch_scatters(case: cases.Case, torch_scatter: ModuleType) -> None:
    inputs = case.inputs(9)
    ours = outputs(case.call(ops, *inputs.values()))
    assert_same([tensor.numpy() for tensor in ours], case.call(torch_scatter, *inputs.values()), exact=False)


@pytest.mark.parametrize("how", ["min", "max"])
def test_a_nan_never_wins_and_the_first_of_equals_does(how: str) -> None:
    nan, inf = float("nan"), float("inf")
    src = torch.tensor([nan, 1.0, 1.0, nan, -inf, inf, 0.0, -0.0])
    index = torch.tensor([0, 0, 0, 1, 2, 3, 4, 4])
    out, arg = getattr(ops, f"scatter_{how}")(src, index, dim_size=6)
    expected, expected_arg = getattr(numpy_functions, f"scatter_{how}")(src.numpy(), index.numpy(), dim_size=6)
    np.testing.assert_array_equal(out.numpy(), expected)
    np.testing.assert_array_equal(arg.numpy(), expected_arg)
    assert arg.tolist() == [1, 8, 4, 5, 6, 8]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_floats_are_added_up_in_float32(dtype: torch.dtype) -> None:
    src = torch.ones(5000, dtype=dtype)
    assert ops.scatter_sum(src, torch.zeros(5000, dtype=torch.int64), dim_size=1).item() == torch.tensor(5000.0).to(
        dtype
    )
    assert ops.scatter_mean(src, torch.zeros(5000, dtype=torch.int64), dim_size=1).item() == 1


def test_integer_means_round_down() -> None:
    assert ops.scatter_mean(torch.tensor([-1, -2]), torch.tensor([0, 0]), dim_size=1).tolist() == [-2]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_positions_have_the_type_of_the_index(dtype: torch.dtype) -> None:
    _, arg = ops.scatter_max(torch.ones(3), torch.tensor([0, 1, 1], dtype=dtype), dim_size=2)
    assert arg.dtype == dtype


@pytest.mark.parametrize("how", ["sum", "mul", "mean", "min", "max"])
def test_nothing_to_reduce(how: str) -> None:
    empty = torch.empty(0, 2)
    out = outputs(getattr(ops, f"scatter_{how}")(empty, torch.empty(0, dtype=torch.int64), 0, dim_size=3))[0]
    assert out.tolist() == [[1.0 if how == "mul" else 0.0] * 2] * 3


@pytest.mark.parametrize("how", ["sum", "mean", "min", "max"])
def test_nothing_to_gather(how: str) -> None:
    index, indptr = torch.empty(0, dtype=torch.int64), torch.zeros(3, dtype=torch.int64)
    for src, weight in ((torch.ones(4, 6), torch.empty(0, 2)), (torch.empty(0, 6), None), (torch.empty(4, 0), None)):
        result = outputs(getattr(ops, f"gather_segment_{how}_csr")(src, index, indptr, weight))
        assert result[0].tolist() == [[0.0] * src.shape[1]] * 2
        assert all(arg.tolist() == [[0] * src.shape[1]] * 2 for arg in result[1:])
        for name in (f"gather_scatter_{how}", f"gather_segment_{how}_coo"):
            result = outputs(getattr(ops, name)(src, index, index, weight, 2))
            assert result[0].tolist() == [[0.0] * src.shape[1]] * 2
            assert all(arg.tolist() == [[0] * src.shape[1]] * 2 for arg in result[1:])


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_elements_without_a_group_come_last_in_a_grouping(dtype: torch.dtype) -> None:
    index = torch.tensor([[2, -1, 0, 3], [1, 1, 1, 0]], dtype=dtype)
    perm, indptr = ops.group_index(index, 3)
    assert (perm.dtype, indptr.dtype) == (dtype, dtype)
    assert perm.tolist() == [[2, 0, 1, 3], [3, 0, 1, 2]]
    assert indptr.tolist() == [[0, 1, 1, 2], [0, 1, 4, 4]]
    assert [each.tolist() for each in ops.group_index(index[:, :0], 2)] == [[[], []], [[0, 0, 0]] * 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", [operator.name for operator in COMPOSITES_CSR])
def test_composites_over_segments_are_those_of_the_definition(name: str, dtype: torch.dtype) -> None:
    """An element in no segment is 0, and so is the row of an empty segment."""
    src, indptr = cases.values(2, 9, 3).to(dtype) / 4, torch.tensor([[1, 4, 4, 8], [0, 2, 9, 9]])
    given = getattr(ops, name)(src, indptr)
    assert given.dtype == dtype
    expected = getattr(numpy_functions, name)(src.double().numpy(), indptr.numpy())
    tolerance = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}.get(dtype, 1e-5)
    np.testing.assert_allclose(given.double().numpy(), expected, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("name", [operator.name for operator in COMPOSITES_CSR])
def test_no_elements_of_segments(name: str) -> None:
    indptr = torch.zeros(3, dtype=torch.int64)
    keeps_shape = name in ("softmax_csr", "log_softmax_csr")
    assert getattr(ops, name)(torch.empty(0, 2), indptr).shape == ((0, 2) if keeps_shape else (2, 2))
    assert getattr(ops, name)(torch.ones(4, 2), indptr).tolist() == [[0.0] * 2] * (4 if keeps_shape else 2)


#: Scores of attention_csr by their number of heads, None without an axis of heads.
HEADS = (None, 1, 2, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("heads", HEADS)
def test_attention_is_that_of_the_definition(heads: int | None, dtype: torch.dtype) -> None:
    """Elements whose index names no row are in no segment; one segment has no others, and one is empty."""
    index = torch.tensor([[4, 0, 1, 2, -1, 5, 0, 3, 3]])
    indptr = torch.tensor([[0, 2, 4, 6, 6, 9], [1, 1, 3, 5, 8, 8]])
    src, axes = cases.values(2, 5, 2, 2).to(dtype) / 4, [] if heads is None else [heads]
    for score_dtype in {dtype, torch.float32 if dtype.itemsize == 2 else dtype}:
        for leading in (1, 2):
            score = (cases.values(leading, 9, *axes) / 3).to(score_dtype)
            given = ops.attention_csr(src, index, indptr, score)
            assert given.dtype == dtype
            arrays = src.double().numpy(), index.numpy(), indptr.numpy(), score.double().numpy()
            # Without the check of numpy_functions, which refuses bad indices.
            (expected,) = numpy_functions.DEFINITIONS.attention_csr(*arrays)
            tolerance = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}.get(dtype, 1e-5)
            np.testing.assert_allclose(given.double().numpy(), expected, rtol=tolerance, atol=1e-6)
            assert not expected[0, 3].any()


def test_scores_beyond_numbers() -> None:
    """What a score spoils is its own segment. That of an element whose index names no row spoils none."""
    nan, inf = float("nan"), float("inf")
    score = torch.tensor([nan, 0.0, inf, 0.0, -inf, -inf, -inf, 1.0, 2.0, 2.0, nan, 1.0])
    index = torch.tensor([0, 1] * 5 + [2, 1])
    given = ops.attention_csr(torch.tensor([1.0, 3.0]), index, torch.tensor([0, 2, 4, 6, 8, 10, 12]), score)
    np.testing.assert_allclose(given.numpy(), [nan, nan, nan, 3, 2, 3], rtol=1e-6)


def test_attention_over_nothing() -> None:
    index, indptr = torch.empty(0, dtype=torch.int64), torch.zeros(3, dtype=torch.int64)
    for src, score in ((torch.ones(4, 6), torch.empty(0, 2)), (torch.empty(0, 6), torch.empty(0))):
        assert ops.attention_csr(src, index, indptr, score).tolist() == [[0.0] * 6] * 2
    # No columns, and so no heads; no rows, but elements.
    index = torch.tensor([0, 1])
    assert ops.attention_csr(torch.empty(4, 0), index, indptr + 2, torch.empty(2, 0)).shape == (2, 0)
    assert ops.attention_csr(torch.empty(0, 2), index, torch.tensor([0, 2]), torch.ones(2)).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("combine", ["mul", "add"])
def test_scores_are_those_of_the_definition(combine: str, dtype: torch.dtype) -> None:
    """Pairs whose index names no row have score 0."""
    index, other_index = torch.tensor([[4, 0, 1, -1, 5, 3]]), torch.tensor([[0, 2, 1, 0, 1, 2], [3, 1, -1, 0, 2, 2]])
    src, other = cases.values(2, 5, 2, 3).to(dtype) / 4, cases.values(2, 3, 2, 3).to(dtype) / 8
    for weight_dtype in {dtype, torch.float32 if dtype.itemsize == 2 else dtype}:
        for weight in (None, (cases.values(6) / 3).to(weight_dtype)):
            for heads in (1, 2, 6):
                options = {"combine": combine, "heads": heads, "negative_slope": 0.5}
                given = ops.gather_dot(src, index, other, other_index, weight, **options)
                assert given.dtype == dtype
                arrays = [src.double().numpy(), index.numpy(), other.double().numpy(), other_index.numpy()]
                arrays += [] if weight is None else [weight.double().numpy()]
                # Without the check of numpy_functions, which refuses bad indices.
                (expected,) = numpy_functions.DEFINITIONS.gather_dot(*arrays, **options)
                tolerance = {torch.float16: 2.0**-10, torch.bfloat16: 2.0**-7}.get(dtype, 1e-5)
                np.testing.assert_allclose(given.double().numpy(), expected, rtol=tolerance, atol=1e-6)
                assert not expected[0, 3].any() and not expected[1, 2].any()


def test_scores_of_nothing() -> None:
    index, nothing = torch.tensor([0, 1]), torch.empty(0, dtype=torch.int64)
    assert ops.gather_dot(torch.ones(4, 6), nothing, torch.ones(3, 6), nothing, heads=2).shape == (0, 2)
    # No columns; no rows on one side.
    assert ops.gather_dot(torch.empty(4, 0), index, torch.empty(3, 0), index, heads=2).tolist() == [[0.0] * 2] * 2
    assert ops.gather_dot(torch.empty(0, 2), index, torch.ones(3, 2), index).tolist() == [[0.0]] * 2


def test_out_stays_as_it_was() -> None:
    out = torch.ones(2)
    ops.scatter_sum(torch.ones(3), torch.tensor([0, 1, 1]), out=out)
    assert out.tolist() == [1.0, 1.0]


def test_the_number_of_groups_is_found_outside_of_exports() -> None:
    assert ops.scatter_sum(torch.ones(3), torch.tensor([0, 4, 1])).tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
    # That of the destinations, and not of the index.
    sums = ops.gather_scatter(torch.tensor([1.0, 2.0]), torch.tensor([1, 0, 1]), torch.tensor([0, 3, 0]))
    assert sums.tolist() == [4.0, 0.0, 0.0, 1.0]


def test_mistakes_are_explained() -> None:
    src, index = torch.ones(3), torch.tensor([0, 1, 1])
    with pytest.raises(IndexError, match="dim is 2, but src has 1 axes"):
        ops.scatter_sum(src, index, 2)
    with pytest.raises(IndexError, match="index has 0 axes"):
        ops.group_index(index[0], 2)
    with pytest.raises(ValueError, match="reduce is 'median'; expected one of 'sum', 'add', 'mul'"):
        ops.scatter(src, index, reduce="median")
    with pytest.raises(ValueError, match=r"src is torch.int32: expected one of float32, .*src.to\(torch.float32\)"):
        ops.scatter_softmax(src.int(), index)
    with pytest.raises(ValueError, match=r"indptr is torch.int16: expected one of int32, int64; .*torch.int64"):
        ops.logsumexp_csr(src, index.to(torch.int16))
    segments, wide = torch.tensor([0, 3]), torch.ones(3, dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"weight is torch.float64: expected one of float32; .*weight.to\(torch.float32\)"
    ):
        ops.gather_segment_csr(src, index, segments, wide)
    with pytest.raises(ValueError, match=r"weight is torch.float64: expected one of float16, float32; .*torch.float16"):
        ops.gather_segment_csr(src.half(), index, segments, wide)
    with pytest.raises(ValueError, match=r"indptr is torch.int32: expected index's type, torch.int64"):
        ops.gather_segment_csr(src, index, segments.int())
    with pytest.raises(ValueError, match=r"score is torch.float64: expected one of float16, float32; .*torch.float16"):
        ops.attention_csr(src.half(), index, segments, wide)
    with pytest.raises(ValueError, match=r"src is torch.int32: expected one of float32, .*src.to\(torch.float32\)"):
        ops.attention_csr(src.int(), index, segments, src)
    with pytest.raises(ValueError, match=r"other_index is torch.int32: expected index's type, torch.int64"):
        ops.gather_dot(src, index, src, index.int())
    with pytest.raises(ValueError, match="combine is 'dot'; expected one of 'mul', 'add'"):
        ops.gather_dot(src, index, src, index, combine="dot")
    with pytest.raises(ValueError, match="heads is 2; expected a divisor of the 1 columns of src"):
        ops.gather_dot(src, index, src, index, heads=2)
    with pytest.raises(ValueError, match=r"destination is torch.int32: expected index's type, torch.int64"):
        ops.gather_scatter(src, index, index.int())
    with pytest.raises(ValueError, match="gather_scatter cannot reduce by 'mul'"):
        ops.gather_scatter(src, index, index, reduce="mul")
    with pytest.raises(ValueError, match="gather_segment_csr cannot reduce by 'mul'"):
        ops.gather_segment_csr(src, index, segments, reduce="mul")
    with pytest.raises(NotImplementedError, match=r"dim_size=out\.size"):
        ops.scatter_std(src, index, out=src)


def test_a_torch_that_is_too_old_is_told_each_time() -> None:
    """PyTorch 2.1 to 2.3 have no torch.library.register_fake."""
    code = """
import torch
del torch.library.register_fake
for _ in range(2):
    try:
        from tensorrt_scatter.onnx import ops
    except ImportError as error:
        print(error)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == second
    assert "tensorrt_scatter.onnx needs PyTorch 2.4 or newer" in first
