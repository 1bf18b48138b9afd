"""Services about what a device tells to others: its bindings, and its reporting."""

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec

from device_plugins.sdk import DeviceError, InvalidValueError, UnsupportedError
from device_plugins.zigbee.actions import Actions
from device_plugins.zigbee.base import ZigbeePlugin
from device_plugins.zigbee.bindings import between, name_of, number_of
from device_plugins.zigbee.finding import group_of, known_of, split
from device_plugins.zigbee.group_device import PREFIX as GROUP
from device_plugins.zigbee.groups import Groups
from device_plugins.zigbee.joining import place_of
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.links import Link, Links
from device_plugins.zigbee.mapping import Endpoint, Point, Report
from device_plugins.zigbee.queues import Job
from hub.api import service

COORDINATOR = "coordinator"
_COORDINATOR_ENDPOINT = 1

type Names = list[str]
type Seconds = Annotated[int, msgspec.Meta(ge=0, le=0xFFFE)]
type Change = Annotated[float, msgspec.Meta(ge=0)]


class BindingInfo(msgspec.Struct, frozen=True):
    """What an endpoint says on a cluster goes to `target`: a device's id, `coordinator`, or a foreign address."""

    endpoint: int
    cluster: str
    target: str
    target_endpoint: int


class ReportingInfo(msgspec.Struct, frozen=True):
    """How a value is reported: no sooner than `minimum`, no later than `maximum` seconds, on a change of `change`.

    `change` counts in the attribute's own steps, such as hundredths of a degree. The device said so; nulls if it says
    it does not report. `own` says that the owner has chosen it.
    """

    key: str
    endpoint: int
    cluster: str
    attribute: int
    minimum: int | None
    maximum: int | None
    change: float | None
    own: bool


class LinkServices(ZigbeePlugin):
    """`zigbee.bindings`, `.bind`, `.unbind`, `.reporting`, `.set_reporting`; devices go by id or name."""

    actions: Actions
    grouping: Groups

    @service
    async def bindings(self, device: str) -> list[BindingInfo]:
        """Show a device's binding table, as it tells it."""
        await self.whole()
        known = await known_of(self, self.roster, device)
        return [self._shown(one) for one in await self._say(known, "bindings", lambda links: links.table())]

    @service
    async def bind(self, source: str, target: str, clusters: Names | None = None) -> list[BindingInfo]:
        """Have a device's commands and values go directly to another one, or to a group, without the hub.

        `target` is a device, a group, or `coordinator`; `Ceiling/2` is an endpoint alone. Without `clusters` all that
        the two have in common are bound.
        """
        await self.whole()
        known, wanted = await self._wanted(source, target, clusters)
        await self._say(known, "bind", lambda links: _each(links.bind, wanted))
        return [self._shown(one) for one in wanted]

    @service
    async def unbind(self, source: str, target: str, clusters: Names | None = None) -> list[BindingInfo]:
        """End what `zigbee.bind` began; the arguments are the same."""
        await self.whole()
        known, wanted = await self._wanted(source, target, clusters)
        await self._say(known, "unbind", lambda links: _each(links.unbind, wanted))
        return [self._shown(one) for one in wanted]

    @service
    async def reporting(self, device: str) -> list[ReportingInfo]:
        """Show how a device reports its values, as it tells it."""
        await self.whole()
        known = await known_of(self, self.roster, device)
        return await self._reporting(known, [one for one in known.mapping.points if one.report is not None])

    @service
    async def set_reporting(
        self,
        device: str,
        key: str,
        minimum: Seconds | None = None,
        maximum: Seconds | None = None,
        change: Change | None = None,
    ) -> list[ReportingInfo]:
        """Change how a device reports a value; what is not given stays as the hub asks of such devices.

        It is kept, and told to the device again when it is paired anew. With nothing given it is as usual again.
        """
        await self.whole()
        known = await known_of(self, self.roster, device)
        points = [one for one in known.mapping.points if key in {one.key, one.name} and one.report is not None]
        if not points:
            able = ", ".join(dict.fromkeys(one.key for one in known.mapping.points if one.report is not None))
            raise UnsupportedError(f"{known.id} does not report {key[:80]!r}; it reports: {able}", device=known.id)
        own: dict[str, Report] = {}
        if (minimum, maximum, change) != (None, None, None):
            own = {place_of(one): _chosen(one, minimum, maximum, change) for one in points}
        for point in points:
            await self._configure(known, point, own.get(place_of(point), point.report))
        kept = {place: one for place, one in known.record.reporting.items() if place not in map(place_of, points)}
        known.record.reporting = kept | own
        await self.roster.save(known)
        return await self._reporting(known, points)

    async def _configure(self, known: Known, point: Point, report: Report | None) -> None:
        node = known.node
        if node is None or report is None:
            raise DeviceError(f"{known.id} is not on the network; pair it again", device=known.id)
        refused: dict[int, str] = {}

        async def send() -> None:
            refused.update(await node.configure_reporting(point.endpoint, point.cluster, {point.attribute: report}))

        await self.actions.queues.do(known.id, Job(f"reporting {place_of(point)}", "configure", send, absolute=True))
        if refused:
            raise DeviceError("; ".join(refused.values()), device=known.id)

    async def _reporting(self, known: Known, points: list[Point]) -> list[ReportingInfo]:
        places: dict[tuple[int, int], list[int]] = {}
        for point in points:
            places.setdefault((point.endpoint, point.cluster), []).append(point.attribute)
        told: dict[tuple[int, int, int], Report] = {}
        for (endpoint, cluster), attributes in places.items():
            ask = functools.partial(_ask_reporting, endpoint, cluster, attributes)
            found = await self._say(known, "reporting", ask)
            told |= {(endpoint, cluster, number): report for number, report in found.items()}
        return [_reported(known, point, told.get((point.endpoint, point.cluster, point.attribute))) for point in points]

    async def _say[T](self, known: Known, what: str, work: Callable[[Links], Awaitable[T]]) -> T:
        """Speak to a device about its links, in its turn."""
        links = self.ready_radio().links(known.ieee)
        found: list[T] = []

        async def send() -> None:
            found.append(await work(links))

        await self.actions.queues.do(known.id, Job(what, what, send))
        return found[-1]

    async def _wanted(self, source: str, target: str, clusters: Names | None) -> tuple[Known, list[Link]]:
        name, number = split(source)
        known = await known_of(self, self.roster, name)
        sources = _endpoints(known, number)
        found = between(sources, await self._targets(target, sources), [number_of(one) for one in clusters or ()])
        if not found:
            raise UnsupportedError(
                f"{source[:80]} and {target[:80]} have no cluster in common that could be bound", device=known.id
            )
        return known, found

    async def _targets(self, target: str, sources: list[Endpoint]) -> list[tuple[Endpoint, Link]]:
        """The endpoints that are to hear, and what each is bound as."""
        if target == COORDINATOR:
            own = self.ready_radio().info().coordinator
            # It takes what there is.
            outputs = tuple({cluster for one in sources for cluster in one.inputs})
            inputs = tuple({cluster for one in sources for cluster in one.outputs})
            everything = Endpoint(_COORDINATOR_ENDPOINT, 0, 0, inputs, outputs)
            return [(everything, Link(0, 0, own, _COORDINATOR_ENDPOINT))]
        if (group := await group_of(self, self.grouping, target)) is not None:
            members = self.grouping.members(group)
            return [
                (one, Link(0, 0, group=group.number))
                for member, known in members
                for one in _endpoints(known, member.endpoint)
            ]
        name, number = split(target)
        known = await known_of(self, self.roster, name)
        return [(one, Link(0, 0, known.ieee, one.id)) for one in _endpoints(known, number)]

    def _shown(self, link: Link) -> BindingInfo:
        if link.group:
            target = f"{GROUP}{link.group}"
        elif self.radio is not None and link.ieee == self.radio.info().coordinator:
            target = COORDINATOR
        else:
            target = f"zigbee-{link.ieee}"
        return BindingInfo(link.endpoint, name_of(link.cluster), target, link.target_endpoint)


async def _ask_reporting(endpoint: int, cluster: int, attributes: list[int], links: Links) -> dict[int, Report]:
    return await links.reporting(endpoint, cluster, dict.fromkeys(attributes))


async def _each(work: Callable[[Link], Awaitable[object]], links: list[Link]) -> None:
    for link in links:
        await work(link)


def _endpoints(known: Known, number: int) -> list[Endpoint]:
    found = [one for one in known.record.signature.endpoints if number in {0, one.id}]
    if not found:
        raise UnsupportedError(f"{known.id} has no endpoint {number}", device=known.id)
    return found


def _chosen(point: Point, minimum: int | None, maximum: int | None, change: float | None) -> Report:
    usual = point.report or Report(0, 0)
    report = Report(
        usual.least if minimum is None else minimum,
        usual.most if maximum is None else maximum,
        usual.change if change is None else change,
    )
    if report.least > report.most > 0:
        raise InvalidValueError(
            f"{point.key} cannot be reported at least {report.least} s apart and every {report.most} s"
        )
    return report


def _reported(known: Known, point: Point, told: Report | None) -> ReportingInfo:
    return ReportingInfo(
        key=point.key,
        endpoint=point.endpoint,
        cluster=name_of(point.cluster),
        attribute=point.attribute,
        minimum=None if told is None else told.least,
        maximum=None if told is None else told.most,
        change=None if told is None else told.change,
        own=place_of(point) in known.record.reporting,
    )
