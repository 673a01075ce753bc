"""``python -m tensorrt_scatter``: what is installed, and ONNX files.

Exit codes: 0 if the command did its work, 1 if it could not (standard error says why), 2 if it does not understand its
arguments, 3 if it did its work and found something that a TensorRT release would refuse or misread.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from ._info import lines
from ._optional import explained, of_onnx
from .onnx.releases import RELEASES

_FOUND = 3
"""The exit code where a TensorRT release would refuse or misread something."""

_TARGETS = [release.name for release in RELEASES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except ModuleNotFoundError as error:
        parser.exit(1, f"error: {explained(error)}\n")
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tensorrt_scatter",
        description="What is installed, and ONNX files.",
        epilog="exit codes: 0 done, 1 failed (standard error says why), 2 wrong arguments, 3 done, and a TensorRT release "
        "would refuse or misread something",
    )
    parser.add_argument("--version", action="version", version=f"tensorrt-scatter {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, dest="command")

    info = commands.add_parser("info", help="print versions, the library's path, and which TensorRT and GPUs are found")
    info.set_defaults(run=_info)

    example = commands.add_parser("export-example", help="export a small torch model with the plugins' nodes to ONNX")
    example.add_argument("output", help="the ONNX file to write")
    example.add_argument("--exporter", default="dynamo", help="torch's exporter: dynamo (default) or torchscript")
    example.set_defaults(run=_export_example)

    convert = commands.add_parser("convert", help="replace the nodes in an ONNX file that the plugins can take over")
    convert.add_argument("model", help="the ONNX file to read")
    convert.add_argument(
        "output",
        help="the ONNX file to write, which may be the same; weights go to OUTPUT.data if the model has such a file",
    )
    convert.add_argument(
        "--keep-negative-indices",
        action="store_true",
        help="add no nodes that turn negative indices into positive ones: right where the model has none",
    )
    convert.add_argument(
        "--no-fusion",
        action="store_true",
        help="leave gathers before scatters (--target 8.6 does so where the number of groups varies)",
    )
    convert.add_argument(
        "--domain",
        help="the ONNX domain of the plugins' nodes: tensorrt_scatter, or trt.plugins for ONNX Runtime's TensorRT "
        "execution provider; without it, new nodes get tensorrt_scatter",
    )
    convert.add_argument(
        "--target",
        choices=_TARGETS,
        help="the TensorRT release that the model is for: what it misreads is written otherwise, and the exit code is 3 "
        "where it would still refuse or misread something",
    )
    convert.set_defaults(run=_convert)

    check = commands.add_parser("check", help="say what TensorRT releases would refuse in an ONNX file, or misread")
    check.add_argument("model", help="the ONNX file to read")
    check.add_argument("--target", choices=_TARGETS, help="the TensorRT release; without it, each of them")
    check.add_argument("--json", action="store_true", help="print JSON: a list of findings for each release")
    check.set_defaults(run=_check)
    return parser


def _version() -> str:
    from . import __version__

    return __version__


def _info(_options: argparse.Namespace) -> int:
    print("\n".join(lines()))
    return 0


def _export_example(options: argparse.Namespace) -> int:
    of_onnx("export_example")(options.output, options.exporter)
    print(f"wrote {options.output}")
    return 0


def _convert(options: argparse.Namespace) -> int:
    convert_file = of_onnx("convert_file")
    report = convert_file(
        options.model,
        options.output,
        wrap_negative_indices=not options.keep_negative_indices,
        fuse=not options.no_fusion,
        domain=options.domain,
        target=options.target,
    )
    print(report)
    print(f"wrote {options.output}")
    return _FOUND if report.left else 0


def _check(options: argparse.Namespace) -> int:
    report = of_onnx("check")(options.model, options.target)
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return _FOUND if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
