"""TRTS_Scatter in real TensorRT 8.6 engines on a GPU. Needs TensorRT's Python package and NumPy.

    python engine_test.py LIBRARY                          engines made through TensorRT's network API
    python engine_test.py LIBRARY --onnx MODEL SWEEP...    an exported scatter-max model on lidar sweeps

A model has inputs src [batch, n, 4], index [n], base [batch, groups, 4] and a TRTS_Scatter node with reduce "max";
a sweep is float32 [n, 5]. Results must equal the reference bit for bit. Prints one line per test and ends with
"N passed, N failed, N skipped"; pytest runs the functions too, with TRTS_PLUGIN_LIBRARY set.
"""

import functools
import statistics

import numpy as np

import engine
import numpy_operators

GROUPS = 10_000


def scatter_network(fields, inputs):
    """Defines a network of one TRTS_Scatter over the inputs, in order."""
    types = {"index": np.int32}
    return engine.plugin_network(
        "TRTS_Scatter", fields, [(name, shape, types.get(name, np.float32)) for name, shape in inputs]
    )


def build(network_of, profiles=()):
    built = engine.build(network_of, profiles)
    assert built is not None, f"no engine: {engine.LOGGER.messages[-3:]}"
    return built


def read_sweep(path):
    """src, index and base from a sweep, as the example of the existing CUDA C++ plugins makes them."""
    points = np.fromfile(path, np.float32).reshape(-1, 5)
    position = np.trunc(points[:, :3]).astype(np.int64)
    x_max, y_max = int(position[:, 0].max()), int(position[:, 1].max())
    x, y, z = (position - position.min(axis=0)).T
    raw = z * (x_max * y_max + 1) + y * (x_max + 1) + x
    index = np.floor(GROUPS / (raw.max() + 1) * raw).astype(np.int64)
    src = np.ascontiguousarray(points[None, :, :4])
    return src, index, np.full((1, GROUPS, 4), 1.123456789, np.float32)


def check_onnx(model, sweeps):
    engine.use_library()
    counts = sorted(read_sweep(path)[0].shape[1] for path in sweeps)
    profiles = [
        ("src", ((1, 1, 4), (1, counts[0], 4), (1, counts[-1], 4))),
        ("index", ((1,), (counts[0],), (counts[-1],))),
        ("base", ((1, GROUPS, 4),) * 3),
    ]
    built = build(engine.onnx_network(model), profiles)
    for path in sweeps:
        check_sweep(built, path)


def check_sweep(built, path):
    """One sweep through the engine, enqueued and as a CUDA graph. A function of its own: TensorRT gives an
    optimization profile to one context at a time, and the context goes with the locals."""
    src, index, base = read_sweep(path)
    run = engine.Run(built, {"src": src, "index": index, "base": base})
    expected = numpy_operators.scatter(src, index, base, dim=1, reduce="max")
    engine.check_equal(run(), expected, path)
    replay = run.stream.capture(run.enqueue)
    run.poison()
    replay()
    engine.check_equal(run.results(), expected, f"{path}, CUDA graph")
    times = [
        statistics.median(run.stream.milliseconds(work) for _ in range(200)) * 1e3 for work in (run.enqueue, replay)
    ]
    print(f"  {path}: {src.shape[1]} points, {times[0]:.1f} us enqueued, {times[1]:.1f} us as a CUDA graph")


def test_reductions():
    engine.use_library()
    random = np.random.default_rng(1)
    for reduce in numpy_operators.REDUCTIONS["TRTS_Scatter"]:
        for with_base in (False, True):
            batch, n, k, groups = 2, 999, 3, 50
            # Small integers and signs: exact in any order.
            src = random.integers(-4, 5, (batch, n, k)).astype(np.float32)
            if reduce == "mul":
                src = np.sign(src) + (src == 0)
            index = random.integers(0, groups, n).astype(np.int32)
            base = random.integers(-4, 5, (batch, groups, k)).astype(np.float32) if with_base else None
            size = {} if with_base else {"dim_size": groups}
            expected = numpy_operators.scatter(src, index, base, dim=1, reduce=reduce, **size)
            for index_shape in ((n,), (1, n), (1, n, 1), (batch, n, k)):
                values = {"src": src, "index": np.broadcast_to(index.reshape(1, n, 1), (batch, n, k))}
                if len(index_shape) < 3 or index_shape[-1] == 1:
                    values["index"] = index.reshape(index_shape)
                if with_base:
                    values["base"] = base
                fields = {"dim": 1, "reduce": reduce, **size}
                built = build(scatter_network(fields, [(name, array.shape) for name, array in values.items()]))
                what = f"{reduce}, base {with_base}, index {index_shape}"
                engine.check_equal(engine.Run(built, values)(), expected, what)


def test_bad_indices():
    engine.use_library()
    src, index = np.ones((1, 4, 2), np.float32), np.array([0, -1, 7, 1], np.int32)
    inputs = [("src", src.shape), ("index", index.shape)]
    built = build(scatter_network({"dim": 1, "dim_size": 3, "reduce": "sum"}, inputs))
    (out,) = engine.Run(built, {"src": src, "index": index})()
    assert out.tolist() == [[[1, 1], [1, 1], [0, 0]]], out


def test_dynamic_and_empty():
    engine.use_library()
    inputs = [("src", (-1, -1, 2)), ("index", (-1,))]
    profiles = [("src", ((1, 0, 2), (1, 8, 2), (2, 8, 2))), ("index", ((0,), (8,), (8,)))]
    built = build(scatter_network({"dim": 1, "dim_size": 3, "reduce": "max"}, inputs), profiles)
    for batch, n in ((1, 0), (1, 1), (2, 5), (2, 8)):
        src = np.arange(batch * n * 2, dtype=np.float32).reshape(batch, n, 2) - 3
        index = (np.arange(n) % 2).astype(np.int32)
        expected = numpy_operators.scatter(src, index, dim=1, dim_size=3, reduce="max")
        engine.check_equal(engine.Run(built, {"src": src, "index": index})(), expected, f"n = {n}")


def test_refusals():
    engine.use_library()
    for fields, word in (
        ({"dim": 1, "dim_size": 3, "reduce": "median"}, "median"),
        ({"dim": 1, "dim_size": -3, "reduce": "sum"}, "dim_size"),
        ({"dim": "one", "reduce": "sum"}, "dim"),
    ):
        engine.LOGGER.messages.clear()
        assert engine.plugin("TRTS_Scatter", fields) is None, fields
        assert any(word in message for message in engine.LOGGER.messages), (fields, engine.LOGGER.messages)
    for fields, inputs, word in (
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,))], "dim_size"),
        ({"dim": 5, "dim_size": 3, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,))], "dim"),
        ({"dim": 1, "dim_size": 3, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (5,))], "index"),
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2)), ("index", (4,)), ("base", (1, 3))], "base"),
        ({"dim": 1, "reduce": "sum"}, [("src", (1, 4, 2))], "index"),
    ):
        engine.LOGGER.messages.clear()
        assert engine.serialize(scatter_network(fields, inputs)) is None, (fields, inputs)
        messages = engine.LOGGER.messages
        assert any("TRTS_Scatter" in m and word in m for m in messages), (fields, inputs, messages)


TESTS = [test_reductions, test_bad_indices, test_dynamic_and_empty, test_refusals]


def add_arguments(parser):
    parser.add_argument("--onnx", nargs="+", metavar=("MODEL", "SWEEP"), help="a model and the sweeps to run it on")


def choose(arguments):
    return [functools.partial(check_onnx, arguments.onnx[0], arguments.onnx[1:])] if arguments.onnx else TESTS


if __name__ == "__main__":
    engine.main(__doc__, TESTS, add_arguments, choose)
