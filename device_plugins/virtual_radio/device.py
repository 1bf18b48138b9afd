"""A virtual Zigbee device: answers ZDO and ZCL as a real one, and reports what changes."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from device_plugins.virtual_radio import (
    commands,
    install_codes,
    ota,
    scenes,
    security,
    sleep,
    topology,
    zcl,
    zcltypes,
    zdo,
)
from device_plugins.virtual_radio.behaviour import Naps, Reply
from device_plugins.virtual_radio.catalogue import Model
from device_plugins.virtual_radio.cluster import Attribute, Cluster, Endpoint, Reporting
from device_plugins.virtual_radio.described import Described
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.parts import MANUFACTURER_CODE
from device_plugins.virtual_radio.reporting import Reporter
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zcltypes import ZclError

ZDO_PROFILE = 0x0000
EVERY_ENDPOINT = 0xFF
MAX_BINDINGS = 32
_PERMIT_FOREVER = 0xFF
_ASKED_OF_ALL = {zdo.Request.NWK_ADDRESS, zdo.Request.MATCH_DESCRIPTOR, zdo.Request.PERMIT_JOINING}


class Air(Protocol):
    """What carries a device's frames."""

    timers: Timers
    # Whether no device holds changes back for the least interval of its reports.
    hasty: bool

    @property
    def coordinator(self) -> str:
        """The coordinator's IEEE address."""

    @property
    def instant(self) -> bool:
        """Whether nothing on this radio takes time."""

    def carry(
        self, sender: "VirtualDevice", aps: ApsFrame, data: bytes, *, to: str = "", broadcast: bool = False
    ) -> None:
        """Bring a frame to a node, by default the coordinator; to the members of `aps.group`; or to all."""

    def neighbours(self, ieee: str) -> list[zdo.Neighbour]:
        """Return whom a node hears."""

    def routes(self, ieee: str) -> list[zdo.Route]:
        """Return a node's routing table."""

    def noticed(self, event: str, sender: "VirtualDevice", **facts: object) -> None:
        """Tell whoever watches the radio."""

    def changed(self, *, lasting: bool) -> None:
        """Remember the home; at once if it is lasting, else soon."""

    def gone(self, sender: "VirtualDevice") -> None:
        """Take a device off the network that was asked to leave."""


class VirtualDevice:
    """One device on the shelf or on the network; `short` is its address there, `network` which network it joined.

    `reachable` False makes it deaf and mute; `latency_s` (None: the radio's) is how long it takes to hear a frame;
    `sleep` tells when it listens, `parent` through which router it joined (nothing: whoever is best), `outbox` what it
    has yet to send, `install_code` what it must be let in with (nothing: it joins freely), `changes` how often
    something may have changed that is to be remembered.
    """

    def __init__(self, air: Air, model: Model, ieee: str, name: str) -> None:
        self.model = model
        self.name = name
        self.short = 0xFFFE
        self.network: str | None = None
        self.reachable = True
        self.latency_s: float | None = None
        self.endpoints = model.endpoints()
        self.bindings: set[zdo.Binding] = set()
        self.groups: set[tuple[int, int]] = set()
        self.memory: dict[str, Any] = {}
        self.parent = ""
        self.outbox: deque[Any] = deque()
        self.changes = 0
        self.permit_until = 0.0
        self.sleep: Naps = sleep.Sleep(model.poll_s)
        self.install_code = install_codes.made(ieee) if model.install_code else b""
        self._ieee = ieee
        self._air = air
        self._reporter = Reporter(self)
        self._sequence = 0
        self._writer = 1
        self._timers: dict[str, asyncio.Handle] = {}

    @property
    def ieee(self) -> str:
        """Its IEEE address."""
        return self._ieee

    @property
    def battery(self) -> bool:
        """Whether it lives on a battery, and so sleeps."""
        return self.model.battery

    @property
    def instant(self) -> bool:
        """Whether nothing here takes time."""
        return self._air.instant

    @property
    def hasty(self) -> bool:
        """Whether it holds no change back for the least interval."""
        return self._air.hasty or self._air.instant

    @property
    def node_descriptor(self) -> bytes:
        """Its node descriptor."""
        if isinstance(self.model, Described) and self.model.descriptor:
            return self.model.descriptor
        kind = 2 if self.battery else 1
        return zdo.node_descriptor(kind=kind, mains=not self.battery, manufacturer=MANUFACTURER_CODE)

    @property
    def descriptors(self) -> dict[int, zdo.SimpleDescriptor]:
        """Its endpoints, as the ZDO tells them."""
        return {
            number: zdo.SimpleDescriptor(
                its.profile,
                its.device_type,
                its.version,
                tuple(sorted(n for n, one in its.clusters.items() if not one.hidden)),
                tuple(its.clients),
            )
            for number, its in self.endpoints.items()
        }

    def attribute(self, endpoint: int, cluster: int, number: int) -> Attribute:
        """Return one attribute; RadioError when it does not exist."""
        try:
            return self.endpoints[endpoint].clusters[cluster].attributes[number]
        except KeyError:
            raise RadioError(
                f"{self.name!r} has no attribute 0x{number:04x} of cluster 0x{cluster:04x} on endpoint {endpoint}."
            ) from None

    def value(self, name: str) -> Any:  # noqa: ANN401 - as many types as the ZCL has
        """Return the value of the first attribute of that name, or what the device remembers under it."""
        for endpoint in self.endpoints.values():
            for cluster in endpoint.clusters.values():
                for attribute in cluster.attributes.values():
                    if attribute.name == name:
                        return attribute.value
        if name in self.memory:
            return self.memory[name]
        raise RadioError(f"{self.name!r} has no attribute named {name!r}.")

    def set(self, endpoint: int, cluster: int, number: int, value: object) -> int:
        """Change an attribute as the device itself would, and return how many reports went out."""
        attribute = self.attribute(endpoint, cluster, number)
        try:
            value, _ = zcltypes.decode(attribute.kind, zcltypes.encode(attribute.kind, value))
        except ZclError as error:
            raise RadioError(f"The attribute {attribute.name!r} of {self.name!r} cannot be that: {error}.") from None
        return self.update(self.endpoints[endpoint], cluster, **{attribute.name: value})

    def factory_reset(self) -> None:
        """Forget the network and all that was set up on it; lamps and sensors keep what they show."""
        self.rest()
        self.changes += 1
        self.network = None
        self.parent = ""
        self.permit_until = 0.0
        self.bindings.clear()
        self.memory.pop(scenes.SCENES, None)
        self.groups.clear()
        for endpoint in self.endpoints.values():
            for cluster in endpoint.clusters.values():
                for attribute in cluster.attributes.values():
                    attribute.reporting = None
            zone = endpoint.clusters.get(security.ZONE)
            if zone is not None:
                zone.named("zone_state").value = 0
                zone.named("cie_address").value = security.NO_ADDRESS

    def rest(self) -> None:
        """Cancel all that it was going to do."""
        for handle in self._timers.values():
            self._air.timers.cancel(handle)
        self._timers.clear()
        self._reporter.forget()
        self.outbox.clear()

    def wake(self) -> None:
        """Begin the periodic reports that were configured, the check-ins, and go on with an update."""
        for endpoint in self.endpoints.values():
            for cluster in endpoint.clusters.values():
                for attribute in cluster.attributes.values():
                    if attribute.reporting is not None:
                        self._reporter.plan(endpoint, cluster, attribute)
            with suppress(KeyError):  # as for commands
                if sleep.POLL_CONTROL in endpoint.clusters:
                    sleep.begin(self, endpoint)
                if ota.OTA in endpoint.clients:
                    ota.resume(self, endpoint)

    def next_sequence(self) -> int:
        """Return the next transaction sequence number."""
        self._sequence = (self._sequence + 1) % 256
        return self._sequence

    def announce(self) -> None:
        """Send a Device_annce."""
        aps = ApsFrame(ZDO_PROFILE, zdo.Request.DEVICE_ANNOUNCE, 0, 0, 0, 0, 0)
        self._air.carry(self, aps, zdo.announcement(self.next_sequence(), self), broadcast=True)

    def hear(self, aps: ApsFrame, data: bytes, *, sender: str = "", alone: bool = True) -> None:
        """Take a frame of a node (nothing: the coordinator); one that others hear too is not answered."""
        self.changes += 1
        if aps.profile == ZDO_PROFILE:
            self._hear_zdo(aps, data, sender, alone=alone)
            return
        for number, endpoint in self.endpoints.items():
            if aps.destination_endpoint in {number, EVERY_ENDPOINT}:
                answer = self._hear_zcl(endpoint, aps, data)
                if answer is not None and alone:
                    self._send(endpoint, aps.cluster, answer, aps.source_endpoint, sender)

    def update(self, here: Endpoint, cluster: int, **values: object) -> int:
        """Set attributes by name, report those that changed, and return how many frames went out."""
        its = here.clusters[cluster]
        changed = []
        for name, value in values.items():
            attribute = its.named(name)
            if attribute.value != value:
                attribute.value = value
                changed.append(attribute)
        if changed:
            self._changed(lasting=False)
        return self._reporter.changed(here, its, [item for item in changed if item.reporting is not None])

    def say(self, here: Endpoint, cluster: int, command: int, payload: bytes, *, target_endpoint: int) -> None:
        """Send a server's command to the coordinator."""
        frame = zcl.Frame(self.next_sequence(), command, payload, specific=True, to_client=True)
        self._send(here, cluster, frame, target_endpoint)

    def request(self, here: Endpoint, cluster: int, command: int, payload: bytes) -> None:
        """Send a client's command to the coordinator."""
        frame = zcl.Frame(self.next_sequence(), command, payload, specific=True)
        self._send(here, cluster, frame, 1)

    def tell_bound(self, here: Endpoint, cluster: int, command: int, payload: bytes, *, to_client: bool = False) -> int:
        """Send a command to whoever is bound, a client's by default, and return how many frames went out."""
        more = {"specific": True, "to_client": to_client, "no_default_response": True}
        return self._send_bound(here, cluster, lambda: zcl.Frame(self.next_sequence(), command, payload, **more))

    def report(self, here: Endpoint, cluster: int, attributes: list[Attribute]) -> int:
        """Send a report to whoever is bound, and return how many frames went out."""
        payload, more = zcl.report(attributes), {"to_client": True, "no_default_response": True}
        return self._send_bound(
            here, cluster, lambda: zcl.Frame(self.next_sequence(), zcl.General.REPORT, payload, **more)
        )

    def later(self, key: str, seconds: float, call: Callable[[], object]) -> None:
        """Do something in a while, instead of what was planned under the same key."""
        self.cancel(key)
        self._timers[key] = self._air.timers.after(seconds, call)

    def cancel(self, key: str) -> None:
        """Do after all not what was planned under this key, if anything."""
        self._air.timers.cancel(self._timers.pop(key, None))

    def write(self, cluster: Cluster, attribute: Attribute, value: object) -> None:
        """Take a value written by the coordinator: see `zcl.Server`."""
        self.update(self._home_of(cluster), cluster.number, **{attribute.name: value})
        if (cluster.number, attribute.number) in commands.WRITTEN:
            self.later(f"written {attribute.name}", 0, lambda: self._written(cluster, attribute))

    def configure(self, cluster: Cluster, attribute: Attribute, reporting: Reporting | None) -> None:
        """Take a reporting configuration: see `zcl.Server`."""
        attribute.reporting = reporting
        self._reporter.configured(self._home_of(cluster), cluster, attribute)
        self._changed(lasting=True)

    def neighbours(self) -> list[zdo.Neighbour]:
        """Return whom it hears."""
        return self._air.neighbours(self._ieee)

    def routes(self) -> list[zdo.Route]:
        """Return its routing table."""
        return self._air.routes(self._ieee)

    def noise(self, channel: int) -> int:
        """Return the energy it measures on a channel."""
        return topology.noise(self._ieee, channel)

    def bind(self, binding: zdo.Binding) -> zdo.Status:
        """Add to the binding table."""
        endpoint = self.endpoints.get(binding.endpoint)
        if endpoint is None:
            return zdo.Status.INVALID_ENDPOINT
        if binding.cluster not in endpoint.clusters and binding.cluster not in endpoint.clients:
            return zdo.Status.NOT_SUPPORTED
        if len(self.bindings) >= MAX_BINDINGS:
            return zdo.Status.TABLE_FULL
        self.bindings.add(binding)
        self._changed(lasting=True)
        return zdo.Status.SUCCESS

    def unbind(self, binding: zdo.Binding) -> zdo.Status:
        """Take from the binding table."""
        if binding not in self.bindings:
            return zdo.Status.NO_ENTRY
        self.bindings.discard(binding)
        self._changed(lasting=True)
        return zdo.Status.SUCCESS

    def asked_to_leave(self, *, rejoin: bool) -> None:
        """Leave the network, soon."""
        del rejoin
        self.later("leave", 0 if self.instant else 0.05, lambda: self._air.gone(self))

    def asked_to_permit(self, seconds: int) -> None:
        """Take new devices as their parent, for a while, if it is a router."""
        if not self.battery:
            now = asyncio.get_running_loop().time()
            self.permit_until = float("inf") if seconds == _PERMIT_FOREVER else now + seconds

    def asked_to_move(self, channel: int, update_id: int) -> None:
        """Follow the coordinator, wherever it goes."""

    def _changed(self, *, lasting: bool) -> None:
        self.changes += 1
        self._air.changed(lasting=lasting)

    def _written(self, cluster: Cluster, attribute: Attribute) -> None:
        with suppress(KeyError):  # as for commands
            commands.WRITTEN[cluster.number, attribute.number](self, self._home_of(cluster), attribute, self._writer)

    def _home_of(self, cluster: Cluster) -> Endpoint:
        # A frame may have seen but a part of the cluster.
        mine = cluster.attributes.values()
        return next(
            endpoint
            for endpoint in self.endpoints.values()
            if (its := endpoint.clusters.get(cluster.number)) is cluster
            or (its is not None and any(one is other for one in mine for other in its.attributes.values()))
        )

    def _hear_zdo(self, aps: ApsFrame, data: bytes, sender: str, *, alone: bool) -> None:
        if not alone and aps.cluster not in _ASKED_OF_ALL:
            return
        answer = zdo.answer(self, aps.cluster, data)
        if answer is not None and (alone or aps.cluster != zdo.Request.PERMIT_JOINING):
            response = ApsFrame(ZDO_PROFILE, aps.cluster | zdo.RESPONSE, 0, 0, 0, 0, 0)
            self._air.carry(self, response, answer, to=sender)

    def _hear_zcl(self, here: Endpoint, aps: ApsFrame, data: bytes) -> zcl.Frame | None:
        try:
            frame = zcl.decode(data)
        except ZclError:
            return None  # a real device drops what it cannot read
        cluster = (here.clients if frame.to_client else here.clusters).get(aps.cluster)
        if frame.command == zcl.General.DEFAULT_RESPONSE and not frame.specific:
            return None
        if cluster is None:
            return frame.default(zcl.Status.UNSUPPORTED_CLUSTER)
        self._writer = aps.source_endpoint
        try:
            return self._own_command(here, cluster, frame) if frame.specific else zcl.answer(self, cluster, frame)
        except ZclError:
            return frame.default(zcl.Status.MALFORMED_COMMAND)

    def _own_command(self, here: Endpoint, cluster: Cluster, frame: zcl.Frame) -> zcl.Frame | None:
        if frame.manufacturer is not None:
            return frame.default(zcl.Status.UNSUP_MANUF_CLUSTER_COMMAND)
        table = commands.OF_CLIENTS if frame.to_client else commands.OF_SERVERS
        handler = table.get((cluster.number, frame.command))
        if handler is None or (frame.command not in cluster.received and not frame.to_client):
            return frame.default(zcl.Status.UNSUP_CLUSTER_COMMAND)
        groups = set(self.groups)
        try:
            outcome = handler(self, here, frame.payload)
        except KeyError:  # a described device may lack what the command needs
            outcome = zcl.Status.FAILURE
        if self.groups != groups:
            self._changed(lasting=True)
        if not frame.to_client:
            facts = {"endpoint": here.number, "cluster": cluster.number, "command": frame.command}
            self._air.noticed("command", self, **facts, payload=frame.payload.hex())
        if isinstance(outcome, Reply):
            return frame.reply(outcome.command, outcome.payload, specific=True)
        return frame.default(outcome)

    def _send(
        self, here: Endpoint, cluster: int, frame: zcl.Frame, target_endpoint: int, to: str = "", group: int = 0
    ) -> None:
        aps = ApsFrame(here.profile, cluster, here.number, target_endpoint, 0, group, 0)
        self._air.carry(self, aps, frame.encode(), to=to)

    def _send_bound(self, here: Endpoint, cluster: int, made: Callable[[], zcl.Frame]) -> int:
        targets = [one for one in sorted(self.bindings) if (one.endpoint, one.cluster) == (here.number, cluster)]
        for target in targets:
            self._send(here, cluster, made(), target.target_endpoint, target.ieee, target.group)
        return len(targets)
