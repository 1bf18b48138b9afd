"""What is known to be wrong with a Silicon Labs stick's firmware. Pure.

Sources: before 6.7.7 https://github.com/zigpy/bellows/issues/387; 8.1 and 8.2 with software flow control
https://github.com/Koenkk/zigbee2mqtt/issues/23704 and https://github.com/xsp1989/zigbeeFirmware/issues/52; what a
version of the protocol cannot do, bellows' own sources (`ezsp/v4`, `ezsp/v9/commands.py`: the first with tokens).
"""

import re

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


def problems(firmware: str, ezsp: int, flow_control: str) -> list[str]:
    """Sentences for an owner; `ezsp` is the protocol's version, 0 for a stick that speaks another."""
    if not ezsp:
        return []
    found = []
    version = _parsed(firmware)
    if version is not None and version < (6, 7, 7):
        found.append("before EmberZNet 6.7.7 the stick may stop passing on messages until it is reset; update it")
    if version is not None and (8, 1, 0) <= version < (8, 3, 0) and flow_control == "software":
        found.append("EmberZNet 8.1 and 8.2 lose bytes with software flow control on some sticks; 8.0 or 7.4 do not")
    if ezsp < 5:  # noqa: PLR2004 - a protocol's version, as the next ones
        found.append(f"EZSP {ezsp} cannot be told a frame counter or an install code, so nothing is restored onto it")
    elif ezsp < 9:  # noqa: PLR2004
        found.append(f"EZSP {ezsp} takes another stick's address once only, so its network cannot move freely")
    return found


def _parsed(firmware: str) -> tuple[int, int, int] | None:
    found = _VERSION.search(firmware)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))
