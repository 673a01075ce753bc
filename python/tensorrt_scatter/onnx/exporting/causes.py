"""What is wrong with a model, from the exceptions of PyTorch's exporters."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence

import torch

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OPERATOR = re.compile(r"target=torch\.ops\.aten\.(\w+)|op='aten\.(\w+)'|'aten::(\w+)'")
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')
_SIZE = re.compile(r"L\['tensors'\]\[(\d+)\]\.size\(\)\[(\d+)\]")
"""What torch.export calls a size of an input."""
_HINTS = re.compile(r"For more information, run with [^\n]*|If you're using [^\n]*|\(Size-like symbols: none\)")
"""Hints for those who call torch.export themselves."""
_CONTEXT = re.compile(r"torch_\w+_as_plugins\(dim_size=\)")
"""Where a message of this package says to give the number of groups. Here `export` takes it."""
_PACKAGE = __file__.rpartition("onnx")[0]
"""The folder of this package."""
_LONGEST = 600
"""The characters of a cause that are shown: exporters put whole graphs into their messages."""


def is_refused_here(error: BaseException) -> bool:
    """Whether this package says that a call cannot be exported."""
    first = _chain(error)[-1]
    frames = traceback.extract_tb(first.__traceback__)
    return isinstance(first, ValueError) and bool(frames) and frames[-1].filename.startswith(_PACKAGE)


def cause_of(error: BaseException, inputs: Sequence[str], places: Mapping[str, Sequence[str]]) -> str:
    """One line: the first cause of an exporter's error, and where the model makes the call, as far as that is known.

    `inputs` are the names of the tensors that the exporter was given, and `places` where the model calls each operator.
    """
    chain = _chain(error)
    first = chain[-1]
    text = _COLOURS.sub("", str(first)).strip()
    # The first paragraph says what is wrong. What follows are hints for authors of PyTorch, and graphs.
    message = " ".join(_HINTS.sub("", text).partition("\n\n")[0].split()) or type(first).__name__
    message = _SIZE.sub(lambda found: f"axis {found[2]} of {inputs[int(found[1])]}", message)
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]}…"
    message = _CONTEXT.sub("export(dim_size=)", message)
    if "data-dependent" in message.lower():
        message = (
            message.rstrip(".")
            + "; in a file Python cannot decide by values: write torch.where, or decide outside of the model"
        )
    place = _of_operator(chain, places) or _last(text) or _raised_in(first)
    return f"{message} ({place})" if place else message


def _chain(error: BaseException) -> list[BaseException]:
    """An error, its cause, and so on."""
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    return chain


def _of_operator(chain: Sequence[BaseException], places: Mapping[str, Sequence[str]]) -> str:
    """Where the model calls the operator that could not be translated. A decomposition calls others: no place is known."""
    for error in chain:
        found = _OPERATOR.search(str(error))
        if found is not None:
            name = next(filter(None, found.groups()))
            return " or ".join(places.get(name.rstrip("_"), ()))
    return ""


def _raised_in(error: BaseException) -> str:
    """The innermost place outside of PyTorch and of this package in a traceback."""
    frames = [f'File "{frame.filename}", line {frame.lineno}' for frame in traceback.extract_tb(error.__traceback__)]
    return _last("\n".join(frame for frame in frames if _PACKAGE not in frame))


def _last(text: str) -> str:
    folder = str(torch.__path__[0])
    places = [f"{file}, line {line}" for file, line in _PLACE.findall(text) if not file.startswith((folder, "<"))]
    return places[-1] if places else ""
