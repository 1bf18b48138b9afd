"""The devices the plugin knows, and what becomes of them as the network and the radio come and go."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from device_plugins.sdk import Device, DevicePlugin, UnreachableError
from device_plugins.zigbee.joining import SilentError, learn_facts, read_values, set_up
from device_plugins.zigbee.known import Known, Record
from device_plugins.zigbee.mapping import Facts
from device_plugins.zigbee.network import Node, Radio
from hub.api import HubError, Task

LOG = logging.getLogger("hub.zigbee")

_DEVICE, _REMOVED = "device/", "removed/"
_PAGE = 500
_CONFIGURE_LIMIT = 120.0
_CONFIGURE_AGAIN = 30.0
_NOT_HEARD = "not heard from since the hub started"
_BACK = "the radio is back, the device has not been heard from yet"
_LEFT = "it left the network"


class Roster:
    """Keeps a record of each device, and configures it when it joins; it is the radio's `network.Listener`."""

    def __init__(self, plugin: DevicePlugin, lost: Callable[[str], None]) -> None:
        self.known: dict[str, Known] = {}
        self._lost = lost
        self._plugin = plugin
        self._ctx = plugin.ctx
        self._radio: Radio | None = None
        self._joining: dict[str, Task[None]] = {}
        self._tried: dict[str, float] = {}

    # The life of the plugin and of the radio

    async def load(self) -> None:
        """Announce the devices remembered; none has been heard yet."""
        for key, value in await self._stored(_DEVICE):
            ieee = key.removeprefix(_DEVICE)
            known = self.known[ieee] = Known(self._plugin, ieee, msgspec.convert(value, Record))
            await self._plugin.announce(known.device)
            if known.record.left:
                known.available("offline", _LEFT)
            else:
                known.available("unknown", _NOT_HEARD)

    async def attach(self, radio: Radio) -> None:
        """The network is up: match its devices with the records."""
        self._radio = radio
        nodes = {node.ieee: node for node in radio.nodes()}
        for key, _ in await self._stored(_REMOVED):
            ieee = key.removeprefix(_REMOVED)
            if ieee in nodes:
                del nodes[ieee]
                await radio.remove(ieee)
            await self._ctx.storage.delete(key)
        for ieee, known in self.known.items():
            if ieee not in nodes:
                known.available("offline", "the radio does not know it; pair it again")
        for ieee, node in nodes.items():
            self._match(ieee, node)
        self._ctx.tasks.start("read values", self._refresh(radio))

    def detach(self, reason: str) -> None:
        """The radio is gone, and every device with it."""
        self._radio = None
        for task in [*self._joining.values()]:
            task.cancel()
        for known in self.known.values():
            known.detach()
            if not known.record.left:
                known.available("offline", f"radio lost: {reason}")

    async def forget(self, device: Device) -> None:
        """Make the device leave; if the radio is down, as soon as it is back."""
        ieee = device.id.removeprefix("zigbee-")
        if task := self._joining.get(ieee):
            task.cancel()
        known = self.known.pop(ieee, None)
        if known is not None:
            known.detach()
        if self._radio is not None:
            await self._radio.remove(ieee)
        else:
            await self._ctx.storage.set(_REMOVED + ieee, value=True)
        await self._ctx.storage.delete(_DEVICE + ieee, durable=True)

    # What the radio says

    def joined(self, ieee: str) -> None:
        """A device joined; its interview begins."""
        device = self._about(ieee)
        self._plugin.pairing_step("joined", device, progress=0.1)
        self._plugin.pairing_step("interviewing", device, progress=0.2)

    def interviewed(self, node: Node) -> None:
        """A device's interview is complete, or was when it came back under a new address."""
        self._configure(node, fresh=True)

    def announced(self, node: Node) -> None:
        """A known device is back under its old address, as after a loss of power."""
        known = self.known.get(node.ieee)
        if known is None or known.record.left or not known.record.configured:
            # A device that has just joined announces itself while it is being configured.
            self._configure(node, fresh=node.ieee not in self._joining)
        else:
            self._ctx.tasks.start(f"read values {node.ieee}", self._read(known, node, background=True))

    def interview_failed(self, ieee: str) -> None:
        """A device's interview failed."""
        reason = "it stopped answering during the interview; bring it nearer, keep it awake and try again"
        self._plugin.pairing_step("failed", self._about(ieee), reason=reason)

    def left(self, ieee: str) -> None:
        """A device left the network."""
        known = self.known.get(ieee)
        if known is not None and not known.record.left:
            known.record.left = True
            known.available("offline", _LEFT)
            self._ctx.tasks.start(f"remember {ieee}", self._save(known))

    def alive(self, ieee: str, lqi: int | None) -> None:
        """Something came from a device."""
        known = self.known.get(ieee)
        if known is None or known.record.left:
            return
        known.alive(lqi)
        if not known.record.configured and known.node is not None:
            self._configure(known.node, fresh=False)

    def lost(self, reason: str) -> None:
        """The radio is gone."""
        self._lost(reason)

    # Joining

    def _match(self, ieee: str, node: Node) -> None:
        known = self.known.get(ieee)
        if known is None:
            self._configure(node, fresh=True)
            return
        known.attach(node)
        if not known.record.left:
            known.available("unknown", _BACK)

    def _configure(self, node: Node, *, fresh: bool) -> None:
        """Configure in the background: at once if `fresh`, otherwise if the last attempt was some time ago."""
        now = self._ctx.clock.monotonic()
        running = self._joining.get(node.ieee)
        if not fresh and (running or now - self._tried.get(node.ieee, -_CONFIGURE_AGAIN) < _CONFIGURE_AGAIN):
            return
        if running:
            running.cancel()
        self._tried[node.ieee] = now
        task = self._ctx.tasks.start(f"configure {node.ieee}", self._join(node))
        if not task.done():
            self._joining[node.ieee] = task

    async def _join(self, node: Node) -> None:
        own = asyncio.current_task()
        try:
            async with asyncio.timeout(_CONFIGURE_LIMIT):
                await self._set_up(node)
        except (HubError, TimeoutError) as error:
            reason = str(error) or f"it was not configured within {_CONFIGURE_LIMIT:g} s"
            if isinstance(error, SilentError):
                reason += "; wake it up, it is configured as soon as it is heard"
            LOG.warning("%s joined but could not be configured: %s", node.ieee, reason)
            self._plugin.pairing_step("failed", self._about(node.ieee), reason=reason)
        finally:
            if self._joining.get(node.ieee) is own:
                del self._joining[node.ieee]

    async def _set_up(self, node: Node) -> None:
        known = await self._learn(node)
        self._plugin.pairing_step("interviewing", known.device, progress=0.6)
        if self._radio is not None:
            with suppress(TimeoutError):
                await self._radio.flush()
        await self._save(known, durable=True)
        await self._plugin.announce(known.device)
        known.available("online")
        self._plugin.pairing_step("interviewing", known.device, progress=0.8)
        problems = await set_up(node, known.mapping)
        await read_values(node, known.mapping.points)
        known.record.configured = True
        await self._save(known, durable=True)
        self._plugin.pairing_step("configured", known.device, progress=1.0, reason="; ".join(problems))

    async def _learn(self, node: Node) -> Known:
        """The device with a record that fits what it is now; what is known of it stays."""
        signature = node.signature()
        known = self.known.get(node.ieee)
        if known is None or known.record.signature != signature or not known.record.configured:
            silent: SilentError | None = None
            try:
                facts = await learn_facts(node, signature)
            except SilentError as error:
                silent, facts = error, known.record.facts if known else Facts(values={}, unsupported=[])
            record = Record(signature, facts)
            if known is None:
                known = self.known[node.ieee] = Known(self._plugin, node.ieee, record)
            else:
                known.learn(record)
            if silent is not None:
                await self._announce_silent(known)
                raise silent
        known.record.left = False
        known.attach(node)
        return known

    async def _announce_silent(self, known: Known) -> None:
        await self._save(known, durable=True)
        await self._plugin.announce(known.device)

    # Small things

    async def _refresh(self, radio: Radio) -> None:
        """Ask the devices that listen all the time for their values, one after the other, behind all other traffic."""
        for known in [*self.known.values()]:
            node = known.node
            if self._radio is radio and node is not None and known.record.signature.mains and not known.record.left:
                if known.record.configured:
                    await self._read(known, node, background=True)
                else:
                    self._configure(node, fresh=False)

    async def _read(self, known: Known, node: Node, *, background: bool) -> None:
        try:
            await read_values(node, known.mapping.points, background=background)
        except UnreachableError:
            if known.node is node:
                known.available("offline", "it does not answer")

    async def _save(self, known: Known, *, durable: bool = False) -> None:
        value = msgspec.to_builtins(known.record)
        await self._ctx.storage.set(_DEVICE + known.ieee, value, durable=durable)

    async def _stored(self, prefix: str) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        after = ""
        while page := await self._ctx.storage.list(prefix, after=after, limit=_PAGE):
            found += page
            after = page[-1][0]
        return found

    def _about(self, ieee: str) -> Device:
        known = self.known.get(ieee)
        return known.device if known else Device(id=f"zigbee-{ieee}", protocol="zigbee")
