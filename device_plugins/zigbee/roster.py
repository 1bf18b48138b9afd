"""The devices the plugin knows, and what becomes of them as the network and the radio come and go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from device_plugins.sdk import Device, DevicePlugin
from device_plugins.zigbee.actions import Actions
from device_plugins.zigbee.joining import SilentError, learn_facts, read_values, set_up
from device_plugins.zigbee.known import Known, Record
from device_plugins.zigbee.mapping import Facts, Point
from device_plugins.zigbee.network import Node, Radio, RadioError
from device_plugins.zigbee.retries import Retries
from hub.api import HubError, Task

type Restore = Callable[[Known], Awaitable[list[str]]]
"""Returns what a device would not take, in sentences."""

LOG = logging.getLogger("hub.zigbee")

# What is stored: records of devices; short addresses of those that were not yet interviewed; those told to leave.
_DEVICE, _JOINED, _REMOVED = "device/", "joined/", "removed/"
_PAGE = 500
_CONFIGURE_LIMIT = 120.0
_CONFIGURE_AGAIN = 30.0
# So often a device that answers is asked again for the answers that are missing.
_MISSING_ANSWERS = 2
_NOT_HEARD = "not heard from since the hub started"
_BACK = "the radio is back, the device has not been heard from yet"
_LEFT = "it left the network"


class Roster:
    """Keeps a record of each device, and configures it when it joins; it is the radio's `network.Listener`."""

    def __init__(self, plugin: DevicePlugin, lost: Callable[[str], None], actions: Actions) -> None:
        self.known: dict[str, Known] = {}
        self._actions = actions
        self._lost = lost
        self._plugin = plugin
        self._ctx = plugin.ctx
        self._radio: Radio | None = None
        self._joining: dict[str, Task[None]] = {}
        self._tried: dict[str, float] = {}
        self._retries = Retries(plugin.ctx.clock)
        self._leaving: set[str] = set()
        self.changed: Callable[[], None] = lambda: None
        """Told when a device has joined, was set up or has left, and when all have their quirks."""
        self.restorers: list[Restore] = []
        """What puts back on a device that has joined anew what it was told before."""

    # The life of the plugin and of the radio

    async def load(self) -> None:
        """Announce the devices remembered; none has been heard yet."""
        for key, value in await self._stored(_DEVICE):
            ieee = key.removeprefix(_DEVICE)
            known = self.known[ieee] = Known(self._plugin, ieee, msgspec.convert(value, Record))
            await self._plugin.announce(known.device)
            self._ctx.state.delete(f"device/{known.id}/pending")
            if known.record.left:
                known.available("offline", _LEFT)
            else:
                known.available("unknown", _NOT_HEARD)

    async def attach(self, radio: Radio) -> None:
        """The network is up: match its devices with the records, and go on with what was cut short."""
        self._radio = radio
        nodes = {node.ieee: node for node in radio.nodes()}
        for key, _ in await self._stored(_REMOVED):
            ieee = key.removeprefix(_REMOVED)
            self._leaving.add(ieee)
            if nodes.pop(ieee, None):
                self._send_away(ieee)
        joined = await self._stored(_JOINED)
        # From here on without a pause: what a device tells may set off a command to any other.
        self._match_all(nodes)
        for key, short in joined:
            ieee = key.removeprefix(_JOINED)
            if ieee not in nodes:
                radio.interview(ieee, short)
        self._ctx.tasks.start("read values", self._refresh(radio))

    def begin(self, nodes: Mapping[str, Node]) -> None:
        """A head start: plain commands and reports pass, all else waits for `attach`."""
        for ieee, node in nodes.items():
            if (known := self.known.get(ieee)) is not None:
                known.attach(node)
                if known.status != "online":
                    known.available("unknown", _BACK)

    def detach(self, reason: str) -> None:
        """The radio is gone, and every device with it."""
        self._radio = None
        self._retries.close()
        for task in [*self._joining.values()]:
            task.cancel()
        for known in self.known.values():
            known.detach()
            if not known.record.left:
                known.available("offline", f"radio lost: {reason}")

    async def forget(self, device: Device) -> None:
        """Make the device leave; if it cannot be told now, as soon as it is heard or the radio is back."""
        ieee = device.id.removeprefix("zigbee-")
        self._leaving.add(ieee)
        self._retries.forget(ieee)
        self._tried.pop(ieee, None)
        await self._ctx.storage.set(_REMOVED + ieee, value=True, durable=True)
        if task := self._joining.get(ieee):
            task.cancel()
            _ = await asyncio.gather(task, return_exceptions=True)
        known = self.known.pop(ieee, None)
        if known is not None:
            known.detach()
        await self._ctx.storage.delete(_JOINED + ieee)
        await self._ctx.storage.delete(_DEVICE + ieee, durable=True)
        await self._dismiss(ieee)

    # What the radio asks and says

    def joined(self, ieee: str, short: int) -> None:
        """A device joined; its interview begins."""
        if self._is_unwanted(ieee):
            return
        self._retries.forget(ieee)
        self._ctx.tasks.start(f"remember {ieee}", self._ctx.storage.set(_JOINED + ieee, short, durable=True))
        self.changed()
        device = self._about(ieee)
        self._plugin.pairing_step("joined", device, progress=0.1)
        self._plugin.pairing_step("interviewing", device, progress=0.2)

    def interviewed(self, node: Node) -> None:
        """A device's interview is complete, or was when it came back under a new address."""
        if not self._is_unwanted(node.ieee):
            self._retries.forget(node.ieee)
            self._configure(node, fresh=True)

    def announced(self, node: Node) -> None:
        """A known device is back under its old address, as after a loss of power."""
        if self._is_unwanted(node.ieee):
            return
        known = self.known.get(node.ieee)
        if known is None or known.record.left or not known.record.configured:
            # A device that has just joined announces itself while it is being configured.
            self._configure(node, fresh=node.ieee not in self._joining)
        elif known.record.signature.mains:
            self._ctx.tasks.start(f"read values {node.ieee}", self._read(node, known, known.mapping.points))

    def interview_failed(self, ieee: str) -> None:
        """A device's interview failed."""
        reason = "it stopped answering during the interview; bring it nearer, keep it awake and try again"
        self._plugin.pairing_step("failed", self._about(ieee), reason=reason)
        if not self._retries.again(ieee, lambda: self._interview(ieee)):
            self._ctx.tasks.start(f"forget {ieee}", self._ctx.storage.delete(_JOINED + ieee))

    def left(self, ieee: str) -> None:
        """A device left the network."""
        self._retries.forget(ieee)
        self._tried.pop(ieee, None)
        known = self.known.get(ieee)
        joining = self._joining.get(ieee)
        if joining:
            joining.cancel()
        if ieee in self._leaving:
            self._ctx.tasks.start(f"forget {ieee}", self._has_left(ieee))
        elif joining or known is None:
            self._plugin.pairing_step("failed", self._about(ieee), reason=_LEFT)
            self._ctx.tasks.start(f"forget {ieee}", self._ctx.storage.delete(_JOINED + ieee))
        if known is not None and not known.record.left:
            known.record.left = True
            known.available("offline", _LEFT)
            self._ctx.tasks.start(f"remember {ieee}", self.save(known))
            self.changed()

    def alive(self, ieee: str, lqi: int | None) -> None:
        """Something came from a device."""
        known = self.known.get(ieee)
        if known is None:
            return
        if known.record.left:
            # A parent may tell late that it left: when it has come back through another one already.
            known.record.left = known.record.configured = False
        is_back = known.status != "online"
        known.alive(lqi)
        if self._radio is not None:  # in a head start, `attach` does it
            self._is_awake(known, is_back=is_back)

    def _is_awake(self, known: Known, *, is_back: bool) -> None:
        """Tell it what waited for it, configure it if that is to be done, and ask for what it has never told."""
        self._actions.queues.heard(known.id)
        if (node := known.node) is None:
            return
        if not known.record.configured:
            self._configure(node, fresh=False)
        elif is_back and not known.record.signature.mains and (missing := known.valueless()):
            # It sleeps, but not at this moment; its own report may be half a day away.
            self._ctx.tasks.start(f"read values {known.ieee}", self._read(node, known, missing))

    def lost(self, reason: str) -> None:
        """The radio is gone."""
        self._lost(reason)

    # Joining

    def _match_all(self, nodes: Mapping[str, Node]) -> None:
        for ieee, known in self.known.items():
            if ieee not in nodes:
                known.available("offline", "the radio does not know it; pair it again")
        for ieee, node in nodes.items():
            self._match(ieee, node)
        for known in [*self.known.values()]:
            if known.status == "online":  # it was heard in a head start
                self._is_awake(known, is_back=True)

    def _match(self, ieee: str, node: Node) -> None:
        known = self.known.get(ieee)
        if known is None:
            self._configure(node, fresh=True)
            return
        known.attach(node)
        if not known.record.left and known.status != "online":  # it may have been heard in a head start
            known.available("unknown", _BACK)

    def _configure(self, node: Node, *, fresh: bool) -> None:
        """Configure in the background: at once if `fresh`, otherwise if the last attempt was some time ago."""
        now = self._ctx.clock.monotonic()
        running = self._joining.get(node.ieee)
        if not fresh and (running or now < self._tried.get(node.ieee, now - _CONFIGURE_AGAIN) + _CONFIGURE_AGAIN):
            return
        if running:
            running.cancel()
        self._tried[node.ieee] = now
        task = self._ctx.tasks.start(f"configure {node.ieee}", self._join(node))
        if not task.done():
            self._joining[node.ieee] = task

    async def _join(self, node: Node) -> None:
        own = asyncio.current_task()
        reason = ""
        try:
            async with asyncio.timeout(_CONFIGURE_LIMIT):
                await self._set_up(node)
            self._retries.forget(node.ieee)
        except SilentError as error:
            reason = f"{error}; wake it up, it is configured as soon as it is heard"
        except (HubError, TimeoutError) as error:
            reason = str(error) or f"it was not configured within {_CONFIGURE_LIMIT:g} s"
        except Exception as error:  # nobody else would try this device again
            LOG.exception("%s could not be configured in an unexpected way", node.ieee)
            reason = f"an unexpected fault, see the log: {type(error).__name__}"
        finally:
            if self._joining.get(node.ieee) is own:
                del self._joining[node.ieee]
        if reason:
            self._not_configured(node, reason)

    def _not_configured(self, node: Node, reason: str) -> None:
        LOG.warning("%s joined but could not be configured: %s", node.ieee, reason)
        self._plugin.pairing_step("failed", self._about(node.ieee), reason=reason)
        known = self.known.get(node.ieee)
        if known is None or known.record.signature.mains:
            # Others are asleep; this one says nothing of its own accord before it is configured.
            self._retries.again(node.ieee, lambda: self._configure(node, fresh=True))

    async def _set_up(self, node: Node) -> None:
        known, unanswered = await self._learn(node)
        self._plugin.pairing_step("interviewing", known.device, progress=0.6)
        if self._radio is not None:
            await self._radio.flush()
        await self.save(known, durable=True)
        await self._ctx.storage.delete(_JOINED + node.ieee)
        await self._plugin.announce(known.device)
        known.available("online")
        self._plugin.pairing_step("interviewing", known.device, progress=0.8)
        refused, missing = await set_up(node, known.mapping, known.record.reporting)
        unanswered = [*unanswered, *missing]
        if unanswered and known.incomplete < _MISSING_ANSWERS:
            known.incomplete += 1
            raise SilentError(f"it did not answer everything ({', '.join(unanswered)})", device=known.id)
        for restore in self.restorers:
            refused += await restore(known)
        problems = [*refused, *(f"{what}: no answer" for what in unanswered)]
        for problem in problems:
            LOG.warning("Configuring %s: %s", node.ieee, problem)
        known.record.configured = True
        await self.save(known, durable=True)
        self.changed()
        # If it falls asleep meanwhile, what is missing is read when it is next heard.
        with suppress(SilentError):
            await read_values(node, known.mapping.points)
        self._plugin.pairing_step("configured", known.device, progress=1.0, reason="; ".join(problems))

    async def _learn(self, node: Node) -> tuple[Known, list[str]]:
        """The device with a record that fits what it is now, and what it would not tell; what is known of it stays."""
        await node.ready()
        signature = node.signature()
        unanswered: list[str] = []
        known = self.known.get(node.ieee)
        if known is None or known.record.signature != signature or not known.record.configured:
            old = known.record.facts if known else Facts(values={}, unsupported=[])
            facts = Facts(values={**old.values}, unsupported=[*old.unsupported])
            silent: SilentError | None = None
            try:
                unanswered = (await learn_facts(node, signature, facts)).unanswered
            except SilentError as error:
                silent = error
            record = Record(signature, facts, reporting=known.record.reporting if known else {})
            if known is None:
                known = self.known[node.ieee] = Known(self._plugin, node.ieee, record)
            else:
                known.learn(record)
            if silent is not None:
                await self.save(known, durable=True)
                await self._plugin.announce(known.device)
                known.attach(node)
                raise silent
        known.record.left = False
        known.attach(node)
        return known, unanswered

    # Leaving

    def _is_unwanted(self, ieee: str) -> bool:
        """Whether it was removed: one that shows up by itself is told to leave, one that is paired is welcome again."""
        if ieee not in self._leaving:
            return False
        if self._plugin.session:
            self._ctx.tasks.start(f"welcome {ieee}", self._has_left(ieee))
            return False
        self._send_away(ieee)
        return True

    def _send_away(self, ieee: str) -> None:
        self._ctx.tasks.start(f"send away {ieee}", self._dismiss(ieee))

    async def _dismiss(self, ieee: str) -> None:
        try:
            has_left = self._radio is not None and await self._radio.remove(ieee)
        except RadioError as error:
            LOG.warning("%s is not told to leave yet: %s", ieee, error)
            return
        if has_left:
            await self._has_left(ieee)

    async def _has_left(self, ieee: str) -> None:
        self._leaving.discard(ieee)
        await self._ctx.storage.delete(_REMOVED + ieee)

    # Small things

    async def _refresh(self, radio: Radio) -> None:
        """Ask the devices that listen all the time for their values, one after the other, behind all other traffic.

        Those come last that have to be waited for; at the end there are none.
        """
        for known in sorted(self.known.values(), key=lambda one: one.node is not None and one.node.is_waiting):
            node = known.node
            if self._radio is radio and node is not None and known.record.signature.mains and not known.record.left:
                if known.record.configured:
                    await self._read(node, known, known.mapping.points)
                else:
                    self._configure(node, fresh=False)
        for known in [*self.known.values()]:
            if self._radio is radio and known.node is not None:
                await known.node.ready()
        self.changed()

    def _interview(self, ieee: str) -> None:
        if self._radio is not None:
            self._radio.interview(ieee)

    async def _read(self, node: Node, known: Known, points: Iterable[Point]) -> None:
        try:
            async with self._actions.lanes.background(known.id):
                await read_values(node, points, background=True)
        except SilentError:
            if known.record.signature.mains:
                known.silent(node)

    async def save(self, known: Known, *, durable: bool = False) -> None:
        """Write a device's record."""
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
