"""Plugins' classes and modules: imported when a plugin starts, and forgotten when its code may change."""

import gc
import importlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

from hub.api import Plugin
from hub.config import Config
from hub.errors import HubError, PluginError
from hub.hosts.order import choose
from hub.manifest import Manifest


def load_class(manifest: Manifest) -> type[Plugin]:
    """Import the class a manifest names.

    Raises PluginError with one sentence when it is not there or no Plugin.
    """
    module_name, _, class_name = manifest.entry.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except HubError:
        raise
    except BaseException as error:
        raise PluginError(
            f"{manifest.id}: its module {module_name} cannot be imported: {type(error).__name__}: {error}",
            plugin=manifest.id,
        ) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise PluginError(f"{manifest.id}: {manifest.entry} is not a class derived from Plugin", plugin=manifest.id)
    return found


def load_ahead(found: Mapping[str, Manifest], settings: Config) -> None:
    """Import those plugins of the hub's own that are to run by their manifests and the configuration.

    What is wrong with one is told when it starts.
    """
    for manifest in choose(found, settings.wanted, settings.plugins.disable):
        if manifest.origin == "bundled":  # another one may be disabled by hand for what its import does
            with suppress(HubError):
                load_class(manifest)


def forget_modules(folder: Path) -> None:
    """Drop the imported modules that lie in a plugin's folder, so that the next import reads them anew.

    Their bytecode goes too: it knows its source's time only to the second.
    """
    for name in [name for name, module in [*sys.modules.items()] if _lies_in(module, f"{folder}/")]:
        del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if parent in sys.modules:
            with suppress(AttributeError):
                delattr(sys.modules[parent], child)
    for source in folder.rglob("*.py"):
        with suppress(OSError):
            Path(cache_from_source(str(source))).unlink()
    importlib.invalidate_caches()
    gc.collect()  # classes hold themselves, and what was made of them may be large
    _give_memory_back()


def _give_memory_back() -> None:
    """Have the C library return what is free to the system: of itself it keeps what lies below something in use."""
    import ctypes  # noqa: PLC0415 - needed when a plugin goes, which is seldom

    with suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _lies_in(module: ModuleType, folder: str) -> bool:
    file: str | None = getattr(module, "__file__", None)
    places = [file] if file else [f"{one}/" for one in getattr(module, "__path__", ())]
    return bool(places) and all(one.startswith(folder) for one in places)
