"""Which module holds the quirk of which device: an index, built once for each version of the package.

It is made in a process of its own, which imports every quirk there is, and kept as a file. Whoever installs the hub has
it built by `python -m device_plugins.zigbee.quirks`.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

LOG = logging.getLogger("hub.zigbee")

PACKAGE = "zha-quirks"
_FORMAT = 2
_BUILD_LIMIT = 300.0
_ANY = "*"

type Inputs = Mapping[int, frozenset[int]]
"""Input clusters by endpoint."""


class Shape(msgspec.Struct, frozen=True):
    """A quirk for any device with these input clusters, by endpoint."""

    module: str
    endpoints: dict[int, tuple[int, ...]]


class Index(msgspec.Struct, frozen=True):
    """Modules by manufacturer and model, `*` for any; and those that go by the device's shape alone."""

    format: int
    version: str
    modules: dict[str, dict[str, tuple[str, ...]]]
    shapes: tuple[Shape, ...] = ()

    def find(self, manufacturer: str, model: str, inputs: Inputs) -> tuple[str, ...]:
        """The modules to import for a device, in no order; empty if there is no quirk for it."""
        found: list[str] = []
        for maker, name in ((manufacturer, model), (manufacturer, _ANY), (_ANY, model)):
            found += self.modules.get(maker, {}).get(name, ())
        if not found:
            found += [
                one.module
                for one in self.shapes
                if {key: frozenset(its) for key, its in one.endpoints.items()} == inputs
            ]
        return tuple(dict.fromkeys(found))


def installed() -> str:
    """The package's version; empty if it is not there."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def ready_index(fallback: Path) -> Index:
    """The index of the installed version, built when it is not there yet: half a minute at worst. Blocks.

    It is kept with the installation, or else in the folder `fallback`. Raises OSError, subprocess.SubprocessError or
    msgspec.MsgspecError when it cannot be built.
    """
    for place in _places(fallback):
        if (index := _read(place)) is not None:
            return index
    LOG.info("The index of quirks is built, once for this version; the radio is opened after that")
    built = subprocess.run(
        [sys.executable, "-m", "device_plugins.zigbee.quirks.indexing"],
        check=True,
        capture_output=True,
        timeout=_BUILD_LIMIT,
    )
    index = msgspec.json.decode(built.stdout, type=Index)
    _keep(built.stdout, fallback)
    return index


def _places(fallback: Path) -> Iterable[Path]:
    name = f"zigbee-quirks-{installed()}.json"
    return Path(sys.prefix) / "share" / "domovoi" / name, fallback / name


def _read(place: Path) -> Index | None:
    try:
        index = msgspec.json.decode(place.read_bytes(), type=Index)
    except (OSError, msgspec.MsgspecError):
        return None
    return index if (index.format, index.version) == (_FORMAT, installed()) else None


def _keep(content: bytes, fallback: Path) -> None:
    for place in _places(fallback):
        new = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(content)
            new.replace(place)
        except OSError:
            continue
        return


def made(modules: Mapping[tuple[str | None, str | None], Iterable[str]], shapes: Iterable[Shape]) -> Index:
    """An index of the installed version."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for (manufacturer, model), names in modules.items():
        found.setdefault(manufacturer or _ANY, {})[model or _ANY] = tuple(dict.fromkeys(names))
    return Index(_FORMAT, installed(), found, tuple(shapes))
