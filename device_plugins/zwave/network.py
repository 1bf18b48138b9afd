"""What the plugin and the network say to each other, in plain data: neither needs to know the other's libraries."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

import msgspec

from device_plugins.zwave.mapping import Invoke, NodeFacts, ValueId, Write
from hub.api import HubError

type Seconds = Annotated[float, msgspec.Meta(gt=0)]
type Status = Literal["unknown", "asleep", "awake", "dead", "alive"]


class ZWaveError(HubError):
    """The network cannot be reached or was lost; the text says why in one sentence."""

    code = "zwave"


class Refused(ZWaveError):  # noqa: N818 - it says who did it
    """The server or the driver refused a command; `reason` is its own code, such as `ZW0204` or `node_not_found`."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.zwave]`: where the stick is, or the server that has it.

    `path` is a serial port or `tcp://host:port`; the hub then runs the server itself, with `node` and the packages in
    the folder `packages`. `url` (`ws://host:port`) is a server that runs already. `virtual` runs a mock controller
    with virtual devices instead of a stick. `port` is what the hub's own server listens on at 127.0.0.1; 0 lets the
    system choose. A lost network is tried again after `retry_first` seconds, then ever later up to `retry_most`.
    `watchdog` is how often the server is asked whether it lives, `answer_within` how long it may take to say so, and
    `start_wait` how long the start of the hub waits for the network, all in seconds.
    """

    path: str = ""
    url: str = ""
    virtual: bool = False
    node: str = "node"
    packages: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    retry_first: Seconds = 1.0
    retry_most: Seconds = 60.0
    watchdog: Seconds = 5.0
    answer_within: Seconds = 8.0
    start_wait: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class NodeState(msgspec.Struct, frozen=True):
    """How a node stands; it is `ready` when its interview is complete."""

    facts: NodeFacts
    status: Status
    ready: bool


class Listener(Protocol):
    """Who hears what the network says. Called from its receive path: quick, and never raising."""

    def added(self, node: int) -> None:
        """A node came into the network; its id may have been another's before."""

    def found(self, node: int) -> None:
        """A node was interviewed, or has other values than before."""

    def status(self, node: int, status: Status) -> None:
        """A node fell asleep, woke up, died or came back."""

    def value(self, node: int, value: ValueId, raw: Any) -> None:  # noqa: ANN401 - Z-Wave JS's types
        """A node told a value."""

    def notified(self, node: int, command_class: int, endpoint: int, args: dict[str, Any]) -> None:
        """A node told something that is no value."""

    def removed(self, node: int, reason: str) -> None:
        """A node is no longer in the network."""

    def told(self, event: str, data: dict[str, Any]) -> None:
        """The controller told something, such as `inclusion started` or `validate dsk and enter pin`."""

    def lost(self, reason: str) -> None:
        """The network is gone."""


class Network(Protocol):
    """An open network. Whatever asks it raises ZWaveError: Refused when it says no, otherwise it is lost or silent."""

    home_id: int
    own_node: int
    hangs: bool
    """Whether it was lost because the server gave no answer."""

    def nodes(self) -> Sequence[NodeState]:
        """Every node but the controller itself."""

    def node(self, node: int) -> NodeState | None:
        """One of them."""

    async def write(self, node: int, write: Write, *, within: float) -> bool:
        """Set a value; says whether the node has confirmed it, or has only received it."""

    async def poll(self, node: int, value: ValueId, *, within: float) -> None:
        """Ask a node for a value; what it answers is told to the listener before this returns."""

    async def invoke(self, node: int, invoke: Invoke, *, within: float) -> Any:  # noqa: ANN401 - JSON
        """Call a command class's API."""

    async def ask(self, command: str, *, within: float = 10.0, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Any command of the server, such as `controller.begin_inclusion`; returns its result."""

    async def close(self) -> None:
        """Leave it."""
