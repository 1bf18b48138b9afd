"""What the plugin asks of a convention: where devices announce themselves, and what is made of that."""

from typing import ClassVar, Protocol

import msgspec

from device_plugins.mqtt.description import Described, Message
from hub.api import HubError


class MalformedError(HubError):
    """A payload is nonsense; one sentence, which is counted and shown."""

    code: ClassVar[str] = "malformed"


class Terms(msgspec.Struct, frozen=True):
    """What a convention is told when it is made.

    `prefixes` are topic prefixes instead of its usual ones. `own` is the topic prefix, and the name of the origin, of
    what the hub itself publishes: that is never a device.
    """

    prefixes: tuple[str, ...] = ()
    own: str = "domovoi"


class Heard(msgspec.Struct, frozen=True):
    """What came of a message: devices that are there or have changed, ids of those that are gone, what to publish.

    `changed` are ids of devices that are there or have changed, too; the convention describes them when it is asked,
    once for many messages. `malformed` tells, a sentence each, which parts of the message were nonsense while the rest
    was taken.
    """

    described: tuple[Described, ...] = ()
    gone: tuple[str, ...] = ()
    ask: tuple[Message, ...] = ()
    malformed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Convention(Protocol):
    """One way in which devices announce themselves. It does no I/O; its tables are its own, and bounded."""

    name: str

    def filters(self) -> tuple[str, ...]:
        """Topic filters of discovery to subscribe to."""

    def greet(self) -> tuple[Message, ...]:
        """What to publish after each connect, to make devices announce themselves."""

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take a message of a topic that one of the filters matches.

        Raises MalformedError for nonsense.
        """


class Describing(Convention, Protocol):
    """A convention whose devices announce themselves in many messages, and whose `heard` gives `changed`."""

    def describe(self, device: str) -> Described | None:
        """A device as it is now; None when it is gone again."""
