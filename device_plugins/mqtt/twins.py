"""The same physical device told twice: natively by its radio and over MQTT, or by two conventions. Pure.

Devices are twins when they share an identity (`ieee:…`, `mac:…`, see `Described.identities`) and are told by different
sources; within one source every id is a device of its own. Of twins the hub lives with one, chosen by rank, whatever
came first: a device of another protocol, then one that was let in before (`kept`), then by convention, the most exact
first. The others stand back, and come when it goes.

What the roster does with it:

- At start it calls `claim(id, identities, kept=True)` for each device that was let in before; their identities must be
  stored with them. For each device of another protocol that the registry knows, or learns of, it calls
  `claim(id, identities_of(id))`; where that is empty there is nothing to claim. `release(id)` when one is removed.
- For each `Described` it calls `claim(id, identities)` before the device is let in, and lets it in only if `holds(id)`.
  One that does not hold is kept waiting, with `told(id, twin_of(id))` in the log once and as the reason of a pairing
  step `failed`.
- Each call gives a `Change`: those in `go` are taken back (no longer routed, and forgotten by the registry), those in
  `come` may be let in now, from where they wait.
- `release(id)` when a convention says that a device is gone, or its owner removed it.
"""

import re
from collections.abc import Iterable

import msgspec

_CONVENTIONS = ("table", "zigbee2mqtt", "tasmota", "shelly2", "shelly1", "homie5", "homie4", "homeassistant")
_RANKS = {name: rank for rank, name in enumerate(_CONVENTIONS)}
_MQTT = "mqtt."
_NATIVE, _KEPT, _FRESH = range(3)
_ZIGBEE = re.compile(r"zigbee-([0-9a-f]{16})")
# Anybody on the broker may claim anything, so that not all can be looked at each time.
_IDENTITIES, _SHARERS, _GROUP = 16, 16, 64


def identities_of(device: str) -> frozenset[str]:
    """What is known of a device of another protocol by its id: the address of one of Zigbee; empty for any other."""
    found = _ZIGBEE.fullmatch(device)
    return frozenset({f"ieee:{found[1]}"}) if found else frozenset()


def told(device: str, twin: str) -> str:
    """The sentence that says why a device is not added."""
    return f"{device} is the same device as {twin}, which is there already; remove that one to have this one instead"


class Change(msgspec.Struct, frozen=True):
    """What a call changed: devices that may come in now, and devices that stand back from now on."""

    come: tuple[str, ...] = ()
    go: tuple[str, ...] = ()


class _Claim(msgspec.Struct):
    identities: frozenset[str]
    rank: tuple[int, int, int]
    holds: bool = False


class Twins:
    """Who holds which identity. It is as large as the number of devices that claim something."""

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}
        self._sharing: dict[str, set[str]] = {}
        self._order = 0

    def claim(self, device: str, identities: Iterable[str], *, kept: bool = False) -> Change:
        """Say that a device is there, or has other identities now.

        Only the first 16 of them count; and one that 16 devices have already says nothing about a further one of MQTT.
        """
        known = self._claims.get(device)
        mine = frozenset(one for one in sorted(identities)[:_IDENTITIES] if self._tells(one, device))
        if known is not None and known.identities == mine:
            return Change()
        group = self._group(device) | {device}
        if known is not None:
            self._unshare(device, known)
        self._order += 1
        source = device.removeprefix(_MQTT).partition(".")[0]
        standing = _KEPT if kept else _FRESH if device.startswith(_MQTT) else _NATIVE
        rank = known.rank if known is not None else (standing, _RANKS.get(source, len(_RANKS)), self._order)
        self._claims[device] = _Claim(mine, rank, holds=known is not None and known.holds)
        for identity in mine:
            self._sharing.setdefault(identity, set()).add(device)
        return self._settle(group | self._group(device))

    def release(self, device: str) -> Change:
        """Say that a device is gone; it is not in what is given."""
        known = self._claims.get(device)
        if known is None:
            return Change()
        group = self._group(device) - {device}
        self._unshare(device, known)
        del self._claims[device]
        return self._settle(group)

    def holds(self, device: str) -> bool:
        """Whether it is the one that the hub lives with; also true for a device that claims nothing."""
        known = self._claims.get(device)
        return known is None or known.holds

    def twin_of(self, device: str) -> str:
        """The device that it stands back for; empty when it does not."""
        known = self._claims.get(device)
        if known is None or known.holds:
            return ""
        return min(self._rivals(device), key=lambda one: self._claims[one].rank, default="")

    def _tells(self, identity: str, device: str) -> bool:
        sharing = self._sharing.get(identity, ())
        return device in sharing or len(sharing) < _SHARERS or not device.startswith(_MQTT)

    def _unshare(self, device: str, claim: _Claim) -> None:
        for identity in claim.identities:
            sharing = self._sharing[identity]
            sharing.discard(device)
            if not sharing:
                del self._sharing[identity]

    def _near(self, device: str) -> set[str]:
        known = self._claims.get(device)
        return {one for identity in known.identities for one in self._sharing[identity]} if known else set()

    def _group(self, device: str) -> set[str]:
        """All that share an identity with it, with those, and so on while they are not too many."""
        found: set[str] = set()
        ahead = [device]
        while ahead and len(found) < _GROUP:
            near = self._near(ahead.pop()) - found
            found |= near
            ahead += near
        return found

    def _rivals(self, device: str) -> set[str]:
        """Those that hold an identity of it, of another source."""
        return {one for one in self._near(device) if self._claims[one].holds and _source(one) != _source(device)}

    def _settle(self, group: set[str]) -> Change:
        before = {device for device in group if self._claims[device].holds}
        for device in group:
            self._claims[device].holds = False
        for device in sorted(group, key=lambda one: self._claims[one].rank):
            self._claims[device].holds = not self._rivals(device)
        after = {device for device in group if self._claims[device].holds}
        return Change(tuple(sorted(after - before)), tuple(sorted(before - after)))


def _source(device: str) -> str:
    """A convention of MQTT, or another protocol."""
    return ".".join(device.split(".")[:2]) if device.startswith(_MQTT) else re.split(r"[.-]", device, maxsplit=1)[0]
