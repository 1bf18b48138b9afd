"""One device the plugin knows: its record, whether it can be reached, and its reports on their way into state."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.sdk import (
    Availability,
    ButtonPressed,
    Device,
    DeviceError,
    DevicePlugin,
    Feature,
    InvalidValueError,
    LockOperated,
    check_value,
)
from device_plugins.zigbee.availability import Watch
from device_plugins.zigbee.mapping import IAS_ZONE, Facts, Point, Report, Said, Signature, action, describe
from device_plugins.zigbee.mapping.buttons import DETECTED
from device_plugins.zigbee.mapping.clusters import DOOR_LOCK, IAS_ACE
from device_plugins.zigbee.mapping.decode import Value
from device_plugins.zigbee.mapping.features import LINK_QUALITY, SIGNAL_STRENGTH
from device_plugins.zigbee.mapping.locks import operation
from device_plugins.zigbee.mapping.presses import pressed, tells_plainly
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.network import AttributeEvent, Node
from hub.api import Undo

LOG = logging.getLogger("hub.zigbee")

_TOUCH_EVERY = 60.0
_ZONE_STATUS = 0x0002
_STATUS_CHANGE, _ENROLL_REQUEST = 0x00, 0x01


class Record(msgspec.Struct):
    """What is remembered of a device; `configured` says that binding and reporting are done, `left` that it went.

    `reporting` is what the owner has chosen instead of the usual, by `joining.place_of` a point.
    """

    signature: Signature
    facts: Facts
    configured: bool = False
    left: bool = False
    reporting: dict[str, Report] = {}


class Known:
    """A device with its mapping. It hears its node (`network.Ears`) and tells the plugin."""

    def __init__(self, plugin: DevicePlugin, ieee: str, record: Record) -> None:
        self.ieee = ieee
        self.id = f"zigbee-{ieee}"
        self.node: Node | None = None
        self.status: Availability = "unknown"
        self.enrolling: bool = False
        self.reports = 0
        self.incomplete = 0
        """How often it answered, but not everything, while it was configured."""
        self.watch = Watch(mains=record.signature.mains)
        self._plugin = plugin
        self._unlisten: Undo | None = None
        self._next_touch = 0.0
        self._pairs: dict[str, list[Any]] = {}
        self.learn(record)

    def learn(self, record: Record) -> None:
        """Take a (new) record and map the device anew."""
        signature = record.signature
        self.record = record
        self.watch.mains = signature.mains
        self.mapping = describe(signature, record.facts)
        self.device = Device(
            id=self.id,
            protocol="zigbee",
            model=signature.model,
            manufacturer=signature.manufacturer,
            firmware=self.mapping.firmware,
            features=self.mapping.features,
            suggested_name=signature.model,
        )
        routes: dict[tuple[int, int, int], list[Point]] = {}
        for point in self.mapping.points:
            routes.setdefault((point.endpoint, point.cluster, point.attribute), []).append(point)
        # A device may tell what it would not take, so what it tells is held against the vocabulary alone.
        self._words = {f.key: Feature(f.key, f.capability) for f in self.mapping.features}
        self._routes = {place: tuple(points) for place, points in routes.items()}
        self._keys = {(f.capability, f.endpoint): f.key for f in self.mapping.features}
        if self.node is not None:
            self.attach(self.node)

    def attach(self, node: Node) -> None:
        """Hear this node."""
        self.detach()
        self.node = node
        self.watch.resume(self._plugin.ctx.clock.monotonic())
        inputs = {(point.endpoint, point.cluster, point.output) for point in self.mapping.points}
        inputs |= {(endpoint, IAS_ZONE, False) for endpoint in self.mapping.zones}
        self._unlisten = node.listen(inputs, (*self.mapping.remotes, *self.mapping.detectors), self)

    def detach(self) -> None:
        """Hear nothing any more."""
        self.node = None
        self.watch.pause()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    def available(self, status: Availability, reason: str = "") -> None:
        """Say whether it can be reached."""
        self.status = status
        self._plugin.available(self.id, status, reason)

    def silent(self, node: Node) -> None:
        """Note that it did not answer through this node, unless it sleeps or the radio was lost since."""
        if self.node is node and self.record.signature.mains:
            self.watch.doubt()
            self.available("offline", "it does not answer")

    def alive(self, lqi: int | None) -> None:
        """Note a sign of life; the link quality follows at most once a minute."""
        if self.status != "online":
            self.available("online")
        now = self._plugin.ctx.clock.monotonic()
        self.watch.heard(now)
        if now >= self._next_touch:
            self._next_touch = now + _TOUCH_EVERY
            self._plugin.seen(self.id)
            if lqi is not None:
                self._plugin.report(self.id, LINK_QUALITY, lqi)
            if self.node is not None and (rssi := self.node.rssi) is not None:
                self._plugin.report(self.id, SIGNAL_STRENGTH, rssi)

    def points_of(self, name: str, endpoint: int) -> list[Point]:
        """Where the value of a capability or a setting comes from."""
        return [p for p in self.mapping.points if p.name == name and p.endpoint == endpoint]

    def key_of(self, name: str, endpoint: int) -> str:
        """The key of a capability or a setting of an endpoint; empty if there is no such thing."""
        named = (point.key for point in self.points_of(name, endpoint))
        return next(named, "") or self._keys.get((name, endpoint), "")

    def valueless(self) -> list[Point]:
        """The points whose value is not known, not even from before the last start."""
        state = self._plugin.ctx.state
        return [point for point in self.mapping.points if state.get(f"device/{self.id}/{point.key}") is None]

    def feature(self, key: str) -> Feature | None:
        """The feature with this key."""
        return self.device.feature(key)

    # What the node says

    def heard(self, event: AttributeEvent) -> None:
        """An attribute's value came in."""
        self.reports += 1
        self._tell(event.endpoint_id, event.cluster_id, event.attribute_id, event.value)

    def sink(self, endpoint: int, cluster: int, attribute: int) -> Callable[[Raw], None] | None:
        """What takes the values of an input cluster's attribute as `heard` does; None if nothing comes of them."""
        points = self._routes.get((endpoint, cluster, attribute), ())
        # With a point of an output in the same place, it takes an event to tell whose value it is.
        if not points or any(point.output for point in points):
            return None

        def take(raw: Raw) -> None:
            self.reports += 1
            self._tell(endpoint, cluster, attribute, raw)

        return take

    def received(
        self, endpoint: int, cluster: int, command: int, payload: tuple[object, ...], said: Said | None
    ) -> None:
        """A command came in: a button, or an alarm zone."""
        self.reports += 1
        if cluster == IAS_ZONE and endpoint in self.mapping.zones:
            self._zone_said(endpoint, command, payload)
        elif (endpoint, cluster) in self.mapping.detectors:
            self._detected(endpoint, command)
        elif cluster == DOOR_LOCK and (operated := operation(command, payload)):
            self._publish("device.lock", "lock", endpoint, LockOperated(*operated))
        elif said is not None and not self._commanded(endpoint, cluster, action(cluster, command, payload)):
            self.pressed(said)

    def _commanded(self, endpoint: int, cluster: int, doing: str | None) -> bool:
        """Tell of a press by a command of the ZCL; whether it was one."""
        if doing is None or (endpoint, cluster) not in self.mapping.remotes:
            return False
        if cluster == IAS_ACE or tells_plainly(self.record.signature.presses, cluster):
            kind = "keypad" if cluster == IAS_ACE else "button"
            self._publish("device.button", kind, endpoint, ButtonPressed(doing, str(endpoint)))
        return True

    def pressed(self, said: Said) -> bool:
        """A quirk told of a press in its own words, or a command is one only by its quirk."""
        press = pressed(self.record.signature.presses, said)
        if press is None:
            return False
        keys = [key for (name, _), key in self._keys.items() if name == "button"]
        key = self._keys.get(("button", said.endpoint)) or next(iter(keys), "")
        if not key:
            return False
        told = ButtonPressed(press.action, press.button or str(said.endpoint))
        self._plugin.ctx.events.publish("device.button", f"device/{self.id}/{key}", told)
        return True

    def _publish(self, event: str, capability: str, endpoint: int, data: object) -> None:
        if key := self._keys.get((capability, endpoint)):
            self._plugin.ctx.events.publish(event, f"device/{self.id}/{key}", data)

    def _detected(self, endpoint: int, command: int) -> None:
        if (is_there := DETECTED.get(command)) is not None and (key := self._keys.get(("occupancy", endpoint))):
            self._plugin.report(self.id, key, is_there)

    def _zone_said(self, endpoint: int, command: int, payload: tuple[object, ...]) -> None:
        if command == _STATUS_CHANGE and payload and isinstance(payload[0], int):
            self._tell(endpoint, IAS_ZONE, _ZONE_STATUS, payload[0])
        elif command == _ENROLL_REQUEST and self.node is not None and not self.enrolling:
            self.enrolling = True
            self._plugin.ctx.tasks.start(f"enroll {self.ieee}", self._enroll(self.node, endpoint))

    async def _enroll(self, node: Node, endpoint: int) -> None:
        try:
            await node.answer_enroll(endpoint)
        except DeviceError as error:
            LOG.warning("%s was not enrolled: %s", self.id, error)
        finally:
            self.enrolling = False

    def _tell(self, endpoint: int, cluster: int, attribute: int, raw: Raw) -> None:
        for point in self._routes.get((endpoint, cluster, attribute), ()):
            try:
                value = self._decoded(point, raw)
                if point.part is not None:
                    self._pair(point.key, point.part, value)
                elif value is None:
                    self._plugin.ctx.state.delete(f"device/{self.id}/{point.key}")
                else:
                    self._plugin.report(self.id, point.key, check_value(self._words[point.key], value, self.id))
            except (TypeError, ValueError, OverflowError, InvalidValueError) as error:
                LOG.warning("%s: %s cannot be %.80r: %s", self.id, point.key, raw, error)

    def _decoded(self, point: Point, raw: Raw) -> Value | None:
        told = self.node.converted(point.endpoint, point.name, raw) if point.converted and self.node else raw
        return None if told is None else point.decode(told)

    def _pair(self, key: str, part: int, value: object) -> None:
        """Hold one half back until the whole message has been read: the other half usually stands beside it."""
        halves = self._pairs.setdefault(key, [None, None, False])
        halves[part] = value
        if value is None:  # the device does not know it; of a half that was not heard yet nothing is said
            self._plugin.ctx.state.delete(f"device/{self.id}/{key}")
        if not halves[2]:
            halves[2] = True
            asyncio.get_running_loop().call_soon(self._tell_pair, key, halves)

    def _tell_pair(self, key: str, halves: list[Any]) -> None:
        halves[2] = False
        if halves[0] is not None and halves[1] is not None:
            try:
                self._plugin.report(self.id, key, check_value(self._words[key], halves[:2], self.id))
            except InvalidValueError as error:
                LOG.warning("%s", error)
