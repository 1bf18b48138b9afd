"""The map of the network: routers are asked for their tables, one question at a time, and what they say is kept.

A walk puts one question, waits, and puts the next, behind all other traffic: it takes about a second for three
neighbours, and no command waits for it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

import msgspec

from device_plugins.sdk import DeviceError
from device_plugins.zigbee.base import PREFIX
from device_plugins.zigbee.management import Kind, Management, Neighbour, Page, Place, Relation, Route
from hub.api import Context, HubError, Task, event

PATH = "zigbee/map"
_KEY = "map/"
_PAGE = 500
# The longest table that is believed: a router may say anything.
_MOST_ROWS = 512
_NS = 1_000_000_000


class Tables(msgspec.Struct):
    """What one node told, and when (ns since 1970); `problem` says why the last attempt to ask it anew failed."""

    time: int
    short: int
    neighbours: Sequence[Neighbour] = ()
    routes: Sequence[Route] = ()
    problem: str = ""


@event("zigbee.map")
class MapProgress(msgspec.Struct, frozen=True):
    """How the walk over the network goes; also in state at `zigbee/map`. `asked` nodes `of` all are done."""

    status: Literal["never", "running", "done", "cancelled", "failed"] = "never"
    asked: int = 0
    of: int = 0
    node: str = ""
    reason: str = ""


class MapNode(msgspec.Struct, frozen=True):
    """A node. `device` is its id in the registry; `age` (s) is that of its tables, None if it never told them."""

    ieee: str
    short: int
    kind: Kind
    device: str = ""
    age: float | None = None
    problem: str = ""


class MapLink(msgspec.Struct, frozen=True):
    """What `source` says of `target`: how well it hears it (`lqi`, 0 to 255), and `age` s ago."""

    source: str
    target: str
    relation: Relation
    lqi: int
    age: float


class MapRoute(msgspec.Struct, frozen=True):
    """`source` sends to `destination` by way of `next_hop`; addresses, or short ones as 4 hex digits if unknown."""

    source: str
    destination: str
    next_hop: str
    age: float


class NetworkMap(msgspec.Struct, frozen=True):
    """The network as its routers told of it; each edge is as old as its source's answer."""

    nodes: Sequence[MapNode]
    links: Sequence[MapLink]
    routes: Sequence[MapRoute]
    progress: MapProgress


class Survey:
    """Walks the network when asked to, and remembers what it was told."""

    def __init__(self, ctx: Context, management: Callable[[], Management]) -> None:
        self._ctx = ctx
        self._management = management
        self._tables: dict[str, Tables] = {}
        self._walk: Task[None] | None = None
        self.progress = MapProgress()

    async def load(self) -> None:
        """Bring back what was remembered."""
        after = ""
        while page := await self._ctx.storage.list(_KEY, after=after, limit=_PAGE):
            for key, value in page:
                with suppress(msgspec.ValidationError):  # of another version: it is asked again
                    self._tables[key.removeprefix(_KEY)] = msgspec.convert(value, Tables)
            after = page[-1][0]

    def start(self, pause: float) -> None:
        """Walk over the network, with a pause of so many seconds after each answer, unless a walk is under way."""
        if self._walk is None or self._walk.done():
            self._tell(MapProgress("running"))
            self._walk = self._ctx.tasks.start("maps the network", self._run(self._management(), pause))

    def cancel(self, reason: str) -> None:
        """End a walk; what it found stays."""
        if self._walk is not None and not self._walk.done():
            self._walk.cancel()
            self._walk = None
            self._tell(msgspec.structs.replace(self.progress, status="cancelled", reason=reason))

    def view(self, places: Sequence[Place], devices: set[str]) -> NetworkMap:
        """The map of these places; `devices` are the ids that the registry knows."""
        now = self._ctx.clock.now()
        nodes = {place.ieee: place for place in places}
        for tables in self._tables.values():
            for row in tables.neighbours:
                nodes.setdefault(row.ieee, Place(row.ieee, row.short, row.kind))
        told = {ieee: tables for ieee, tables in self._tables.items() if ieee in nodes}
        ages = {ieee: max(0.0, (now - tables.time) / _NS) for ieee, tables in told.items() if tables.time}
        by_short = {place.short: place.ieee for place in nodes.values()}
        return NetworkMap(
            nodes=[
                MapNode(
                    ieee,
                    place.short,
                    place.kind,
                    PREFIX + ieee if PREFIX + ieee in devices else "",
                    ages.get(ieee),
                    told[ieee].problem if ieee in told else "",
                )
                for ieee, place in nodes.items()
            ],
            links=[
                MapLink(ieee, row.ieee, row.relation, row.lqi, ages[ieee])
                for ieee, tables in told.items()
                for row in tables.neighbours
            ],
            routes=[
                MapRoute(ieee, _named(row.destination, by_short), _named(row.next_hop, by_short), ages[ieee])
                for ieee, tables in told.items()
                for row in tables.routes
            ],
            progress=self.progress,
        )

    async def forget(self, ieee: str) -> None:
        """Forget what a device told."""
        if self._tables.pop(ieee, None) is not None:
            await self._ctx.storage.delete(_KEY + ieee)

    # The walk

    async def _run(self, management: Management, pause: float) -> None:
        routers = [place for place in management.places() if place.kind in {"coordinator", "router"}]
        try:
            for done, place in enumerate(routers):
                self._tell(MapProgress("running", done, len(routers), place.ieee))
                await self._visit(management, place, pause)
        except HubError as error:
            self._tell(msgspec.structs.replace(self.progress, status="failed", reason=str(error)))
        else:
            self._tell(MapProgress("done", len(routers), len(routers)))

    async def _visit(self, management: Management, place: Place, pause: float) -> None:
        """Ask one node, and keep what it told before when it does not answer. Raises RadioError."""
        old = self._tables.get(place.ieee)
        try:
            neighbours = await self._all(lambda start: management.neighbours(place.ieee, start), pause)
        except DeviceError as error:
            tables = old or Tables(0, place.short)
            tables.problem = str(error)
        else:
            tables = Tables(self._ctx.clock.now(), place.short, neighbours)
            with suppress(DeviceError):  # many do not tell their routes, and the neighbours are enough for a map
                tables.routes = await self._all(lambda start: management.routes(place.ieee, start), pause)
        self._tables[place.ieee] = tables
        await self._ctx.storage.set(_KEY + place.ieee, msgspec.to_builtins(tables))

    async def _all[R](self, ask: Callable[[int], Awaitable[Page[R]]], pause: float) -> list[R]:
        """The whole of a table, a page at a time."""
        rows: list[R] = []
        start = 0
        while start < _MOST_ROWS:
            page = await ask(start)
            await self._ctx.clock.sleep(pause)
            rows += page.rows
            start += page.taken
            if not page.taken or start >= page.total:
                break
        return rows

    def _tell(self, progress: MapProgress) -> None:
        self.progress = progress
        self._ctx.events.publish("zigbee.map", PATH, progress)
        value: dict[str, Any] = msgspec.to_builtins(progress)
        self._ctx.state.set(PATH, value)


def _named(short: int, by_short: dict[int, str]) -> str:
    return by_short.get(short, f"{short:04x}")
