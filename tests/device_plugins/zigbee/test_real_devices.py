"""The mapping on what real devices told of themselves, where such a collection lies beside the repository."""

import json
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import Device, check_device
from device_plugins.zigbee.mapping import Endpoint, Facts, Mapping, Signature, describe
from device_plugins.zigbee.mapping.signature import Kept, fact
from tests.device_plugins.zigbee.corpus import FILES

# What another library makes of a device, and what must be among its capabilities then.
WANTED = {
    "light": {"on_off"},
    "lock": {"lock"},
    "siren": {"siren"},
    "Battery": {"battery", "battery_voltage"},
    "Temperature": {"temperature"},
    "Humidity": {"humidity"},
    "Pressure": {"pressure"},
    "Illuminance": {"illuminance"},
    "PM25": {"pm25"},
    "SmartEnergySummation": {"energy"},
    "ElectricalMeasurement": {"power"},
}


def number(told: Any) -> int:  # noqa: ANN401 - JSON
    return int(told, 16) if isinstance(told, str) else int(told or 0)


def mapped(told: dict[str, Any]) -> Mapping:
    endpoints: list[Endpoint] = []
    values: dict[str, Kept] = {}
    unsupported: list[str] = []
    for name, details in told["cluster_details"].items():
        place, short = int(name), told["signature"]["endpoints"].get(name, {})
        inputs, outputs = (tuple(number(one) for one in details[side]) for side in ("in_clusters", "out_clusters"))
        profile, kind = number(short.get("profile_id")), number(short.get("device_type"))
        endpoints.append(Endpoint(place, profile, kind, inputs, outputs))
        for cluster, about in details["in_clusters"].items():
            for attribute, item in about["attributes"].items():
                if isinstance(item["value"], Kept.__value__):
                    values[fact(place, number(cluster), number(attribute))] = item["value"]
            lacking = [one for one in about["unsupported_attributes"] if isinstance(one, int)]
            unsupported += [fact(place, number(cluster), one) for one in lacking]
    return describe(Signature(endpoints=tuple(endpoints)), Facts(values=values, unsupported=unsupported))


@pytest.mark.skipif(not FILES, reason="there is no such collection here")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_real_device_has_what_it_obviously_can(file: Path) -> None:
    told = json.loads(file.read_text())
    mapping = mapped(told)
    check_device(Device(id="zigbee-1", protocol="zigbee", features=mapping.features))
    found = {feature.capability for feature in mapping.features}
    entities = told["zha_lib_entities"]
    kinds = {kind for kind, those in entities.items() if those}
    kinds |= {one["info_object"].get("class_name") for one in entities.get("sensor", ()) if isinstance(one, dict)}
    for kind in kinds & WANTED.keys():
        assert found & WANTED[kind], f"no {kind} among {sorted(found)}"
