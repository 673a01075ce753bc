"""From PyTorch and ONNX to models with the plugins' nodes.

- `export` does all of the following for a PyTorch model, and compares the file with it.
- `register_symbolic` and `translation_table` let PyTorch's two ONNX exporters write them.
- `ops` has torch_scatter's functions as operators that export. `torch_scatter_as_plugins` and
  `torch_geometric_as_plugins` let a model call them in place of a library's during an export.
- `convert` and `convert_file` rewrite a model that was exported without these.
- `check` says what TensorRT releases would refuse in a model, or misread.
- `reference` runs models with the nodes in onnx's reference evaluator.
- `export_example` writes a small example model.

Importing this package imports neither torch nor onnx. Each name is imported when it is first used, and needs what its
module needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import ops, reference
    from .conversion import Report, convert, convert_file
    from .example import export_example
    from .exporting import ExportReport, export
    from .inspection.check import CheckReport, check
    from .patching import torch_geometric_as_plugins, torch_scatter_as_plugins
    from .symbolic import register_symbolic
    from .translation import translation_table

__all__ = [
    "CheckReport",
    "ExportReport",
    "Report",
    "check",
    "convert",
    "convert_file",
    "export",
    "export_example",
    "ops",
    "reference",
    "register_symbolic",
    "torch_geometric_as_plugins",
    "torch_scatter_as_plugins",
    "translation_table",
]

_MODULES = {
    "CheckReport": "inspection.check",
    "ExportReport": "exporting",
    "Report": "conversion",
    "check": "inspection.check",
    "convert": "conversion",
    "convert_file": "conversion",
    "export": "exporting",
    "export_example": "example",
    "register_symbolic": "symbolic",
    "torch_geometric_as_plugins": "patching",
    "torch_scatter_as_plugins": "patching",
    "translation_table": "translation",
}


def __getattr__(name: str) -> Any:
    if name in ("ops", "reference"):
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
