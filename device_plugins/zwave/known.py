"""One device of the network: what it is in the vocabulary's words, and how what it tells becomes state."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from device_plugins.sdk import Device, DevicePlugin
from device_plugins.zwave.mapping import NOTHING, Action, NodeFacts, Reading, ValueId, map_node
from device_plugins.zwave.network import Status

LOG = logging.getLogger("hub.zwave")

_WHY: dict[Status, tuple[str, str]] = {
    "alive": ("online", ""),
    "awake": ("online", ""),
    "asleep": ("online", "it sleeps, and takes commands when it wakes up"),
    "dead": ("offline", "it does not answer"),
    "unknown": ("unknown", "it has not been heard since the network came up"),
}


def id_of(home: int, node: int) -> str:
    """The device id of a node."""
    return f"zwave-{home:08x}-{node}"


class Known:
    """A device that has been interviewed once; `device` is as it was announced last."""

    def __init__(self, plugin: DevicePlugin, device: Device) -> None:
        self.device = device
        self.status: Status = "unknown"
        self.reports = 0
        self.is_there = False
        self.is_mains = False
        """Whether it listens all the time, so that asking it costs it nothing."""
        self.heard = plugin.ctx.clock.monotonic()
        """When it gave the last sign of life, in monotonic seconds."""
        self._plugin = plugin
        self._readings: dict[ValueId, list[Reading]] = {}
        self._actions: dict[tuple[str, str], Action] = {}

    @property
    def node(self) -> int:
        """Its node id."""
        return int(self.device.id.rpartition("-")[2])

    def learn(self, facts: NodeFacts) -> bool:
        """Map it anew; says whether it is another device to the registry than before."""
        self.is_mains = facts.listening
        mapped = map_node(facts)
        readings = defaultdict(list)
        for reading in mapped.readings:
            readings[reading.id].append(reading)
        self._readings = dict(readings)
        self._actions = {(one.key, one.command): one for one in mapped.actions}
        device = Device(
            id=self.device.id,
            protocol="zwave",
            model=facts.model,
            manufacturer=facts.manufacturer,
            firmware=facts.firmware,
            features=mapped.features,
        )
        is_new, self.device = device != self.device, device
        return is_new

    def action(self, key: str, command: str) -> Action | None:
        """What a command becomes."""
        return self._actions.get((key, command))

    def values(self) -> dict[str, Any]:
        """What is true of it now, by key."""
        state = self._plugin.ctx.state
        return {one.key: state.get(f"device/{self.device.id}/{one.key}") for one in self.device.features}

    def tell_all(self, facts: NodeFacts) -> None:
        """Report all values that are known."""
        for value in facts.values:
            if value.value is not None:
                self._tell(self._readings.get(value.id, ()), value.value)

    def tell(self, value: ValueId, raw: Any) -> None:  # noqa: ANN401 - Z-Wave JS's types
        """Report one value that it told."""
        self.hear()
        self._tell(self._readings.get(value, ()), raw)

    def hear(self) -> None:
        """It told something."""
        self.reports += 1
        self.alive()

    def alive(self) -> None:
        """It gave a sign of life."""
        self.heard = self._plugin.ctx.clock.monotonic()
        self._plugin.seen(self.device.id)

    def stand(self, status: Status) -> None:
        """Take over how the driver thinks that it is."""
        self.status = status
        self.is_there = True
        available, reason = _WHY[status]
        self._plugin.available(self.device.id, available, reason)  # type: ignore[arg-type]

    def away(self, reason: str) -> None:
        """It is not in the network, or the network is gone."""
        self.status = "unknown"
        self.is_there = False
        self._plugin.available(self.device.id, "offline", reason)

    def _tell(self, readings: Iterable[Reading], raw: Any) -> None:  # noqa: ANN401
        for reading in readings:
            try:
                value = reading.take(raw)
            except ValueError as error:
                LOG.warning("%s told nonsense of %s: %s", self.device.id, reading.key, error)
                continue
            if value is not NOTHING:
                self._plugin.report(self.device.id, reading.key, value)
