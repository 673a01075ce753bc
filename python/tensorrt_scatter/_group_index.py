"""group_index: the elements of an index by their group. torch_scatter has none."""

from __future__ import annotations

from typing import TypeVar

from ._call import called
from ._declarations import GROUP_INDEX

__all__ = ["group_index"]

Index = TypeVar("Index")


def group_index(index: Index, dim_size: int | None = None) -> tuple[Index, Index]:
    """Sorts the positions of an index's elements by their group: a stable sort, and where each group begins.

    The positions of the elements of group n are ``perm[.., indptr[.., n]:indptr[.., n + 1]]``, in rising order. So
    ``perm`` is ``argsort(index, stable=True)``. Each row of the leading axes has a grouping of its own.

    Several reductions by one index need one grouping: ``gather_segment_csr(src, perm, indptr, reduce=..)`` computes what
    ``scatter(src, index, reduce=..)`` does along the index's last axis. Its arg_out has places in ``perm``.

    Args:
        index: int32 or int64 of shape [.., E] and rank 1 to 8, values in [0, N) in any order.
        dim_size: the number of groups N. Without it, N is the largest index + 1, and 0 for an empty index.

    Returns:
        perm of index's shape, and indptr of shape [.., N + 1], both of index's type.

    Raises:
        ValueError: a shape or a type does not fit.
        BadIndexError: an index is outside [0, N). The error has its position and value. Inside ``with unchecked():``
            such elements are in no group: their positions are the last ones of perm, behind ``indptr[.., N]``.
    """
    perm, indptr = called(GROUP_INDEX, {"index": index}, dim_size=dim_size)
    return perm, indptr
