"""What a quirk wants of its device's configuration: own steps, clusters to be bound, or to be left alone."""

from collections.abc import Iterator
from typing import Any

from device_plugins.zigbee.quirks.extras import definition_of

_STEPS = "apply_custom_configuration"
# Whose methods do nothing beyond what is done anyway.
_BASES = {"Cluster", "CustomCluster", "LocalDataCluster", "BaseCustomDevice"}


def is_left_alone(device: Any) -> bool:  # noqa: ANN401 - zigpy's device
    """Whether the quirk says that the device needs no binding and no reporting, or cannot bear it."""
    return bool(device.skip_configuration or getattr(definition_of(device), "skip_configuration", False))


def binds_of(device: Any) -> tuple[tuple[int, int, bool], ...]:  # noqa: ANN401 - zigpy's device
    """The clusters (endpoint, cluster, whether an output) for which the quirk does more when they are bound."""
    return tuple(place for place, cluster in _clusters(device) if _overrides(cluster, "bind"))


def has_steps(device: Any) -> bool:  # noqa: ANN401 - zigpy's device
    """Whether the quirk has steps of its own, for the device or for one of its clusters."""
    if not hasattr(device, _STEPS):
        return False
    return _overrides(device, _STEPS) or any(_overrides(cluster, _STEPS) for _, cluster in _clusters(device))


async def take_steps(device: Any) -> None:  # noqa: ANN401 - zigpy's device
    """Take the quirk's own steps: the reads that unlock a Tuya, what makes a Hue remote tell its presses.

    Raises whatever zigpy raises, or the quirk.
    """
    await device.apply_custom_configuration()


def _clusters(device: Any) -> Iterator[tuple[tuple[int, int, bool], Any]]:  # noqa: ANN401 - zigpy's device
    for endpoint in device.non_zdo_endpoints:
        for clusters, output in ((endpoint.in_clusters, False), (endpoint.out_clusters, True)):
            for number, cluster in clusters.items():
                yield (int(endpoint.endpoint_id), int(number), output), cluster


def _overrides(thing: Any, method: str) -> bool:  # noqa: ANN401 - zigpy's device or cluster
    owner = next((one for one in type(thing).__mro__ if method in vars(one)), None)
    return owner is not None and owner.__name__ not in _BASES
