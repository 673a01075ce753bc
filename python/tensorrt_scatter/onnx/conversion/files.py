"""Reads models with their external data, and writes them so that no file is ever incomplete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Union

import onnx
from google.protobuf import json_format, text_format
from google.protobuf.message import DecodeError, EncodeError

FilePath = Union[str, "os.PathLike[str]"]

_SMALLEST_EXTERNAL = 1024
"""A tensor of fewer bytes stays in the model's file, as in onnx.save: readers need small tensors, such as shapes."""

_ALIGNMENT = 4096
"""A tensor in a file of external data begins at a multiple of it: the page size, so that a reader can map it."""


def load(path: FilePath) -> onnx.ModelProto:
    """The model at `path`, with its external data.

    Raises:
        FileNotFoundError: there is no such file, or its external data is missing.
        ValueError: the file is not an ONNX model.
    """
    name = os.fspath(path)
    try:
        model = onnx.load(name, load_external_data=False)
    except (DecodeError, json_format.Error, text_format.Error, onnx.parser.ParseError) as error:
        raise ValueError(f"{name} is not an ONNX model: {error}") from error
    folder = Path(name).parent
    for tensor in _external_tensors(model):
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        if not (folder / location).is_file():
            raise FileNotFoundError(
                f"{name} has its tensor {tensor.name!r} in {folder / location}, which is not a file"
            )
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except (onnx.checker.ValidationError, ValueError) as error:
            raise ValueError(f"{name} has external data that cannot be read: {error}") from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return model


def has_external_data(path: FilePath) -> bool:
    """True if the model at `path` has tensors in other files."""
    return any(True for _ in _external_tensors(onnx.load(os.fspath(path), load_external_data=False)))


def save(model: onnx.ModelProto, path: FilePath, external: bool) -> None:
    """Writes `model` to `path`.

    The weights go to a second file, the name of `path` with ".data" added, if `external` is true or if one file cannot
    hold them: protobuf ends at 2 GiB. `model` then loses its weights. Existing files are replaced only when the new
    ones are complete; an error leaves them unchanged.

    Raises:
        OSError: a file cannot be written.
        ValueError: the model is larger than 2 GiB without its weights.
    """
    target = Path(os.path.realpath(path))
    data = target.with_name(f"{target.name}.data")
    serialized = None if external else _serialized(model, target)
    # In the target's folder, and so in its file system: there a rename replaces a file atomically.
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new_model, new_data, old_data = folder / target.name, folder / data.name, folder / "old.data"
        has_data = False
        if serialized is None:
            has_data, serialized = _without_weights(model, target, new_data)
        if serialized is None:
            raise ValueError(f"{path}: the model is larger than 2 GiB without its weights, more than one file can hold")
        _write(new_model, serialized)
        if not has_data:
            _replace(new_model, target)
            return
        kept = data.exists()
        if kept:
            _keep(data, old_data)
        _replace(new_data, data)
        try:
            _replace(new_model, target)
        except OSError:
            # The old model stays, and needs its weights.
            if kept:
                os.replace(old_data, data)
            else:
                data.unlink()
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serialized(model: onnx.ModelProto, path: Path) -> bytes | None:
    """The bytes of the model's file, in the format of its suffix; None if they are too many for protobuf."""
    formats = onnx.serialization.registry
    try:
        serializer = formats.get(formats.get_format_from_file_extension(path.suffix) or "protobuf")
        return bytes(serializer.serialize_proto(model))
    except (EncodeError, ValueError):
        return None


def _without_weights(model: onnx.ModelProto, target: Path, data: Path) -> tuple[bool, bytes | None]:
    """Moves the weights of `model` to the file `data`. Returns whether there were any, and the bytes of the rest.

    Tensors in attributes stay in the model if there is room: not all readers take them from another file.
    """
    with data.open("wb") as file:
        _move(file, data.name, _initializers(model.graph))
        serialized = _serialized(model, target)
        if serialized is None:
            _move(file, data.name, _tensors(model))
            serialized = _serialized(model, target)
        file.flush()
        os.fsync(file.fileno())
        return file.tell() > 0, serialized


def _move(file: BinaryIO, location: str, tensors: Iterable[onnx.TensorProto]) -> None:
    for tensor in tensors:
        length = len(tensor.raw_data)
        if length < _SMALLEST_EXTERNAL:
            continue
        file.write(b"\0" * (-file.tell() % _ALIGNMENT))
        offset = file.tell()
        file.write(tensor.raw_data)
        onnx.external_data_helper.set_external_data(tensor, location, offset, length)
        tensor.ClearField("raw_data")


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        # Otherwise the rename may reach the disk before the bytes.
        os.fsync(file.fileno())


def _keep(old: Path, name: Path) -> None:
    """Gives a file a second name; or renames it, if the file system has no links."""
    try:
        os.link(old, name)
    except OSError:
        os.replace(old, name)


def _replace(new: Path, old: Path) -> None:
    """Replaces an old file by a new one, which gets its permissions."""
    with suppress(FileNotFoundError):
        shutil.copymode(old, new)
    os.replace(new, old)


def _external_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    return (tensor for tensor in _tensors(model) if onnx.external_data_helper.uses_external_data(tensor))


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors of the model, including those in attributes and functions."""
    yield from _initializers(model.graph)
    functions = (node for function in model.functions for node in function.node)
    for node in _nodes(chain(model.graph.node, functions)):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _initializers(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """The initializers of a graph and of its subgraphs."""
    yield from graph.initializer
    for node in _nodes(graph.node):
        for inner in _subgraphs(node):
            yield from inner.initializer


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes and those of their subgraphs."""
    for node in nodes:
        yield node
        for graph in _subgraphs(node):
            yield from _nodes(graph.node)


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        # Protobuf reads a field that is not set as an empty message.
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
