"""segment_reduce and embedding_bag: reductions over segments. bincount, which is refused."""

from __future__ import annotations

from typing import Any, NoReturn

from .graph import LAST, ONNX_TYPES, Graph

_REDUCTIONS = ("sum", "mean", "max", "min")
_MODES = ("sum", "mean", "max")


def segment_reduce(
    g: Graph,
    data: Any,
    reduce: str,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Any:
    if reduce not in _REDUCTIONS:
        raise ValueError(
            f"segment_reduce: reduce is {reduce!r}: expected one of {', '.join(map(repr, _REDUCTIONS))}; for a product "
            "write tensorrt_scatter.onnx.ops.scatter_mul with an index"
        )
    if indices is not None or (lengths is None) == (offsets is None):
        raise ValueError("segment_reduce: give either lengths or offsets, and no indices")
    rank, given = len(g.sizes(data, "segment_reduce")), lengths if offsets is None else offsets
    last = len(g.sizes(given, "segment_reduce")) - 1
    if axis % rank != last:
        raise ValueError(f"segment_reduce: axis is {axis}: expected the last one of lengths or offsets, {last}")
    indptr = _bounds(g, lengths, g.dtype_of(lengths), last) if offsets is None else offsets
    dtype = g.dtype_of(data)
    # PyTorch adds `initial` to the sum, and does not count it.
    is_shifted = reduce == "mean" and bool(initial)
    how = "sum" if is_shifted else reduce
    result = g.plugin(f"segment_{how}_csr", {}, src=data, indptr=indptr)[0]
    if reduce == "sum":
        return g.op("Add", result, g.constant(initial, dtype)) if initial else result
    # An empty segment of the plugin is 0. PyTorch's is `initial`, or what the reduction starts from.
    empty = {"mean": float("nan"), "max": float("-inf"), "min": float("inf")}[reduce] if initial is None else initial
    if reduce == "mean" and empty == 0:
        return result
    counts = g.op("Sub", g.slice(indptr, [1], [LAST], [last]), g.slice(indptr, [0], [-1], [last]))
    if last + 1 < rank:
        counts = g.op("Unsqueeze", counts, g.constant(list(range(last + 1, rank))))
    if is_shifted:
        divisor = g.op("Cast", counts, to=ONNX_TYPES[dtype])
        result = g.op("Div", g.op("Add", result, g.constant(initial, dtype)), divisor)
    elif initial is not None:
        result = g.op("Max" if reduce == "max" else "Min", result, g.constant(initial, dtype))
    is_empty = g.op("Equal", counts, g.constant(0, g.dtype_of(given)))
    return g.op("Where", is_empty, g.constant(empty, dtype), result)


def _bounds(g: Graph, lengths: Any, dtype: str, axis: int) -> Any:
    """The bounds of segments, from their lengths."""
    sums = g.op("CumSum", lengths, g.constant(axis))
    zero = g.constant([0], dtype)
    if axis:
        zero = g.op("Mul", g.slice(sums, [0], [1], [axis]), zero)
    return g.concat([zero, sums], axis)


def embedding_bag(
    g: Graph,
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The rows of each bag. PyTorch's operator has three more outputs, for its gradient."""
    if padding_idx is not None and padding_idx >= 0:
        raise ValueError(
            f"embedding_bag: padding_idx is {padding_idx}, which is not exported; leave it out, and such indices out "
            "of the bags, or for a sum give them a per_sample_weights of 0"
        )
    indptr = offsets
    if not include_last_offset:
        count = g.cast(g.shape(indices), "int64", g.dtype_of(offsets))
        indptr = g.concat([offsets, count], 0)
    index = g.cast(indices, g.dtype_of(indices), g.dtype_of(offsets))
    given = {} if per_sample_weights is None else {"weight": per_sample_weights}
    how = _MODES[mode]
    return g.plugin(f"gather_segment_{how}_csr", {}, src=weight, index=index, indptr=indptr, **given)[0]


def bincount(g: Graph, self: Any, weights: Any = None, minlength: int = 0) -> NoReturn:
    raise ValueError(
        "bincount: the size of its result comes from the values of its input, even with minlength, and TensorRT wants "
        "shapes before values; write tensorrt_scatter.onnx.ops.scatter_sum(weights or ones, index, 0, dim_size=N), or "
        "torch.zeros(N).index_add(0, index, weights or ones)"
    )
