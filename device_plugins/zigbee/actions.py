"""Carrying out commands, and seeing afterwards that what was wanted became true."""

import functools
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from device_plugins.sdk import DeviceError, DevicePlugin, Feature, UnreachableError, UnsupportedError
from device_plugins.zigbee.joining import SilentError, read_values
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.lanes import Lanes
from device_plugins.zigbee.mapping import Plan, plan
from device_plugins.zigbee.queues import Job, Queues
from hub.api import Undo, event

# A device reports the change within this long after it has confirmed, or it is asked.
_REPORT_GRACE = 1.0
# Commands that do not build on what is true now: the newest makes those before it needless.
ABSOLUTE = frozenset({"set", "on", "off", "open", "close", "lock", "unlock"})


@event("zigbee.command")
class CommandEnded(msgspec.Struct, frozen=True):
    """A command that waited for a device to wake up was confirmed, or failed with `error`; subject `device/<id>/<key>`.

    `error` is the code of the error, such as command_timeout, or empty; `reason` says it in a sentence.
    """

    command: str
    error: str = ""
    reason: str = ""


class Actions:
    """The commands under way of one plugin.

    What waits for a sleeping device stands in state at `device/<id>/pending`: `{"<key>": "<command>"}`.
    """

    def __init__(self, plugin: DevicePlugin) -> None:
        self.lanes = Lanes()
        self.queues = Queues(self.lanes, plugin.ctx.clock, plugin.ctx.tasks)
        self.queues.told = self._told_waiting
        self.queues.ended = self._ended
        self._plugin = plugin
        self._timers: dict[tuple[str, str], Undo] = {}

    async def carry_out(self, known: Known, key: str, command: str, arguments: dict[str, Any]) -> None:
        """Send it in its turn and return when the device has confirmed; its state follows from its reports.

        Raises UnreachableError, CommandTimeoutError, UnsupportedError, InvalidValueError or another DeviceError.
        """
        feature = known.feature(key)
        if feature is None:
            raise UnsupportedError(f"{known.id} has no {key!r}", device=known.id)
        wanted = plan(feature, command, arguments, known.mapping.controls.get(feature.key))
        send = functools.partial(self._send, known, feature, wanted)
        job = Job(
            feature.key,
            command,
            send,
            absolute=command in ABSOLUTE,
            persists=not known.record.signature.mains,
            again=known.status != "offline",
        )
        node = known.node
        if node is not None:
            # What has to wait for more than the device's turn does it here, and holds up nobody.
            await node.ready_for(feature.endpoint, wanted.request)
            node = known.node
        try:
            await self.queues.do(known.id, job)
        except UnreachableError:
            if node is not None:
                known.silent(node)
            raise

    def forget(self, device: str) -> None:
        """Drop what was still to be done for a device."""
        self.queues.forget(device)
        for place in [place for place in self._timers if place[0] == device]:
            self._timers.pop(place)()

    def close(self) -> None:
        """Drop everything."""
        self.queues.close()
        while self._timers:
            self._timers.popitem()[1]()

    async def _send(self, known: Known, feature: Feature, wanted: Plan) -> None:
        node = known.node
        if node is None:
            raise UnreachableError(f"{known.id} is not on the network; pair it again", device=known.id)
        before = self._versions(known, feature, wanted)
        await node.carry_out(feature.endpoint, wanted.request)
        if wanted.assume is not None:
            self._assume(known, feature.key, value=wanted.assume, lasts=wanted.lasts)
        if before:
            delay = wanted.after + _REPORT_GRACE
            self._later((known.id, feature.key), delay, lambda: self._check(known, feature, wanted, before))

    def _versions(self, known: Known, feature: Feature, wanted: Plan) -> dict[str, int]:
        """The state versions, by capability, of what the command should change and the device can tell."""
        versions = {}
        for name in wanted.expect:
            if known.points_of(name, feature.endpoint):
                entry = self._plugin.ctx.state.entry(self._path(known, name, feature.endpoint))
                versions[name] = entry.version if entry else 0
        return versions

    def _check(self, known: Known, feature: Feature, wanted: Plan, before: dict[str, int]) -> None:
        """Ask for what no report has told since."""
        silent = [name for name in before if not self._told(known, feature, name, wanted.expect[name], before[name])]
        if silent and known.node is not None:
            self._plugin.ctx.tasks.start(f"read back {known.id}", self._read_back(known, feature.endpoint, silent))

    def _told(self, known: Known, feature: Feature, name: str, expected: object, version: int) -> bool:
        entry = self._plugin.ctx.state.entry(self._path(known, name, feature.endpoint))
        if entry is None:
            return False
        return entry.version != version if expected is None else bool(entry.value == expected)

    async def _read_back(self, known: Known, endpoint: int, names: Iterable[str]) -> None:
        points = [point for name in names for point in known.points_of(name, endpoint)]
        if known.node is not None:
            with suppress(DeviceError):
                await known.node.ready()
        if (node := known.node) is not None:
            try:
                async with self.lanes.background(known.id):
                    await read_values(node, points)
            except SilentError:
                known.silent(node)

    def _assume(self, known: Known, key: str, *, value: bool, lasts: float) -> None:
        self._plugin.report(known.id, key, value)
        place = (known.id, key)
        self._cancel(place)
        if lasts:
            self._later(place, lasts, lambda: self._plugin.report(known.id, key, not value))

    def _later(self, place: tuple[str, str], delay: float, work: Callable[[], None]) -> None:
        self._cancel(place)

        def due() -> None:
            self._timers.pop(place, None)
            work()

        self._timers[place] = self._plugin.ctx.clock.call_later(delay, due)

    def _cancel(self, place: tuple[str, str]) -> None:
        if undo := self._timers.pop(place, None):
            undo()

    def _path(self, known: Known, name: str, endpoint: int) -> str:
        return f"device/{known.id}/{known.key_of(name, endpoint)}"

    def _told_waiting(self, device: str, jobs: list[Job]) -> None:
        path = f"device/{device}/pending"
        if jobs:
            self._plugin.report(device, "pending", {job.key: job.command for job in jobs})
        else:
            self._plugin.ctx.state.delete(path)

    def _ended(self, device: str, job: Job, error: DeviceError | None) -> None:
        told = CommandEnded(job.command, error.code, str(error)) if error else CommandEnded(job.command)
        self._plugin.ctx.events.publish("zigbee.command", f"device/{device}/{job.key}", told)
