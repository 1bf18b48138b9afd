"""The base of a device plugin: it announces devices, reports what they do, and carries out what they are asked."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import msgspec

from device_plugins.sdk.device import Availability, Device
from device_plugins.sdk.errors import PairingError, UnknownDeviceError
from device_plugins.sdk.events import ButtonPressed, LockOperated, PairingStep, RotaryTurned, Step
from hub.api import Context, Plugin, service

_SEEN_EVERY = 60.0


class DevicePlugin(Plugin, ABC):
    """Subclass it, set `protocol`, and implement `execute`, `open_pairing`, `close_pairing` and `forget`.

    The base offers `<plugin>.command`, `.pair`, `.pair_input`, `.pair_cancel` and `.remove`, which the device registry
    calls, and `.health`; it keeps the announced devices in `devices`. The protocol's own condition stands in state at
    `protocol/<protocol>` (`{"plugin", "status": "ready" | "down", "reason"}`).
    """

    protocol: ClassVar[str]
    emits: ClassVar[tuple[type[msgspec.Struct], ...]] = (ButtonPressed, LockOperated, RotaryTurned, PairingStep)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.devices: dict[str, Device] = {}
        self.session = ""
        self._session_ends = 0.0
        self._seen: dict[str, float] = {}
        self._removed: set[str] = set()

    # What a plugin author writes

    @abstractmethod
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        """Make the device do it; return when it has confirmed, raise a DeviceError otherwise. Arguments are checked."""

    @abstractmethod
    async def open_pairing(self, duration: float) -> None:
        """Let new devices in for `duration` seconds; tell what happens with `pairing_step`."""

    @abstractmethod
    async def close_pairing(self) -> None:
        """Let no more devices in."""

    @abstractmethod
    async def forget(self, device: Device) -> None:
        """Make the device leave; raise UnreachableError if it cannot be told, neither now nor when it is next heard."""

    async def take_input(self, values: dict[str, Any]) -> None:  # noqa: ARG002 - for those who override it
        """Take what a `needs_input` step asked for, or what `devices.pair` was given before the network is opened."""
        raise PairingError(f"{self.protocol} pairing asks for no input")

    # What a plugin author uses

    async def announce(self, device: Device) -> None:
        """Tell the registry that this device is there, or has changed; it is on the disk when this returns.

        Raises what the registry refuses: a capability outside the vocabulary, a device of another plugin.
        """
        self._removed.discard(device.id)
        self.devices[device.id] = device
        await self.ctx.services.call("devices.announce", device=device)

    def report(self, device: str, key: str, value: Any) -> None:  # noqa: ANN401 - the vocabulary's types
        """Say what is true of a device now."""
        if device not in self._removed:
            self.ctx.state.set(f"device/{device}/{key}", value)

    def seen(self, device: str) -> None:
        """Note a sign of life; `device/<id>/last_seen` (ns since 1970) follows at most once a minute."""
        now = self.ctx.clock.monotonic()
        if now - self._seen.get(device, now - _SEEN_EVERY) >= _SEEN_EVERY and device not in self._removed:
            self._seen[device] = now
            self.ctx.state.set(f"device/{device}/last_seen", self.ctx.clock.now())

    def available(self, device: str, status: Availability, reason: str = "") -> None:
        """Say whether a device can be reached, and why not."""
        if device not in self._removed:
            # The reason first: who hears of the change finds it in place.
            self.ctx.state.set(f"device/{device}/availability_reason", reason)
            self.ctx.state.set(f"device/{device}/availability", status)

    def ready(self, *, down: str = "") -> None:
        """Say that the protocol works, or why it is `down`."""
        status = {"plugin": self.ctx.plugin, "status": "down" if down else "ready", "reason": down}
        self.ctx.state.set(f"protocol/{self.protocol}", status)

    def pairing_step(self, step: Step, device: Device | None = None, **details: Any) -> None:  # noqa: ANN401
        """Tell how pairing goes; nothing is told when no session is open."""
        if self.session:
            about = {"device": device.id, "model": device.model} if device else {}
            told = PairingStep(self.session, step, self.protocol, **about | details)
            self.ctx.events.publish("devices.pairing", f"pairing/{self.session}", told)

    # What the registry calls

    @service
    async def command(self, device: str, key: str, command: str, arguments: dict[str, Any]) -> None:
        """Carry out a checked command on a device of this plugin."""
        await self.execute(self._known(device), key, command, arguments)

    @service
    async def pair(self, session: str, duration: float, inputs: dict[str, Any] | None = None) -> None:
        """Open a pairing session for `duration` seconds; `inputs` are known beforehand, and taken first."""
        now = self.ctx.clock.monotonic()
        if self.session not in {"", session} and now < self._session_ends:
            raise PairingError(f"{self.protocol} is already pairing; wait for it to end or cancel it")
        self.session, self._session_ends = session, now + duration
        opened = False
        try:
            if inputs:
                await self.take_input(inputs)
            await self.open_pairing(duration)
            opened = True
        finally:
            if not opened and self.session == session:
                self.session = ""

    @service
    async def pair_input(self, values: dict[str, Any]) -> None:
        """Bring what a pairing step asked for."""
        if not self.session:
            raise PairingError(f"{self.protocol} is not pairing, so it asks for nothing")
        await self.take_input(values)

    @service
    async def pair_cancel(self) -> None:
        """End the pairing session; what happens after this belongs to none."""
        try:
            if self.session:
                await self.close_pairing()
        finally:
            self.session = ""

    @service
    async def remove(self, device: str) -> None:
        """Make a device leave and forget it; what it still reports is not heard until it is announced again."""
        await self.forget(self._known(device))
        self.devices.pop(device, None)
        self._seen.pop(device, None)
        self._removed.add(device)

    @service
    async def health(self) -> dict[str, str]:
        """How the protocol works, for the hub's health."""
        said = self.ctx.state.get(f"protocol/{self.protocol}", {})
        down = said.get("reason", "") if said.get("status") == "down" else ""
        return {"status": "degraded" if down else "ok", "reason": down}

    def _known(self, device: str) -> Device:
        try:
            return self.devices[device]
        except KeyError:
            raise UnknownDeviceError(f"{self.ctx.plugin} knows no device {device!r}", device=device) from None
