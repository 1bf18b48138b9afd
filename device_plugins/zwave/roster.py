"""The devices of the network: from nodes to announced devices, from what they tell to state and events."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from device_plugins.sdk import Device, DevicePlugin
from device_plugins.zwave.known import Known, id_of
from device_plugins.zwave.mapping import ValueId, happened
from device_plugins.zwave.network import Network, NodeState, Status
from hub.api import HubError, Undo, event_type

LOG = logging.getLogger("hub.zwave")

type Heard = Callable[[str, dict[str, Any]], None]
type Updated = Callable[[Any], None]

_DEVICE = "device/"
_PAGE = 500
# What an interview tells comes in hundreds of pieces.
_GATHER = 0.2
_NOT_HEARD = "it has not been heard since the hub started"
# Z-Wave JS's reasons of a node's removal after which another one takes its id: Replaced, ProxyReplaced.
_REPLACED = {"3", "4"}
_GONE = "it is no longer in the network; include it again, or remove it"


class Roster:
    """See `network.Listener`."""

    def __init__(self, plugin: DevicePlugin, lost: Callable[[str], None]) -> None:
        self.known: dict[str, Known] = {}
        self.heard: list[Heard] = []
        """Who hears what the controller tells."""
        self.ready_nodes: list[Callable[[Device], None]] = []
        """Who hears of a node whose interview is complete, each time that it is."""
        self.gone_for_good: Callable[[str], Awaitable[object]] = self.forget
        """Has the registry forget a device, its name and its area."""
        self._plugin = plugin
        self._ctx = plugin.ctx
        self._lost = lost
        self._network: Network | None = None
        self._waiting: dict[tuple[int, ValueId], list[Updated]] = {}
        self._changed: set[int] = set()
        self._former: set[int] = set()
        """The nodes whose ids are known as those of devices that have left."""
        self._replaced: set[int] = set()
        """The nodes in whose place others come, under the same name."""
        self._gathering: Undo | None = None

    # The life of the plugin and of the network

    async def load(self) -> None:
        """Announce the devices remembered; none has been heard yet."""
        after = ""
        while page := await self._ctx.storage.list(_DEVICE, after=after, limit=_PAGE):
            for _, value in page:
                device = msgspec.convert(value, Device)
                known = self.known[device.id] = Known(self._plugin, device)
                await self._plugin.announce(device)
                self._ctx.state.delete(f"device/{device.id}/pending")
                self._plugin.available(device.id, "unknown", _NOT_HEARD)
                known.status = "unknown"
            after = page[-1][0]

    async def attach(self, network: Network) -> None:
        """The network is up: match its nodes with what is known."""
        self._network = network
        there = {id_of(network.home_id, state.facts.node): state for state in network.nodes()}
        for device, known in self.known.items():
            if device not in there:
                known.away(_GONE)
        for state in there.values():
            await self._take(state)

    def detach(self, reason: str) -> None:
        """The network is gone, and every device with it."""
        self._network = None
        self._changed.clear()
        self._replaced.clear()
        if self._gathering is not None:
            self._gathering()
            self._gathering = None
        for known in self.known.values():
            known.away(f"network lost: {reason}")

    async def forget(self, device: str) -> None:
        """Remember it no longer."""
        self.known.pop(device, None)
        await self._ctx.storage.delete(_DEVICE + device, durable=True)

    def on_update(self, node: int, value: ValueId, updated: Updated) -> Undo:
        """Hear each raw value that a node tells at `value`."""
        place = (node, value)
        self._waiting.setdefault(place, []).append(updated)

        def undo() -> None:
            self._waiting[place].remove(updated)
            if not self._waiting[place]:
                del self._waiting[place]

        return undo

    # What the network says

    def added(self, node: int) -> None:
        """A node came into the network; its id may have been another's before."""
        known = self._of(node)
        if known is not None and node not in self._replaced:
            known.away(_GONE)
            self._former.add(node)
        self._replaced.discard(node)
        self.found(node)

    def found(self, node: int) -> None:
        """A node was interviewed, or has other values than before."""
        self._changed.add(node)
        if self._gathering is None:
            self._gathering = self._ctx.clock.call_later(_GATHER, self._gathered)

    def status(self, node: int, status: Status) -> None:
        """A node fell asleep, woke up, died or came back."""
        known = self._of(node)
        if known is not None:
            known.stand(status)
            if status in {"alive", "awake"}:
                known.alive()

    def value(self, node: int, value: ValueId, raw: Any) -> None:  # noqa: ANN401 - Z-Wave JS's types
        """A node told a value."""
        known = self._of(node)
        if known is not None:
            known.tell(value, raw)
        for updated in [*self._waiting.get((node, value), ())]:
            updated(raw)

    def notified(self, node: int, command_class: int, endpoint: int, args: dict[str, Any]) -> None:
        """A node told something that is no value."""
        known = self._of(node)
        if known is None:
            return
        known.hear()
        told = happened(command_class, endpoint, args)
        if told is not None:
            key, data = told
            self._ctx.events.publish(event_type(type(data)), f"device/{known.device.id}/{key}", data)

    def removed(self, node: int, reason: str) -> None:
        """A node is no longer in the network."""
        known = self._of(node)
        if known is not None:
            LOG.info("%s left the network: %s", known.device.id, reason)
            known.away(_GONE)
            if reason in _REPLACED:
                self._replaced.add(node)

    def told(self, event: str, data: dict[str, Any]) -> None:
        """The controller told something."""
        for heard in self.heard:
            heard(event, data)

    def lost(self, reason: str) -> None:
        """The network is gone."""
        self._lost(reason)

    # Small things

    def _of(self, node: int) -> Known | None:
        return self.known.get(id_of(self._network.home_id, node)) if self._network is not None else None

    def _gathered(self) -> None:
        self._gathering = None
        self._ctx.tasks.start("Z-Wave nodes", self._take_changed())

    async def _take_changed(self) -> None:
        while self._changed and self._network is not None:
            state = self._network.node(self._changed.pop())
            if state is not None:
                await self._take(state)

    async def _end(self, device: str) -> None:
        try:
            await self.gone_for_good(device)
        except HubError as error:
            LOG.warning("The device that comes as %s keeps the name of the former one: %s", device, error)

    async def _take(self, state: NodeState) -> None:
        """Take over what a node is; one that was never interviewed is no device yet."""
        if self._network is None:
            return
        device = id_of(self._network.home_id, state.facts.node)
        if state.facts.node in self._former:
            self._former.discard(state.facts.node)
            await self._end(device)
        known = self.known.get(device)
        if not state.ready:
            # What is known of it from before its interview began anew is better than half of it.
            if known is not None:
                known.stand(state.status)
            return
        if known is None:
            known = self.known[device] = Known(self._plugin, Device(id=device, protocol="zwave"))
        if known.learn(state.facts) or device not in self._plugin.devices:
            await self._ctx.storage.set(_DEVICE + device, msgspec.to_builtins(known.device), durable=True)
            await self._plugin.announce(known.device)
        known.tell_all(state.facts)
        known.stand(state.status)
        for hear in self.ready_nodes:
            hear(known.device)
