"""Where the nodes of the virtual home are, and so who hears whom and which way a frame takes. Pure.

Each node has a place in the plane, drawn from its address; the coordinator is in the middle. Whoever is in range is a
neighbour, the nearer the better its link; frames go along the fewest hops, and among those over the best links.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

_RANGE = 0.75
_BEST, _WORST = 255, 20
_NOISE = {11: 20, 15: 60, 17: 80, 18: 120, 19: 60, 22: 90, 23: 110, 26: 12}
_QUIET = 35


@dataclass(frozen=True, slots=True)
class Place:
    """A node: its IEEE address and whether it routes for others."""

    ieee: str
    is_router: bool


class Topology:
    """The mesh of these nodes; `chosen` is node → the router it joined through, which it keeps as its parent."""

    def __init__(self, coordinator: str, places: Iterable[Place], chosen: Mapping[str, str] | None = None) -> None:
        self.coordinator = coordinator
        self._routers = {place.ieee: place.is_router for place in places}
        self._routers[coordinator] = True
        self._chosen = chosen or {}

    def lqi(self, one: str, other: str) -> int:
        """Return the quality of the link between two nodes, 20 to 255."""
        distance = abs(self._place(one) - self._place(other))
        return max(_WORST, round(_BEST - (_BEST - _WORST) * distance / (2 * _RANGE)))

    def neighbours(self, ieee: str) -> list[str]:
        """Return whom a node hears: for a router the routers in range and its children, else its parent."""
        if not self._routers.get(ieee, False):
            return [self.parent(ieee)]
        near = [one for one, routes in self._routers.items() if one != ieee and routes and self._in_range(ieee, one)]
        linked = {one for one in self._routers if one != ieee and self._way.get(one) == ieee}
        if ieee in self._way:
            linked.add(self._way[ieee])
        return sorted({*near, *linked})

    def parent(self, ieee: str) -> str:
        """Return the next node on the way to the coordinator; the coordinator is its own."""
        return self._way.get(ieee, self.coordinator)

    def relays(self, ieee: str) -> list[str]:
        """Return the nodes between a node and the coordinator, the nearest to the node first."""
        way = []
        while (ieee := self.parent(ieee)) != self.coordinator:
            way.append(ieee)
        return way

    def depth(self, ieee: str) -> int:
        """Return the number of hops from the coordinator, 0 for itself."""
        return 0 if ieee == self.coordinator else len(self.relays(ieee)) + 1

    @cached_property
    def _way(self) -> dict[str, str]:
        way: dict[str, str] = {}
        depth = {self.coordinator: 0}
        rest = {ieee for ieee, routes in self._routers.items() if routes and ieee != self.coordinator}
        while rest:
            reached = {ieee for ieee in rest if any(self._in_range(ieee, other) for other in depth)}
            # One that hears nobody holds on to the best of a bad lot.
            for ieee in sorted(reached or {max(sorted(rest), key=lambda one: self._best(one, depth)[1])}):
                parent, _ = self._best(ieee, depth)
                way[ieee] = parent
            depth |= {ieee: depth[way[ieee]] + 1 for ieee in way if ieee not in depth}
            rest -= depth.keys()
        for ieee, routes in self._routers.items():
            if not routes:
                chosen = self._chosen.get(ieee, "")
                way[ieee] = chosen if chosen in depth else self._best(ieee, depth)[0]
        return way

    def _best(self, ieee: str, depth: Mapping[str, int]) -> tuple[str, int]:
        near = [other for other in depth if self._in_range(ieee, other)]
        least = min((depth[other] for other in near), default=None)
        fit = [other for other in near if depth[other] == least] or list(depth)
        best = max(sorted(fit), key=lambda other: self.lqi(ieee, other))
        return best, self.lqi(ieee, best)

    def _in_range(self, one: str, other: str) -> bool:
        return abs(self._place(one) - self._place(other)) <= _RANGE

    def _place(self, ieee: str) -> complex:
        if ieee == self.coordinator:
            return 0j
        return _drawn(ieee)


@lru_cache(4096)
def _drawn(ieee: str) -> complex:
    drawn = hashlib.blake2b(ieee.encode(), digest_size=4).digest()
    return complex(int.from_bytes(drawn[:2]) / 0x7FFF - 1, int.from_bytes(drawn[2:]) / 0x7FFF - 1)


def noise(ieee: str, channel: int) -> int:
    """Return the energy a node measures on a channel, 0 to 255: the neighbours' Wi-Fi is on 17 to 19, 22 and 23."""
    drawn = hashlib.blake2b(f"{ieee}/{channel}".encode(), digest_size=1).digest()[0]
    return min(255, _NOISE.get(channel, _QUIET) + drawn % 16)
