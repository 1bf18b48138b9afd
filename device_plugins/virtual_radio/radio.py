"""The virtual radio: an NCP on a line, a shelf of devices, and what a person may do to both."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device_plugins.virtual_radio import addresses, ash, catalogue, strays, zdo
from device_plugins.virtual_radio.catalogue import Model
from device_plugins.virtual_radio.described import Description, described
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.home import Dumps, load_device
from device_plugins.virtual_radio.latency import LatencyMeter
from device_plugins.virtual_radio.membership import Membership
from device_plugins.virtual_radio.mesh import Mesh, Parcel
from device_plugins.virtual_radio.ncp import Ncp
from device_plugins.virtual_radio.nvm import Nvm
from device_plugins.virtual_radio.store import Store
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.transport import Line, PtyLine, TcpLine
from device_plugins.virtual_radio.wire import ApsFrame

# Changes that may be lost when the process is killed are saved this long after the first, in seconds.
SAVE_AFTER = 1.0
# Beyond, every host has given up.
MAX_LATENCY = 60
MAX_POLL = 86400
type Watcher = Callable[[str, Mapping[str, object]], None]
type Which = VirtualDevice | str


class VirtualRadio:
    """See the package for how to use it. RadioError tells in one sentence what cannot be done, and how to mend it.

    With a state file it reads and writes that file in the caller's thread. `latency` is in seconds: how long a frame
    takes to be heard; with 0 all happens in the loop's next turns.
    """

    def __init__(self, version: int = 14, state: Path | None = None, latency: float = 0.005, seed: int = 1) -> None:
        self.faults = Faults(seed=seed)
        self.timers = Timers()
        self.hasty = False
        self._seed = seed
        self._store = Store(state)
        self._dumps = Dumps()
        self.mesh = Mesh(self.timers, self.faults)
        self._devices = self.mesh.devices
        self._made = 0
        self._watchers: list[Watcher] = []
        self._line: Line | None = None
        self._host = False
        self._saving: asyncio.Handle | None = None
        nvm = self._load() or Nvm(addresses.made(seed, 0))
        self.ncp = Ncp(version, nvm, self, self.mesh, self.timers, self.faults)
        self.ncp.raw.open(self)
        self._members = Membership(self, self.ncp, self.mesh, seed)
        self.latency = latency

    # -- the line ------------------------------------------------------------------------------------------------

    def open_pty(self, link: Path | None = None) -> str:
        """Be reachable on a pseudo-terminal and return its path, or the link's that is made to lead to it."""
        return self._open(PtyLine(self, self.timers, link))

    async def open_tcp(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Be reachable on a TCP port (0: any free one) and return it."""
        line = TcpLine(self, host, port)
        self._open(line)
        return line.port

    @property
    def address(self) -> str:
        """What the host is to open: a path, or `socket://host:port`."""
        return self._opened().address

    @property
    def host_attached(self) -> bool:
        """Whether a host has the line open."""
        return self._host

    async def close(self) -> None:
        """Save, and let go of everything; more than once is fine."""
        if self._line is not None:
            self._line.unplug()
            self._line = None
        if self._saving is not None:
            self._save()
        for device in self._devices.values():
            device.rest()
        self.timers.close()

    def unplug(self) -> None:
        """Pull the plug: the host loses the line."""
        self._opened().unplug()

    def replug(self) -> None:
        """Plug it in again; the NCP has lost power meanwhile. A pseudo-terminal gets a new path, a link stays."""
        self._opened().plug()

    def reset(self, code: int = ash.RESET_SOFTWARE) -> None:
        """Let the NCP reset by itself."""
        code = _code(code)
        self.ncp.host_reset()
        self.ncp.link.restart(code)

    def crash(self, code: int = ash.ERROR_ACK_TIMEOUTS) -> None:
        """Let the NCP crash: it says so and answers nothing until it is reset."""
        self.ncp.link.fail(_code(code))

    def hang(self, *, on: bool = True) -> None:
        """Let the NCP freeze, deaf and mute, or go on where it stopped."""
        self.faults.hang = on

    # -- the shelf -----------------------------------------------------------------------------------------------

    @property
    def devices(self) -> list[VirtualDevice]:
        """All devices, on the shelf and on the network, in the order they were added."""
        return list(self._devices.values())

    def add(self, model: str, name: str | None = None) -> VirtualDevice:
        """Put a new device of a catalogue model on the shelf; names are unique."""
        return self._put(catalogue.model(model), name)

    def add_described(self, description: Description, name: str | None = None) -> VirtualDevice:
        """Put a device on the shelf that is like a description; see `described`."""
        return self._put(described(description), name)

    def _put(self, made: Model, name: str | None) -> VirtualDevice:
        name = name or f"{made.name} {self._made + 1}"
        if any(device.name == name for device in self._devices.values()):
            raise RadioError(f"There is a device named {name!r} already: choose another name.")
        self._made += 1
        device = VirtualDevice(self, made, addresses.made(self._seed, self._made), name)
        self._devices[device.ieee] = device
        self.changed(lasting=True)
        return device

    def device(self, which: Which) -> VirtualDevice:
        """Return a device by itself, its IEEE address or its name."""
        if isinstance(which, VirtualDevice):
            which = which.ieee
        found = self._devices.get(which.lower())
        if found is None:
            found = next((device for device in self._devices.values() if device.name == which), None)
        if found is None:
            raise RadioError(f"There is no device {which!r}: give its name or its IEEE address, or add it first.")
        return found

    def remove(self, which: Which) -> None:
        """Throw a device away; it leaves the network first."""
        device = self.device(which)
        if self.is_joined(device):
            self.leave(device)
        device.rest()
        del self._devices[device.ieee]
        self.changed(lasting=True)

    def is_joined(self, which: Which) -> bool:
        """Whether a device is on the coordinator's network."""
        return self.mesh.is_joined(self.device(which))

    def join(self, which: Which, through: Which | None = None) -> None:
        """Let a device that is not on the network join it, as from the factory; `through` chooses the router."""
        self._members.join(self.device(which), None if through is None else self.device(through))

    def rejoin(self, which: Which) -> None:
        """Let a device on the network come back with a new short address, as after a change of parent."""
        self._members.rejoin(self.device(which))

    def leave(self, which: Which) -> None:
        """Let a device leave the network by itself."""
        self._members.leave(self.device(which))

    def stray(self, which: Which, channel: int, rssi: int = strays.USUAL_DBM) -> None:
        """Put a device on somebody else's network; only touchlink reaches it, if its signal (dBm) is strong enough."""
        device = self.device(which)
        strays.check(device, channel, rssi)
        if self.is_joined(device):
            self.leave(device)
        strays.put(device, channel, rssi)
        self.changed(lasting=True)

    def conflict(self, which: Which) -> None:
        """Let another node claim a device's short address: the network is told, and the device takes a new one."""
        self._members.conflict(self.device(which))

    def doze(self, which: Which, seconds: float) -> None:
        """Let a device listen only every so many seconds, as those on batteries do; 0: always."""
        if not 0 <= seconds <= MAX_POLL:
            raise RadioError(f"A device polls every 0 to {MAX_POLL} seconds, not {seconds!r}.")
        device = self.device(which)
        device.sleep.every_s = seconds
        device.changes += 1
        device.sleep.doze()
        self.changed(lasting=True)

    def stimuli(self, which: Which) -> dict[str, str]:
        """Return what can happen to a device: name → help."""
        return {name: item.help for name, item in self.device(which).model.stimuli.items()}

    def act(self, which: Which, stimulus: str, value: object, expect: Which | None = None) -> None:
        """Let something happen to a device; with `expect`, time the command that follows for that other device."""
        device = self.device(which)
        item = device.model.stimuli.get(stimulus)
        if item is None:
            known = ", ".join(device.model.stimuli)
            raise RadioError(f"Nothing called {stimulus!r} can happen to {device.name!r}: choose from {known}.")
        if expect is not None:
            self.meter.arm(device.ieee, self.device(expect).ieee)
        try:
            item.apply(device, device.endpoints[1], value)
        except RadioError as error:
            raise RadioError(f"{stimulus!r} cannot happen to {device.name!r}: {error}") from None

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher(event, facts)` for network, permit, joined, rejoined, left and command; return the undo."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    @property
    def meter(self) -> LatencyMeter:
        """The samples that `act(..., expect=...)` took."""
        return self.ncp.meter

    @property
    def permits(self) -> bool:
        """Whether a device may join now."""
        return self.ncp.core.permits()

    @property
    def network(self) -> dict[str, Any] | None:
        """The network's parameters and keys (in hex, as on the air), None when there is none."""
        network = self.ncp.core.nvm.network
        return None if network is None else asdict(network)

    @property
    def latency(self) -> float:
        """Seconds a frame takes to be heard."""
        return self.ncp.core.latency_s

    @latency.setter
    def latency(self, seconds: float) -> None:
        self.ncp.core.latency_s = _latency(seconds)

    def slow_down(self, which: Which, seconds: float | None) -> None:
        """Let one device take its own time to hear a frame; None: as the others."""
        self.device(which).latency_s = None if seconds is None else _latency(seconds)

    # -- what the line, the NCP and the devices ask of it ---------------------------------------------------------

    @property
    def coordinator(self) -> str:
        """The coordinator's IEEE address."""
        return self.ncp.core.nvm.address

    @property
    def instant(self) -> bool:
        """Whether nothing takes time."""
        return self.latency == 0

    def write(self, data: bytes) -> None:
        """Send bytes to the host."""
        if self._line is not None:
            self._line.write(data)

    def joined(self) -> list[VirtualDevice]:
        """Return the devices on the network."""
        return self.mesh.joined()

    def carry(
        self, sender: VirtualDevice, aps: ApsFrame, data: bytes, *, to: str = "", broadcast: bool = False
    ) -> None:
        """Bring a device's frame to a node, by default the coordinator; to the members of `aps.group`; or to all."""
        self.mesh.send(sender, Parcel(aps, data, to, broadcast))

    def neighbours(self, ieee: str) -> list[zdo.Neighbour]:
        """Return whom a node hears."""
        return self.mesh.neighbours(ieee)

    def routes(self, ieee: str) -> list[zdo.Route]:
        """Return a node's routing table."""
        return self.mesh.routes(ieee)

    def gone(self, sender: VirtualDevice) -> None:
        """Take a device off the network that was asked to leave."""
        if self.is_joined(sender):
            self.leave(sender)

    def noticed(self, event: str, sender: VirtualDevice, **facts: object) -> None:
        """Tell the watchers what a device did."""
        self.tell(event, {"ieee": sender.ieee, "name": sender.name, **facts})

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Tell the watchers."""
        if event == "network" and facts["up"]:
            for device in self.joined():
                device.wake()
        for watcher in tuple(self._watchers):
            watcher(event, facts)

    def changed(self, *, lasting: bool) -> None:
        """Save now if it is lasting, else soon."""
        if lasting:
            self._save()
        elif self._saving is None and self._store.keeps:
            self._saving = self.timers.after(SAVE_AFTER, self._save)

    def host_wrote(self, data: bytes) -> None:
        """Take the host's bytes: see `transport.LineOwner`."""
        self.ncp.link.feed(data)

    def attached(self) -> None:
        """Take note that a host has opened the line: see `transport.LineOwner`."""
        self._host = True

    def detached(self) -> None:
        """Take note that it has gone: see `transport.LineOwner`."""
        self._host = False
        self.ncp.link.close()
        self.ncp.host_reset()

    # -- inside --------------------------------------------------------------------------------------------------

    def _open(self, line: PtyLine | TcpLine) -> str:
        if self._line is not None:
            raise RadioError(f"The radio is open already, on {self.address}: close it first.")
        line.plug()
        self._line = line
        return line.address

    def _opened(self) -> Line:
        if self._line is None:
            raise RadioError("The radio is not open: call open_pty or open_tcp first.")
        return self._line

    def _load(self) -> Nvm | None:
        content = self._store.load()
        if content is None:
            return None
        try:
            self._made = content["made"]
            for item in content["devices"]:
                device = load_device(self, item)
                self._devices[device.ieee] = device
            return Nvm.load(content["ncp"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._store.damaged() from error

    def _save(self) -> None:
        self.timers.cancel(self._saving)
        self._saving = None
        if self._store.keeps:
            content = {"made": self._made, "ncp": self.ncp.core.nvm.dump(), "devices": self._dumps.of(self.devices)}
            self._store.save(content)


def _code(code: int) -> int:
    if not 0 <= code <= 0xFF:  # noqa: PLR2004 - one byte
        raise RadioError(f"A reset code is 0 to 255, not {code!r}.")
    return code


def _latency(seconds: float) -> float:
    if not 0 <= seconds <= MAX_LATENCY:
        raise RadioError(f"A latency is 0 to {MAX_LATENCY} seconds, not {seconds!r}.")
    return seconds
