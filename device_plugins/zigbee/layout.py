"""Where the nodes of a network stand on its picture: a tree that grows from the coordinator in rings. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence

type Edge = tuple[str, str, int]
"""Two nodes and how well they hear each other, 0 to 255."""
type Point = tuple[float, float]


def tree(
    root: str, nodes: Iterable[str], edges: Iterable[Edge], leaves: frozenset[str] = frozenset()
) -> dict[str, str]:
    """The parent of each node that can be reached from `root`: fewest hops first, then the better link.

    `leaves` are nodes that let nobody through.
    """
    links: dict[str, dict[str, int]] = {node: {} for node in nodes}
    for one, other, lqi in edges:
        if one in links and other in links and one != other:
            links[one][other] = links[other][one] = max(lqi, links[one].get(other, 0))
    parents: dict[str, str] = {}
    ring = [root]
    while ring:
        reached = [
            (lqi, node, other)
            for node in ring
            if node not in leaves
            for other, lqi in links.get(node, {}).items()
            if other != root and other not in parents
        ]
        parents |= {other: node for _, node, other in sorted(reached)}  # the best link comes last
        ring = sorted({other for _, _, other in reached})
    return parents


def rings(root: str, nodes: Sequence[str], parents: Mapping[str, str]) -> dict[str, Point]:
    """A place for each node: the root at (0, 0), rings 1 apart, each subtree in its own sector.

    Nodes without a parent stand on a ring of their own, outside of all others.
    """
    children: dict[str, list[str]] = {}
    for node, parent in sorted(parents.items()):
        children.setdefault(parent, []).append(node)
    weights = _weights(root, children)
    places: dict[str, Point] = {root: (0.0, 0.0)}
    outermost = 0
    todo = [(root, 0.0, math.tau, 1)]
    while todo:
        node, start, width, ring = todo.pop()
        for child in children.get(node, ()):
            share = width * weights[child] / weights[node]
            outermost = max(outermost, ring)
            places[child] = _at(ring, start + share / 2)
            todo.append((child, start, share, ring + 1))
            start += share
    lost = [node for node in nodes if node not in places]
    for number, node in enumerate(sorted(lost)):
        places[node] = _at(outermost + 1, math.tau * number / len(lost))
    return places


def _weights(root: str, children: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many leaves stand below each node, itself at least."""
    order = [root]
    for node in order:
        order += children.get(node, ())
    weights: dict[str, int] = {}
    for node in reversed(order):
        weights[node] = max(1, sum(weights[child] for child in children.get(node, ())))
    return weights


def _at(radius: float, angle: float) -> Point:
    return round(radius * math.cos(angle), 4), round(radius * math.sin(angle), 4)
