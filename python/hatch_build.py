"""Puts the plugin library into the package: cargo builds it, unless TRTS_PLUGIN_LIBRARY names one that is built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_FILE = "libtensorrt_scatter_plugin.so"
_CRATE = "tensorrt-scatter-plugin"


class PluginLibrary(BuildHookInterface):
    """Builds the library, and tags the wheel: of this platform, and of no Python in particular."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Runs before the wheel is packed."""
        named = os.environ.get("TRTS_PLUGIN_LIBRARY")
        library = Path(named) if named else self._build()
        packed = Path(self.root) / "tensorrt_scatter" / _FILE
        if library.resolve() != packed:
            shutil.copyfile(library, packed)
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"

    def _build(self) -> Path:
        checkout = Path(self.root).parent
        if not (checkout / "plugin-shim" / "Cargo.toml").is_file():
            raise RuntimeError(
                f"{self.root} is not in a checkout of the project, so the plugin library cannot be built; build it "
                "there, and name it in the environment variable TRTS_PLUGIN_LIBRARY"
            )
        command = [os.environ.get("CARGO", "cargo"), "build", "--release", "--package", _CRATE]
        command.append("--message-format=json-render-diagnostics")
        try:
            built = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, check=True)
        except FileNotFoundError as error:
            raise RuntimeError(
                "the plugin library is built by cargo, which is not installed: https://rustup.rs"
            ) from error
        # Cargo tells where, whatever target folder is set.
        messages = [json.loads(line) for line in built.stdout.splitlines()]
        files = [Path(file) for message in messages for file in message.get("filenames", [])]
        return next(file for file in files if file.name == _FILE)
