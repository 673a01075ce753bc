"""The packages that docs/PEERS.md compares, and how its calls are run."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import libraries
import ml_dtypes
import numpy as np
import pytest

import tensorrt_scatter as ts


@dataclass(frozen=True)
class Package:
    """A package whose calls can be run."""

    module: str
    modules: dict[str, str]
    """The modules that its calls use, by the names that they have there."""
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """Functions that its calls use besides."""
    array: Callable[[Any], Any] = lambda array: array
    """Makes its array of NumPy's."""
    check: Callable[[], None] = lambda: None
    """Skips the test where what the package takes besides itself is missing."""

    def skip_where_absent(self) -> None:
        """Skips the test where the package cannot be run."""
        pytest.importorskip(self.module, exc_type=ImportError)
        self.check()

    def run(self, setup: str, call: str) -> str:
        """What a call gives, as the page writes it; the name of the error if it raises one. `setup` is the code that
        gives the arrays."""
        names = {name: self.array(array) for name, array in arrays(setup).items()}
        names |= {name: importlib.import_module(module) for name, module in self.modules.items()} | self.functions
        code = compile(call, call, "eval")
        try:
            result = eval(code, names)
        except (NameError, AttributeError):
            # The call is wrong, or the package has no such function any more.
            raise
        except Exception as error:
            return type(error).__name__
        return text(result)


def arrays(setup: str) -> dict[str, Any]:
    """The variables of a setup as NumPy's arrays. Lists are float32 where a number has a point, int64 otherwise."""
    names: dict[str, Any] = {"nan": float("nan"), "inf": float("inf")}
    for dtype in (np.float16, ml_dtypes.bfloat16, np.int32):
        names[dtype.__name__] = functools.partial(np.array, dtype=dtype)
    made: dict[str, Any] = {}
    exec(setup, names, made)
    found = {name: np.array(value) for name, value in made.items()}
    return {name: array.astype(np.float32) if array.dtype == np.float64 else array for name, array in found.items()}


def text(value: Any) -> str:
    """A result as the page writes it: numbers of six digits, and lists of them, whatever the type of the array."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    if str(getattr(value, "dtype", "")).startswith("torch."):
        value = (value.float() if value.is_floating_point() else value).cpu()
    if hasattr(value, "dtype"):
        array = np.asarray(value)
        return text((array if array.dtype.kind in "iu" else array.astype(np.float64)).tolist())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def unchecked(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    with ts.unchecked():
        return call(*arguments, **options)


def torch_array(array: Any) -> Any:
    import torch

    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    return torch.from_numpy(array)


def torch_array_on_gpu(array: Any) -> Any:
    return torch_array(array).cuda()


def check_torch_finds_a_gpu() -> None:
    libraries.check_torch_finds_a_device(importlib.import_module("torch"))


def check_torch_scatter_is_absent() -> None:
    # torch_geometric uses it where it is installed.
    if importlib.util.find_spec("torch_scatter") is not None:
        pytest.skip("torch_scatter is installed")


def check_torch_scatter_is_there() -> None:
    pytest.importorskip("torch_scatter", exc_type=ImportError)


def jax_array(array: Any) -> Any:
    return libraries.Jax().make(array)


def jax_array_on_gpu(array: Any) -> Any:
    return libraries.JaxOnCuda().make(array)


def check_jax_finds_a_gpu() -> None:
    libraries.JaxOnCuda()


def tensorflow_array(array: Any) -> Any:
    return importlib.import_module("tensorflow").constant(array)


def reference_node(op_type: str, *inputs: Any, **attributes: Any) -> Any:
    """Runs an ONNX model of one node by the reference evaluator."""
    evaluator = importlib.import_module("onnx.reference").ReferenceEvaluator(model(op_type, inputs, attributes))
    return evaluator.run(None, feeds(inputs))[0]


def onnxruntime_node(op_type: str, *inputs: Any, **attributes: Any) -> Any:
    """Runs an ONNX model of one node by onnxruntime."""
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    # One thread: with more, it loses updates. And no line on standard error for an error that is a result here.
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    serialized = model(op_type, inputs, attributes).SerializeToString()
    session = onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds(inputs))[0]


def feeds(inputs: tuple[Any, ...]) -> dict[str, Any]:
    return {f"input{place}": array for place, array in enumerate(inputs)}


def model(op_type: str, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """An ONNX model of one node."""
    from onnx import ValueInfoProto, helper, shape_inference

    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds(inputs).items()
    ]
    nodes = [helper.make_node(op_type, [each.name for each in given], ["out"], **attributes)]
    graph = helper.make_graph(nodes, op_type, given, [ValueInfoProto(name="out")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    # Gives the output its type.
    return shape_inference.infer_shapes(made, strict_mode=True)


_TORCH = {"torch": "torch", "nn": "torch.nn"}
_GEOMETRIC = {"utils": "torch_geometric.utils", "nn": "torch_geometric.nn"}
_JAX = {"jax": "jax", "jnp": "jax.numpy"}
_NUMPY = {"np": "numpy"}

PACKAGES = {
    "this library": Package("tensorrt_scatter", {"ts": "tensorrt_scatter"}, {"unchecked": unchecked}),
    "torch": Package("torch", _TORCH, array=torch_array),
    "torch on a GPU": Package("torch", _TORCH, array=torch_array_on_gpu, check=check_torch_finds_a_gpu),
    "torch_geometric": Package("torch_geometric", _GEOMETRIC, array=torch_array, check=check_torch_scatter_is_absent),
    "torch_geometric with torch_scatter": Package(
        "torch_geometric", _GEOMETRIC, array=torch_array, check=check_torch_scatter_is_there
    ),
    "torch_scatter": Package("torch_scatter", {"torch_scatter": "torch_scatter"}, array=torch_array),
    "onnx": Package("onnx", _NUMPY, {"node": reference_node}),
    "onnxruntime": Package("onnxruntime", _NUMPY, {"node": onnxruntime_node}),
    "JAX": Package("jax", _JAX, array=jax_array),
    "JAX on a GPU": Package("jax", _JAX, array=jax_array_on_gpu, check=check_jax_finds_a_gpu),
    "TensorFlow": Package("tensorflow", {"tf": "tensorflow"}, array=tensorflow_array),
    "NumPy": Package("numpy", _NUMPY),
}
