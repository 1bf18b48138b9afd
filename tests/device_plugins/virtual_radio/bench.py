"""A device on a bench, spoken to frame by frame without an NCP."""

import struct
from typing import Any

from device_plugins.virtual_radio import addresses, catalogue, zcl
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zdo import Binding, Neighbour, Relation, Route

COORDINATOR = addresses.made(1, 0)


class Bench:
    """The air around one device of a model; what it sends is kept."""

    coordinator = COORDINATOR

    def __init__(self, model: str, *, instant: bool = True) -> None:
        self.timers = Timers()
        self.instant = instant
        self.hasty = False
        self.sent: list[tuple[ApsFrame, bytes]] = []
        self.sent_to: list[str] = []
        self.noted: list[tuple[str, dict[str, object]]] = []
        self.saved = 0
        self.left = False
        self.device = VirtualDevice(self, catalogue.model(model), addresses.made(1, 1), "it")

    def carry(
        self, sender: VirtualDevice, aps: ApsFrame, data: bytes, *, to: str = "", broadcast: bool = False
    ) -> None:
        del sender, broadcast
        self.sent.append((aps, data))
        self.sent_to.append(to)

    def neighbours(self, ieee: str) -> list[Neighbour]:
        return [Neighbour(self.coordinator, 0, 0, True, 200, Relation.PARENT, 0)] if ieee == self.device.ieee else []

    def routes(self, ieee: str) -> list[Route]:
        return [Route(0, 0)] if ieee == self.device.ieee else []

    def noticed(self, event: str, sender: VirtualDevice, **facts: object) -> None:
        del sender
        self.noted.append((event, facts))

    def changed(self, *, lasting: bool) -> None:
        self.saved += lasting

    def gone(self, sender: VirtualDevice) -> None:
        del sender
        self.left = True

    def frames(self) -> list[zcl.Frame]:
        """Take the ZCL frames it has sent."""
        frames = [zcl.decode(data) for _, data in self.sent]
        self.sent.clear()
        return frames

    def command(self, cluster: int, command: int, layout: str = "", *values: object, **options: Any) -> zcl.Frame:  # noqa: ANN401
        """Send a cluster's command and return the one answer."""
        payload = struct.pack(f"<{layout}", *values)
        frame = zcl.Frame(5, command, payload, specific=True, **options)
        self.device.hear(ApsFrame(0x0104, cluster, 1, 1, 0, 0, 0), frame.encode())
        (answer, *_) = [frame for frame in self.frames() if frame.command != zcl.General.REPORT or frame.specific]
        return answer

    def status(self, cluster: int, command: int, layout: str = "", *values: object) -> int:
        """Send a cluster's command and return the status of its default response."""
        answer = self.command(cluster, command, layout, *values)
        assert (answer.command, answer.payload[0]) == (zcl.General.DEFAULT_RESPONSE, command)
        return answer.payload[1]

    def general(self, cluster: int, command: int, payload: bytes) -> list[zcl.Frame]:
        """Send a general command and return what comes."""
        frame = zcl.Frame(5, command, payload)
        self.device.hear(ApsFrame(0x0104, cluster, 1, 1, 0, 0, 0), frame.encode())
        return self.frames()

    def ask(self, cluster: int, body: bytes) -> bytes | None:
        """Send a ZDO request and return the response without its sequence number."""
        self.device.hear(ApsFrame(0, cluster, 0, 0, 0, 0, 0), b"\x07" + body)
        if not self.sent:
            return None
        aps, data = self.sent.pop()
        assert (aps.cluster, data[0]) == (cluster | 0x8000, 7)
        return data[1:]

    def bind(self, cluster: int) -> None:
        """Bind a cluster to the coordinator."""
        self.device.bind(Binding(1, cluster, COORDINATOR, 1))

    def stimulate(self, name: str, value: object) -> None:
        """Let something happen to the device."""
        self.device.model.stimuli[name].apply(self.device, self.device.endpoints[1], value)
