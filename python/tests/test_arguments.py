"""The arguments that the functions take, and the errors for those that they refuse."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import libraries
import numpy as np
import pytest

import tensorrt_scatter as ts

SRC = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]], np.float32)
INDEX = np.array([0, 1, 0, 1])
INDPTR = np.array([0, 2, 4])
SUMS = np.array([[8, 10, 12], [14, 16, 18]], np.float32)
COLUMN = SRC[:, 0].copy()

SCATTER = "src, index, dim=-1, out=None, dim_size=None"
COO = "src, index, out=None, dim_size=None"
CSR = "src, indptr, out=None"
GATHER_SEGMENT = "src, index, indptr, weight=None"
GATHER_SCATTER = "src, index, destination, weight=None, dim_size=None"
#: torch_scatter 2.1.2's parameters, and those of the functions that it lacks.
SIGNATURES = {
    "scatter": f"{SCATTER}, reduce='sum'",
    **{f"scatter_{reduce}": SCATTER for reduce in ("sum", "add", "mul", "mean", "min", "max")},
    "segment_coo": f"{COO}, reduce='sum'",
    **{f"segment_{reduce}_coo": COO for reduce in ("sum", "add", "mean", "min", "max")},
    "segment_csr": f"{CSR}, reduce='sum'",
    **{f"segment_{reduce}_csr": CSR for reduce in ("sum", "add", "mean", "min", "max")},
    "gather_coo": "src, index, out=None",
    "gather_csr": CSR,
    "gather_segment_csr": f"{GATHER_SEGMENT}, reduce='sum', out=None",
    **{
        f"gather_segment_{reduce}_csr": f"{GATHER_SEGMENT}, out=None" for reduce in ("sum", "add", "mean", "min", "max")
    },
    "group_index": "index, dim_size=None",
    "gather_scatter": f"{GATHER_SCATTER}, reduce='sum', out=None",
    **{f"gather_scatter_{reduce}": f"{GATHER_SCATTER}, out=None" for reduce in ("sum", "add", "mean", "min", "max")},
    "gather_segment_coo": f"{GATHER_SCATTER}, reduce='sum', out=None",
    **{
        f"gather_segment_{reduce}_coo": f"{GATHER_SCATTER}, out=None" for reduce in ("sum", "add", "mean", "min", "max")
    },
    "softmax_csr": "src, indptr",
    "log_softmax_csr": "src, indptr, eps=1e-12",
    "logsumexp_csr": "src, indptr, eps=1e-12",
    "std_csr": "src, indptr, unbiased=True",
    "attention_csr": "src, index, indptr, score, out=None",
    "gather_dot": ("src, index, other, other_index, weight=None, out=None, combine='mul', heads=1, negative_slope=0.2"),
    "scatter_softmax": "src, index, dim=-1, dim_size=None",
    "scatter_log_softmax": "src, index, dim=-1, eps=1e-12, dim_size=None",
    "scatter_logsumexp": f"{SCATTER}, eps=1e-12",
    "scatter_std": f"{SCATTER}, unbiased=True",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters_are_those_that_are_promised(name: str) -> None:
    parameters = inspect.signature(getattr(ts, name)).parameters.values()
    assert ", ".join(str(each.replace(annotation=each.empty)) for each in parameters) == SIGNATURES[name]


def test_arrays_need_not_be_row_major(library: libraries.Library) -> None:
    src, index = library.make_transposed(SRC), library.make(INDEX)
    if isinstance(library, libraries.OnlyInterface):
        with pytest.raises(ValueError, match="give a row-major copy"):
            ts.scatter(src, index, 0)
        pytest.skip("arrays of __cuda_array_interface__ have to be row-major: they were refused")
    np.testing.assert_array_equal(library.back(ts.scatter(src, index, 0)), SUMS)
    full = library.make_transposed(np.repeat(INDEX[:, None], 3, axis=1))
    np.testing.assert_array_equal(library.back(ts.scatter(src, full, 0)), SUMS)


def test_an_out_need_not_be_row_major(library: libraries.Library) -> None:
    if isinstance(library, libraries.OnlyInterface):
        pytest.skip("arrays of __cuda_array_interface__ have to be row-major")
    src, index = library.make(SRC), library.make(INDEX)
    out = library.make_transposed(np.ones((2, 3), np.float32))
    sums = ts.scatter(src, index, 0, out)
    np.testing.assert_array_equal(library.back(sums), SUMS + 1)
    rows = library.make_transposed(np.zeros((4, 3), np.float32))
    gathered = ts.gather_coo(library.make(SUMS + 1), index, rows)
    np.testing.assert_array_equal(library.back(gathered), (SUMS + 1)[INDEX])
    assert (sums is out, gathered is rows) == (library.writes_out, library.writes_out)


def test_numpys_strides_and_bytes() -> None:
    twice = np.repeat(SRC, 2, axis=0)
    np.testing.assert_array_equal(ts.scatter(twice[::2], INDEX, 0), SUMS)
    np.testing.assert_array_equal(ts.scatter(SRC[::-1], INDEX[::-1], 0), SUMS)
    np.testing.assert_array_equal(ts.scatter(SRC.astype(">f4"), INDEX.astype(">i8"), 0), SUMS)
    out = np.zeros((2, 3), ">f4")
    assert ts.scatter(SRC, INDEX, 0, out) is out
    np.testing.assert_array_equal(out, SUMS)
    unaligned = np.frombuffer(b"_" + SRC.tobytes(), np.uint8)[1:].view(np.float32).reshape(SRC.shape)
    np.testing.assert_array_equal(ts.scatter(unaligned, INDEX, 0), SUMS)


def test_an_out_of_another_shape_or_type_is_refused(library: libraries.Library) -> None:
    src, index, segments = library.make(SRC), library.make(INDEX), library.make(np.array([0, 2, 4]))
    for make in (library.make, library.make_transposed):
        wide, double = make(np.zeros((2, 4), np.float32)), make(np.zeros((2, 3), np.float64))
        if isinstance(library, libraries.OnlyInterface) and make == library.make_transposed:
            continue
        with pytest.raises(ValueError, match=r"base .*has shape \[2, 4\]"):
            ts.scatter(src, index, 0, wide)
        with pytest.raises(ValueError, match=r"out has shape \(2, 4\), but the result has shape \(2, 3\)"):
            ts.segment_csr(src, segments, wide)
        with pytest.raises(ValueError, match=r"out has dtype float64; expected src's, float32"):
            ts.segment_csr(src, segments, double)


REFUSED: list[tuple[str, type[Exception], str, Any]] = [
    ("a list", TypeError, r"src is a builtins.list; expected a NumPy", lambda: ts.scatter([1.0], INDEX)),
    ("a class", TypeError, r"src is a builtins.type", lambda: ts.scatter(np.ndarray, INDEX)),
    ("a masked array", TypeError, r"src is a masked array", lambda: ts.scatter(np.ma.ones(4), INDEX)),
    (
        "an index of floats",
        ValueError,
        r"index has dtype float32; expected int32 or int64$",
        lambda: ts.scatter(SRC, SRC),
    ),
    ("an unknown reduce", ValueError, r"reduce is 'avg'; .*'mean'", lambda: ts.scatter(SRC, INDEX, 0, reduce="avg")),
    ("mul of segments", ValueError, r"segment_coo cannot", lambda: ts.segment_coo(SRC, INDEX, reduce="mul")),
    ("a negative dim_size", ValueError, r"dim_size is -1", lambda: ts.scatter(SRC, INDEX, 0, dim_size=-1)),
    ("a dim out of range", ValueError, r"dim 2 is out of range", lambda: ts.scatter(SRC, INDEX, 2)),
    ("an index of another length", ValueError, r"does not broadcast", lambda: ts.scatter(SRC, INDEX[:3], 0)),
    ("a scalar", ValueError, r"scalar", lambda: ts.scatter(np.array(1.0), INDEX)),
    ("nine axes", ValueError, r"rank 9", lambda: ts.scatter(np.ones((1,) * 9), INDEX)),
    ("a softmax of integers", ValueError, r"floating-point", lambda: ts.scatter_softmax(INDEX, INDEX)),
    (
        "a softmax of segments of integers",
        ValueError,
        r"src has dtype int64; expected a floating-point type",
        lambda: ts.softmax_csr(INDEX, INDPTR),
    ),
    (
        "an indptr of floats",
        ValueError,
        r"indptr has dtype float32; expected int32 or int64$",
        lambda: ts.std_csr(SRC, SRC),
    ),
    (
        "an indptr with more axes than src",
        ValueError,
        r"`indptr` of shape \[1, 3\] does not fit src of shape \[4\]",
        lambda: ts.logsumexp_csr(COLUMN, INDPTR[None]),
    ),
    ("an out of std", ValueError, r"does not start from an out", lambda: ts.scatter_std(SRC, INDEX, 0, SUMS)),
    ("an out that is src", ValueError, r"out overlaps src", lambda: ts.gather_coo(SRC, INDEX, SRC)),
    (
        "mul of gathered segments",
        ValueError,
        r"gather_segment_csr cannot reduce by 'mul'; expected one of 'sum', 'add', 'mean', 'min', 'max'",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, reduce="mul"),
    ),
    (
        "an indptr of another rank than the index",
        ValueError,
        r"indptr",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR[None]),
    ),
    (
        "an indptr of another type than the index",
        ValueError,
        r"indptr is of type TRTS_INT32; expected index's type, TRTS_INT64",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR.astype(np.int32)),
    ),
    (
        "weights of another length than the index",
        ValueError,
        r"weight",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, SRC[:3, 0].copy()),
    ),
    (
        "heads that do not divide the columns",
        ValueError,
        r"weight",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, SRC[:, :2].copy()),
    ),
    (
        "weights of another type than src",
        ValueError,
        r"weight has dtype float64; expected float32: convert it, by weight\.astype\('float32'\)$",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, np.ones(4)),
    ),
    (
        "weights of another type than a src of 16 bits",
        ValueError,
        r"weight has dtype int64; expected float16 or float32: convert it, by weight\.astype\('float16'\)$",
        lambda: ts.gather_segment_csr(SRC.astype(np.float16), INDEX, INDPTR, INDEX),
    ),
    (
        "an out that is the weights",
        ValueError,
        r"out overlaps weight",
        lambda: ts.gather_segment_csr(SRC[:, 0].copy(), INDEX, np.array([0, 1, 2, 3, 4]), COLUMN, out=COLUMN),
    ),
    (
        "attention over integers",
        ValueError,
        r"src has dtype int64; expected a floating-point type",
        lambda: ts.attention_csr(INDEX, INDEX, INDPTR, COLUMN),
    ),
    (
        "scores of another length than the index",
        ValueError,
        r"score of shape \[3\]",
        lambda: ts.attention_csr(SRC, INDEX, INDPTR, COLUMN[:3].copy()),
    ),
    (
        "heads of scores that do not divide the columns",
        ValueError,
        r"score of shape \[4, 2\]",
        lambda: ts.attention_csr(SRC, INDEX, INDPTR, SRC[:, :2].copy()),
    ),
    (
        "scores of another type than src",
        ValueError,
        r"score has dtype float64; expected float32: convert it, by score\.astype\('float32'\)$",
        lambda: ts.attention_csr(SRC, INDEX, INDPTR, np.ones(4)),
    ),
    (
        "scores of another type than a src of 16 bits",
        ValueError,
        r"score has dtype float64; expected float16 or float32: convert it, by score\.astype\('float16'\)$",
        lambda: ts.attention_csr(SRC.astype(np.float16), INDEX, INDPTR, np.ones(4)),
    ),
    (
        "an indptr of another type than the index of an attention",
        ValueError,
        r"indptr is of type TRTS_INT32; expected index's type, TRTS_INT64",
        lambda: ts.attention_csr(SRC, INDEX, INDPTR.astype(np.int32), COLUMN),
    ),
    (
        "an out that is the scores",
        ValueError,
        r"out overlaps score",
        lambda: ts.attention_csr(SRC[:, 0].copy(), INDEX, np.array([0, 1, 2, 3, 4]), COLUMN, out=COLUMN),
    ),
    (
        "an out of an attention of another shape",
        ValueError,
        r"out has shape \(4, 3\), but the result has shape \(2, 3\)",
        lambda: ts.attention_csr(SRC, INDEX, INDPTR, COLUMN, SRC.copy()),
    ),
    (
        "scores of integers",
        ValueError,
        r"src has dtype int64; expected a floating-point type",
        lambda: ts.gather_dot(INDEX, INDEX, INDEX, INDEX),
    ),
    (
        "another way to combine",
        ValueError,
        r"combine is 'dot'; expected one of 'mul', 'add'",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX, combine="dot"),
    ),
    (
        "heads that do not divide the columns",
        ValueError,
        r"heads is 2, but a row of src has 3 columns",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX, heads=2),
    ),
    (
        "fewer heads than one",
        ValueError,
        r"heads is -1; expected 1 or more",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX, heads=-(2**40)),
    ),
    (
        "other rows of other columns",
        ValueError,
        r"other of shape \[4, 2\] does not fit src of shape \[4, 3\]",
        lambda: ts.gather_dot(SRC, INDEX, SRC[:, :2].copy(), INDEX),
    ),
    (
        "others of another type",
        ValueError,
        r"other is of type TRTS_FLOAT64; expected src's type, TRTS_FLOAT32",
        lambda: ts.gather_dot(SRC, INDEX, SRC.astype(np.float64), INDEX),
    ),
    (
        "another index of another length",
        ValueError,
        r"other_index of shape \[2\] does not fit index of shape \[4\]",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX[:2].copy()),
    ),
    (
        "weights of pairs, not of columns",
        ValueError,
        r"weight of shape \[4\] does not fit src of shape \[4, 3\]: .* each of the 3 columns",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX, COLUMN),
    ),
    (
        "an out of scores without an axis of heads",
        ValueError,
        r"out has shape \(4,\), but the result has shape \(4, 1\)",
        lambda: ts.gather_dot(SRC, INDEX, SRC, INDEX, out=COLUMN),
    ),
    (
        "mul of gathered groups",
        ValueError,
        r"gather_scatter cannot reduce by 'mul'; expected one of 'sum', 'add', 'mean', 'min', 'max'",
        lambda: ts.gather_scatter(SRC, INDEX, INDEX, reduce="mul"),
    ),
    (
        "mul of gathered segments of sorted destinations",
        ValueError,
        r"gather_segment_coo cannot reduce by 'mul'; expected one of 'sum', 'add', 'mean', 'min', 'max'",
        lambda: ts.gather_segment_coo(SRC, INDEX, np.sort(INDEX), reduce="mul"),
    ),
    (
        "fewer sorted destinations than elements",
        ValueError,
        r"destination of shape \[3\].*index of shape \[4\]",
        lambda: ts.gather_segment_coo(SRC, INDEX, np.sort(INDEX)[:3].copy()),
    ),
    (
        "fewer destinations than elements",
        ValueError,
        r"destination of shape \[3\].*index of shape \[4\]",
        lambda: ts.gather_scatter(SRC, INDEX, INDEX[:3].copy()),
    ),
    (
        "destinations of another type than the index",
        ValueError,
        r"destination is of type TRTS_INT32; expected index's type, TRTS_INT64",
        lambda: ts.gather_scatter(SRC, INDEX, INDEX.astype(np.int32)),
    ),
    (
        "an out of gathered groups without their axis",
        ValueError,
        r"out has shape \(\), but the result has shape \(2, 3\)",
        lambda: ts.gather_scatter(SRC, INDEX, INDEX, out=np.float32(0)[...]),
    ),
    (
        "a grouping of floats",
        ValueError,
        r"index has dtype float32; expected int32 or int64$",
        lambda: ts.group_index(SRC),
    ),
    ("a grouping of a scalar", ValueError, r"index.* is a scalar", lambda: ts.group_index(np.array(1))),
    ("a negative number of groups", ValueError, r"dim_size is -2", lambda: ts.group_index(INDEX, -2)),
    (
        "an out of gathered segments of another shape",
        ValueError,
        r"out has shape \(4, 3\), but the result has shape \(2, 3\)",
        lambda: ts.gather_segment_csr(SRC, INDEX, INDPTR, out=SRC.copy()),
    ),
]


@pytest.mark.parametrize(("error", "text", "call"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(error: type[Exception], text: str, call: Any) -> None:
    with pytest.raises(error, match=text):
        call()


WIDER = {
    **dict.fromkeys(["bool", "int8", "uint8", "int16", "uint16"], "int32"),
    **dict.fromkeys(["uint32", "uint64"], "int64"),
}


@pytest.mark.parametrize("dtype", WIDER)
@pytest.mark.parametrize("role", ["src", "index", "indptr", "softmax"])
def test_a_type_without_kernels_is_refused_with_the_one_to_convert_to(
    role: str, dtype: str, library: libraries.Library
) -> None:
    src = np.arange(4)
    make = getattr(library, "make_other", library.make)
    try:
        other = make(src.astype(dtype))
        # JAX may replace the type by another.
        assert str(other.dtype if hasattr(other, "dtype") else dtype).endswith(dtype)
    except (TypeError, ValueError, AssertionError):
        pytest.skip(f"{library.name} has no {dtype}")
    plain = library.make(src)
    calls: dict[str, tuple[str, str, Any]] = {
        "src": ("src", "float32, float16, bfloat16, float64, int32 or int64", lambda: ts.scatter(other, plain)),
        "index": ("index", "int32 or int64", lambda: ts.scatter(plain, other)),
        "indptr": ("indptr", "int32 or int64", lambda: ts.segment_csr(plain, other)),
        "softmax": (
            "src",
            "a floating-point type, float32, float16, bfloat16 or float64",
            lambda: ts.scatter_softmax(other, plain),
        ),
    }
    name, expected, call = calls[role]
    wider = {"int32": "float32", "int64": "float64"}[WIDER[dtype]] if role == "softmax" else WIDER[dtype]
    conversion = (
        rf"{name}\.to\(torch\.{wider}\)" if isinstance(library, libraries.Torch) else rf"{name}\.astype\('{wider}'\)"
    )
    if isinstance(library, libraries.OnlyInterface):
        conversion = rf"{name}\.astype\('{wider}'\)"
    with pytest.raises(
        ValueError, match=f"^{name} has dtype {dtype}; expected {expected}: convert it, by {conversion}$"
    ):
        call()


def test_what_can_be_done_about_a_bad_index_is_told_in_pythons_words() -> None:
    with pytest.raises(ts.BadIndexError, match=r"index\[0\].*with tensorrt_scatter\.unchecked\(\):") as caught:
        ts.scatter(SRC, INDEX - 1, 0, dim_size=2)
    with pytest.raises(ts.BadIndexError) as of_bounds:
        ts.segment_csr(SRC, np.array([0, 9]))
    assert "unchecked" not in str(of_bounds.value)
    with pytest.raises(ts.BadIndexError, match=r"index\[1\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.group_index(INDEX, 1)
    # Of both inputs, the message speaks of the bad one.
    with pytest.raises(ts.BadIndexError, match=r"index\[3\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.gather_segment_csr(SRC, np.array([0, 1, 2, 4]), INDPTR)
    with pytest.raises(ts.BadIndexError, match=r"index\[3\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.gather_scatter(SRC, np.array([0, 1, 2, 4]), INDEX)
    with pytest.raises(ts.BadIndexError, match=r"index\[3\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.attention_csr(SRC, np.array([0, 1, 2, 4]), INDPTR, COLUMN)
    with pytest.raises(ts.BadIndexError, match=r"other_index\[3\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.gather_dot(SRC, INDEX, SRC, np.array([0, 1, 2, 4]))
    with pytest.raises(ts.BadIndexError, match=r"destination\[1\].*with tensorrt_scatter\.unchecked\(\):"):
        ts.gather_scatter(SRC, INDEX, INDEX, dim_size=1)
    with pytest.raises(ts.BadIndexError, match=r"destination\[2\].*sort index, destination and weight together"):
        ts.gather_segment_coo(SRC, INDEX, INDEX)
    with pytest.raises(ts.BadIndexError, match=r"indptr\[2\]") as of_bounds:
        ts.gather_segment_csr(SRC, INDEX, INDPTR + 1)
    assert "unchecked" not in str(of_bounds.value)
    with pytest.raises(ts.BadIndexError, match=r"indptr\[1\]") as of_bounds:
        ts.softmax_csr(SRC, np.array([0, 5, 4]))
    assert "unchecked" not in str(of_bounds.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.position, again.value) == (str(caught.value), 0, -1)


def test_out_tells_the_number_of_groups_whatever_dim_size_says(library: libraries.Library) -> None:
    """torch_scatter does the same."""
    src, index = library.make(SRC), library.make(INDEX)
    for dim_size in (None, 1, 2, 9):
        out = library.make(np.ones((3, 3), np.float32))
        sums = ts.gather_scatter(src, library.make(np.arange(4)), index, dim_size=dim_size, out=out)
        np.testing.assert_array_equal(library.back(sums), np.concatenate([SUMS, np.zeros((1, 3))]))
        sums = ts.scatter(src, index, 0, library.make(np.zeros((2, 3), np.float32)), dim_size)
        np.testing.assert_array_equal(library.back(sums), SUMS)
        sums = ts.segment_coo(src, library.make(np.sort(INDEX)), library.make(np.zeros((2, 3), np.float32)), dim_size)
        assert library.back(sums).shape == (2, 3)


def test_a_read_only_out_is_refused() -> None:
    out = np.zeros((2, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="out is read-only"):
        ts.scatter(SRC, INDEX, 0, out)


def test_nothing_is_written_where_an_index_is_bad() -> None:
    out = np.ones((2, 3), np.float32)
    with pytest.raises(ts.BadIndexError):
        ts.scatter(SRC, INDEX + 1, 0, out)
    np.testing.assert_array_equal(out, np.ones((2, 3)))


def test_arrays_of_two_libraries_are_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"src is a numpy.ndarray, but index a torch.Tensor"):
        ts.scatter(SRC, torch.from_numpy(INDEX))


def test_torchs_tensors_that_are_refused() -> None:
    torch = pytest.importorskip("torch")
    src, index = torch.from_numpy(SRC.copy()), torch.from_numpy(INDEX)
    with pytest.raises(ValueError, match=r"src is on device meta"):
        ts.scatter(src.to("meta"), index, 0)
    with pytest.raises(ValueError, match=r"src has layout torch.sparse_coo; .*to_dense"):
        ts.scatter(src.to_sparse(), index, 0)
    src.requires_grad_()
    with pytest.raises(RuntimeError, match=r"src requires a gradient.*src.detach\(\)"):
        ts.scatter(src, index, 0)
    with torch.no_grad():
        np.testing.assert_array_equal(ts.scatter(src, index, 0).numpy(), SUMS)


def test_a_traced_array_of_jax_is_refused_in_words() -> None:
    jax = pytest.importorskip("jax")
    index = jax.numpy.array(INDEX)
    with pytest.raises(TypeError, match=r"src is traced by jax\.jit.*pure_callback"):
        jax.jit(lambda src: ts.scatter(src, index, 0))(jax.numpy.array(SRC))
    with pytest.raises(TypeError, match=r"src is traced by jax\.jit"):
        jax.grad(lambda src: ts.scatter(src, index, 0).sum())(jax.numpy.array(SRC))
