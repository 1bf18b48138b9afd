"""Loading of the radio libraries, stated as lazy: they cost half a second and 30 MB, so they come on first use."""

import asyncio
import gc
import importlib
import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, override

from device_plugins.zigbee.backups import Findings
from device_plugins.zigbee.headstart import HeadStart
from device_plugins.zigbee.network import Listener, Radio, Settings
from device_plugins.zigbee.sticks import SerialPort

# What zigpy imports only to fetch new firmware for devices: a third of the time that its import takes, and 10 MB.
_SELDOM_USED = ("aiohttp", "jsonschema", "zigpy.ota.providers")
_OPENING = "device_plugins.zigbee.opening"


def are_loaded() -> bool:
    """Whether the libraries are there, or on their way."""
    return _OPENING in sys.modules


async def open_radio(settings: Settings, folder: Path, listener: Listener, early: HeadStart | None = None) -> Radio:
    """See `opening.open_radio`; the first call imports the libraries in a thread, so that the hub goes on living."""
    await load(*(["image_folder"] if settings.ota_dir else []))
    from device_plugins.zigbee import opening  # noqa: PLC0415 - lazy loading

    return await opening.open_radio(settings, folder, listener, early)


async def examine_restore(settings: Settings, folder: Path, content: bytes) -> Findings:
    """See `restoring.examine`."""
    await load("restoring")
    from device_plugins.zigbee import restoring  # noqa: PLC0415 - lazy loading

    return await restoring.examine(settings, folder, content)


async def restore(settings: Settings, folder: Path, content: bytes, *, overwrite: bool) -> Findings:
    """See `restoring.restore`."""
    await load("restoring")
    from device_plugins.zigbee import restoring  # noqa: PLC0415 - lazy loading

    return await restoring.restore(settings, folder, content, overwrite=overwrite)


async def list_radios(settings: Settings, *, probe: bool, used: str) -> list[SerialPort]:
    """See `detecting`: the serial ports, and with `probe` what answers on those that are not `used`."""
    await load("detecting")
    from device_plugins.zigbee import detecting  # noqa: PLC0415 - lazy loading

    return await detecting.survey(settings, probe_them=probe, used=used)


async def load(*modules: str) -> None:
    """Import zigpy and bellows in a thread, if that has not been done: the hub goes on living.

    `modules` are those of this package that are wanted beside `opening`.
    """
    await asyncio.to_thread(_load, modules)


def _load(modules: Sequence[str]) -> None:
    load_on_use(_SELDOM_USED)
    names = [_OPENING, *(f"device_plugins.zigbee.{module}" for module in modules)]
    is_new = names[0] not in sys.modules
    for name in names:  # even if it is there: another thread may not be at its end
        importlib.import_module(name)
    if is_new:
        # A hundred thousand objects that stay: without this, each full collection of garbage would visit all of them.
        # Never later: a radio's own objects would be frozen with them, and outlive it. Of a head start there is little.
        gc.freeze()


class _Later(ModuleType):
    """A module that is executed when something of it is first asked for; `import` alone asks for nothing."""

    @override
    def __getattr__(self, name: str) -> Any:
        loader = self.__dict__.get("_later")
        if loader is None or (name.startswith("__") and name != "__path__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        loader.execute(self)
        if type(self) is ModuleType:
            return getattr(self, name)
        # It is being executed, by this thread, which looks for something in its own beginnings.
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} yet") from None


class _LaterLoader(Loader):
    """Puts off what another loader does."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._lock = threading.RLock()
        self._path: list[str] | None = None
        self._has_begun = False

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    @override
    def exec_module(self, module: ModuleType) -> None:
        # Without its path, the import of a module in it executes this one before.
        self._path = module.__dict__.pop("__path__", None)
        module.__dict__["_later"] = self

    def execute(self, module: ModuleType) -> None:
        """Do it now, once; other threads wait for the end."""
        with self._lock:
            if self._has_begun:
                return
            self._has_begun = True
            if self._path is not None:
                module.__path__ = self._path
            self._loader.exec_module(module)
            module.__class__ = ModuleType
            del module.__dict__["_later"]


class _Finder(MetaPathFinder):
    """Finds the modules that are to be loaded on use."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.names or (spec := PathFinder.find_spec(fullname, path, target)) is None:
            return None
        if spec.loader is not None:
            spec.loader = _LaterLoader(spec.loader)
        return spec


_FINDER = _Finder()


def load_on_use(names: Sequence[str]) -> None:
    """Let `import name` give a module that is executed when something of it is first asked for."""
    _FINDER.names.update(names)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
