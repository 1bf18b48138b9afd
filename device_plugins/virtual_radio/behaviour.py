"""What a cluster's own commands may do: the device they act on, and the shape of a handler."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from device_plugins.virtual_radio.cluster import Attribute, Endpoint
from device_plugins.virtual_radio.zcl import Status
from device_plugins.virtual_radio.zcltypes import ZclError


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer by a command of the cluster's own, instead of the default response."""

    command: int
    payload: bytes


class Naps(Protocol):
    """When a device listens."""

    every_s: float

    def rouse(self, seconds: float = ...) -> None:
        """Listen for a while."""

    def doze(self) -> None:
        """Listen no longer than usual."""

    def wait(self) -> float:
        """Return the seconds until it listens; 0 while it does."""


class Actor(Protocol):
    """The device behind a cluster."""

    memory: dict[str, Any]
    groups: set[tuple[int, int]]
    sleep: "Naps"

    @property
    def ieee(self) -> str:
        """Its IEEE address."""

    def update(self, here: Endpoint, cluster: int, **values: object) -> int:
        """Set attributes by name, report those that changed, and return how many frames went out."""

    def say(self, here: Endpoint, cluster: int, command: int, payload: bytes, *, target_endpoint: int) -> None:
        """Send a server's command to the coordinator."""

    def request(self, here: Endpoint, cluster: int, command: int, payload: bytes) -> None:
        """Send a client's command to the coordinator."""

    def tell_bound(self, here: Endpoint, cluster: int, command: int, payload: bytes, *, to_client: bool = False) -> int:
        """Send a command to whoever is bound, a client's by default, and return how many frames went out."""

    def later(self, key: str, seconds: float, call: Callable[[], object]) -> None:
        """Do something in a while, instead of what was to be done under the same key."""

    def cancel(self, key: str) -> None:
        """Do after all not what was to be done under this key, if anything."""

    @property
    def instant(self) -> bool:
        """Whether nothing here takes time, so that a motor is there at once."""


type Outcome = Status | Reply
type Handler = Callable[[Actor, Endpoint, bytes], Outcome]
# Called after an attribute has been written, with the endpoint the write came from.
type Written = Callable[[Actor, Endpoint, Attribute, int], None]


def fields(payload: bytes, layout: str) -> tuple[Any, ...]:
    """Take a command's fields by a struct layout, little-endian, ignoring what follows; ZclError if cut short."""
    try:
        return struct.unpack_from(f"<{layout}", payload)
    except struct.error as error:
        raise ZclError("command cut short") from error
