"""A coordinator whose devices get their quirks: what a device needs is imported when its interview is over."""

import asyncio
from typing import Any, override

import zigpy.types as t
from zigpy.application import ControllerApplication
from zigpy.device import BaseDevice, ZigbeeDevice

from device_plugins.zigbee.quirks import Quirks
from device_plugins.zigbee.quirks.loading import inputs_of


class Quirking(ControllerApplication):
    """A zigpy application that imports quirks beside the loop; without `quirks` it does nothing of the kind."""

    quirks: Quirks | None = None

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._importing: set[t.EUI64] = set()

    @override
    def device_initialized(self, device: BaseDevice) -> None:
        """Take a device whose interview is over; its quirk is imported beside the loop first."""
        quirks, ready = self.quirks, super().device_initialized
        if quirks is None or not isinstance(device, ZigbeeDevice):
            ready(device)
            return
        about = str(device.manufacturer or ""), str(device.model or ""), inputs_of(device)
        if quirks.is_loaded(*about):
            ready(device)
            return
        if device.ieee in self._importing:
            return  # it has announced itself again meanwhile

        async def load() -> None:
            try:
                await asyncio.to_thread(quirks.load, *about)
            finally:
                self._importing.discard(device.ieee)
            ready(device)

        self._importing.add(device.ieee)
        tasks: Any = self  # as zigpy gives it tasks, its type is a protocol of another kind
        tasks.create_task(load(), name="imports a quirk")
