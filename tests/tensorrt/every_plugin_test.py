"""Every plugin in real TensorRT 8.6 engines on a GPU, against NumPy. Needs TensorRT's Python package and NumPy.

    python every_plugin_test.py LIBRARY                     engines made through TensorRT's network API
    python every_plugin_test.py LIBRARY --models FOLDER     and the ONNX files that make_models.py wrote

FLOAT, HALF and INT32, with and without a base or weights, static and dynamic shapes. Prints one line per test and ends
with "N passed, N failed, N skipped"; pytest runs the functions too, with TRTS_PLUGIN_LIBRARY set.
"""

import functools
import pathlib

import numpy as np

import engine
import numpy_operators
from layers import GROUPS, LAYERS, LENGTH, TOLERANCES


def check(layer, built, inputs, what):
    """Runs an engine twice and compares; base must stay as it is."""
    run = engine.Run(built, inputs)
    expected = numpy_operators.OF_PLUGIN[layer.plugin](*inputs.values(), **layer.attributes)
    tolerance = TOLERANCES[inputs["src"].dtype.type] if layer.is_composite else 0.0
    for _ in range(2):
        run.poison()
        engine.check_equal(run(), expected, f"{layer}, {what}", tolerance)
    if layer.has_base:
        engine.check_equal([run.buffers["base"].read()], [inputs["base"]], f"{layer}, {what}: base")


def build(layer, inputs, profiles=()):
    shapes = [
        (name, array.shape if not profiles else (-1,) * array.ndim, array.dtype) for name, array in inputs.items()
    ]
    built = engine.build(engine.plugin_network(layer.plugin, layer.attributes, shapes), profiles)
    assert built is not None, f"no engine of {layer}: {engine.LOGGER.messages[-3:]}"
    return built


def test_static_shapes():
    engine.use_library()
    random = np.random.default_rng(1)
    for layer in LAYERS:
        for dtype in layer.dtypes:
            inputs = layer.inputs(random, dtype, 2, LENGTH, 4, GROUPS)
            check(layer, build(layer, inputs), inputs, f"{np.dtype(dtype)}")


def profiles_of(drawn, usual):
    """From the smallest to the largest of what was drawn, axis by axis."""

    def extreme(of, name):
        return tuple(map(of, *(inputs[name].shape for inputs in drawn)))

    return [(name, (extreme(min, name), usual[name].shape, extreme(max, name))) for name in usual]


def test_dynamic_shapes():
    """Every axis is dynamic; the number of groups too, where base or indptr tells it."""
    engine.use_library()
    random = np.random.default_rng(2)
    for layer in LAYERS:
        dtype = random.choice(np.array(layer.dtypes, object))
        groups = [GROUPS] * 4 if "dim_size" in layer.attributes else [1, GROUPS, 7, 100]
        lengths = [LENGTH] * 4 if "size" in layer.attributes else [0, LENGTH, 17, 1000]
        sizes = list(zip((1, 2, 1, 3), lengths, (1, 4, 5, 8), groups))
        drawn = [layer.inputs(random, dtype, *size) for size in sizes]
        built = build(layer, drawn[0], profiles_of(drawn, drawn[1]))
        for inputs, size in zip(drawn, sizes):
            check(layer, built, inputs, f"{np.dtype(dtype)}, {size}")


def test_wrong_layers_are_refused():
    engine.use_library()
    src, index = ("src", (2, 5, 3), np.float32), ("index", (2, 5), np.int32)
    for name, attributes, inputs, word in (
        ("TRTS_SegmentCOO", {"reduce": "sum"}, [src, index], "dim_size"),
        ("TRTS_SegmentCOO", {"reduce": "sum", "dim_size": 4}, [src, ("index", (2, 4), np.int32)], "index"),
        ("TRTS_SegmentCSR", {"reduce": "max"}, [src, ("indptr", (3, 4), np.int32)], "indptr"),
        ("TRTS_SegmentCSR", {}, [src, ("indptr", (2, 4), np.int32), ("base", (2, 4, 3), np.float32)], "base"),
        ("TRTS_GatherSegmentCSR", {}, [src, index, ("indptr", (4,), np.int32)], "indptr"),
        (
            "TRTS_GatherSegmentCSR",
            {"reduce": "max"},
            [src, index, ("indptr", (1, 4), np.int32), ("weight", (2, 5, 2), np.float32)],
            "weight",
        ),
        ("TRTS_GatherCOO", {}, [src, ("index", (3, 9), np.int32)], "index"),
        ("TRTS_GatherCSR", {}, [src, ("indptr", (2, 6), np.int32)], "size"),
        ("TRTS_ScatterSoftmax", {"dim": 3, "dim_size": 4}, [src, index], "dim"),
        ("TRTS_ScatterStd", {"dim": 1, "dim_size": 4}, [("src", (2, 5), np.int32), index], "src"),
        ("TRTS_GroupIndex", {"dim_size": 4}, [("index", (2, 5), np.float32)], "index"),
        ("TRTS_GroupIndex", {"dim_size": 4}, [index, ("other", *index[1:])], "2 inputs"),
        ("TRTS_GatherScatter", {"dim_size": 4}, [src, index, ("destination", (5,), np.int32)], "destination"),
        (
            "TRTS_GatherScatter",
            {"dim_size": 4, "reduce": "max"},
            [src, index, ("destination", (1, 5), np.int32), ("weight", (2, 5, 2), np.float32)],
            "weight",
        ),
        ("TRTS_GatherSegmentCOO", {"dim_size": 4}, [src, index, ("destination", (5,), np.int32)], "destination"),
        ("TRTS_SoftmaxCSR", {}, [src, ("indptr", (3, 4), np.int32)], "indptr"),
        ("TRTS_LogSumExpCSR", {}, [("src", (2, 5), np.int32), ("indptr", (2, 4), np.int32)], "src"),
        ("TRTS_StdCSR", {}, [src], "1 inputs"),
        ("TRTS_AttentionCSR", {}, [src, index, ("indptr", (1, 4), np.int32)], "3 inputs"),
        (
            "TRTS_AttentionCSR",
            {},
            [src, index, ("indptr", (1, 4), np.int32), ("score", (2, 5, 2), np.float32)],
            "score",
        ),
        ("TRTS_GatherDot", {}, [src, index, ("other", *src[1:])], "3 inputs"),
        (
            "TRTS_GatherDot",
            {"heads": 2},
            [src, index, ("other", *src[1:]), ("other_index", *index[1:])],
            "heads is 2",
        ),
    ):
        engine.LOGGER.messages.clear()
        assert engine.serialize(engine.plugin_network(name, attributes, inputs)) is None, (name, attributes)
        messages = [message for message in engine.LOGGER.messages if name in message]
        assert any(word in message for message in messages), (name, word, engine.LOGGER.messages)
    for name, attributes, word in (
        ("TRTS_SegmentCOO", {"reduce": "mul", "dim_size": 4}, "mul"),
        ("TRTS_GatherSegmentCSR", {"reduce": "mul"}, "mul"),
        ("TRTS_ScatterSoftmax", {"dim": 1}, "dim_size"),
        ("TRTS_GroupIndex", {}, "dim_size"),
        ("TRTS_GatherScatter", {}, "dim_size"),
        ("TRTS_GatherScatter", {"dim_size": 4, "reduce": "mul"}, "mul"),
        ("TRTS_GatherSegmentCOO", {}, "dim_size"),
        ("TRTS_ScatterLogSumExp", {"dim_size": 4, "eps": -1.0}, "eps"),
        ("TRTS_ScatterStd", {"dim_size": 4, "unbiased": 2}, "unbiased"),
        ("TRTS_LogSoftmaxCSR", {"eps": -1.0}, "eps"),
        ("TRTS_StdCSR", {"unbiased": 2}, "unbiased"),
        ("TRTS_GatherDot", {"combine": "dot"}, "combine"),
        ("TRTS_Scatter", {"dim_size_input": 1}, "TensorRT 10"),
        ("TRTS_Scatter", {"reduce": "max", "arg_type": "int64"}, "TensorRT 10"),
    ):
        engine.LOGGER.messages.clear()
        assert engine.plugin(name, attributes) is None, (name, attributes)
        assert any(word in message for message in engine.LOGGER.messages), (name, word, engine.LOGGER.messages)


def check_models(folder):
    """The ONNX files of make_models.py: NAME.onnx and NAME.npz, which holds inputs and, in order, results in NumPy."""
    models = sorted(pathlib.Path(folder).glob("*.onnx"))
    assert models, f"no models in {folder}"
    for model in models:
        data = np.load(model.with_suffix(".npz"))
        results = [name for name in data.files if name.startswith("result_")]
        inputs = {name: data[name] for name in data.files if name not in (*results, "tolerance")}
        profiles = [(name, (array.shape,) * 3) for name, array in inputs.items()]
        built = engine.build(engine.onnx_network(model), profiles)
        assert built is not None, f"no engine of {model}: {engine.LOGGER.messages[-3:]}"
        expected = [data[name] for name in results]
        engine.check_equal(engine.Run(built, inputs)(), expected, model.name, float(data["tolerance"]))


TESTS = [test_static_shapes, test_dynamic_shapes, test_wrong_layers_are_refused]


def choose(arguments):
    return TESTS + [functools.partial(check_models, folder) for folder in arguments.models]


if __name__ == "__main__":
    add = lambda parser: parser.add_argument(
        "--models", nargs=1, default=[], metavar="FOLDER", help="of make_models.py"
    )
    engine.main(__doc__, TESTS, add, choose)
