"""What the plugin and the connection to the broker say to each other, in plain data."""

from collections.abc import Callable, Sequence
from typing import Protocol

from device_plugins.mqtt.description import Message
from hub.api import HubError

type Incoming = Callable[[str, bytes, bool], None]
"""Takes a topic, a payload, and whether the message was retained. Quick, and never raising."""


class Receiver(Protocol):
    """Who takes what comes in."""

    def incoming(self, topic: str, payload: bytes, retained: bool, /) -> None:  # noqa: FBT001 - a message
        """Take a message. Quick, and never raising."""

    def too_long(self, topic: str, size: int, /) -> None:
        """Note that a message was passed over."""


class BrokerError(HubError):
    """The broker cannot be reached, refuses something, or was lost; the text says why in one sentence."""

    code = "broker"


class Connection(Protocol):
    """An open connection; every method raises BrokerError when the broker does not answer."""

    @property
    def version(self) -> str:
        """The version of MQTT: 5 or 3.1.1."""

    async def lost(self) -> str:
        """Wait until the connection is gone; returns why."""

    async def publish(self, message: Message) -> None:
        """Publish; returns when the broker has it, for QoS 0 when it is on its way."""

    async def subscribe(self, filters: Sequence[str], qos: int) -> list[str]:
        """Subscribe to filters; returns those that the broker refuses."""

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Undo `subscribe`."""

    async def close(self) -> None:
        """Say goodbye and close."""
