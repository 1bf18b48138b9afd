"""Carrying out commands: each is sent, and waited for until the node has confirmed it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from device_plugins.sdk import (
    CommandTimeoutError,
    DeviceError,
    DevicePlugin,
    InvalidValueError,
    UnreachableError,
    UnsupportedError,
)
from device_plugins.zwave.known import Known
from device_plugins.zwave.mapping import Invoke, ValueId, Write
from device_plugins.zwave.network import Network, Refused, ZWaveError
from device_plugins.zwave.roster import Roster
from hub.api import event


class _Limits(NamedTuple):
    """Seconds in which a node must answer, and then tell its new value if its answer was no more than "received"."""

    answer: float
    confirm: float


_LISTENING = _Limits(8.0, 5.0)
# The driver keeps what it has for a sleeping node, and asks it again while it has it awake.
_SLEEPING = _Limits(86_400.0, 30.0)
_POLL = 5.0
_MOST_WAITING = 32
# The driver's words for a node that did not answer: time-outs, a message dropped, no acknowledgement.
_SILENT = {"ZW0200", "ZW0201", "ZW0202", "ZW0203", "ZW0204", "ZW0215"}


@event("zwave.command")
class CommandEnded(msgspec.Struct, frozen=True):
    """A command that waited for a device to wake up was confirmed, or failed with `error`; subject `device/<id>/<key>`.

    `error` is the code of the error, such as unreachable, or empty; `reason` says it in a sentence.
    """

    command: str
    error: str = ""
    reason: str = ""


class Actions:
    """The commands under way. What waits for a sleeping device stands in state at `device/<id>/pending`."""

    def __init__(self, plugin: DevicePlugin, roster: Roster) -> None:
        self._plugin = plugin
        self._roster = roster
        self._pending: dict[str, list[tuple[str, str]]] = {}

    async def carry_out(
        self, network: Network, known: Known, key: str, command: str, arguments: dict[str, Any]
    ) -> None:
        """Send it and return when the device has confirmed.

        Raises UnreachableError, CommandTimeoutError, UnsupportedError, InvalidValueError or another DeviceError.
        """
        device = known.device.id
        action = known.action(key, command)
        if action is None:
            raise UnsupportedError(f"{device} cannot {command} {key}", device=device)
        try:
            steps = action.encode(arguments, known.values())
        except ValueError as error:
            raise InvalidValueError(f"{device} {key}: {error}", device=device) from error
        if known.status == "asleep":
            if len(self._pending.get(device, ())) >= _MOST_WAITING:
                raise DeviceError(f"{device} sleeps, and {_MOST_WAITING} commands wait for it already", device=device)
            self._plugin.ctx.tasks.start(
                f"Z-Wave {device} {key} {command}", self._later(network, known, key, command, steps)
            )
            raise CommandTimeoutError(
                f"{device} is asleep; it is told as soon as it wakes up, which zwave.command then tells", device=device
            )
        await self._send(network, known, steps, _LISTENING)

    async def _later(
        self, network: Network, known: Known, key: str, command: str, steps: Sequence[Write | Invoke]
    ) -> None:
        device = known.device.id
        own = (key, command)
        self._pending.setdefault(device, []).append(own)
        self._tell(device)
        ended = CommandEnded(command)
        try:
            await self._send(network, known, steps, _SLEEPING)
        except DeviceError as error:
            ended = CommandEnded(command, error.code, str(error))
        finally:
            self._pending[device].remove(own)
            self._tell(device)
        self._plugin.ctx.events.publish("zwave.command", f"device/{device}/{key}", ended)

    async def _send(self, network: Network, known: Known, steps: Sequence[Write | Invoke], limits: _Limits) -> None:
        device = known.device.id
        for step in steps:
            try:
                if isinstance(step, Invoke):
                    await network.invoke(known.node, step, within=limits.answer)
                else:
                    await self._write(network, known, step, limits)
            except Refused as error:
                if error.reason in _SILENT:
                    raise UnreachableError(f"{device} does not answer: {error}", device=device) from error
                raise DeviceError(f"{device} refused: {error}", device=device) from error
            except ZWaveError as error:
                raise UnreachableError(f"{device} cannot be reached: {error}", device=device) from error

    async def _write(self, network: Network, known: Known, write: Write, limits: _Limits) -> None:
        if write.confirms is None:
            await network.write(known.node, write, within=limits.answer)
            return
        confirmed = asyncio.Event()
        is_taken = False

        def updated(raw: Any) -> None:  # noqa: ANN401 - Z-Wave JS's types
            # Before the answer it may be an older report; on the way to it a dimmer tells other values.
            if is_taken or raw == write.value:
                confirmed.set()

        undo = self._roster.on_update(known.node, write.confirms, updated)
        try:
            if await network.write(known.node, write, within=limits.answer):
                return
            is_taken = True
            if not await _within(limits.confirm, confirmed):
                await self._ask(network, known, write.confirms, confirmed)
        finally:
            undo()

    async def _ask(self, network: Network, known: Known, value: ValueId, confirmed: asyncio.Event) -> None:
        """Ask a node that has not told its new value by itself."""
        with suppress(ZWaveError):
            await network.poll(known.node, value, within=_POLL)
        if not confirmed.is_set():
            raise CommandTimeoutError(
                f"{known.device.id} took the command but did not confirm it", device=known.device.id
            )

    def _tell(self, device: str) -> None:
        if waiting := self._pending.get(device):
            self._plugin.report(device, "pending", dict(waiting))
        else:
            del self._pending[device]
            self._plugin.ctx.state.delete(f"device/{device}/pending")


async def _within(limit: float, event: asyncio.Event) -> bool:
    """Whether an event comes within `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            await event.wait()
    except TimeoutError:
        return False
    return True
