"""What a maintainer needs to know of one device, with the keys of ZHA's diagnostics, so that `simulate` takes it.

Nothing of the owner's goes in: of addresses only the manufacturer's part, no keys, no names, no texts that people
write.
"""

from collections.abc import Iterable
from typing import Any

from device_plugins.zigbee.mapping.clusters import BASIC, IAS_ZONE
from device_plugins.zigbee.mapping.signature import Facts

type Tree = dict[str, Any]

_LOCATION, _CIE_ADDRESS = (BASIC, 0x0010), (IAS_ZONE, 0x0010)
_EUI64, _KEY = 0xF0, 0xF1
_PRIVATE = {_LOCATION, _CIE_ADDRESS}
_MAKERS_BYTES = 3
_BYTES_LIMIT = 512


def diagnose(device: Any, facts: Facts) -> Tree:  # noqa: ANN401 - zigpy's device, whose types are partial
    """The device as zigpy holds it, completed by what the hub learned when it joined."""
    told = device.original_signature or {}
    return {
        "ieee": masked(str(device.ieee)),
        "manufacturer": str(device.manufacturer or ""),
        "model": str(device.model or ""),
        "manufacturer_code": _code(device),
        "power_source": "Mains" if device.node_desc and device.node_desc.is_mains_powered else "Battery or Unknown",
        "lqi": None if device.lqi is None else int(device.lqi),
        "rssi": None if device.rssi is None else int(device.rssi),
        "quirk_applied": hasattr(device, "_quirk_registry_entry"),
        "quirk_class": f"{type(device).__module__}.{type(device).__qualname__}",
        "signature": _signature(device),
        "original_signature": _original(told),
        "cluster_details": {
            str(endpoint.endpoint_id): _endpoint(endpoint, facts) for endpoint in device.non_zdo_endpoints
        },
    }


def masked(ieee: str) -> str:
    """An address of which only the manufacturer's part is left."""
    parts = ieee.split(":")
    return ":".join([*parts[:_MAKERS_BYTES], *["00"] * (len(parts) - _MAKERS_BYTES)])


def _code(device: Any) -> int | None:  # noqa: ANN401 - zigpy's
    return None if device.manufacturer_id is None else int(device.manufacturer_id)


def _signature(device: Any) -> Tree:  # noqa: ANN401 - zigpy's
    return {
        "node_descriptor": _descriptor(device.node_desc),
        "endpoints": {str(one.endpoint_id): _simple(one) for one in device.non_zdo_endpoints},
    }


def _descriptor(told: Any) -> Tree | None:  # noqa: ANN401 - zigpy's
    if told is None:
        return None
    return {str(name): int(value) for name, value in told.as_dict().items() if value is not None}


def _simple(endpoint: Any) -> Tree:  # noqa: ANN401 - zigpy's
    return {
        "profile_id": _hex(endpoint.profile_id),
        "device_type": _hex(endpoint.device_type),
        "input_clusters": [_hex(one) for one in sorted(endpoint.in_clusters)],
        "output_clusters": [_hex(one) for one in sorted(endpoint.out_clusters)],
    }


def _original(told: Tree) -> Tree:
    """What was on the air before a quirk changed it."""
    return {
        "endpoints": {
            str(number): {
                "profile_id": _hex(about.get("profile_id")),
                "device_type": _hex(about.get("device_type")),
                "input_clusters": [_hex(one) for one in about.get("input_clusters", ())],
                "output_clusters": [_hex(one) for one in about.get("output_clusters", ())],
            }
            for number, about in (told.get("endpoints") or {}).items()
        }
    }


def _endpoint(endpoint: Any, facts: Facts) -> Tree:  # noqa: ANN401 - zigpy's
    return {
        "profile_id": int(endpoint.profile_id or 0),
        "device_type": {"id": int(endpoint.device_type or 0)},
        "in_clusters": {_hex(number): _cluster(one, facts) for number, one in sorted(endpoint.in_clusters.items())},
        "out_clusters": {_hex(number): _cluster(one, Facts()) for number, one in sorted(endpoint.out_clusters.items())},
    }


def _cluster(cluster: Any, facts: Facts) -> Tree:  # noqa: ANN401 - zigpy's
    prefix = f"{cluster.endpoint.endpoint_id}/{cluster.cluster_id}/"
    values = {int(key.removeprefix(prefix)): value for key, value in facts.values.items() if key.startswith(prefix)}
    lacking = {int(key.removeprefix(prefix)) for key in facts.unsupported if key.startswith(prefix)}
    attributes: Tree = {}
    for definition in _definitions(cluster):
        number = int(definition.id)
        value = cluster.get(number)
        value = values.pop(number, None) if value is None else value
        if cluster.is_attribute_unsupported(definition):
            lacking.add(number)
        elif value is not None and _is_public(int(cluster.cluster_id), number, int(definition.zcl_type)):
            attributes[_hex(number)] = {"attribute": repr(definition), "value": _plain(value)}
    for number, value in values.items():
        if _is_public(int(cluster.cluster_id), number, 0):
            attributes[_hex(number)] = {"attribute": "", "value": _plain(value)}
    return {
        "endpoint_attribute": cluster.ep_attribute,
        "attributes": attributes,
        "unsupported_attributes": [_hex(number) for number in sorted(lacking)],
    }


def _definitions(cluster: Any) -> Iterable[Any]:  # noqa: ANN401 - zigpy's
    return {int(one.id): one for one in cluster.AttributeDefs}.values()


def _is_public(cluster: int, number: int, kind: int) -> bool:
    return (cluster, number) not in _PRIVATE and kind not in {_EUI64, _KEY}


def _hex(number: Any) -> str:  # noqa: ANN401 - zigpy's integers, or none
    return f"0x{int(number or 0):04x}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - zigpy's
    match value:
        case bool() | None:
            return value
        case int():
            return int(value)
        case float():
            return float(value)
        case bytes():
            return bytes(value)[:_BYTES_LIMIT].hex()
    return str(value)
