"""Lidar sweeps, and the groups that their points are put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

VALUES_PER_POINT = 5  # x, y, z in metres, intensity, ring
RINGS = 32
GRID_SIDE = 32  # pillars along each side of the grid
PILLAR_WIDTH = 3.2  # metres


def read(path: Path) -> np.ndarray:
    """Points [n, 5] of a file of little-endian float32."""
    values = np.fromfile(path, "<f4")
    if values.size == 0 or values.size % VALUES_PER_POINT:
        raise SystemExit(f"{path} has {values.size} float32 values: expected a multiple of {VALUES_PER_POINT}")
    return values.reshape(-1, VALUES_PER_POINT)


def make(count: int, seed: int) -> np.ndarray:
    """Points [count, 5] of a plain with bumps, as a scanner 1.8 m above it would see them."""
    random = np.random.default_rng(seed)
    distance, angle = random.gamma(2.0, 8.0, count), random.uniform(0, 2 * np.pi, count)
    x, y = distance * np.cos(angle), distance * np.sin(angle)
    z = np.sin(x / 5) * np.cos(y / 7) - 1.8
    intensity, ring = random.uniform(0, 255, count), random.integers(0, RINGS, count)
    return np.stack([x, y, z, intensity, ring], 1).astype(np.float32)


def scaled(points: np.ndarray) -> np.ndarray:
    """The points as features of about unit size."""
    return points / np.array([50, 50, 5, 255, RINGS], np.float32)


def pillars(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points on the grid, and the pillar that each is in."""
    half = GRID_SIDE * PILLAR_WIDTH / 2
    inside = (np.abs(points[:, :2]) < half).all(1)
    cell = np.floor((points[inside, :2] + half) / PILLAR_WIDTH).astype(np.int64)
    return points[inside], cell[:, 1] * GRID_SIDE + cell[:, 0]


def rings(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points sorted by their ring, and where each ring's begin and end: indptr [RINGS + 1]."""
    ring = points[:, 4].astype(np.int64)
    order = np.argsort(ring, kind="stable")
    return points[order], np.searchsorted(ring[order], np.arange(RINGS + 1)).astype(np.int64)


def graph(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pillars that hold points as nodes, with the mean of their points; an edge to each from itself and its neighbours.

    Returns:
        The nodes' features [nodes, 5], and the edges' sources and targets [edges].
    """
    on_grid, pillar = pillars(points)
    occupied, node = np.unique(pillar, return_inverse=True)
    features = np.zeros((len(occupied), VALUES_PER_POINT), np.float64)
    np.add.at(features, node, on_grid)
    features /= np.bincount(node)[:, None]
    node_of = np.full((GRID_SIDE + 2, GRID_SIDE + 2), -1)
    row, column = occupied // GRID_SIDE + 1, occupied % GRID_SIDE + 1
    node_of[row, column] = np.arange(len(occupied))
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    sources = np.stack([node_of[row + i, column + j] for i, j in steps], 1)
    targets = np.broadcast_to(np.arange(len(occupied))[:, None], sources.shape)
    there = sources >= 0
    return features.astype(np.float32), sources[there], targets[there].copy()
