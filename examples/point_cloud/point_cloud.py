"""Point cloud models from PyTorch to TensorRT engines.

    python point_cloud.py --onnx [SWEEP ...]   exports each model by both exporters, with PyTorch's results
    python point_cloud.py --trt                builds and runs an engine of each, and compares

--onnx needs PyTorch, onnx and onnxscript; --trt needs TensorRT and NumPy, and may run in another Python. What they
share is the folder given by --out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "target" / "release" / "libtensorrt_scatter_plugin.so"
GENERATED = (34_000, 20_000)  # points of the sweeps that are made where none are given
REPETITIONS = 200
# float32 sums of some hundred values, in another order.
TOLERANCE = 1e-4
TOLERANCE_OF_TF32 = 1e-2


def export(folder: Path, sweeps: list[Path], with_matmul: bool) -> None:
    """Writes NAME.EXPORTER.onnx for each model, and NAME.I.npz with its inputs and PyTorch's result for each sweep."""
    import sweep
    import torch
    from models import MODELS, without_matmul

    import tensorrt_scatter

    folder.mkdir(parents=True, exist_ok=True)
    points = [sweep.read(path) for path in sweeps] or [sweep.make(n, seed) for seed, n in enumerate(GENERATED)]
    for name, (model, inputs_of, dynamic) in MODELS.items():
        for i, cloud in enumerate(points):
            inputs = inputs_of(cloud)
            with torch.no_grad():
                out = model(*inputs.values())
            np.savez(folder / f"{name}.{i}.npz", out=out, **inputs)
        if not with_matmul:
            model = without_matmul(model)
        for exporter in ("dynamo", "torchscript"):
            path = folder / f"{name}.{exporter}.onnx"
            inputs = inputs_of(points[0])
            tensorrt_scatter.export(model, inputs, path, target="8.6", dynamic_shapes=dynamic, exporter=exporter)
            print(f"{path}")


def run(folder: Path, library: Path, with_cublas: bool, tf32: bool) -> int:
    """Builds and runs an engine of every ONNX file; the number of those whose results are not PyTorch's."""
    try:
        import engine
    except (ImportError, OSError) as error:
        raise SystemExit(f"--trt needs TensorRT's Python package and an NVIDIA driver: {error}") from error

    engine.load_plugins(library)
    failed = 0
    models = sorted(folder.glob("*.onnx"))
    if not models:
        raise SystemExit(f"no .onnx in {folder}: run --onnx first")
    for model in models:
        calls = [dict(np.load(path)) for path in sorted(folder.glob(f"{model.name.split('.')[0]}.*.npz"))]
        expected = [call.pop("out") for call in calls]
        serialized = engine.build(model, *_sizes(calls), with_cublas, tf32)
        if serialized is None:
            failed += 1
            print(f"FAILED  {model.name}: TensorRT cannot build an engine of it: its messages are above")
            continue
        model.with_suffix(".engine").write_bytes(serialized)
        runner = engine.Engine(serialized)
        for inputs, wanted in zip(calls, expected):
            outputs, microseconds = runner.run(inputs, REPETITIONS)
            error = float(np.abs(outputs["out"] - wanted).max() / np.abs(wanted).max())
            good = outputs["out"].shape == wanted.shape and error <= (TOLERANCE_OF_TF32 if tf32 else TOLERANCE)
            failed += not good
            rows = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
            print(f"{'ok    ' if good else 'FAILED'}  {model.name}: {rows}: error {error:.1e}, {microseconds:.1f} us")
    return failed


def _sizes(calls: list[dict[str, np.ndarray]]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The first rows, and the inputs with the most rows: what the engine is built for."""
    largest = {name: max((call[name] for call in calls), key=len) for name in calls[0]}
    varies = {name: len({len(call[name]) for call in calls}) > 1 for name in calls[0]}
    return {name: array[:1] if varies[name] else array for name, array in largest.items()}, largest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--onnx", nargs="*", type=Path, metavar="SWEEP", help="export; sweeps are float32 [n, 5] files")
    parser.add_argument("--trt", action="store_true", help="build engines, run them, compare with PyTorch")
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "target" / "point_cloud", help="the folder between both"
    )
    parser.add_argument("--library", type=Path, default=LIBRARY, help="libtensorrt_scatter_plugin.so")
    parser.add_argument(
        "--without-matmul", action="store_true", help="export linear layers as products and sums of single elements"
    )
    parser.add_argument("--without-cublas", action="store_true", help="for a TensorRT without cuBLAS and cuDNN")
    parser.add_argument("--tf32", action="store_true", help="let linear layers round to TF32, which is faster")
    arguments = parser.parse_args()
    if arguments.onnx is None and not arguments.trt:
        parser.error("nothing to do: give --onnx, --trt or both")
    if arguments.onnx is not None:
        export(arguments.out, arguments.onnx, not arguments.without_matmul)
    failed = 0
    if arguments.trt:
        failed = run(arguments.out, arguments.library, not arguments.without_cublas, arguments.tf32)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
