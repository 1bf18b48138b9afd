"""Install codes: from what is printed on a device to its address and its own link key.

An install code is 6, 8, 12 or 16 random bytes and their CRC-16/X-25, low byte first; its link key is the
Matyas-Meyer-Oseas hash over AES-128 of all of it (Zigbee base device behaviour 10.1.4). The texts of QR codes were
taken from the devices themselves and from how zigpy and zigbee-herdsman read them.
"""

import re

import msgspec

_SIZES = (8, 10, 14, 18)
_LONGEST = 400
_CODE = r"(?P<code>[0-9A-F]{36}|[0-9A-F]{28}|[0-9A-F]{20}|[0-9A-F]{16})"
_IEEE = r"(?P<ieee>[0-9A-F]{16})"
# A vendor with the prefix 20:A7:16 prints its addresses the other way round.
_REVERSED = "16a720"
_FORMS = (
    re.compile(rf"(?:^|[^0-9A-Z])Z:{_IEEE}\$I:{_CODE}(?![0-9A-F])"),  # the common one: Ubisys, Danfoss, Inovelli, …
    re.compile(rf"^G\$M:.*\$A:{_IEEE}\$I:{_CODE}$"),  # Aqara
    re.compile(rf"^{_IEEE}\|{_CODE}$"),  # Müller-Licht, Innr
    re.compile(rf"^HUE:Z:{_CODE} M:{_IEEE}(?![0-9A-F])"),  # Philips Hue
    # Bosch, Develco and others: 40 signs about the product, the address, and the code or the link key itself.
    re.compile(rf"^[0-9A-Z]{{40}}{_IEEE}DLK(?:(?P<code>[0-9A-F]{{36}})|(?P<key>[0-9A-F]{{32}}))$"),
)
_BARE_ADDRESS = re.compile(r"^[0-9A-F]{16}$")
_BETWEEN = re.compile(r"[\s:.\-]")


class InstallCodeError(ValueError):
    """The text is no install code; says why in one sentence that does not repeat it."""


class Admission(msgspec.Struct, frozen=True):
    """A device (16 hex digits, most significant first) and what it proves itself with: its code or its key."""

    ieee: str
    code: bytes = b""
    key: bytes = b""


def admission(text: str, ieee: str = "") -> Admission:
    """Read the text of a QR code, or the code itself in hex with the device's address beside it.

    Hex digits may be in any case, those of a bare code or address with spaces, colons or hyphens between them.
    Raises InstallCodeError.
    """
    wanted = _address(ieee) if ieee else ""
    if len(text) > _LONGEST:
        raise InstallCodeError(f"an install code has at most {_LONGEST} signs")
    written = text.strip().upper()
    for form in _FORMS:
        if found := form.search(written):
            parts = found.groupdict()
            own = _turned(parts["ieee"].lower())
            if wanted and wanted != own:
                raise InstallCodeError(f"this QR code belongs to {own}, not to {wanted}; leave the address out")
            if parts.get("key"):
                return Admission(own, key=bytes.fromhex(parts["key"]))
            return Admission(own, code=checked(bytes.fromhex(parts["code"])))
    return _bare(written, wanted)


def checked(code: bytes) -> bytes:
    """Return a code whose length and CRC are right.

    Raises InstallCodeError.
    """
    if len(code) not in _SIZES:
        raise InstallCodeError(
            f"an install code has 16, 20, 28 or 36 hex digits with its check digits, not {2 * len(code)}"
        )
    if crc(code[:-2]) != int.from_bytes(code[-2:], "little"):
        raise InstallCodeError("the check digits of the install code are wrong; compare it with what is printed")
    return code


def crc(data: bytes) -> int:
    """CRC-16/X-25."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value ^ 0xFFFF


def _bare(written: str, ieee: str) -> Admission:
    digits = _BETWEEN.sub("", written)
    if not re.fullmatch(r"(?:[0-9A-F]{2})+", digits):
        raise InstallCodeError(
            "this is neither an install code in hex nor a QR text such as Z:<address>$I:<code>; scan it again"
        )
    code = checked(bytes.fromhex(digits))
    if not ieee:
        raise InstallCodeError("the code alone does not say whose it is; give the device's IEEE address (ieee) too")
    return Admission(ieee, code=code)


def _address(text: str) -> str:
    digits = _BETWEEN.sub("", text.strip().upper()).removeprefix("0X")
    if not _BARE_ADDRESS.match(digits):
        raise InstallCodeError("an IEEE address has 16 hex digits, such as 00158d0001a2b3c4")
    return digits.lower()


def _turned(ieee: str) -> str:
    return bytes(reversed(bytes.fromhex(ieee))).hex() if ieee.endswith(_REVERSED) else ieee
