"""Engines built, kept and run by trtexec, with the plugins loaded in each way that it knows, and by examples/serving. Needs
NumPy, trtexec of TensorRT 8.6 or newer, and a GPU.

    python trtexec_test.py LIBRARY --trtexec TRTEXEC --models FOLDER [--serve PROGRAM]

FOLDER holds the ONNX files and results of make_models.py. PROGRAM is examples/serving/serve.cpp, compiled. Prints one line per
test and ends with "N passed, N failed, N skipped".
"""

import argparse
import concurrent.futures
import functools
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

#: trtexec prints six digits.
DIGITS = 2e-5


class Model:
    """An ONNX file with inputs and the results to come of them, which trtexec and others read from files in `folder`."""

    def __init__(self, path, folder):
        self.path, self.folder, data = path, folder, np.load(path.with_suffix(".npz"))
        self.inputs = {name: data[name] for name in data.files if name not in ("out", "arg_out", "tolerance")}
        self.expected = {name: data[name] for name in ("out", "arg_out") if name in data.files}
        self.tolerance = float(data["tolerance"])
        for name, array in self.inputs.items():
            array.tofile(self.input_file(name))

    def input_file(self, name):
        return self.folder / f"{self.path.stem}.{name}.bin"

    @property
    def engine(self):
        return self.folder / f"{self.path.stem}.engine"

    def build_options(self):
        # So that a TensorRT without cuBLAS and cuDNN at hand builds them too.
        options = [f"--onnx={self.path}", f"--saveEngine={self.engine}", "--tacticSources=-CUBLAS,-CUBLAS_LT,-CUDNN"]
        if self.inputs["src"].dtype == np.float16:
            options.append("--fp16")
        return options + [f"--{bound}Shapes=" + self._list(self._shape) for bound in ("min", "opt", "max")]

    def load_options(self):
        return [f"--loadEngine={self.engine}", "--shapes=" + self._list(self._shape)]

    def input_options(self):
        return ["--loadInputs=" + self._list(self.input_file)]

    def serve_arguments(self):
        return [f"{name}={self.input_file(name)}:{self._shape(name)}" for name in self.inputs]

    def _list(self, of):
        return ",".join(f"{name}:{of(name)}" for name in self.inputs)

    def _shape(self, name):
        return "x".join(map(str, self.inputs[name].shape))

    def check(self, results, digits=0.0):
        """Fails where results, by name, are others than those to come."""
        assert results.keys() == self.expected.keys(), (results.keys(), self.expected.keys())
        for name, wanted in self.expected.items():
            # trtexec prints values without their shape.
            result, wanted = np.asarray(results[name], np.float64).ravel(), wanted.astype(np.float64).ravel()
            assert result.shape == wanted.shape, (self.path.name, name, result.shape, wanted.shape)
            tolerance = max(self.tolerance, digits)
            close = (
                np.abs(result - wanted) <= tolerance * np.maximum(np.abs(wanted), 1) if tolerance else result == wanted
            )
            close |= result == wanted
            assert close.all(), (
                self.path.name,
                name,
                np.flatnonzero(~close)[:5],
                result[~close][:5],
                wanted[~close][:5],
            )


def trtexec(program, model, options):
    """Runs an engine a few times and compares its results; raises with what trtexec said."""
    with tempfile.NamedTemporaryFile(suffix=".json", dir=model.folder) as output:
        fixed = [f"--exportOutput={output.name}", "--iterations=3", "--warmUp=0", "--duration=0"]
        command = [program, *options, *model.input_options(), *fixed]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, (
            f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
        )
        tensors = json.loads(pathlib.Path(output.name).read_text())
    model.check({tensor["name"]: tensor["values"] for tensor in tensors}, DIGITS)


def check_static_plugins(program, library, models):
    """Every plugin; engines built in one process and loaded in another, as CUDA graphs too."""

    def run(model):
        plugins = f"--staticPlugins={library}"
        trtexec(program, model, [*model.build_options(), plugins])
        trtexec(program, model, [*model.load_options(), plugins, "--useCudaGraph"])

    assert len(models) == 9, [model.path.name for model in models]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(run, models))


def check_dynamic_plugins(program, library, models):
    for model in models[:2]:
        plugins = f"--dynamicPlugins={library}"
        trtexec(program, model, [*model.build_options(), plugins])
        trtexec(program, model, [*model.load_options(), plugins, "--infStreams=2"])


def check_plugins_in_the_engine(program, library, models):
    """The library travels inside the engine: nothing is loaded beside it."""
    for model in models[:2]:
        embed = [f"--dynamicPlugins={library}", f"--setPluginsToSerialize={library}"]
        version_compatible = ["--versionCompatible", "--excludeLeanRuntime"]
        trtexec(program, model, [*model.build_options(), *embed, *version_compatible])
        trtexec(program, model, [*model.load_options(), "--versionCompatible"])


def check_served_in_cpp(program, library, models, trtexec_program):
    if program is None:
        raise unittest.SkipTest("no --serve")
    for model in models:
        trtexec(trtexec_program, model, [*model.build_options(), f"--staticPlugins={library}"])
        command = [program, library, model.engine, *model.serve_arguments()]
        subprocess.run(command, cwd=model.folder, check=True, capture_output=True, timeout=100)
        types = {name: np.int32 if name == "arg_out" else wanted.dtype for name, wanted in model.expected.items()}
        model.check({name: np.fromfile(model.folder / f"{name}.bin", type) for name, type in types.items()})


def chosen(models, folder):
    """The first model of each plugin."""
    by_plugin = {}
    for path in sorted(pathlib.Path(models).resolve().glob("*.onnx")):
        by_plugin.setdefault(path.stem.split("_", 1)[1], path)
    return [Model(path, folder) for path in by_plugin.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", help="libtensorrt_scatter_plugin.so", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--trtexec", required=True)
    parser.add_argument("--models", required=True, metavar="FOLDER", help="of make_models.py")
    parser.add_argument("--serve", type=lambda path: pathlib.Path(path).resolve())
    arguments = parser.parse_args()
    passed, failed, skipped = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        models = chosen(arguments.models, pathlib.Path(folder))
        serve = functools.partial(check_served_in_cpp, arguments.serve, trtexec_program=arguments.trtexec)
        for name, test in (
            ("static plugins", functools.partial(check_static_plugins, arguments.trtexec)),
            ("dynamic plugins", functools.partial(check_dynamic_plugins, arguments.trtexec)),
            ("plugins in the engine", functools.partial(check_plugins_in_the_engine, arguments.trtexec)),
            ("served in C++", serve),
        ):
            try:
                test(library=arguments.library, models=models)
                passed += 1
                print(f"ok      {name}", flush=True)
            except unittest.SkipTest as reason:
                skipped += 1
                print(f"skipped {name}: {reason}", flush=True)
            except (AssertionError, ValueError, OSError, subprocess.SubprocessError) as failure:
                failed += 1
                print(f"FAILED  {name}\n{failure}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
