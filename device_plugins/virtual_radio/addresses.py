"""IEEE addresses: text for people (`02:44:6f:6d:…`, first byte highest), eight little-endian bytes on the air."""

import re

from device_plugins.virtual_radio.errors import RadioError

COORDINATOR_NWK = 0x0000
# Addresses from here up are broadcasts.
FIRST_RESERVED_NWK = 0xFFF8

# Locally administered, so that no real device has it.
_PREFIX = bytes([0x02, 0x44, 0x6F, 0x6D])
_TEXT = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}")


def made(seed: int, number: int) -> str:
    """Return the IEEE address number `number` of the radio with this seed; 0 is the coordinator itself."""
    return as_text((_PREFIX + (seed & 0xFFFF).to_bytes(2) + (number & 0xFFFF).to_bytes(2))[::-1])


def as_text(eui64: bytes) -> str:
    """Turn eight bytes as sent on the air into text."""
    return eui64[::-1].hex(":")


def as_bytes(ieee: str) -> bytes:
    """Turn text into eight bytes as sent on the air; RadioError when it is not an IEEE address."""
    if not _TEXT.fullmatch(ieee.lower()):
        raise RadioError(f"{ieee!r} is no IEEE address: write eight bytes such as 02:44:6f:6d:00:01:00:02.")
    return bytes.fromhex(ieee.replace(":", ""))[::-1]
