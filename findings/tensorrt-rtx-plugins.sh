#!/usr/bin/env bash
# TensorRT for RTX takes plugins into its registry and has no layer that uses one; its version lies between TensorRT 9's and 10's.
#
# Expected: a library with IPluginRegistry::loadLibrary and registerCreator runs plugins. The number of getInferLibVersion
# tells the release: TensorRT 8.5.3 says 8503, TensorRT 9.2 says 9200, TensorRT 10.0.1 says 100001.
# Seen: RTX 1.7.1 says 10701, so "at least 9000 and below 100000" is RTX as well as TensorRT 9, whose interfaces differ. Its registry
# has load_library, register_creator and get_creator; its INetworkDefinition has no function with plugin in its name, in Python
# as in the C++ headers of 1.3 to 1.7.
# Packages: tensorrt-rtx-cu13-libs 1.7.1.116, tensorrt-rtx-cu13-bindings 1.7.1.116
# Date: 2026-11-27
# Why: a plugin library that chooses an interface by the version hands RTX objects of the wrong class, and a model with scatter
# plugins cannot be built for RTX whatever the registry says.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3.12}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    tensorrt-rtx-cu13-libs==1.7.1.116 tensorrt-rtx-cu13-bindings==1.7.1.116
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import ctypes
import glob
import sysconfig

import tensorrt_rtx_bindings as rtx

library = glob.glob(f"{sysconfig.get_paths()['purelib']}/tensorrt_rtx_libs/libtensorrt_rtx.so.1")[0]
version = ctypes.CDLL(library).getInferLibVersion()
registry = [name for name in ("load_library", "register_creator", "get_creator") if hasattr(rtx.IPluginRegistry, name)]
layers = [name for name in dir(rtx.INetworkDefinition) if "plugin" in name]
print(f"TensorRT-RTX {rtx.__version__}: version {version}, the registry has {registry}, the network has {layers}")
assert 9000 <= version < 100000 and len(registry) == 3
assert layers == [], "TensorRT-RTX has layers for plugins now"
PYTHON
