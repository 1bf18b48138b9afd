"""Which serial ports are Zigbee sticks, by their USB ids and what they call themselves. Pure.

The chips between USB and the radio are used in many other things too, so their ids alone say nothing: then the name
must say it. Ids and names are those that the sticks themselves tell.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

type RadioKind = Literal["ezsp", "znp", "deconz"]

KINDS: tuple[RadioKind, ...] = ("ezsp", "znp", "deconz")
"""In the order in which an unknown stick is asked."""


class Port(msgspec.Struct, frozen=True):
    """A serial port; `vid` and `pid` are 0 for one that is not on USB."""

    path: str
    vid: int = 0
    pid: int = 0
    product: str = ""
    manufacturer: str = ""

    @property
    def usb(self) -> str:
        """Its USB ids, such as `10c4:ea60`; empty for one that is not on USB."""
        return f"{self.vid:04x}:{self.pid:04x}" if self.vid else ""


class SerialPort(msgspec.Struct, frozen=True):
    """A serial port as it is listed: `radio` is what it may be, `answers` what it turned out to be when asked."""

    path: str
    usb: str
    product: str
    radio: str
    used: bool
    answers: str = ""


class _Stick(NamedTuple):
    vid: int
    pid: int
    name: str
    kinds: tuple[RadioKind, ...]


_CP210X, _CH340, _CH9102, _FTDI = (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x1A86, 0x55D4), (0x0403, 0x6015)
# The first that fits counts. An empty name fits all.
_STICKS = (
    _Stick(*_CP210X, r"skyconnect|zbt-1", ("ezsp",)),
    _Stick(*_CP210X, r"slae\.sh cc2652", ("znp",)),
    _Stick(*_CP210X, r"sonoff.*plus v2|sonoff.*max|sonoff.*mg2|dongle lite", ("ezsp",)),
    _Stick(*_CP210X, r"sonoff.*(zigbee.*)?plus", ("znp",)),
    _Stick(*_CP210X, r"slzb-0(7|6m)", ("ezsp",)),
    _Stick(*_CP210X, r"slzb", ("znp", "ezsp")),
    _Stick(*_CP210X, r"cc2652|zigstar|tubeszb", ("znp",)),
    _Stick(*_CP210X, r"zigbee|elu013|efr32", ("ezsp", "znp")),
    _Stick(*_CH9102, r"sonoff.*plus", ("ezsp",)),
    _Stick(*_CH9102, r"zigbee|slzb|zigstar", ("ezsp", "znp")),
    _Stick(*_CH340, r"zigstar|tubeszb|zig-a-zig", ("znp",)),
    _Stick(0x303A, 0x4001, r"zbt-2", ("ezsp",)),
    _Stick(0x303A, 0x831A, r"zbt-2", ("ezsp",)),
    _Stick(0x10C4, 0x8A2A, "", ("ezsp",)),  # Nortek HUSBZB-1: its other port is a Z-Wave stick
    _Stick(0x10C4, 0x8B34, "", ("ezsp",)),  # Bitron Video 2010/10
    _Stick(0x0451, 0x16A8, "", ("znp",)),  # Texas Instruments CC2531
    _Stick(0x0451, 0x16C8, "", ("znp",)),  # Texas Instruments CC2538
    _Stick(0x0451, 0xBEF3, "", ("znp",)),  # Texas Instruments Launchpads
    _Stick(0x1CF1, 0x0030, "", ("deconz",)),  # ConBee II
    _Stick(*_FTDI, r"conbee", ("deconz",)),
    _Stick(*_FTDI, r"zigbee", ("ezsp", "znp")),
)


def kinds_of(port: Port) -> tuple[RadioKind, ...]:
    """What a port may speak, the likeliest first; empty for one that is not known to be a Zigbee stick."""
    said = f"{port.manufacturer} {port.product} {port.path}".lower().replace("_", " ")
    if "z-wave" in said or "zwave" in said:
        return ()
    for one in _STICKS:
        if (one.vid, one.pid) == (port.vid, port.pid) and re.search(one.name, said):
            return one.kinds
    return ()


def known(ports: Sequence[Port]) -> list[Port]:
    """Those of the ports that are Zigbee sticks."""
    return [port for port in ports if kinds_of(port)]
