"""``python -m tensorrt_scatter``: what is installed, and ONNX files.

Exit codes: 0 if the command did its work, 1 if it could not (standard error says why), 2 if it does not understand its
arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._info import lines
from ._optional import explained, of_onnx


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except ModuleNotFoundError as error:
        parser.exit(1, f"error: {explained(error)}\n")
    except (ImportError, MemoryError, OSError, RuntimeError, ValueError) as error:
        parser.exit(1, f"error: {error}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tensorrt_scatter",
        description="What is installed, and ONNX files.",
        epilog="exit codes: 0 done, 1 failed (standard error says why), 2 wrong arguments",
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
        help="leave gathers before scatters: right for TensorRT 8.5 to 9 where the number of groups varies",
    )
    convert.add_argument(
        "--domain",
        help="the ONNX domain of the plugins' nodes: tensorrt_scatter, or trt.plugins for ONNX Runtime's TensorRT "
        "execution provider; without it, new nodes get tensorrt_scatter",
    )
    convert.set_defaults(run=_convert)
    return parser


def _version() -> str:
    from . import __version__

    return __version__


def _info(_options: argparse.Namespace) -> None:
    print("\n".join(lines()))


def _export_example(options: argparse.Namespace) -> None:
    of_onnx("export_example")(options.output, options.exporter)
    print(f"wrote {options.output}")


def _convert(options: argparse.Namespace) -> None:
    convert_file = of_onnx("convert_file")
    report = convert_file(
        options.model,
        options.output,
        wrap_negative_indices=not options.keep_negative_indices,
        fuse=not options.no_fusion,
        domain=options.domain,
    )
    print(report)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    sys.exit(main())
