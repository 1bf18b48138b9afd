"""Build the index of quirks and write it to standard output: `python -m device_plugins.zigbee.quirks.indexing`."""

import importlib
import logging
import pkgutil
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import msgspec

from device_plugins.zigbee.quirks.index import Shape, made


def main() -> None:
    """Import every quirk, and tell which module is for which device."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    modules: dict[tuple[str | None, str | None], list[str]] = {}
    shapes: list[Shape] = []
    for module, entry in _entries():
        for pair in entry.device_match.applies_to:
            modules.setdefault(tuple(pair), []).append(module)
        if not entry.device_match.applies_to:
            shapes += _shape(entry, module)
    sys.stdout.buffer.write(msgspec.json.encode(made(modules, shapes)))


def _entries() -> Iterator[tuple[str, Any]]:
    """Each quirk, and the module whose import brings it."""
    zhaquirks: Any = importlib.import_module("zhaquirks")
    registry: Any = zhaquirks.ZHA_DEVICE_REGISTRY
    known: set[int] = set()
    for _, name, _ in pkgutil.walk_packages(zhaquirks.__path__, "zhaquirks."):
        before = {*sys.modules}
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001, S112 - what cannot be imported brings nothing
            continue
        zhaquirks._register_pending_quirks()  # noqa: SLF001 - what its setup() does after importing them all
        for entry in registry:
            if id(entry) not in known:
                known.add(id(entry))
                # A quirk may be registered by a helper of another module, which was there before.
                own = entry.source.module
                yield (own if own in sys.modules.keys() - before and not own.endswith(".builder") else name), entry


def _shape(entry: Any, module: str) -> list[Shape]:  # noqa: ANN401 - zha's
    for transform in entry.zigpy_transforms:
        signature = getattr(getattr(transform, "device_cls", None), "signature", None) or {}
        endpoints = {
            int(number): tuple(int(cluster) for cluster in about.get("input_clusters", ()))
            for number, about in signature.get("endpoints", {}).items()
        }
        if endpoints:
            return [Shape(module, endpoints)]
    return []


if __name__ == "__main__":
    main()
