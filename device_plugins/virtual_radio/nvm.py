"""What an NCP keeps when its power is cut: its address, network, keys, counters and tokens."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from device_plugins.virtual_radio import addresses

# A real stack writes its frame counter rarely, and skips this far when it boots, so that it never repeats one.
FRAME_COUNTER_SKIP = 4096
# The token in which a host may write another address for the NCP; all ones means its own.
RESTORED_EUI64 = 0xE12A
_NONE = "ff" * 8


@dataclass(slots=True)
class Network:
    """A network that was formed; keys and identifiers in hex, as they lie on the air."""

    extended_pan_id: str
    pan_id: int
    channel: int
    channels: int
    power_dbm: int
    manager: int
    update_id: int
    key: str
    key_sequence: int
    link_key: str
    security: int

    @property
    def identity(self) -> str:
        """What a device must have learned to be on this network."""
        return f"{self.extended_pan_id}-{self.key}"


@dataclass(slots=True)
class Nvm:
    """The memory; `link_keys` is index → (address, key), `tokens` number → value, all in hex."""

    ieee: str
    network: Network | None = None
    frame_counter: int = 0
    link_keys: dict[int, tuple[str, str]] = field(default_factory=dict)
    tokens: dict[int, str] = field(default_factory=lambda: {RESTORED_EUI64: _NONE})

    @property
    def address(self) -> str:
        """The IEEE address it uses: its own, or the one a host wrote."""
        written = self.tokens.get(RESTORED_EUI64, _NONE)
        return self.ieee if written == _NONE else addresses.as_text(bytes.fromhex(written))

    def dump(self) -> dict[str, Any]:
        """Return it as JSON-like values."""
        return asdict(self)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """Read what `dump` gave; the frame counter skips ahead."""
        network = data["network"]
        return cls(
            ieee=data["ieee"],
            network=Network(**network) if network else None,
            frame_counter=data["frame_counter"] + FRAME_COUNTER_SKIP,
            link_keys={int(index): (ieee, key) for index, (ieee, key) in data["link_keys"].items()},
            tokens={int(number): value for number, value in data["tokens"].items()},
        )
