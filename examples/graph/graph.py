"""The generated graph, and what the scripts share: the folder between them. Needs NumPy only.

Each script generates the graph again, from its sizes. RandomState's numbers are the same in every release of NumPy,
and the rest is arithmetic that rounds in one way only. So the graph, 40 MB, need not travel between two machines.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "target" / "graph"
NODES, EDGES = 100_000, 2_000_000
COLUMNS = 64
"""Columns of the nodes' features."""

MODELS = ("gat", "sage")
SEED = 1


@dataclass
class Graph:
    """A directed graph whose nodes have features."""

    x: np.ndarray
    """The features: float32 [nodes, COLUMNS], uniform in [-1, 1)."""
    edges: np.ndarray
    """int64 [2, edges]: where each edge starts, and where it ends. The edges are in no order; none is a self loop."""

    @property
    def nodes(self) -> int:
        return len(self.x)

    def with_self_loops(self) -> np.ndarray:
        """The edges, and behind them one from each node to itself: a GAT's node pays attention to itself too."""
        loops = np.arange(self.nodes)
        return np.concatenate([self.edges, np.stack([loops, loops])], 1)

    def inputs(self, model: str) -> dict[str, np.ndarray]:
        """The inputs of a model."""
        return {"x": self.x, "edges": self.with_self_loops() if model == "gat" else self.edges}

    def checksum(self) -> int:
        return zlib.crc32(self.edges.tobytes(), zlib.crc32(self.x.tobytes()))

    def __str__(self) -> str:
        into = np.bincount(self.edges[1], minlength=self.nodes)
        return (
            f"{self.nodes} nodes, {self.edges.shape[1]} edges; edges into a node: median {np.median(into):.0f}, "
            f"most {into.max()}, none into {np.count_nonzero(into == 0)} nodes"
        )


def make(nodes: int, edges: int) -> Graph:
    """A graph in which few nodes have many of the edges, as in graphs of people or of pages.

    An edge ends at the node of rank nodes * u^3, where u is uniform in [0, 1): the node of rank r gets a share that
    falls like r^(-2/3), which is a power law. The ranks are mixed, so that a node's number says nothing about its rank.
    An edge starts at any node with the same probability, so that the rows that a node reads lie anywhere in x.
    """
    random = np.random.RandomState(SEED)
    x = (random.random_sample((nodes, COLUMNS)) * 2 - 1).astype(np.float32)
    u = random.random_sample(edges)
    destination = random.permutation(nodes)[(u * u * u * nodes).astype(np.int64)]
    # A step of at least 1 and less than `nodes` does not end where it starts.
    source = (destination + random.randint(1, nodes, edges)) % nodes
    return Graph(x, np.stack([source, destination]).astype(np.int64))


def facts_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def write_facts(folder: Path, name: str, facts: dict[str, Any]) -> None:
    """Writes what a script has found, for the scripts after it."""
    facts_file(folder, name).write_text(json.dumps(facts, indent=1) + "\n")


def read_facts(folder: Path, name: str) -> dict[str, Any]:
    path = facts_file(folder, name)
    if not path.exists():
        raise SystemExit(f"there is no {path}: run export.py first, with the same --folder")
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


def exported(folder: Path) -> Graph:
    """The graph that the models in `folder` were exported for."""
    facts = read_facts(folder, "graph")
    graph = make(facts["nodes"], facts["edges"])
    if graph.checksum() != facts["checksum"]:
        raise SystemExit(
            f"the generated graph is another one than export.py's (checksum {graph.checksum()}, expected "
            f"{facts['checksum']}): run export.py on this machine"
        )
    return graph


def error(result: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a part of the largest value. NaN where a result is NaN."""
    return float(np.abs(result.astype(np.float64) - expected).max() / np.abs(expected).max())
