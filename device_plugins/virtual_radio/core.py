"""The state of an NCP that its groups of commands share."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from device_plugins.virtual_radio.ezsp import Args, EzspCodec
from device_plugins.virtual_radio.nvm import Nvm
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.zdo import SimpleDescriptor

FOREVER = 0xFF
# No table of an NCP is longer, whatever the host says.
MAX_ENTRIES = 256

type Values = Mapping[str, object]
# A command's handler takes its arguments by name and returns the answer's values; what it leaves out is zero or OK.
type Command = Callable[[Args], Values]


class Surroundings(Protocol):
    """What the NCP tells to whoever runs it."""

    def callback(self, name: str, values: Values, written: Callable[[], None] | None = None) -> None:
        """Send a callback to the host, if there is one; `written` is called when its bytes have left."""

    def changed(self, *, lasting: bool) -> None:
        """Remember the non-volatile memory; at once if it is lasting, else soon."""

    def tell(self, event: str, facts: Mapping[str, object]) -> None:
        """Tell whoever watches the radio."""


@dataclass(slots=True)
class Core:
    """What survives a reset is in `nvm`; the rest is as `reset` leaves it."""

    codec: EzspCodec
    nvm: Nvm
    timers: Timers
    surroundings: Surroundings
    latency_s: float = 0.0
    up: bool = False
    permit_until: float = 0.0
    # The channel it is on for touchlink; 0: that of its network.
    tuned: int = 0
    endpoints: dict[int, SimpleDescriptor] = field(default_factory=dict)
    config: dict[int, int] = field(default_factory=dict)
    values: dict[int, bytes] = field(default_factory=dict)
    policies: dict[int, int] = field(default_factory=dict)
    multicast: dict[int, dict[str, Any]] = field(default_factory=dict)
    addresses: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    extended_timeouts: set[bytes] = field(default_factory=set)
    # The host asked for routes to it, and whose it has been told since; the routes it gave for its next messages.
    concentrates: bool = False
    recorded: set[str] = field(default_factory=set)
    source_routes: dict[int, list[int]] = field(default_factory=dict)
    # Link keys for devices that are about to join: IEEE address → key.
    transient_keys: dict[str, bytes] = field(default_factory=dict)

    def reset(self) -> None:
        """Be as after power-up."""
        self.up = False
        self.permit_until = 0.0
        self.tuned = 0
        for table in (self.endpoints, self.config, self.values, self.policies, self.multicast, self.addresses):
            table.clear()
        self.concentrates = False
        for more in (self.extended_timeouts, self.recorded, self.source_routes, self.transient_keys):
            more.clear()

    @property
    def listens(self) -> bool:
        """Whether it is on its network's channel, and that is up."""
        return self.up and not self.tuned

    def permits(self) -> bool:
        """Whether a new device may join now."""
        return self.listens and asyncio.get_running_loop().time() < self.permit_until

    def permit(self, seconds: int) -> None:
        """Let new devices join for `seconds`: 0 no longer, 255 until told otherwise."""
        now = asyncio.get_running_loop().time()
        self.permit_until = float("inf") if seconds == FOREVER else now + seconds
        self.surroundings.tell("permit", {"seconds": seconds})

    def later(self, name: str, share: float = 0.0, **values: object) -> None:
        """Send a callback after a share of the radio's latency, but never before the answer to the command."""
        self.timers.after(self.latency_s * share, self.surroundings.callback, name, values)

    def next_frame(self) -> int:
        """Count one frame on the air, and return its APS sequence number."""
        self.nvm.frame_counter += 1
        self.surroundings.changed(lasting=False)
        return self.nvm.frame_counter & 0xFF
