"""Loading quirks as devices need them, and putting them in the devices' place."""

import importlib
import importlib.util
import logging
import subprocess
import sys
import threading
from collections.abc import Iterable
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

    def load(self, manufacturer: str, model: str, inputs: Inputs) -> bool:
        """Import what a device needs, which may take two seconds the first time; whether there is anything. Blocks."""
        modules = self._index.find(manufacturer, model, inputs)
        with self._importing:
            for module in modules:
                if module not in self._loaded:
                    _import(module)
                    self._loaded.add(module)
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

    def is_loaded(self, manufacturer: str, model: str, inputs: Inputs) -> bool:
        """Whether `resolve` can do without importing anything."""
        return self._loaded.issuperset(self._index.find(manufacturer, model, inputs))

    def resolve(self, device: Any) -> Any:  # noqa: ANN401 - zigpy's device
        """The device with its quirk, or as it is."""
        has_any = self.load(str(device.manufacturer or ""), str(device.model or ""), inputs_of(device))
        if not has_any and not self._has_own:
            return device
        zhaquirks: Any = importlib.import_module("zhaquirks")
        try:
            zhaquirks._register_pending_quirks()  # noqa: SLF001 - what its setup() does after importing them all
            return zhaquirks.ZHA_DEVICE_REGISTRY.resolve(device)
        except Exception as error:  # noqa: BLE001 - a faulty quirk must not cost the device
            LOG.warning("%s goes without its quirk: %s: %s", device.ieee, type(error).__name__, error)
            return device


def inputs_of(device: Any) -> Inputs:  # noqa: ANN401 - zigpy's device
    """The input clusters of a device of zigpy's, by endpoint."""
    return {
        int(endpoint.endpoint_id): frozenset(int(cluster) for cluster in endpoint.in_clusters)
        for endpoint in getattr(device, "non_zdo_endpoints", ())
    }


def open_quirks(folder: Path, own: str, models: Iterable[tuple[str, str]]) -> Quirks | None:
    """The quirks, ready to be loaded; None if the package is not installed. Blocks.

    `folder` keeps the index if the installation cannot; `own` is the folder with the owner's quirks, if any. What
    the devices known from before need, by manufacturer and model, is loaded already.
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
    for manufacturer, model in models:
        quirks.load(manufacturer, model, {})
    return quirks


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a quirk that this version of zigpy cannot load must not cost the device
        LOG.warning("The quirk %s was left out: %s: %s", module, type(error).__name__, error)
