"""The few frames that are spoken before zigpy is there: a plain unicast, and commands that a status answers. Pure.

EZSP as in UG100 (sendUnicast, messageSentHandler), of protocol version 8 and later; commands as in ZCL 8.
"""

from collections.abc import Mapping
from struct import Struct
from struct import error as struct_error

from device_plugins.zigbee.fastezsp import NEW_LAYOUT

_HEAD = 5
_SEND_UNICAST, _MESSAGE_SENT = b"\x34\x00", b"\x3f\x00"
_CONTROL = b"\x00\x01"
# Type, short address; profile, cluster, endpoints, options, group, APS counter; message tag, length of the message.
_OLD, _NEW = Struct("<BHHHBBHHBBB"), Struct("<BHHHBBHHBHB")
_DIRECT = 0
ROUTE_DISCOVERY = 0x0100
# Of the stick's answer: its status. Of the callback: type, address, APS frame and tag, and on which side the status is.
_OLD_SENT, _NEW_SENT = Struct("<BH11sBB"), Struct("<IBH11sH")
HA = 0x0104
_OWN_ENDPOINT = 1
_MOST_TAGS = 0xFF

_COMMAND, _FROM_SERVER, _NO_RESPONSE = 0x01, 0x08, 0x10
_DEFAULT_RESPONSE, _REPORT = 0x0B, 0x0A
_ON_OFF, _LEVEL, _COVERING, _COLOR = 0x0006, 0x0008, 0x0102, 0x0300
_COMMANDS: Mapping[tuple[int, int], str] = {
    (_ON_OFF, 0x00): "",
    (_ON_OFF, 0x01): "",
    (_ON_OFF, 0x02): "",
    (_LEVEL, 0x04): "BH",
    (_LEVEL, 0x06): "BBH",
    (_COVERING, 0x00): "",
    (_COVERING, 0x01): "",
    (_COVERING, 0x02): "",
    (_COVERING, 0x05): "B",
    (_COVERING, 0x08): "B",
    (_COLOR, 0x00): "BBH",
    (_COLOR, 0x03): "BH",
    (_COLOR, 0x07): "HHH",
    (_COLOR, 0x0A): "HH",
}


def command(cluster: int, number: int, payload: tuple[int | str, ...], counter: int) -> bytes | None:
    """A cluster command as a ZCL frame; None if it is not one of those that a default response answers."""
    layout = _COMMANDS.get((cluster, number))
    if layout is None or len(payload) != len(layout):
        return None
    try:
        return Struct("<BBB" + layout).pack(_COMMAND, counter, number, *payload)
    except struct_error:
        return None


def is_relative(cluster: int, number: int) -> bool:
    """Whether a command does something else when it is carried out twice."""
    return (cluster, number) in {(_ON_OFF, 0x02), (_LEVEL, 0x06)}


def status_of(message: bytes) -> tuple[int, int] | None:
    """The counter and the status that a server's default response tells; None for any other ZCL frame."""
    control, *_ = message or b"\xff"
    if control & ~_NO_RESPONSE != _FROM_SERVER or len(message) < _HEAD or message[2] != _DEFAULT_RESPONSE:
        return None
    return message[1], message[4]


def default_response(counter: int) -> bytes:
    """The answer that a report was understood."""
    return bytes([_NO_RESPONSE, counter, _DEFAULT_RESPONSE, _REPORT, 0])


def unicast_layout(version: int) -> Struct:
    """How sendUnicast is laid out in an EZSP version."""
    return _NEW if version >= NEW_LAYOUT else _OLD


def unicast(
    layout: Struct, short: int, route: tuple[int, int, int, int], options: int, numbers: tuple[int, int], message: bytes
) -> bytes:
    """The fields of sendUnicast; `route` is profile, cluster, own and other endpoint; `numbers` APS counter and tag."""
    return layout.pack(_DIRECT, short, *route, options, 0, *numbers, len(message)) + message


class Unicasts:
    """Writes sendUnicast, and reads what becomes of it, in the layout of an EZSP version."""

    def __init__(self, version: int) -> None:
        self._is_new = version >= NEW_LAYOUT
        self._layout = unicast_layout(version)

    def request(self, short: int, endpoint: int, cluster: int, counter: int, message: bytes) -> bytes:
        """An EZSP request without its sequence number; `counter` is the message's tag as well."""
        route = HA, cluster, _OWN_ENDPOINT, endpoint
        body = unicast(self._layout, short, route, ROUTE_DISCOVERY, (counter, counter), message)
        return _CONTROL + _SEND_UNICAST + body

    def is_taken(self, answer: bytes) -> bool:
        """Whether the stick has taken the message; the answer is one without its sequence number."""
        size = 4 if self._is_new else 1
        return answer[2:4] == _SEND_UNICAST and answer[4 : 4 + size] == bytes(size)

    def sent(self, frame: bytes) -> tuple[int, int, bool] | None:
        """Address, tag and success that a messageSentHandler tells; None for another frame."""
        if frame[3:5] != _MESSAGE_SENT:
            return None
        try:
            if self._is_new:
                status, _, short, _, tag = _NEW_SENT.unpack_from(frame, _HEAD)
            else:
                _, short, _, tag, status = _OLD_SENT.unpack_from(frame, _HEAD)
        except struct_error:
            return None
        return short, tag & _MOST_TAGS, not status
