"""Commands: what is published for them, and seeing that they worked."""

import asyncio
from typing import Any

from device_plugins.mqtt.description import Action
from device_plugins.mqtt.known import Known
from device_plugins.mqtt.link import Link
from device_plugins.sdk import CommandTimeoutError, UnreachableError, UnsupportedError, capability

_RESULTS: dict[tuple[str, str], Any] = {
    ("on_off", "on"): True,
    ("on_off", "off"): False,
    ("siren", "off"): False,
    ("lock", "lock"): "locked",
    ("lock", "unlock"): "unlocked",
    ("cover_position", "open"): 100,
    ("cover_position", "close"): 0,
}
"""What is true after a command that has no argument for it, by capability and command."""


class Actions:
    """Carries out commands; a device has `patience` seconds to confirm one."""

    def __init__(self, link: Link, patience: float) -> None:
        self._link = link
        self._patience = patience

    async def carry_out(self, known: Known, key: str, command: str, arguments: dict[str, Any]) -> None:
        """Publish what the command is, and wait for its confirmation where there is one.

        Raises UnreachableError, UnsupportedError, InvalidValueError or CommandTimeoutError.
        """
        action = known.actions.get((key, command))
        if action is None:
            raise UnsupportedError(f"{known.id} does not say how {key} {command} is done", device=known.id)
        self._link.ready()
        if known.status == "offline":
            raise UnreachableError(f"{known.id} cannot be reached: {known.reason}", device=known.id)
        messages = action.encode(arguments, known.values())
        if not action.confirmed_by:
            for message in messages:
                await self._link.publish(message)
            self._assume(known, action, arguments)
            return
        waiter = known.expect(action.confirmed_by)
        try:
            for message in messages:
                await self._link.publish(message)
            await asyncio.wait_for(waiter, self._patience)
        except TimeoutError as error:
            raise CommandTimeoutError(
                f"{known.id} did not confirm {key} {command} within {self._patience:g} s", device=known.id
            ) from error
        finally:
            known.expect_no_more(action.confirmed_by, waiter)

    @staticmethod
    def _assume(known: Known, action: Action, arguments: dict[str, Any]) -> None:
        """Take for true what was asked: nothing will ever tell."""
        feature = known.described.device.feature(action.key)
        if feature is None or capability(feature.capability).access not in {"read", "read-write"}:
            return
        value = _RESULTS.get((feature.capability, action.command))
        if action.command == "set":
            value = arguments.get("value")
        elif (feature.capability, action.command) == ("on_off", "toggle"):
            value = not known.values().get(action.key, False)
        if value is not None:
            known.assume(action.key, value)
