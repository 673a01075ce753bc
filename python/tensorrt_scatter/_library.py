"""Finds and loads libtensorrt_scatter_plugin.so."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import os
from pathlib import Path

from ._c_abi import declare
from ._errors import check

_FILE = "libtensorrt_scatter_plugin.so"

#: The environment variable that names a library to use instead of the package's own.
_VARIABLE = "TRTS_PLUGIN_LIBRARY"


def library_path() -> str:
    """The path of the plugin library, for ``trtexec --staticPlugins`` or a C++ program.

    It is the one that came with the package, unless the environment variable ``TRTS_PLUGIN_LIBRARY`` names another.

    Raises:
        FileNotFoundError: if there is none.
    """
    named = os.environ.get(_VARIABLE)
    path = Path(named) if named else Path(__file__).parent / _FILE
    if not path.is_file():
        advice = (
            f"correct the environment variable {_VARIABLE}, or unset it"
            if named
            else f"install the package (pip install ./python in a checkout), or build the library (cargo build "
            f"--release -p tensorrt-scatter-plugin) and name it in the environment variable {_VARIABLE}"
        )
        raise FileNotFoundError(f"there is no plugin library {path}: {advice}")
    return str(path.resolve())


def load() -> bool:
    """Loads the plugin library, and registers its plugins with the TensorRT of this process.

    TensorRT's Python package is imported first where it is installed; a TensorRT that came otherwise (ctypes, an
    embedding C++ program) is found as well. Where the process has several, each gets the plugins. Call it again to
    register with a TensorRT that was loaded since, or after ``IPluginRegistry.deregister_library``; where all plugins
    are registered already, nothing changes.

    Returns:
        True where TensorRT's registry has all plugins now, whoever registered them; False where the process has no
        TensorRT.

    Raises:
        RuntimeError: if the process has only a TensorRT that the library has no plugins for, which is TensorRT-RTX or a
            release outside of 8.5 to 11; or if TensorRT's registry did not take all plugins.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("tensorrt")
    library = loaded()
    registered = ctypes.c_int32()
    check(library, library.trts_register_plugins(ctypes.byref(registered)))
    return bool(registered.value)


@functools.cache
def loaded() -> ctypes.CDLL:
    """The plugin library, with the functions of its C ABI declared."""
    return declare(ctypes.CDLL(library_path(), mode=ctypes.RTLD_GLOBAL))
