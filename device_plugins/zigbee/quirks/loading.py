"""Loading quirks as devices need them, and putting them in the devices' place."""

import importlib
import importlib.util
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from device_plugins.zigbee.quirks.index import Index, Inputs, installed, ready_index

LOG = logging.getLogger("hub.zigbee")

_OWN_PREFIX = "domovoi_own_quirks"


class Quirks:
    """The quirks of one hub; made by `open_quirks`."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._loaded: set[str] = set()
        self._importing = threading.Lock()
        self._has_own = False
        self.waiting: set[Any] = set()
        """The addresses of the devices that `resolve` has left as they were, until what they need is imported."""

    def load(self, manufacturer: str, model: str, inputs: Inputs) -> bool:
        """Import what a device needs, which may take two seconds the first time; whether there is anything. Blocks."""
        modules = self._index.find(manufacturer, model, inputs)
        with self._importing:
            for module in modules:
                if module not in self._loaded:
                    _import(module)
                    self._loaded.add(module)
            _register()
        return bool(modules)

    def load_own(self, folder: Path) -> None:
        """Import the owner's quirks, each module of a folder. Blocks."""
        for path in sorted(folder.glob("*.py")):
            name = f"{_OWN_PREFIX}_{path.stem}"
            spec = importlib.util.spec_from_file_location(name, path)
            if spec is not None and spec.loader is not None:
                module = sys.modules[name] = importlib.util.module_from_spec(spec)
                try:
                    spec.loader.exec_module(module)
                except Exception as error:  # noqa: BLE001 - whatever an owner's file may raise
                    LOG.warning("The quirk %s was left out: %s: %s", path, type(error).__name__, error)
                else:
                    self._has_own = True
        _register()

    def is_loaded(self, manufacturer: str, model: str, inputs: Inputs) -> bool:
        """Whether nothing has to be imported for a device."""
        return self._loaded.issuperset(self._index.find(manufacturer, model, inputs))

    def resolve(self, device: Any) -> Any:  # noqa: ANN401 - zigpy's device
        """The device with its quirk, or as it is; it joins those that wait if something is to be imported first."""
        needed = about(device)
        if not self.is_loaded(*needed):
            if device.is_initialized:
                self.waiting.add(device.ieee)
            return device
        return resolve(device) if self._has_own or self._index.find(*needed) else device


def resolve(device: Any) -> Any:  # noqa: ANN401 - zigpy's device
    """The device with the quirk for it among those that were imported, or as it is."""
    zhaquirks: Any = importlib.import_module("zhaquirks")
    try:
        return zhaquirks.ZHA_DEVICE_REGISTRY.resolve(device)
    except Exception as error:  # noqa: BLE001 - a faulty quirk must not cost the device
        LOG.warning("%s goes without its quirk: %s: %s", device.ieee, type(error).__name__, error)
        return device


def about(device: Any) -> tuple[str, str, Inputs]:  # noqa: ANN401 - zigpy's device
    """Manufacturer, model, and input clusters by endpoint of a device of zigpy's: what its quirk is found by."""
    inputs = {
        int(endpoint.endpoint_id): frozenset(int(cluster) for cluster in endpoint.in_clusters)
        for endpoint in getattr(device, "non_zdo_endpoints", ())
    }
    return str(device.manufacturer or ""), str(device.model or ""), inputs


def open_quirks(folder: Path, own: str) -> Quirks | None:
    """The quirks, ready to be loaded; None if the package is not installed. Blocks.

    `folder` keeps the index if the installation cannot; `own` is the folder with the owner's quirks, if any.
    """
    if not installed():
        return None
    try:
        index = ready_index(folder)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        LOG.warning("Quirks are left out, as their index cannot be built: %.200s", error)
        return None
    quirks = Quirks(index)
    if own:
        quirks.load_own(Path(own).expanduser())
    return quirks


def _register() -> None:
    """Do what the package does after it has imported quirks; it looks at their files."""
    zhaquirks: Any = sys.modules.get("zhaquirks")
    if zhaquirks is not None:
        zhaquirks._register_pending_quirks()  # noqa: SLF001 - its setup() would import all


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a quirk that this version of zigpy cannot load must not cost the device
        LOG.warning("The quirk %s was left out: %s: %s", module, type(error).__name__, error)
