"""Messages longer than a frame: put together from the host's fragments, and given to the host in fragments (UG100)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from device_plugins.virtual_radio.core import Values
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.wire import ApsFrame

FRAGMENT = 0x8000
SIZE = 64
MAX_PARTIAL = 8
# How often a fragment is given to a host that does not acknowledge it, this many seconds apart.
_TRIES = 3
_ACK_S = 1.6
_BYTE = 0xFF


class Outgoing:
    """The host's fragments: the first has their number in the high byte of `group`, each its own in the low byte."""

    def __init__(self) -> None:
        self._partial: dict[tuple[int, int], tuple[int, dict[int, bytes]]] = {}

    def clear(self) -> None:
        """Forget them."""
        self._partial.clear()

    def whole(self, nwk: int, aps: ApsFrame, data: bytes) -> bytes | None:
        """Return the message that is complete with this frame, None while fragments are missing."""
        if not aps.options & FRAGMENT:
            return data
        key, index = (nwk, aps.sequence), aps.group & _BYTE
        if not index:
            while len(self._partial) >= MAX_PARTIAL:
                del self._partial[next(iter(self._partial))]
            self._partial[key] = (aps.group >> 8, {})
        count, parts = self._partial.get(key, (0, {}))
        parts[index] = data
        if len(parts) < count or not count:
            return None
        del self._partial[key]
        return b"".join(parts[number] for number in sorted(parts))


@dataclass(slots=True)
class _Message:
    values: dict[str, Any]
    parts: list[bytes]
    index: int = 0
    tries: int = 0
    timer: asyncio.Handle | None = None


class Incoming:
    """Long messages for the host: each fragment waits until the one before has been acknowledged with `sendReply`."""

    def __init__(self, timers: Timers, give: Callable[[Values], None]) -> None:
        self._timers = timers
        self._give = give
        self._partial: dict[tuple[int, int], _Message] = {}

    def clear(self) -> None:
        """Forget them."""
        for key in list(self._partial):
            self._drop(key)

    def begin(self, values: dict[str, Any]) -> None:
        """Give the first fragment of a message."""
        data, aps = values["message"], values["aps_frame"]
        while len(self._partial) >= MAX_PARTIAL:
            self._drop(next(iter(self._partial)))
        key = values["nwk"], aps.sequence
        self._partial[key] = _Message(values, [data[start : start + SIZE] for start in range(0, len(data), SIZE)])
        self._next(key)

    def acknowledged(self, nwk: int, aps: ApsFrame) -> None:
        """Give the fragment after the acknowledged one."""
        key = nwk, aps.sequence
        message = self._partial.get(key)
        if message is None or aps.group & _BYTE != message.index:
            return
        message.index += 1
        message.tries = 0
        if message.index == len(message.parts):
            self._drop(key)
        else:
            self._next(key)

    def _next(self, key: tuple[int, int]) -> None:
        message = self._partial.get(key)
        if message is None:
            return
        if message.tries == _TRIES:
            self._drop(key)
            return
        message.tries += 1
        self._timers.cancel(message.timer)
        message.timer = self._timers.after(_ACK_S, self._next, key)
        aps: ApsFrame = message.values["aps_frame"]
        group = len(message.parts) << 8 | message.index
        own = aps._replace(options=aps.options | FRAGMENT, group=group)
        self._give({**message.values, "aps_frame": own, "message": message.parts[message.index]})

    def _drop(self, key: tuple[int, int]) -> None:
        message = self._partial.pop(key, None)
        if message is not None:
            self._timers.cancel(message.timer)
