"""The least a host can do: zigpy and bellows as they come, one listener, one command. The radio benchmark's other side.

    python -m scripts.benchmarks._bare PORT

It prints `open` when devices may join and `ready` when a motion sensor and a lamp have, then switches the lamp on at
each report of occupancy, until its input closes. To a line of input it answers how many temperatures were reported.
"""

import asyncio
import itertools
import sys
from typing import Any

from bellows.zigbee.application import ControllerApplication
from zigpy.zcl import AttributeReportedEvent
from zigpy.zcl.clusters.general import OnOff
from zigpy.zcl.clusters.measurement import OccupancySensing, TemperatureMeasurement


class _Pair:
    """Waits for both devices."""

    def __init__(self) -> None:
        self.lamp: Any = None
        self.sensor: Any = None
        self.complete = asyncio.Event()

    def device_initialized(self, device: Any) -> None:  # noqa: ANN401 - zigpy's listener
        clusters = device.endpoints[1].in_clusters
        if OccupancySensing.cluster_id in clusters:
            self.sensor = clusters[OccupancySensing.cluster_id]
        elif OnOff.cluster_id in clusters:
            self.lamp = clusters[OnOff.cluster_id]
        if self.lamp is not None and self.sensor is not None:
            self.complete.set()


async def serve(port: str) -> None:
    """Form a network, pair, react."""
    app = await ControllerApplication.new(
        {
            "device": {"path": port},
            "backup_enabled": False,
            "topology_scan_enabled": False,
            "ota": {"enabled": False},
        },
        auto_form=True,
    )
    pair = _Pair()
    app.add_listener(pair)
    await app.permit(254)
    print("open", flush=True)
    await pair.complete.wait()
    for cluster, change in ((pair.sensor, 1), (pair.lamp, 1)):
        await cluster.bind()
        await cluster.configure_reporting(0, 0, 300, change)
    tasks: set[asyncio.Task[Any]] = set()

    def reported(event: Any) -> None:  # noqa: ANN401 - zigpy's event
        if event.attribute_id == 0 and event.value == 1:
            task = asyncio.Task(pair.lamp.on(), loop=asyncio.get_running_loop(), eager_start=True)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    counter = itertools.count()
    undo = [pair.sensor.on_event(AttributeReportedEvent.event_type, reported)]
    devices: Any = app.devices
    for device in devices.values():
        clusters = device.endpoints[1].in_clusters
        if TemperatureMeasurement.cluster_id in clusters:
            measured = clusters[TemperatureMeasurement.cluster_id]
            undo.append(measured.on_event(AttributeReportedEvent.event_type, lambda _: next(counter)))
    print("ready", flush=True)
    asked = 0
    while await asyncio.to_thread(sys.stdin.readline):
        print(next(counter) - asked, flush=True)
        asked += 1
    for each in undo:
        each()
    await app.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
