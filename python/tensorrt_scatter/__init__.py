"""The operators of torch_scatter on NumPy, torch, CuPy and JAX arrays, and as TensorRT plugins.

The functions have the names, the arguments and the results of torch_scatter 2.1.2, which has all of them but
gather_segment_csr, gather_segment_coo, gather_scatter, their shorthands, group_index, softmax_csr, log_softmax_csr,
logsumexp_csr, std_csr, attention_csr and gather_dot. They compute where the arrays are: on the CPU or on a CUDA device.
They record no gradients.
"""

from __future__ import annotations

from . import (
    _attention_csr,
    _composite_csr,
    _exporting,
    _gather_dot,
    _gather_scatter,
    _gather_segment_coo,
    _gather_segment_csr,
    _group_index,
    _scatter,
    _segment_coo,
    _segment_csr,
    composite,
)
from ._attention_csr import *
from ._composite_csr import *
from ._errors import BadIndexError, ExportError
from ._exporting import *
from ._gather_dot import *
from ._gather_scatter import *
from ._gather_segment_coo import *
from ._gather_segment_csr import *
from ._group_index import *
from ._library import library_path, load
from ._scatter import *
from ._segment_coo import *
from ._segment_csr import *
from ._settings import deterministic, unchecked
from ._threads import get_num_threads, set_num_threads
from .composite import *

__version__ = "0.1.0"

__all__ = ["BadIndexError", "ExportError", "composite", "deterministic", "get_num_threads", "library_path", "load"]
__all__ += ["set_num_threads", "unchecked"]
__all__ += _attention_csr.__all__
__all__ += _composite_csr.__all__
__all__ += _exporting.__all__
__all__ += _gather_dot.__all__
__all__ += _gather_scatter.__all__
__all__ += _gather_segment_coo.__all__
__all__ += _gather_segment_csr.__all__
__all__ += _group_index.__all__
__all__ += _scatter.__all__
__all__ += _segment_coo.__all__
__all__ += _segment_csr.__all__
__all__ += composite.__all__
