"""Writes an ONNX file with one node for every plugin, and its inputs and results, for every_plugin_test.py --models.

    python make_models.py FOLDER

Needs the packages onnx and NumPy, neither TensorRT nor a GPU. The index is int64, as exporters write it; every axis is
dynamic.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper

import numpy_operators
from layers import GROUPS, LAYERS, LENGTH, TOLERANCES

#: The domain that the scripts of the existing CUDA C++ plugins give; TensorRT's parser does not look at it.
DOMAIN = "tensorrt_scatter"


def model(layer, inputs, outputs):
    def value(name, array, element_type):
        return helper.make_tensor_value_info(name, element_type, [f"{name}_{axis}" for axis in range(array.ndim)])

    types = {name: helper.np_dtype_to_tensor_dtype(array.dtype) for name, array in inputs.items()}
    types.update({name: TensorProto.INT64 for name in ("index", "indptr", "destination") if name in inputs})
    output_types = dict.fromkeys(outputs, TensorProto.INT64)
    if "out" in outputs:
        output_types["out"] = types["src"]
    node = helper.make_node(layer.plugin, list(inputs), list(outputs), domain=DOMAIN, **layer.attributes)
    graph = helper.make_graph(
        [node],
        layer.plugin,
        [value(name, array, types[name]) for name, array in inputs.items()],
        [value(name, array, output_types[name]) for name, array in outputs.items()],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    for number, layer in enumerate(LAYERS):
        dtype = layer.dtypes[number % min(2, len(layer.dtypes))]
        inputs = layer.inputs(random, dtype, 2, LENGTH, 4, GROUPS)
        results = numpy_operators.OF_PLUGIN[layer.plugin](*inputs.values(), **layer.attributes)
        outputs = dict(zip(layer.outputs, results))
        name = folder / f"{number:02}_{layer.plugin}"
        onnx.save(model(layer, inputs, outputs), name.with_suffix(".onnx"))
        tolerance = TOLERANCES[dtype] if layer.is_composite else 0.0
        # indptr is an input of one plugin and an output of another.
        results = {f"result_{name}": array for name, array in outputs.items()}
        np.savez(name.with_suffix(".npz"), **inputs, **results, tolerance=tolerance)
    print(f"{len(LAYERS)} models in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
