"""Loading of the radio libraries, stated as lazy: they cost half a second and 30 MB, so they come on first use."""

import asyncio
import importlib
import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from pathlib import Path

from device_plugins.zigbee.backups import Findings
from device_plugins.zigbee.network import Listener, Radio, Settings
from device_plugins.zigbee.sticks import SerialPort

# What zigpy imports only to fetch new firmware for devices, which is off: 200 ms and 11 MB.
_SELDOM_USED = ("aiohttp", "jsonschema")


async def open_radio(settings: Settings, folder: Path, listener: Listener) -> Radio:
    """See `opening.open_radio`; the first call imports the libraries in a thread, so that the hub goes on living."""
    await asyncio.to_thread(_load, "opening")
    from device_plugins.zigbee import opening  # noqa: PLC0415 - lazy loading

    return await opening.open_radio(settings, folder, listener)


async def examine_restore(settings: Settings, folder: Path, content: bytes) -> Findings:
    """See `restoring.examine`."""
    await asyncio.to_thread(_load, "restoring")
    from device_plugins.zigbee import restoring  # noqa: PLC0415 - lazy loading

    return await restoring.examine(settings, folder, content)


async def restore(settings: Settings, folder: Path, content: bytes, *, overwrite: bool) -> Findings:
    """See `restoring.restore`."""
    await asyncio.to_thread(_load, "restoring")
    from device_plugins.zigbee import restoring  # noqa: PLC0415 - lazy loading

    return await restoring.restore(settings, folder, content, overwrite=overwrite)


async def list_radios(settings: Settings, *, probe: bool, used: str) -> list[SerialPort]:
    """See `detecting`: the serial ports, and with `probe` what answers on those that are not `used`."""
    await asyncio.to_thread(_load, "detecting")
    from device_plugins.zigbee import detecting  # noqa: PLC0415 - lazy loading

    return await detecting.survey(settings, probe_them=probe, used=used)


def _load(module: str) -> None:
    for name in _SELDOM_USED:
        load_on_use(name)
    importlib.import_module(f"device_plugins.zigbee.{module}")


def load_on_use(name: str) -> None:
    """Let `import name` give a module that is executed when something of it is first asked for."""
    if name in sys.modules or (spec := find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
