"""Watches over the devices while the radio is up: asks those on mains that are silent, and tells who is gone."""

import asyncio
from collections.abc import Mapping

from device_plugins.sdk import CommandTimeoutError, DeviceError, UnreachableError
from device_plugins.zigbee.availability import Rhythm
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.lanes import Lanes
from device_plugins.zigbee.network import Node
from hub.api import Context, Task

_KEY = "rhythms"
_LOOK_EVERY = 30.0
# So many are asked at each look at most, one after the other and so far apart; each has so long to answer.
_ASKED_A_LOOK, _APART, _ANSWER_LIMIT = 10, 1.0, 10.0
_SAVE_EVERY = 6 * 3600.0
# Every device has it, and it never changes: Basic, ZCLVersion.
_BASIC, _ZCL_VERSION = 0x0000, 0x0000


class Watching:
    """The watch over all known devices. Their rhythms are written a few times a day, to spare the card."""

    def __init__(self, ctx: Context, known: Mapping[str, Known], lanes: Lanes) -> None:
        self._ctx, self._known, self._lanes = ctx, known, lanes
        self._task: Task[None] | None = None
        self._saved: dict[str, list[list[float]]] = {}

    async def load(self) -> None:
        """Recall the rhythms."""
        self._saved = await self._ctx.storage.get(_KEY, {})
        for ieee, told in self._saved.items():
            if (known := self._known.get(ieee)) is not None:
                known.watch.rhythm = Rhythm.recalled(told)

    async def save(self) -> None:
        """Write the rhythms, if there is anything new."""
        told = {ieee: known.watch.rhythm.told() for ieee, known in self._known.items()}
        told = {ieee: rhythm for ieee, rhythm in told.items() if rhythm}
        if told != self._saved:
            await self._ctx.storage.set(_KEY, told)
            self._saved = told

    def begin(self) -> None:
        """The radio is up."""
        self._task = self._ctx.tasks.start("watches over devices", self._run())

    def end(self) -> None:
        """The radio is gone."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        clock = self._ctx.clock
        saved = clock.monotonic()
        while True:
            await clock.sleep(_LOOK_EVERY)
            await self.look()
            if clock.monotonic() - saved >= _SAVE_EVERY:
                saved = clock.monotonic()
                await self.save()

    async def look(self) -> None:
        """Judge every device, and ask those that are too silent, the most silent first."""
        now = self._ctx.clock.monotonic()
        present = [one for one in self._known.values() if one.node is not None and not one.record.left]
        verdicts = [(one, one.watch.verdict(now)) for one in present]
        for known, verdict in verdicts:
            if verdict == "gone":
                self._gone(known, now)
        silent = [known for known, verdict in verdicts if verdict == "ask"]
        silent.sort(key=lambda known: known.watch.silence(now), reverse=True)
        for known in silent[:_ASKED_A_LOOK]:
            if known.node is not None:
                await self._ask(known, known.node)
                await self._ctx.clock.sleep(_APART)

    async def _ask(self, known: Known, node: Node) -> None:
        endpoint, cluster, attribute = _cheap(known)
        watch, clock = known.watch, self._ctx.clock
        watch.ask()
        try:
            async with asyncio.timeout(_ANSWER_LIMIT), self._lanes.background(known.id):
                await node.read(endpoint, cluster, (attribute,), background=True)
        except (UnreachableError, CommandTimeoutError, TimeoutError):
            watch.missed(clock.monotonic())
            if watch.verdict(clock.monotonic()) == "gone":
                self._gone(known, clock.monotonic())
        except DeviceError:
            watch.answered(clock.monotonic())  # a refusal is a sign of life
        else:
            watch.answered(clock.monotonic())

    def _gone(self, known: Known, now: float) -> None:
        if known.status != "offline":
            known.available("offline", known.watch.reason(now))


def _cheap(known: Known) -> tuple[int, int, int]:
    """What to read of a device to see whether it is there."""
    for endpoint in known.record.signature.endpoints:
        if _BASIC in endpoint.inputs:
            return endpoint.id, _BASIC, _ZCL_VERSION
    for point in known.mapping.points:
        return point.endpoint, point.cluster, point.attribute
    return 1, _BASIC, _ZCL_VERSION
