"""Loading of the client's library, stated as lazy: with aiohttp it costs 20 MB, so it comes on first use."""

import asyncio
import importlib

from device_plugins.zwave.network import Listener, Network, Settings
from hub.api import Clock, Tasks


async def connect(url: str, settings: Settings, listener: Listener, tasks: Tasks, clock: Clock) -> Network:
    """See `connection.connect`; the first call imports the library in a thread, so that the hub goes on living."""
    await load()
    from device_plugins.zwave import connection  # noqa: PLC0415 - lazy loading

    return await connection.connect(url, settings, listener, tasks, clock)


async def load() -> None:
    """Import the library in a thread, if that has not been done."""
    await asyncio.to_thread(importlib.import_module, "device_plugins.zwave.connection")
