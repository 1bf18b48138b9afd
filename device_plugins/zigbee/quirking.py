"""A coordinator whose devices get their quirks, and none of whose devices holds up the start for that.

Importing quirks takes seconds. What a device needs is imported beside the loop: when its interview is over, and for
those known from before when one of them first sends something or is to be asked something. Until then they stand there
without their quirks, and what they send is held back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, override

import zigpy.types as t
from zigpy.device import BaseDevice, ZigbeeDevice

from device_plugins.zigbee.announcing import Announcing
from device_plugins.zigbee.quirks import Quirks
from device_plugins.zigbee.quirks.loading import about, resolve

LOG = logging.getLogger("hub.zigbee")

# So many frames are kept while quirks are imported: the last ones.
_MOST_HELD = 500


class Quirking(Announcing):
    """A zigpy application that imports quirks beside the loop; without `quirks` it does nothing of the kind."""

    quirks: Quirks | None = None
    _dblistener: Any  # there is none without a database; zigpy's types do not say so
    completed: Callable[[], None] | None = None
    """Told when the devices that waited for their quirks have them: they are other objects now."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._importing: set[t.EUI64] = set()
        self._held: deque[t.ZigbeePacket] = deque(maxlen=_MOST_HELD)
        self._complete: asyncio.Event | None = None

    def is_waiting(self, ieee: t.EUI64) -> bool:
        """Whether a device stands there without the quirk that it may have."""
        return self.quirks is not None and ieee in self.quirks.waiting

    async def complete(self) -> None:
        """Return when every device has its quirk; does nothing if none waits for one."""
        if self.quirks is not None and self.quirks.waiting:
            await self._begin(self.quirks).wait()

    @override
    def packet_received(self, packet: t.ZigbeePacket) -> None:
        """Take a frame; one from a device that waits for its quirk is held back until it has it."""
        if self.quirks is not None and self.quirks.waiting and self._is_held(packet):
            self._held.append(packet)
            self._begin(self.quirks)
        else:
            super().packet_received(packet)

    @override
    def device_initialized(self, device: BaseDevice) -> None:
        """Take a device whose interview is over; its quirk is imported beside the loop first."""
        quirks, ready = self.quirks, super().device_initialized
        if quirks is None or not isinstance(device, ZigbeeDevice):
            ready(device)
            return
        needed = about(device)
        if not self.is_waiting(device.ieee) and quirks.is_loaded(*needed):
            ready(device)
            return
        if device.ieee in self._importing:
            return  # it has announced itself again meanwhile

        async def load() -> None:
            try:
                await self.complete()
                await asyncio.to_thread(quirks.load, *needed)
            finally:
                self._importing.discard(device.ieee)
            ready(self.devices.get(device.ieee, device))

        self._importing.add(device.ieee)
        self._start(load(), "imports a quirk")

    def _is_held(self, packet: t.ZigbeePacket) -> bool:
        """Whether a frame is for a quirk to read, which what is told of the network is not."""
        if not (packet.src_ep and packet.dst_ep and packet.src):
            return False
        try:
            device = self.get_device_with_address(packet.src)
        except KeyError:
            return False
        return self.is_waiting(device.ieee)

    def _begin(self, quirks: Quirks) -> asyncio.Event:
        if self._complete is None:
            self._complete = asyncio.Event()
            self._start(self._import(quirks, self._complete), "imports quirks")
        return self._complete

    async def _import(self, quirks: Quirks, done: asyncio.Event) -> None:
        try:
            needed = [about(device) for device in self.devices.values() if self.is_waiting(device.ieee)]
            await asyncio.to_thread(lambda: [quirks.load(*each) for each in needed])
            rows = await self._rows(quirks.waiting)
            for ieee in quirks.waiting & self.devices.keys():
                self._replace(self.devices[ieee])
            if self._dblistener is not None:
                await self._dblistener._populate_attribute_cache(rows)  # noqa: SLF001 - as zigpy does when it starts
        except asyncio.CancelledError:
            self._held.clear()
            raise
        except Exception:
            LOG.exception("Devices known from before go without their quirks")
        finally:
            quirks.waiting.clear()
            self._complete = None
            if self.completed is not None:
                self.completed()
            done.set()
            while self._held:
                self.packet_received(self._held.popleft())

    async def _rows(self, wanted: set[t.EUI64]) -> list[Any]:
        """What the database remembers of the devices' attributes."""
        if self._dblistener is None:
            return []
        return [row for row in await self._dblistener._read_all_attributes() if row.ieee in wanted]  # noqa: SLF001 - as above

    def _replace(self, device: BaseDevice) -> None:
        """Put the device with its quirk in the place of the one without, as zigpy does when it starts."""
        resolved: Any = resolve(device)
        if resolved is device:
            return
        resolved.original_signature = device.original_signature
        self.devices[device.ieee] = resolved
        if self._dblistener is not None:
            resolved.add_context_listener(self._dblistener)
        for endpoint in resolved.non_zdo_endpoints:
            for cluster in (*endpoint.in_clusters.values(), *endpoint.out_clusters.values()):
                cluster._attr_cache.clear()  # noqa: SLF001 - as above

    def _start(self, work: Any, name: str) -> None:  # noqa: ANN401 - a coroutine
        tasks: Any = self  # as zigpy gives it tasks, its type is a protocol of another kind
        tasks.create_task(work, name=name)
