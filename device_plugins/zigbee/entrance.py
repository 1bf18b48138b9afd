"""Who may join in a pairing session: anybody, whoever comes through one router, or those with an install code."""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from device_plugins.sdk import DeviceError, InvalidValueError, PairingError
from device_plugins.zigbee.install_codes import Admission, InstallCodeError, admission
from device_plugins.zigbee.network import Radio, RadioError
from hub.api import Context, Task

PERMIT_MOST = 254
_PERMIT_AGAIN = 240.0
_INPUTS = ("install_code", "ieee", "via")


class Entrance:
    """Takes what a pairing session is given, and keeps the network open accordingly.

    An empty `install_code` means that it will be brought: nothing is opened before.
    """

    def __init__(self, ctx: Context, radio: Callable[[], Radio], find: Callable[[str], Awaitable[str]]) -> None:
        self._ctx = ctx
        self._radio = radio
        self._find = find
        self._codes: dict[str, Admission] = {}
        self._via = ""
        self._keeping: Task[None] | None = None
        self._until = 0.0
        self.waits = False
        """Whether an install code is still to be brought."""

    @property
    def inputs(self) -> dict[str, Any]:
        """What a `needs_input` step asks for."""
        return {"install_code": "the text of the device's QR code, or <IEEE address>|<install code>, both in hex"}

    async def take(self, values: dict[str, Any]) -> None:
        """Take inputs; if the network is open already, open it anew with them.

        Raises PairingError for those that are not known, InvalidValueError and UnknownDeviceError for bad ones.
        """
        if unknown := values.keys() - {*_INPUTS}:
            raise PairingError(f"Zigbee pairing takes {', '.join(_INPUTS)}, not {min(unknown)[:80]!r}")
        texts = {name: str(value) for name, value in values.items()}
        via = await self._find(texts["via"]) if texts.get("via") else self._via
        code = texts.get("install_code")
        if via and (code is not None or self._codes):
            raise PairingError("with an install code the whole network is opened; leave out either it or via")
        self._via = via
        if code:
            who = read_code(code, texts.get("ieee", ""))
            self._codes[who.ieee] = who
        self.waits = code == ""
        if self._keeping is not None and not self._keeping.done():
            await self._open(self._until - self._ctx.clock.monotonic())

    async def open(self, duration: float) -> None:
        """Let in who may come, for so many seconds. Raises PairingError."""
        try:
            await self._open(duration)
        except (RadioError, DeviceError) as error:
            self.close()
            raise PairingError(str(error)) from error
        self._stop_keeping()
        self._until = self._ctx.clock.monotonic() + duration
        self._keeping = self._ctx.tasks.start("permit joining", self._keep_open(duration))

    def close(self) -> None:
        """Keep it open no longer, and forget what was given; the radio is not told."""
        self._stop_keeping()
        self._codes, self._via, self.waits = {}, "", False

    async def _open(self, duration: float) -> None:
        radio, seconds = self._radio(), min(math.ceil(duration), PERMIT_MOST)
        for who in self._codes.values():
            await radio.management.admit(who, seconds)
        if self._via:
            await radio.management.permit_through(self._via, seconds)
        elif not self._codes and not self.waits:
            await radio.permit(seconds)

    async def _keep_open(self, duration: float) -> None:
        """Permit again and again: a permission lasts 254 seconds at most."""
        while duration > PERMIT_MOST:
            await self._ctx.clock.sleep(_PERMIT_AGAIN)
            duration -= _PERMIT_AGAIN
            with suppress(RadioError, DeviceError):
                await self._open(duration)
        await self._ctx.clock.sleep(duration)

    def _stop_keeping(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None


def read_code(code: str, ieee: str = "") -> Admission:
    """An install code as an owner gives it; InvalidValueError says what is wrong with it."""
    try:
        return admission(code, ieee)
    except InstallCodeError as error:
        raise InvalidValueError(str(error)) from error
