"""Diagnostics of real devices that may lie beside the repository, and what such a device tells when it joins."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from device_plugins.virtual_radio.described import described
from device_plugins.zigbee.mapping import Endpoint, Facts, Signature
from device_plugins.zigbee.mapping.signature import Kept, fact
from device_plugins.zigbee.simulate_file import read

FOLDER = Path(os.environ.get("ZIGBEE_DEVICES", Path(__file__).parents[4] / "shared" / "zigbee-devices"))
FILES = sorted(FOLDER.glob("*.json"))


class Told(NamedTuple):
    """An attribute that a device answers with."""

    endpoint: int
    cluster: int
    attribute: int
    kind: int
    value: Any


class Learned(NamedTuple):
    """What the hub knows of a device after it has joined, and all that the device would answer."""

    signature: Signature
    facts: Facts
    told: tuple[Told, ...]


@functools.cache
def learned(file: Path) -> Learned:
    """A file's device, as it would be after its interview."""
    description = read(file)
    model = described(description)
    endpoints: list[Endpoint] = []
    told: list[Told] = []
    for number, its in model.endpoints().items():
        inputs = tuple(one for one, cluster in its.clusters.items() if not cluster.hidden)
        endpoints.append(Endpoint(number, its.profile, its.device_type, inputs, tuple(its.clients)))
        told += [
            Told(number, cluster.number, attribute.number, attribute.kind, attribute.value)
            for cluster in its.clusters.values()
            for attribute in cluster.attributes.values()
        ]
    signature = Signature(description["manufacturer"], description["model"], tuple(endpoints))
    values: dict[str, Kept] = {
        fact(one.endpoint, one.cluster, one.attribute): one.value
        for one in told
        if isinstance(one.value, int | float | str) and one.value == one.value
    }
    return Learned(signature, Facts(values=values, unsupported=[]), tuple(told))


def everything() -> Iterator[tuple[Path, Learned]]:
    """Each file with its device."""
    return ((file, learned(file)) for file in FILES)
