"""Torch-TensorRT compiles the operators, and PyTorch's own reductions by an index, to the plugins.

`register_converters` is all that a program calls. It needs Torch-TensorRT; importing this package does not.

- `lowering` writes PyTorch's reductions as operators `torch.ops.tensorrt_scatter.*`, before Torch-TensorRT sees them.
- `expansion` takes the expansion off an index: the plugins broadcast it without a copy.
- `converters` puts a layer in the place of each operator; `layers` makes the layers.
"""

from __future__ import annotations

import functools

from .._library import load

__all__ = ["register_converters"]


@functools.cache
def register_converters() -> None:
    """Prepares Torch-TensorRT: after it, `torch_tensorrt.compile`, `torch_tensorrt.dynamo.compile` and
    `torch.compile(backend="torch_tensorrt")` put one plugin's layer in the place of each of these calls:

    - the functions of `tensorrt_scatter.onnx.ops`;
    - `scatter_add`, `scatter_reduce`, `scatter(reduce=...)`, `index_add`, `index_reduce`,
      `index_put(accumulate=True)` and `segment_reduce` of PyTorch.

    An operator that no plugin can compute stays in PyTorch, as Torch-TensorRT does it for others. The plugins are
    registered with TensorRT. It may be called again.

    Raises:
        ImportError: Torch-TensorRT is not installed.
        RuntimeError: Torch-TensorRT's TensorRT does not take the plugins: see :func:`tensorrt_scatter.load`.
    """
    try:
        from torch_tensorrt.dynamo.lowering import _decomposition_groups
    except ModuleNotFoundError as error:
        raise ImportError(f"{error}; register_converters needs it: pip install torch-tensorrt") from error
    from . import converters, expansion, lowering

    if not load():
        raise RuntimeError("no TensorRT was found in this process, although torch_tensorrt was imported")
    # Torch-TensorRT looks its own table up last, so these replace what it or PyTorch would do with the operators.
    _decomposition_groups.TORCH_TRT_DECOMPOSITIONS.update(lowering.TABLE)
    expansion.register()
    converters.register()
