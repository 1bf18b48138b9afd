"""Carrying out commands: each is sent, and waited for until the node has confirmed it."""

import asyncio
from collections.abc import Sequence
from typing import Any

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

# How long a node may take to answer, and then to tell its new value if its answer was no more than "received".
_ANSWER, _CONFIRM = 8.0, 5.0
# How long the driver may keep what it has for a sleeping node.
_EXPIRY = 86_400.0
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
        self._pending: dict[str, dict[str, str]] = {}

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
            self._plugin.ctx.tasks.start(
                f"Z-Wave {device} {key} {command}", self._later(network, known, key, command, steps)
            )
            raise CommandTimeoutError(
                f"{device} is asleep; it is told as soon as it wakes up, which zwave.command then tells", device=device
            )
        await self._send(network, known, steps, _ANSWER)

    async def _later(
        self, network: Network, known: Known, key: str, command: str, steps: Sequence[Write | Invoke]
    ) -> None:
        device = known.device.id
        self._pending.setdefault(device, {})[key] = command
        self._tell(device)
        ended = CommandEnded(command)
        try:
            await self._send(network, known, steps, _EXPIRY)
        except DeviceError as error:
            ended = CommandEnded(command, error.code, str(error))
        finally:
            waiting = self._pending.get(device, {})
            waiting.pop(key, None)
            self._tell(device)
        self._plugin.ctx.events.publish("zwave.command", f"device/{device}/{key}", ended)

    async def _send(self, network: Network, known: Known, steps: Sequence[Write | Invoke], within: float) -> None:
        device = known.device.id
        for step in steps:
            try:
                if isinstance(step, Invoke):
                    await network.invoke(known.node, step, within=within)
                else:
                    await self._write(network, known, step, within)
            except Refused as error:
                if error.reason in _SILENT:
                    raise UnreachableError(f"{device} does not answer: {error}", device=device) from error
                raise DeviceError(f"{device} refused: {error}", device=device) from error
            except ZWaveError as error:
                raise UnreachableError(f"{device} cannot be reached: {error}", device=device) from error

    async def _write(self, network: Network, known: Known, write: Write, within: float) -> None:
        if write.confirms is None:
            await network.write(known.node, write, within=within)
            return
        confirmed = asyncio.Event()
        is_taken = False

        def updated(raw: Any) -> None:  # noqa: ANN401 - Z-Wave JS's types
            # Before the answer it may be an older report; on the way to it a dimmer tells other values.
            if is_taken or raw == write.value:
                confirmed.set()

        undo = self._roster.on_update(known.node, write.confirms, updated)
        try:
            if await network.write(known.node, write, within=within):
                return
            is_taken = True
            await self._confirmed(network, known, write.confirms, confirmed)
        finally:
            undo()

    async def _confirmed(self, network: Network, known: Known, value: ValueId, confirmed: asyncio.Event) -> None:
        """Wait for the node's own word, and ask it when none comes."""
        try:
            async with asyncio.timeout(_CONFIRM):
                await confirmed.wait()
                return
        except TimeoutError:
            pass
        await network.poll(known.node, value, within=_CONFIRM)
        if not confirmed.is_set():
            raise CommandTimeoutError(
                f"{known.device.id} took the command but did not confirm it", device=known.device.id
            )

    def _tell(self, device: str) -> None:
        if waiting := self._pending.get(device):
            self._plugin.report(device, "pending", dict(waiting))
        else:
            self._pending.pop(device, None)
            self._plugin.ctx.state.delete(f"device/{device}/pending")
