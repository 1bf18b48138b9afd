"""What the plugin and the radio say to each other, in plain data: neither side needs to know the other's libraries."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol

import msgspec

from device_plugins.sdk import UnreachableError
from device_plugins.zigbee.images import Images
from device_plugins.zigbee.links import Links
from device_plugins.zigbee.management import Management
from device_plugins.zigbee.mapping import Facts, Report, Said, Send, Signature, Write
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.rehearsal import Memory, Port
from device_plugins.zigbee.touchlink import Touchlink
from hub.api import HubError, Undo

type Seconds = Annotated[float, msgspec.Meta(gt=0)]
type Channel = Annotated[int, msgspec.Meta(ge=11, le=26)]


class RadioError(HubError):
    """The radio cannot be opened or was lost; the text says why in one sentence."""

    code = "radio"


class BusyError(UnreachableError):
    """The stick took no more; nothing was sent, so it may be sent again."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.zigbee]`: where the stick is, and what network to form on first start.

    `path` is a serial port, `socket://host:port`, or `auto` for the only stick there is; `radio` what the stick speaks,
    `auto` to find out. `channel` is taken when a network is formed; without it the
    quietest of `channels` is. A lost radio is tried again after `retry_first` seconds, then ever later up to
    `retry_most`. `watchdog` is how often the stick is asked whether it lives; `start_wait` how long the start of the
    hub waits for the network, both in seconds. `ota_dir` is a folder with firmware images for devices. `quirks` are
    applied if their package is installed; the owner's own are the modules in `quirks_dir`.
    """

    path: str = ""
    radio: Literal["ezsp", "znp", "deconz", "auto"] = "ezsp"
    baudrate: Annotated[int, msgspec.Meta(ge=9600, le=2_000_000)] = 115_200
    flow_control: Literal["software", "hardware"] = "software"
    channel: Channel | None = None
    channels: tuple[Channel, ...] = (15, 20, 25, 11)
    retry_first: Seconds = 1.0
    retry_most: Seconds = 60.0
    watchdog: Seconds = 10.0
    start_wait: Annotated[float, msgspec.Meta(ge=0)] = 5.0
    ota_dir: str = ""
    quirks: bool = True
    quirks_dir: str = ""


def port_of(settings: Settings) -> Port:
    """What a stick is opened with."""
    return settings.path, settings.baudrate, settings.flow_control


class NetworkInfo(msgspec.Struct, frozen=True):
    """The network as anybody may know it: no keys. `problems` are known ones of the stick's firmware."""

    coordinator: str
    firmware: str
    channel: int
    pan_id: str
    extended_pan_id: str
    path: str
    radio: str = "ezsp"
    problems: list[str] = []


class Wishes(NamedTuple):
    """What a quirk wants of its device's configuration; see `Node.wishes`.

    `left_alone`: no binding, no reporting. `binds`: clusters (endpoint, cluster, whether an output) to be bound, as the
    quirk does more then. `steps`: it has some of its own, `Node.take_steps`.
    """

    left_alone: bool = False
    binds: tuple[tuple[int, int, bool], ...] = ()
    steps: bool = False


class AttributeEvent(Protocol):
    """An attribute's value came in: reported or read."""

    @property
    def endpoint_id(self) -> int:
        """The endpoint."""

    @property
    def cluster_id(self) -> int:
        """The cluster."""

    @property
    def attribute_id(self) -> int:
        """The attribute."""

    @property
    def value(self) -> Raw:
        """Its value."""


class Ears(Protocol):
    """Who hears what one device says. Called from the radio's receive path: quick, and never raising."""

    def heard(self, event: AttributeEvent) -> None:
        """An attribute of an input cluster has this value."""

    def sink(self, endpoint: int, cluster: int, attribute: int) -> Callable[[Raw], None] | None:
        """What takes the values of an input cluster's attribute as `heard` does, without an event; None for nobody."""

    def received(
        self, endpoint: int, cluster: int, command: int, payload: tuple[object, ...], said: Said | None
    ) -> None:
        """A cluster command came in; `said` is the same by names, None if `pressed` has told of it."""

    def pressed(self, said: Said) -> bool:
        """A quirk said something in the place of a command; whether it was a press."""


class Node(Protocol):
    """A device on the network. Every method that speaks to it raises a DeviceError when it cannot or will not."""

    @property
    def ieee(self) -> str:
        """16 hex digits, most significant byte first."""

    @property
    def lqi(self) -> int | None:
        """Link quality of the last message, 0 to 255."""

    @property
    def rssi(self) -> int | None:
        """Signal strength of the last message, dBm."""

    @property
    def is_waiting(self) -> bool:
        """Whether what it says cannot be understood yet: it is held back until `ready` returns."""

    async def ready(self) -> None:
        """Return when it is whole; whatever speaks to it waits for that by itself."""

    def signature(self) -> Signature:
        """What the interview learned; call it when it is `ready`."""

    def wishes(self) -> Wishes:
        """What its quirk wants of its configuration; call it when it is `ready`."""

    def converted(self, endpoint: int, name: str, raw: Raw) -> Raw | None:
        """What the quirk's own function makes of a value; see `Extra`. Raises ValueError when it fails."""

    def diagnose(self, facts: Facts) -> dict[str, Any]:
        """What a maintainer needs to know, as JSON."""

    def listen(self, told: Iterable[tuple[int, int, bool]], sent: Iterable[tuple[int, int]], ears: Ears) -> Undo:
        """Hear attributes and commands of (endpoint, cluster, whether an output), and commands of outputs."""

    async def read(
        self, endpoint: int, cluster: int, attributes: Iterable[int], *, background: bool = False, output: bool = False
    ) -> tuple[dict[int, Raw], set[int]]:
        """Values by attribute, and the attributes it does not have; what was read is heard as well."""

    async def bind(self, endpoint: int, cluster: int, *, output: bool = False) -> None:
        """Have the cluster's messages sent to the coordinator."""

    async def configure_reporting(self, endpoint: int, cluster: int, reports: Mapping[int, Report]) -> dict[int, str]:
        """Have attributes reported; returns why, for those it would not."""

    async def enroll(self, endpoint: int) -> None:
        """Make the coordinator the zone's alarm panel."""

    async def answer_enroll(self, endpoint: int) -> None:
        """Accept a zone's request to be enrolled."""

    async def take_steps(self) -> None:
        """Have its quirk do what it does to configure the device."""

    async def ready_for(self, endpoint: int, request: Send | Write) -> None:
        """Return when it can be told this; at once, but for a head start."""

    async def carry_out(self, endpoint: int, request: Send | Write) -> None:
        """Command or write, and return when the device has confirmed."""


class Radio(Protocol):
    """An open radio with its network up."""

    @property
    def management(self) -> Management:
        """What can be asked of the network as a whole."""

    @property
    def touchlink(self) -> Touchlink:
        """What can be done to devices near the stick that are not on the network."""

    @property
    def images(self) -> Images:
        """Firmware for devices."""

    def info(self) -> NetworkInfo:
        """The network."""

    def nodes(self) -> list[Node]:
        """The devices whose interview is complete."""

    def links(self, ieee: str) -> Links:
        """What a device keeps for others. Raises UnreachableError for one that is not on the network."""

    async def multicast(self, group: int, request: Send) -> None:
        """Send a command to all members of a group; nobody confirms it. Raises a DeviceError."""

    async def permit(self, seconds: int) -> None:
        """Let devices join for at most 254 seconds; 0 closes. Raises RadioError."""

    def interview(self, ieee: str, short: int | None = None) -> None:
        """Interview a device whose interview did not come to its end, taking it in first if `short` is given."""

    async def remove(self, ieee: str) -> bool:
        """Ask a device to leave, and forget it; whether it has confirmed that it leaves."""

    async def flush(self) -> None:
        """Return when what was learned of devices is on disk. Raises RadioError when that takes too long."""

    async def remember(self) -> bytes:
        """Write the network as it is now to the disk; returns it as an Open Coordinator Backup. Raises RadioError."""

    def memory(self) -> Memory | None:
        """What the next start needs for a head start; None if there cannot be one."""

    def hear(self, frame: bytes) -> None:
        """Take an EZSP callback that came before zigpy was there."""

    async def close(self) -> None:
        """Close the port and the database."""


class Listener(Protocol):
    """Who hears what happens on the network. Quick, and never raising."""

    def joined(self, ieee: str, short: int) -> None:
        """A device joined, or came back under another short address; its interview begins."""

    def interviewed(self, node: Node) -> None:
        """A device's interview is complete."""

    def announced(self, node: Node) -> None:
        """A device known before told that it is there, as after a loss of power."""

    def interview_failed(self, ieee: str) -> None:
        """A device's interview failed."""

    def left(self, ieee: str) -> None:
        """A device left the network."""

    def alive(self, ieee: str, lqi: int | None) -> None:
        """Something came from a device."""

    def lost(self, reason: str) -> None:
        """The radio is gone."""
