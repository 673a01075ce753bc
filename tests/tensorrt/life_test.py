"""TensorRT 8.6 engines through their life on a GPU: kept in a file, captured, in several contexts, built and destroyed.

    python life_test.py LIBRARY [--seconds N] [--cycles N]

Prints one line per test and ends with "N passed, N failed, N skipped"; pytest runs the functions too, with
TRTS_PLUGIN_LIBRARY set.
"""

import functools
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np
import tensorrt as trt

import cuda
import engine
import numpy_operators
from layers import GROUPS, LAYERS, LENGTH, TOLERANCES, Layer


def network_of(layer, inputs):
    shapes = [(name, array.shape, array.dtype) for name, array in inputs.items()]
    return engine.plugin_network(layer.plugin, layer.attributes, shapes)


def tolerance(layer, inputs):
    return TOLERANCES[inputs["src"].dtype.type] if layer.is_composite else 0.0


def drawn(layer, random, dtype=np.float32, length=LENGTH):
    """Inputs, and their results in NumPy."""
    inputs = layer.inputs(random, dtype, 2, length, 4, GROUPS)
    return inputs, numpy_operators.OF_PLUGIN[layer.plugin](*inputs.values(), **layer.attributes)


#: Runs every engine file of a folder: arguments are the library and the folder.
RUN_FILES = """
import pathlib, sys
import numpy as np
import engine
engine.use_library(sys.argv[1])
for path in pathlib.Path(sys.argv[2]).glob("*.engine"):
    built = engine.load(path.read_bytes())
    assert built is not None, engine.LOGGER.messages
    results = engine.Run(built, dict(np.load(path.with_suffix(".inputs.npz"))))()
    np.savez(path.with_suffix(".results.npz"), *results)
"""


def test_engine_files_run_in_another_process():
    library = engine.use_library()
    random = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        folder, checks = pathlib.Path(folder), []
        for number, layer in enumerate(LAYERS):
            inputs, expected = drawn(layer, random, random.choice(np.array(layer.dtypes, object)))
            (folder / f"{number}.engine").write_bytes(engine.serialize(network_of(layer, inputs)))
            np.savez(folder / f"{number}.inputs.npz", **inputs)
            checks.append((expected, str(layer), tolerance(layer, inputs)))
        command = [sys.executable, "-c", RUN_FILES, library, str(folder)]
        subprocess.run(command, check=True, cwd=pathlib.Path(__file__).resolve().parent)
        for number, check in enumerate(checks):
            engine.check_equal(list(np.load(folder / f"{number}.results.npz").values()), *check)


#: Runs an engine in a process that has not loaded the library: arguments are the engine, its inputs and the results.
RUN_EMBEDDED = """
import pathlib, sys
import numpy as np
import tensorrt as trt
import cuda, engine
cuda.use_device()
runtime = trt.Runtime(engine.LOGGER)
runtime.engine_host_code_allowed = True
built = runtime.deserialize_cuda_engine(pathlib.Path(sys.argv[1]).read_bytes())
assert built is not None, engine.LOGGER.messages
np.savez(sys.argv[3], *engine.Run(built, dict(np.load(sys.argv[2])))())
"""


def test_an_engine_can_hold_the_library():
    library = engine.use_library()

    def embed(config):
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
        # TensorRT's lean runtime need not be there; the runtime that loads the engine is of the same version.
        config.set_flag(trt.BuilderFlag.EXCLUDE_LEAN_RUNTIME)
        config.plugins_to_serialize = [library]

    layer = Layer("TRTS_SegmentCSR", {"reduce": "max"})
    inputs, expected = drawn(layer, np.random.default_rng(8))
    serialized = engine.serialize(network_of(layer, inputs), configure=embed)
    if serialized is None:
        raise unittest.SkipTest(f"TensorRT builds no such engine here: {engine.LOGGER.messages[-2:]}")
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / name for name in ("embedded.engine", "inputs.npz", "results.npz")]
        paths[0].write_bytes(serialized)
        np.savez(paths[1], **inputs)
        command = [sys.executable, "-c", RUN_EMBEDDED, *map(str, paths)]
        subprocess.run(command, check=True, cwd=pathlib.Path(__file__).resolve().parent)
        engine.check_equal(list(np.load(paths[2]).values()), expected, str(layer))


def test_the_first_enqueue_can_be_captured():
    """Kernels are loaded when the context is made: what is captured is the engine's first run."""
    engine.use_library()
    random = np.random.default_rng(5)
    for layer in LAYERS:
        inputs, expected = drawn(layer, random, random.choice(np.array(layer.dtypes, object)))
        run = engine.Run(engine.build(network_of(layer, inputs)), inputs)
        replay = run.stream.capture(run.enqueue)
        for _ in range(3):
            run.poison()
            replay()
            engine.check_equal(run.results(), expected, str(layer), tolerance(layer, inputs))


def check_contexts_at_once(seconds):
    """Two contexts of each of two engines, each in a thread with a stream of its own, all at once."""
    engine.use_library()
    random = np.random.default_rng(6)
    size = {"dim_size": GROUPS}
    layers = [Layer("TRTS_Scatter", {"dim": 1, "reduce": "max", **size}), Layer("TRTS_SegmentCSR", {"reduce": "mean"})]
    runs = []
    for layer in layers:
        inputs, expected = drawn(layer, random, length=20_000)
        built = engine.build(network_of(layer, inputs))
        runs += [(layer, engine.Run(built, inputs), expected) for _ in range(2)]
    failures, rounds, end = [], [0] * len(runs), time.monotonic() + seconds

    def work(number, layer, run, expected):
        try:
            cuda.use_device()
            while time.monotonic() < end:
                run.poison()
                for _ in range(50):
                    run.enqueue()
                engine.check_equal(run.results(), expected, str(layer))
                rounds[number] += 1
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number, *run)) for number, run in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    print(f"  {[50 * count for count in rounds]} runs in {seconds} s")


def test_contexts_at_once():
    check_contexts_at_once(5)


#: What may be in use more after the cycles, in bytes: far below what as many engines or workspaces would take. The
#: driver takes device memory in steps of 2 MiB, and TensorRT's builder leaves some pages on the host each time.
DEVICE_GROWTH, HOST_GROWTH = 4 << 20, 64 << 20


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check_memory_stays_flat(cycles):
    """Builds, runs and destroys engines; neither device memory nor the process's own grows."""
    # By then every layer has come up once, and with it its kernels.
    settled = len(LAYERS)
    assert cycles > settled, f"--cycles is {cycles}: expected more than the {settled} layers that are there"
    engine.use_library()
    random = np.random.default_rng(7)
    layers = [LAYERS[cycle % len(LAYERS)] for cycle in range(cycles)]
    usage = []
    for cycle, layer in enumerate(layers):
        inputs, expected = drawn(layer, random)
        results = engine.Run(engine.build(network_of(layer, inputs)), inputs)()
        engine.check_equal(results, expected, str(layer), tolerance(layer, inputs))
        engine.LOGGER.messages.clear()
        usage.append((cuda.used_bytes(), resident_bytes()))
    grown = [last - first for first, last in zip(usage[settled], usage[-1])]
    for cycle in range(settled, cycles, settled):
        print(f"  after cycle {cycle}: {usage[cycle][0] >> 20} MiB on the device, {usage[cycle][1] >> 20} MiB on the host")
    mebibytes = [f"{grown_by / (1 << 20):.1f} MiB" for grown_by in grown]
    print(
        f"  {cycles} cycles: {mebibytes[0]} more on the device, {mebibytes[1]} more on the host, after cycle {settled}"
    )
    assert grown[0] <= DEVICE_GROWTH and grown[1] <= HOST_GROWTH, mebibytes


def test_memory_stays_flat():
    check_memory_stays_flat(100)


TESTS = [
    test_engine_files_run_in_another_process,
    test_the_first_enqueue_can_be_captured,
    test_an_engine_can_hold_the_library,
]


def add_arguments(parser):
    parser.add_argument("--seconds", type=float, default=60, help="how long contexts run at once")
    parser.add_argument("--cycles", type=int, default=200, help="how many engines are built and destroyed")


def choose(arguments):
    return TESTS + [
        functools.partial(check_contexts_at_once, arguments.seconds),
        functools.partial(check_memory_stays_flat, arguments.cycles),
    ]


if __name__ == "__main__":
    engine.main(__doc__, TESTS, add_arguments, choose)
