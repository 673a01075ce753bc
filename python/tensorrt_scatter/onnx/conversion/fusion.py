"""Fuses a gather, the multiplication by weights, and a scatter: the messages of graph layers are never stored.

`messages` finds what one TRTS_GatherScatter can compute, and `softmax` what TRTS_AttentionCSR can. Here it is decided
where that is worth it, and which of them share one grouping of their destinations.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

import onnx_ir as ir

from ..._declarations import GROUP_INDEX, SCATTER
from ..releases import Release
from . import facts, messages, softmax, without_self
from .edit import Editor, name_of
from .emission import Sharing, write_alone, write_attention, write_with_others
from .messages import Message
from .report import Change, LeftAlone, Report, Unfused
from .softmax import Softmax


def fuse(graph: ir.Graph, edit: Editor, report: Report, release: Release | None) -> None:
    """Fuses what can be fused among the nodes of a graph, for a TensorRT release or for any from 10 on. The graphs
    inside them are not looked at."""
    found: list[Message] = []
    reasons: list[tuple[str, str]] = []
    for node in graph:
        if node.op_type != SCATTER.op_type:
            continue
        try:
            message = messages.match(node, edit)
            if message is not None:
                _check_is_of(graph, message)
                _check_has_groups(message, release)
                found.append(message)
        except LeftAlone as left:
            reasons.append((name_of(node), str(left)))
    of_softmax = _softmaxes(found, edit)
    kept = _worthwhile(graph, found, of_softmax) if found else []
    for message in found:
        if message not in kept:
            what = "the gathered rows are" if message.weight is None else "their products with the weights are"
            reasons.append((name_of(message.scatter), f"{what} used elsewhere too"))
    of_softmax = {message.scatter: of_softmax[message.scatter] for message in kept if message.scatter in of_softmax}
    in_softmax = {name_of(node) for each in of_softmax.values() for node in (each.highest, each.total)}
    report.unfused += [Unfused(name, reason) for name, reason in reasons if name not in in_softmax]
    _write(kept, of_softmax, edit, report)


def _check_is_of(graph: ir.Graph, message: Message) -> None:
    """Checks that the rows are gathered where they are reduced. Elsewhere it may be done less often."""
    makers = (message.rows.gathered.producer(), facts.resolve(facts.argument(message.scatter, 0)).producer())
    if any(maker is None or maker.graph is not graph for maker in makers):
        raise LeftAlone("its rows are gathered in an outer graph")


def _check_has_groups(message: Message, release: Release | None) -> None:
    """Checks that a release can have the number of groups as an input where it varies."""
    if message.groups.count < 0 and release is not None and not release.has_sizes_as_inputs:
        raise LeftAlone(f"its number of groups varies, and {release} takes no size as an input")


def _worthwhile(graph: ir.Graph, found: Sequence[Message], of_softmax: Mapping[ir.Node, Softmax]) -> list[Message]:
    """The messages whose elements nothing needs after all of them are fused."""
    kept = list(found)
    while True:
        unneeded = _unneeded(graph, kept, of_softmax)
        fewer = [each for each in kept if facts.resolve(facts.argument(each.scatter, 0)).producer() in unneeded]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def _unneeded(graph: ir.Graph, fused: Sequence[Message], of_softmax: Mapping[ir.Node, Softmax]) -> set[ir.Node]:
    """The nodes that nothing needs without the scatters of the fused messages: neither other nodes, nor the nodes in
    the place of the scatters."""
    gone: set[ir.Node] = {message.scatter for message in fused}
    needed = {facts.resolve(value).producer() for message in fused for value in _read(message, of_softmax)}
    for node in reversed(graph):
        if node in needed:
            continue
        uses = [use.node for output in node.outputs for use in output.uses()]
        is_output = any(output.is_graph_output() for output in node.outputs)
        if uses and not is_output and all(user in gone for user in uses):
            gone.add(node)
    return gone


def _read(message: Message, of_softmax: Mapping[ir.Node, Softmax]) -> Iterator[ir.Value]:
    """What the node in the place of a message's scatter reads."""
    yield from (message.rows.src, message.rows.index, message.destination)
    scores = _scores(message, of_softmax.get(message.scatter))
    if scores is not None:
        yield scores
    elif message.weight is not None:
        yield message.weight.value


def _softmaxes(found: Iterable[Message], edit: Editor) -> dict[ir.Node, Softmax]:
    """The softmaxes that are weights, by the scatter that sums the weighted rows."""
    matched = ((each.scatter, _softmax_of(each, edit)) for each in found)
    return {scatter: each for scatter, each in matched if each is not None}


def _softmax_of(message: Message, edit: Editor) -> Softmax | None:
    """The softmax that the weights of a message are."""
    return None if message.weight is None else softmax.match(message.weight.value, message.destination, edit)


def _scores(message: Message, matched: Softmax | None) -> ir.Value | None:
    """The scores that TRTS_AttentionCSR computes the message from; None where it does not."""
    return matched.scores if matched is not None and softmax.is_of_scores(message, matched) else None


def _sharing(found: Sequence[Message], of_softmax: Mapping[ir.Node, Softmax], edit: Editor) -> dict[ir.Node, Sharing]:
    """What the messages share with others of the same destination and number of groups, by their scatters. Those that
    gain nothing by a common order are alone, and left out. An attention needs the order, also alone."""
    groups: dict[Hashable, list[Message]] = {}
    for message in found:
        # To order weights as large as the rows would take a copy of that size.
        if message.weight is None or not message.weight.of_each_column:
            destination = facts.line(message.destination) or message.destination
            key = edit.numbering.of(destination), message.groups.key(edit)
            groups.setdefault(key, []).append(message)
    attentions = {each.scatter for each in found if _scores(each, of_softmax.get(each.scatter)) is not None}
    ordered = (group for group in groups.values() if len(group) > 1 or group[0].scatter in attentions)
    shared = [(group, Sharing(group)) for group in ordered]
    return {message.scatter: sharing for group, sharing in shared for message in group}


def _write(found: Sequence[Message], of_softmax: Mapping[ir.Node, Softmax], edit: Editor, report: Report) -> None:
    """Replaces the scatters of messages, in the order of the graph: what is inserted for one may serve later ones."""
    sharing = _sharing(found, of_softmax, edit)
    # The nodes are replaced: their names tell what the report says of them.
    written = []
    for matched in found:
        # What it reads may be the result of one that was replaced since.
        message = messages.match(matched.scatter, edit) or matched
        scatter, start = message.scatter, message.start
        name = name_of(scatter)
        # Of what it reads now, too.
        weights = _softmax_of(message, edit)
        scores = _scores(message, weights) if scatter in sharing else None
        notes = _notes(message, weights is not None and scores is None)
        parts = [] if start is None else [(start, name_of(start))]
        if weights is not None and scores is not None:
            parts += [(node, name_of(node)) for node in (weights.highest, weights.total)]
            operator = write_attention(message, scores, sharing[scatter], edit)
            notes += (softmax.NOTE,)
        elif scatter in sharing:
            operator = write_with_others(message, sharing[scatter], edit)
        else:
            operator = write_alone(message, edit)
        if scatter in sharing:
            count = sharing[scatter].count
            what = f"once for {count} nodes" if count > 1 else "ahead of it"
            notes += (f"{GROUP_INDEX.op_type} orders its destinations, {what}",)
        written.append((message, name, parts, operator, notes))
    for message, name, parts, operator, notes in written:
        gather = message.rows.gathered.producer()
        if gather is not None and gather.graph is not None:
            notes += ("the gathered rows stay beside it: they are used elsewhere too",)
        report.replace(Change(name, f"{SCATTER.op_type}({message.reduce.name})", operator.op_type, notes))
        for part, part_name in parts:
            if part.graph is None:
                report.absorb(part_name, name)


def _notes(message: Message, has_softmax_that_stays: bool) -> tuple[str, ...]:
    notes = []
    src = message.rows.src
    if has_softmax_that_stays:
        notes.append("its weights are a softmax over each group, which stays")
    if message.start is not None:
        notes.append(without_self.NOTE)
    if src.dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16):
        notes.append("its 16-bit floats are multiplied and added in float32, and rounded once")
    if message.groups.count < 0:
        notes.append("its number of groups is an input: it needs TensorRT 10 or newer")
    return tuple(notes)
