"""The services `devices.*`: what owners, rules and device plugins ask of the registry and the pairing desk."""

import asyncio
from typing import Any, override

from device_plugins.sdk import (
    CommandTimeoutError,
    Device,
    DeviceError,
    PairingStep,
    UnknownDeviceError,
    UnreachableError,
    UnsupportedError,
    check_command,
)
from hub.api import (
    Call,
    Context,
    Event,
    HubError,
    Plugin,
    PluginInfo,
    ServiceTimeoutError,
    StateChanged,
    UnknownServiceError,
    on,
    service,
)
from plugins.devices.pairing import ANY, PairingDesk
from plugins.devices.protocols import Protocols
from plugins.devices.records import (
    CommandResult,
    DeviceAdded,
    DeviceChanged,
    DeviceCommanded,
    DeviceRecord,
    DeviceRemoved,
    Entry,
    PairingSession,
    PairingStatus,
)
from plugins.devices.registry import Registry

# A service called `list` hides the type of that name in the class.
type Records = list[DeviceRecord]
type Labels = list[str]

# What a call leaves of its time for saying that the device did not answer.
_SHARE = 0.95
_GONE = {"stopped": "stopped", "failed": "failed", "quarantined": "is quarantined", "disabled": "is disabled"}


class Devices(Plugin):
    """The device registry and the pairing desk."""

    emits = (DeviceAdded, DeviceChanged, DeviceCommanded, DeviceRemoved, PairingStep)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._registry = Registry(ctx)
        self._protocols = Protocols(ctx)
        self._desk = PairingDesk(ctx, self._protocols)

    @override
    async def start(self) -> None:
        """Bring back what was known."""
        await self._registry.restore()
        self._protocols.restore()

    @override
    async def stop(self) -> None:
        """End pairing."""
        await self._desk.close()

    @service
    async def list(self, area: str = "", protocol: str = "", label: str = "") -> Records:
        """List the devices by name; only those of an area, a protocol or a label if one is given, whatever its case."""
        return [
            self._registry.record(entry)
            for entry in self._registry.all()
            if (not area or entry.stored.area.casefold() == area.casefold())
            and (not protocol or entry.stored.device.protocol == protocol)
            and (not label or label.casefold() in map(str.casefold, entry.stored.labels))
        ]

    @service
    async def get(self, device: str) -> DeviceRecord:
        """Show one device. `device` is its id or its name, however written: "Hall lamp" or "hall-lamp"."""
        return self._registry.record(self._registry.find(device))

    @service
    async def rename(self, device: str, name: str) -> DeviceRecord:
        """Give a device a name of its own, of 1 to 64 characters; it is safe on the disk when this returns."""
        return self._registry.record(await self._registry.rename(self._registry.find(device), name))

    @service
    async def assign(self, device: str, area: str | None = None, labels: Labels | None = None) -> DeviceRecord:
        """Put a device in an area, give it labels, or both; an empty area or list takes away, null leaves as it is."""
        return self._registry.record(await self._registry.assign(self._registry.find(device), area, labels))

    @service
    async def remove(self, call: Call, device: str, force: bool = False) -> None:  # noqa: FBT001, FBT002 - from JSON
        """Make a device leave its network and forget it; with `force`, forget it even if it cannot be told to leave."""
        entry = self._registry.find(device)
        plugin = entry.stored.plugin
        try:
            await self.ctx.services.call(f"{plugin}.remove", timeout=_remaining(call) / 2, device=entry.id)
        except HubError as error:
            gone = isinstance(error, UnknownServiceError | UnknownDeviceError)
            if not (gone or force):
                kind = type(error) if isinstance(error, DeviceError) else DeviceError
                raise kind(
                    f"{entry.name} was not removed: {error}; to forget it all the same, use force", device=entry.id
                ) from error
            self.ctx.log.warning("%s is forgotten, but was not told to leave: %s", entry.name, error)
        await self._registry.remove(entry)

    @service
    async def command(
        self,
        call: Call,
        device: str,
        capability: str,
        command: str = "set",
        value: Any = None,  # noqa: ANN401 - the vocabulary's types
        arguments: dict[str, Any] | None = None,
    ) -> CommandResult:
        """Make a device do something; this returns when the device has confirmed it.

        `capability` is the name of one, such as on_off (the first there is), or a key, such as on_off.2. `value` is
        short for the argument of that name. Fails with unknown_device, unsupported, invalid_value, unreachable or
        command_timeout.
        """
        entry = self._registry.find(device)
        feature = entry.features.get(capability)
        if feature is None:
            raise _unsupported(entry, capability)
        given = arguments or {}
        if value is not None:
            given = {"value": value, **given}
        checked = check_command(feature, command, given, entry.id)
        subject = f"device/{entry.id}/{feature.key}"
        try:
            protocol = self._protocols.get(entry.stored.device.protocol)
            if protocol is not None and protocol.down:
                raise UnreachableError(f"{entry.name} cannot be reached: {protocol.down}", device=entry.id)
            await self._carry_out(entry, feature.key, command, checked, _remaining(call))
        except HubError as error:
            self.ctx.events.publish("devices.commanded", subject, DeviceCommanded(call.caller, command, error.code))
            raise
        self.ctx.events.publish("devices.commanded", subject, DeviceCommanded(call.caller, command))
        return CommandResult(entry.id, feature.key, command, self.ctx.state.get(f"device/{entry.id}/{feature.key}"))

    @service
    async def announce(self, call: Call, device: Device) -> None:
        """Tell that a device is there or has changed; for device plugins. It is on the disk when this returns."""
        await self._registry.announce(device, call.caller)

    @service
    async def pair(
        self, call: Call, protocol: str = ANY, duration: float = 120.0, inputs: dict[str, Any] | None = None
    ) -> PairingSession:
        """Let new devices in for 1 to 600 seconds, by one protocol or by any that is ready.

        `inputs` brings beforehand what a `needs_input` step would ask for, such as an install code; a protocol that
        does not know an input is not opened. Every step is an event `devices.pairing` with the subject
        `pairing/<session>`; the last one is `ended`.
        """
        return await self._desk.pair(protocol, duration, _remaining(call), inputs)

    @service
    async def pair_input(self, session: str, values: dict[str, Any]) -> None:
        """Bring what a `needs_input` step of a pairing session asked for, such as a code."""
        await self._desk.pair_input(session, values)

    @service
    async def pair_cancel(self, session: str) -> None:
        """End a pairing session before its time."""
        await self._desk.cancel(session)

    @service
    async def pair_status(self, session: str) -> PairingStatus:
        """Show how a pairing session stands or went: what is open, the seconds left, its steps so far."""
        return self._desk.status(session)

    @on("devices.pairing")
    def _step_heard(self, event: Event) -> None:
        self._desk.heard(event.data)

    @on("plugin.status")
    def _plugin_told(self, event: Event) -> None:
        info: PluginInfo = event.data
        if info.status in _GONE:
            reason = f"plugin {info.id} {_GONE[info.status]}{': ' if info.reason else ''}{info.reason}"
            self._protocols.lost(info.id, reason)
            self.ctx.tasks.start(f"tells of the devices of {info.id}", self._registry.lost(info.id, reason))

    @on("state.changed", subject="protocol/+")
    def _protocol_told(self, event: Event) -> None:
        changed: StateChanged = event.data
        name = event.subject.removeprefix("protocol/")
        protocol = self._protocols.get(name)
        if changed.value is None or (protocol is not None and protocol.down):
            self._desk.protocol_down(name, protocol.down if protocol is not None else "it is gone")

    async def _carry_out(self, entry: Entry, key: str, command: str, arguments: dict[str, Any], limit: float) -> None:
        try:
            await self.ctx.services.call(
                entry.service, timeout=limit, device=entry.id, key=key, command=command, arguments=arguments
            )
        except ServiceTimeoutError as error:
            raise CommandTimeoutError(
                f"{entry.name} did not confirm {key} {command} within {limit:.3g} s", device=entry.id
            ) from error
        except UnknownServiceError as error:
            reason = f"plugin {entry.stored.plugin} does not run"
            raise UnreachableError(f"{entry.name} cannot be reached: {reason}", device=entry.id) from error
        except UnknownDeviceError as error:
            reason = f"plugin {entry.stored.plugin} has not found it on its network yet"
            raise UnreachableError(f"{entry.name} cannot be reached: {reason}", device=entry.id) from error


def _remaining(call: Call) -> float:
    """The seconds there are for asking a device plugin; the deadline is in the event loop's time."""
    return (call.deadline - asyncio.get_running_loop().time()) * _SHARE


def _unsupported(entry: Entry, capability: str) -> UnsupportedError:
    able = ", ".join(feature.key for feature in entry.stored.device.features if feature.commands)
    has = f"it can be told {able}" if able else "it cannot be told anything"
    return UnsupportedError(f"{entry.name} has no {capability[:80]!r}; {has}", device=entry.id)
