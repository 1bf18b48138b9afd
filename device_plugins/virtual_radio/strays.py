"""Touchlink over the virtual air: raw frames of the coordinator, and the devices near it that answer them.

A stray is a device on the network of somebody else, on a channel of its own; only touchlink reaches it. A device
answers a scan if it is near: its signal arrives with `NEAR_DBM` at least.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Protocol

from device_plugins.virtual_radio import addresses, catalogue, household, touchlink
from device_plugins.virtual_radio.core import Command, Core, Values
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.mesh import ACK_SHARE, Mesh
from device_plugins.virtual_radio.touchlink import Call, Standing
from device_plugins.virtual_radio.wire import Status

CHANNELS = range(11, 27)
# Where a device without a network waits for a touchlink.
FACTORY_NEW_CHANNEL = 11
NEAR_DBM = -60
USUAL_DBM = -35
# How often a device that was reset looks for a network, a second apart.
_SEARCHES = 180
_NETWORK, _SIGNAL = "elsewhere-", "rssi"
_EXTENDED_PAN_ID, _PAN_ID, _SHORT = bytes.fromhex("c0ffee0000000001"), 0x1234, 0x0BAD
_NO_PAN, _NO_SHORT = 0xFFFF, 0xFFFE
_STEERING = "looks for a network"
_INTERNAL = 0x80


class Home(Protocol):
    """Where the coordinator and the devices are."""

    def changed(self, *, lasting: bool) -> None:
        """Remember it."""

    def noticed(self, event: str, sender: VirtualDevice, **facts: object) -> None:
        """Tell whoever watches."""

    def leave(self, which: VirtualDevice) -> None:
        """Take a device off the network."""

    def join(self, which: VirtualDevice) -> None:
        """Let a device join; RadioError when nobody lets it in."""


def channel_of(device: VirtualDevice) -> int | None:
    """Return the channel of the strange network a device is on; None when it is on none."""
    network = device.network or ""
    return int(network.removeprefix(_NETWORK)) if network.startswith(_NETWORK) else None


def check(device: VirtualDevice, channel: int, rssi: int) -> None:
    """Raise RadioError if touchlink could not free it again, or when that is no channel or no signal."""
    if not device.model.touchlink:
        able = " or ".join(key for key, model in catalogue.MODELS.items() if model.touchlink)
        raise RadioError(f"{device.name!r} does not do touchlink, nothing could free it again: choose a {able}.")
    if channel not in CHANNELS:
        raise RadioError(f"A channel is {CHANNELS[0]} to {CHANNELS[-1]}, not {channel!r}.")
    if not -128 <= rssi <= 0:  # noqa: PLR2004 - what the air allows, in one byte
        raise RadioError(f"A signal is -128 to 0 dBm, not {rssi!r}.")


def put(device: VirtualDevice, channel: int, rssi: int) -> None:
    """Make a device a stray, which `check` allows."""
    device.factory_reset()
    device.network, device.short = f"{_NETWORK}{channel}", _SHORT
    device.memory[_SIGNAL] = rssi


class RawCommands:
    """The commands, by name in `table`."""

    def __init__(self, core: Core, mesh: Mesh) -> None:
        self._core = core
        self._mesh = mesh
        self._home: Home | None = None
        self._sequence = 0
        # Which transaction a device has heard of last, and until when it remembers it.
        self._open: dict[str, tuple[int, float]] = {}
        self.table: dict[str, Command] = {
            "setLogicalAndRadioChannel": self._tune,
            "getLogicalChannel": lambda _: {"radioChannel": self._channel},
            "sendRawMessage": lambda args: self._send(args["message"]),
            "sendRawMessageExtended": lambda args: self._send(args["message"]),
        }

    def open(self, home: Home) -> None:
        """Take the home whose devices they are."""
        self._home = home

    @property
    def _channel(self) -> int:
        network = self._core.nvm.network
        return self._core.tuned or (network.channel if network is not None else 0)

    def _tune(self, args: Args) -> Values:
        (channel,) = args.values()
        if channel not in CHANNELS:
            return {"status": Status.INVALID}
        network = self._core.nvm.network
        self._core.tuned = 0 if network is not None and channel == network.channel else channel
        return {}

    def _send(self, frame: bytes) -> Values:
        if len(frame) > touchlink.MAX_FRAME:
            return {"status": Status.MESSAGE_TOO_LONG}
        channel, call = self._channel, touchlink.read(frame)
        if call is not None:
            for device in [*self._near(channel, call)]:
                delay = self._core.latency_s if device.latency_s is None else device.latency_s
                self._core.timers.after(delay, self._hear, device, call, channel)
        self._core.later("rawTransmitCompleteHandler", ACK_SHARE, message=frame)
        return {}

    def _near(self, channel: int, call: Call) -> Iterator[VirtualDevice]:
        for device in self._mesh.devices.values():
            is_meant = not call.target or call.target == addresses.as_bytes(device.ieee)
            hears = device.model.touchlink and device.reachable and self._channel_of(device) == channel
            if is_meant and hears and self._signal(device)[1] >= NEAR_DBM and not self._mesh.loses():
                yield device

    def _channel_of(self, device: VirtualDevice) -> int:
        network = self._core.nvm.network
        if network is not None and self._mesh.is_joined(device):
            return network.channel
        return channel_of(device) or FACTORY_NEW_CHANNEL

    def _signal(self, device: VirtualDevice) -> tuple[int, int]:
        if self._mesh.is_joined(device):
            return self._mesh.link(device)
        rssi = device.memory.get(_SIGNAL, USUAL_DBM)
        return max(0, 255 + rssi), rssi

    def _hear(self, device: VirtualDevice, call: Call, channel: int) -> None:
        now = asyncio.get_running_loop().time()
        if call.command == touchlink.SCAN:
            self._open[device.ieee] = call.transaction, now + touchlink.TRANSACTION_S
            self._answer(device, call, channel)
            return
        transaction, until = self._open.get(device.ieee, (0, 0.0))
        if transaction != call.transaction or now > until or not call.target:
            return
        if call.command == touchlink.IDENTIFY:
            self._identify(device, call.rest)
        elif call.command == touchlink.RESET:
            self._reset(device)

    def _answer(self, device: VirtualDevice, call: Call, channel: int) -> None:
        self._at_home.noticed("touchlink", device, command=call.command, channel=channel)
        self._sequence = (self._sequence + 1) % 256
        source = addresses.as_bytes(device.ieee)
        frame = touchlink.scan_response(call, source, self._standing(device, channel), self._sequence)
        if channel == self._channel and not self._mesh.loses():
            lqi, rssi = self._signal(device)
            self._core.surroundings.callback("macFilterMatchMessageHandler", _received(frame, lqi, rssi))

    def _standing(self, device: VirtualDevice, channel: int) -> Standing:
        network, kind = self._core.nvm.network, device.model.device_type
        if network is not None and self._mesh.is_joined(device):
            extended = bytes.fromhex(network.extended_pan_id)
            return Standing(False, extended, channel, network.pan_id, device.short, kind)
        if channel_of(device) is None:
            return Standing(True, bytes(8), channel, _NO_PAN, _NO_SHORT, kind)
        return Standing(False, _EXTENDED_PAN_ID, channel, _PAN_ID, device.short, kind)

    def _identify(self, device: VirtualDevice, rest: bytes) -> None:
        try:
            (seconds,) = struct.unpack_from("<H", rest)
        except struct.error:
            return
        usual = touchlink.USUAL_IDENTIFY_S if seconds == 0xFFFF else seconds  # noqa: PLR2004 - left to the device
        household.identify(device, device.endpoints[1], usual)
        self._at_home.noticed("touchlink", device, command=touchlink.IDENTIFY, seconds=usual)

    def _reset(self, device: VirtualDevice) -> None:
        self._at_home.noticed("touchlink", device, command=touchlink.RESET)
        if self._mesh.is_joined(device):
            self._at_home.leave(device)
        else:
            device.factory_reset()
            self._at_home.changed(lasting=True)
        self._steer(device, _SEARCHES)

    def _steer(self, device: VirtualDevice, left: int) -> None:
        """Look for an open network, as from the factory."""
        try:
            self._at_home.join(device)
        except RadioError:
            if left:
                device.later(_STEERING, 1.0, _again(self._steer, device, left - 1))

    @property
    def _at_home(self) -> Home:
        if self._home is None:
            raise RuntimeError("the coordinator has no home yet")
        return self._home


def _again(steer: Callable[[VirtualDevice, int], None], device: VirtualDevice, left: int) -> Callable[[], None]:
    return lambda: steer(device, left)


def _received(frame: bytes, lqi: int, rssi: int) -> Values:
    """The callback's values, for all versions."""
    return {
        "legacyPassthroughType": _INTERNAL,
        "lqi": lqi,
        "rssi": rssi,
        "packetInfo": {"sender_short_id": _NO_SHORT, "last_hop_lqi": lqi, "last_hop_rssi": rssi},
        "message": frame,
    }
