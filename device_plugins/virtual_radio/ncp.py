"""The network co-processor: commands in, answers and callbacks out, over an ASH link."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from device_plugins.virtual_radio.core import Core, Values
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.ezsp import Command, EzspCodec, EzspError
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.latency import LatencyMeter
from device_plugins.virtual_radio.link import AshLink, LinkState
from device_plugins.virtual_radio.mesh import Mesh, Parcel
from device_plugins.virtual_radio.messaging import MessageCommands
from device_plugins.virtual_radio.network import NetworkCommands
from device_plugins.virtual_radio.nvm import Network, Nvm
from device_plugins.virtual_radio.strays import RawCommands
from device_plugins.virtual_radio.tables import TableCommands
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.wire import Status

_MESH_STACK = 2


class Home(Protocol):
    """Where the NCP is: its line, and who keeps its memory."""

    def write(self, data: bytes) -> None:
        """Send bytes to the host."""

    def changed(self, *, lasting: bool) -> None:
        """Remember the non-volatile memory; at once if it is lasting, else soon."""

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Tell whoever watches the radio."""


class Ncp:
    """One NCP of one EZSP version; RadioError when the version is unknown."""

    def __init__(self, version: int, nvm: Nvm, home: Home, mesh: Mesh, timers: Timers, faults: Faults) -> None:
        self.link = AshLink(home.write, self, timers, faults)
        self.meter = LatencyMeter()
        # How often each command came, and those that this NCP does not know.
        self.heard: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self._home = home
        self._sequence = 0
        self._codec = EzspCodec(version)
        self.core = Core(self._codec, nvm, timers, self)
        self._network = NetworkCommands(self.core)
        self.raw = RawCommands(self.core, mesh)
        self._messages = MessageCommands(self.core, mesh, self.meter, self._network.move)
        self.answers = {
            "version": self._version,
            **TableCommands(self.core, mesh).table,
            **self._network.table,
            **self._messages.table,
            **self.raw.table,
        }
        mesh.open(self)

    @property
    def ieee(self) -> str:
        """The coordinator's IEEE address."""
        return self.core.nvm.address

    @property
    def network(self) -> Network | None:
        """Its network."""
        return self.core.nvm.network

    @property
    def listens(self) -> bool:
        """Whether its network is up, and it is on that network's channel."""
        return self.core.listens

    @property
    def latency(self) -> float:
        """Seconds a frame takes to be heard by a device."""
        return self.core.latency_s

    def take(self, sender: VirtualDevice, parcel: Parcel) -> None:
        """Bring a frame that came over the air to the host."""
        self._messages.arrived(sender, parcel)

    def callback(self, name: str, values: Values, written: Callable[[], None] | None = None) -> None:
        """Send a callback, if a host is there: see `core.Surroundings`."""
        if self.link.state is LinkState.CONNECTED:
            self.link.send(self._codec.encode_callback(name, self._sequence, values), written)

    def changed(self, *, lasting: bool) -> None:
        """Pass it on: see `core.Surroundings`."""
        self._home.changed(lasting=lasting)

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Pass it on: see `core.Surroundings`."""
        self._home.tell(event, facts)

    def host_reset(self) -> None:
        """Be as after power-up: see `link.LinkOwner`."""
        self._sequence = 0
        self._messages.reset()
        self.core.reset()

    def host_sent(self, payload: bytes) -> None:
        """Answer one command: see `link.LinkOwner`."""
        try:
            command = self._codec.decode_command(payload)
        except EzspError as error:
            self.unknown[str(error)] += 1
            self.link.send(self._codec.encode_refusal(error.sequence, error.status))
            return
        self._sequence = command.sequence
        self.heard[command.name] += 1
        self.link.send(self._answer(command))

    def _answer(self, command: Command) -> bytes:
        handler = self.answers.get(command.name)
        if handler is None:
            self.unknown[command.name] += 1
            return self._codec.encode_refusal(command.sequence, Status.UNSUPPORTED)
        return self._codec.encode_response(command, handler(command.args))

    def _version(self, args: Mapping[str, object]) -> Values:
        del args
        codec = self._codec
        return {"protocolVersion": codec.version, "stackType": _MESH_STACK, "stackVersion": codec.stack_version}
