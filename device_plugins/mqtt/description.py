"""What a convention makes of a device: readings, actions, happenings and presence, all pure."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from device_plugins.sdk import Device

type Encoding = Literal["json", "text", "bytes"]
type Take = Callable[[Any], Any]
"""From the decoded payload to the value in the vocabulary's unit.

NOTHING if it says nothing, None for unknown; ValueError, TypeError, LookupError or OverflowError for nonsense.
"""
type Encode = Callable[[dict[str, Any], dict[str, Any]], Sequence["Message"]]
"""From the checked arguments, with defaults, and the device's values by key to what is to be published.

Raises InvalidValueError or UnsupportedError of the sdk.
"""

NOTHING: Final = object()
"""What a `Take` gives when the payload says nothing about its value."""

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.:-]+")
_LONGEST, _HASH = 80, 8


class Message(msgspec.Struct, frozen=True):
    """Something to publish."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Reading(msgspec.Struct, frozen=True):
    """Where the value of a feature comes from; `topic` has no wildcard.

    `fades` is for those who only say that it began: a True becomes False after so many seconds; 0: never.
    """

    topic: str
    key: str
    take: Take
    encoding: Encoding = "text"
    fades: float = 0.0


class Happening(msgspec.Struct, frozen=True):
    """Where an event comes from: `take` gives a ButtonPressed, RotaryTurned or LockOperated of the sdk, or NOTHING."""

    topic: str
    key: str
    take: Take
    encoding: Encoding = "text"


class Action(msgspec.Struct, frozen=True):
    """How a command of a feature is carried out.

    `confirmed_by` is the key whose next reading confirms it; empty: nothing confirms it, and the state is set to what
    was asked, if the feature has a value.
    """

    key: str
    command: str
    encode: Encode
    confirmed_by: str = ""


class Sign(msgspec.Struct, frozen=True):
    """What tells whether the device is there: `take` gives True, False or NOTHING.

    One that is `optional` may never say anything, and does not count until it has.
    """

    topic: str
    take: Take
    encoding: Encoding = "text"
    optional: bool = False


class Presence(msgspec.Struct, frozen=True):
    """How its signs are put together; after `silence` seconds without a reading it is unknown, 0: never."""

    signs: tuple[Sign, ...] = ()
    mode: Literal["all", "any", "latest"] = "latest"
    silence: float = 0.0


class Described(msgspec.Struct, frozen=True):
    """A device as its convention understands it; the id of `device` is made with `device_id`.

    `identities` are for finding the same device told twice: "ieee:00124b…", "mac:aabbcc…", in lower-case hex. `wake` is
    published once when the device is adopted and after each connect, to ask for its present state.
    """

    device: Device
    readings: tuple[Reading, ...] = ()
    happenings: tuple[Happening, ...] = ()
    actions: tuple[Action, ...] = ()
    presence: Presence = Presence()
    identities: frozenset[str] = frozenset()
    wake: tuple[Message, ...] = ()


def device_id(convention: str, own: str) -> str:
    """The id of a device: `mqtt.<convention>.<own>`, with a short hash at the end where `own` had to be changed.

    Letters, digits and `_ . : -` stay, all else becomes `-`.
    """
    plain = _FORBIDDEN.sub("-", own)[:_LONGEST]
    if plain == own and own:
        return f"mqtt.{convention}.{own}"
    digest = hashlib.sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    return f"mqtt.{convention}.{plain}-{digest}"
