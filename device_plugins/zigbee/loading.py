"""Loading of the radio libraries, stated as lazy: they cost most of a second and 55 MB, so they come on first use."""

import asyncio
import importlib
from pathlib import Path

from device_plugins.zigbee.network import Listener, Radio, Settings


async def open_radio(settings: Settings, folder: Path, listener: Listener) -> Radio:
    """See `radio.open_radio`; the first call imports zigpy and bellows in a thread, so that the hub goes on living."""
    await asyncio.to_thread(importlib.import_module, "device_plugins.zigbee.radio")
    from device_plugins.zigbee import radio  # noqa: PLC0415 - lazy loading

    return await radio.open_radio(settings, folder, listener)
