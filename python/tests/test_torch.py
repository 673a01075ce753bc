"""Tests of torch's tensors: autograd's versions, lazy views, and tensors without memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorrt_scatter as ts

torch = pytest.importorskip("torch")

INDEX, INDPTR = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 2, 4])

#: Calls that write to an out of two elements.
WRITES: dict[str, Callable[[Any], Any]] = {
    "scatter": lambda out: ts.scatter(torch.ones(4), INDEX, out=out),
    "scatter_mean": lambda out: ts.scatter_mean(torch.ones(4), INDEX, out=out),
    "scatter_max": lambda out: ts.scatter_max(torch.ones(4), INDEX, out=out),
    "segment_coo": lambda out: ts.segment_coo(torch.ones(4), INDEX.sort().values, out=out),
    "segment_min_coo": lambda out: ts.segment_min_coo(torch.ones(4), INDEX.sort().values, out=out),
    "segment_csr": lambda out: ts.segment_csr(torch.ones(4), INDPTR, out=out),
    "segment_max_csr": lambda out: ts.segment_max_csr(torch.ones(4), INDPTR, out=out),
    "gather_coo": lambda out: ts.gather_coo(torch.ones(2), INDEX[:2], out=out),
    "gather_csr": lambda out: ts.gather_csr(torch.ones(1), torch.tensor([0, 2]), out=out),
    "gather_segment_csr": lambda out: ts.gather_segment_csr(torch.ones(2), INDEX, INDPTR, torch.ones(4), out=out),
    "gather_segment_max_csr": lambda out: ts.gather_segment_max_csr(torch.ones(2), INDEX, INDPTR, out=out),
    "gather_scatter": lambda out: ts.gather_scatter(torch.ones(2), INDEX, INDEX, torch.ones(4), out=out),
    "gather_scatter_max": lambda out: ts.gather_scatter_max(torch.ones(2), INDEX, INDEX, out=out),
    "gather_segment_coo": lambda out: ts.gather_segment_coo(torch.ones(2), INDEX, INDEX.sort().values, out=out),
    "attention_csr": lambda out: ts.attention_csr(torch.ones(2), INDEX, INDPTR, torch.ones(4), out=out),
    # Its result has an axis of heads.
    "gather_dot": lambda out: (
        out,
        ts.gather_dot(torch.ones(2), INDEX[:2], torch.ones(2), INDEX[:2], out=out[:, None]),
    ),
}


@pytest.mark.parametrize("layout", ["row-major", "strided", "view"])
@pytest.mark.parametrize("name", WRITES)
def test_an_out_that_is_saved_for_backward_is_known_to_be_gone(name: str, layout: str) -> None:
    weight = torch.ones(2, requires_grad=True)
    memory = torch.zeros(4)
    out = {"row-major": torch.zeros(2), "strided": memory[::2], "view": memory[1:3]}[layout]
    product = weight * out
    version = out._version
    WRITES[name](out)
    assert out._version > version
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()


def test_the_version_stays_where_nothing_was_written() -> None:
    out = torch.zeros(2)
    with pytest.raises(ts.BadIndexError):
        ts.scatter(torch.ones(4), INDEX + 1, out=out)
    assert out._version == 0


def test_weights_that_require_a_gradient_are_refused() -> None:
    weight = torch.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"weight requires a gradient.*give weight\.detach\(\)"):
        ts.gather_segment_csr(torch.ones(2), INDEX, INDPTR, weight)
    with pytest.raises(RuntimeError, match=r"weight requires a gradient.*give weight\.detach\(\)"):
        ts.gather_scatter(torch.ones(2), INDEX, INDEX, weight)
    with pytest.raises(RuntimeError, match=r"score requires a gradient.*give score\.detach\(\)"):
        ts.attention_csr(torch.ones(2), INDEX, INDPTR, weight)
    with pytest.raises(RuntimeError, match=r"weight requires a gradient.*give weight\.detach\(\)"):
        ts.gather_dot(torch.ones(2, 4), INDEX, torch.ones(2, 4), INDEX, weight)


def test_the_inputs_versions_stay() -> None:
    src, index = torch.ones(4), INDEX.clone()
    ts.scatter(src, index, out=torch.zeros(2))
    assert (src._version, index._version) == (0, 0)


def test_tensors_of_inference_mode() -> None:
    with torch.inference_mode():
        out = torch.zeros(2)
        ts.scatter(torch.ones(4), INDEX, out=out)
        assert out.tolist() == [2, 2]
    # torch refuses it too, because it cannot tell autograd.
    with pytest.raises(RuntimeError, match=r"out was made under torch.inference_mode.*out.clone\(\)"):
        ts.scatter(torch.ones(4), INDEX, out=out)
    assert out.tolist() == [2, 2]
    assert ts.scatter(out, INDEX[:2]).tolist() == [2, 2]


def negative(*values: float) -> Any:
    """A tensor of the values, whose memory holds their negatives; contiguous."""
    return torch._neg_view(-torch.tensor(values))


def test_the_negative_bit_is_read() -> None:
    src = torch.tensor([1 + 2j]).conj().imag
    assert src.is_neg() and src.is_contiguous()
    assert ts.scatter(src, torch.tensor([0])).tolist() == [-2]
    assert ts.scatter(negative(1, 5, 2, 3), INDEX, reduce="max").tolist() == [2, 5]
    assert ts.gather_coo(negative(7, 8), INDEX).tolist() == [7, 8, 7, 8]
    assert ts.segment_csr(negative(1, 5, 2, 3), INDPTR).tolist() == [6, 5]
    assert ts.gather_segment_csr(torch.ones(4), INDEX, INDPTR, negative(1.0, 5.0, 2.0, 3.0)).tolist() == [6, 5]
    weight = negative(1.0, 5.0, 2.0, 3.0)
    assert ts.gather_scatter(torch.ones(4), INDEX, torch._neg_view(-INDEX), weight).tolist() == [3, 8]
    expected = ts.softmax_csr(torch.tensor([1.0, 5.0, 2.0, 3.0]), INDPTR)
    assert ts.softmax_csr(negative(1.0, 5.0, 2.0, 3.0), torch._neg_view(-INDPTR)).tolist() == expected.tolist()
    expected = ts.attention_csr(torch.tensor([1.0, 2.0]), INDEX, INDPTR, torch.tensor([1.0, 5.0, 2.0, 3.0]))
    bounds = torch._neg_view(-INDPTR)
    given = ts.attention_csr(negative(1.0, 2.0), torch._neg_view(-INDEX), bounds, negative(1.0, 5.0, 2.0, 3.0))
    assert given.tolist() == expected.tolist()
    expected = ts.gather_dot(torch.tensor([1.0, 2.0]), INDEX, torch.tensor([3.0, 5.0]), INDEX)
    given = ts.gather_dot(negative(1.0, 2.0), INDEX, negative(3.0, 5.0), torch._neg_view(-INDEX))
    assert given.tolist() == expected.tolist() == [[3.0], [10.0], [3.0], [10.0]]
    # Of the index and of the bounds too.
    perm, indptr = ts.group_index(torch._neg_view(-INDEX))
    assert (perm.tolist(), indptr.tolist()) == ([0, 2, 1, 3], [0, 2, 4])
    assert ts.scatter(torch.ones(4), torch._neg_view(-INDEX)).tolist() == [2, 2]
    assert ts.segment_csr(torch.ones(4), torch._neg_view(-INDPTR)).tolist() == [2, 2]


@pytest.mark.parametrize("name", WRITES)
def test_the_negative_bit_of_an_out_is_kept(name: str) -> None:
    out, plain = negative(10.0, -20.0), torch.tensor([10.0, -20.0])
    version = out._version
    result = WRITES[name](out)
    WRITES[name](plain)
    assert (result[0] if isinstance(result, tuple) else result) is out
    assert out.is_neg() and out._version > version
    torch.testing.assert_close(out.resolve_neg(), plain)


def test_what_has_no_memory_is_refused_in_words() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = torch.ones(4)
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    for tensor, words in (
        (fake, r"src is a FakeTensor, .*tensorrt_scatter\.onnx\.ops"),
        (torch._efficientzerotensor(4), r"src is a ZeroTensor, .*src\.clone\(\)"),
        (nested, r"src is a nested tensor; .*src\.to_padded_tensor"),
        (torch.ones(4).to_sparse(), r"src has layout torch\.sparse_coo; .*src\.to_dense\(\)"),
        (torch.ones(4, dtype=torch.complex64).conj(), r"src has dtype complex64"),
    ):
        with pytest.raises(ValueError, match=words):
            ts.scatter(tensor, INDEX)


@pytest.mark.parametrize("transform", ["vmap", "functionalize", "grad"])
def test_tensors_inside_of_functorch_are_refused_in_words(transform: str) -> None:
    def call(src: Any) -> Any:
        return ts.scatter(src.detach() if transform == "grad" else src, INDEX).sum()

    transformed = torch.vmap(call) if transform == "vmap" else getattr(torch.func, transform)(call)
    with pytest.raises(ValueError, match=r"src is a tensor inside torch\.vmap"):
        transformed(torch.ones(2, 4) if transform == "vmap" else torch.ones(4))


def test_a_call_inside_a_trace_is_refused_rather_than_frozen() -> None:
    with pytest.raises(RuntimeError, match=r"would be a constant.*tensorrt_scatter\.onnx\.ops"):
        torch.jit.trace(lambda src: ts.scatter(src, INDEX), (torch.ones(4),), check_trace=False)


def test_parameters_and_plain_subclasses_are_tensors() -> None:
    class Named(torch.Tensor):
        pass

    src = torch.ones(4).as_subclass(Named)
    np.testing.assert_array_equal(np.asarray(ts.scatter(src, INDEX)), [2, 2])
    with torch.no_grad():
        assert ts.scatter(torch.nn.Parameter(torch.ones(4)), INDEX).tolist() == [2, 2]
