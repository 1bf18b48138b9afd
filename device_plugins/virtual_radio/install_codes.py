"""Install codes: the key printed on a device, and the link key it joins with (Zigbee Base Device Behaviour, 10.1)."""

import hashlib

import zigpy.util

_SIZE = 16


def made(ieee: str) -> bytes:
    """Return the install code of the device with this address, as printed on it: 16 bytes and their CRC."""
    code = hashlib.blake2b(ieee.encode(), digest_size=_SIZE).digest()
    return code + _crc(code).to_bytes(2, "little")


def link_key(code: bytes) -> bytes:
    """Return the link key that an install code stands for."""
    return bytes(zigpy.util.convert_install_code(code).serialize())


def _crc(data: bytes) -> int:
    """CRC-16/X-25."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xFFFF
