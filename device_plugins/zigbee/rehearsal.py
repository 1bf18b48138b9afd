"""What the stick was asked and answered when the network was last resumed, so that it can be asked without bellows.

The exchanges are EZSP frames (UG100) without their first byte, the sequence number. None of them holds a key.
"""

import msgspec

from device_plugins.zigbee.fastezsp import OLDEST

_ID = slice(2, 4)
_NETWORK_INIT, _STACK_STATUS, _GET_EUI64 = (number.to_bytes(2, "little") for number in (0x0017, 0x0019, 0x0026))
# What resumes a network and says which it is: networkState, networkInit, getNetworkParameters, getNodeId, getEui64.
_RESUMES = {number.to_bytes(2, "little") for number in (0x0018, 0x0017, 0x0028, 0x0027, 0x0026)}
# What is asked between and changes nothing: nop, readCounters, readAndClearCounters, getValue.
_HARMLESS = {number.to_bytes(2, "little") for number in (0x0005, 0x00F1, 0x0065, 0x00AA)}
_CONTROL, _CALLBACK, _MOMENTARY = 1, 0x18, 0x07
_HEAD = 5
_MOST = 250

type Kind = tuple[int, int, int]
"""An attribute's cluster, number and type, as it may take the quick way."""

type Port = tuple[str, int, str]
"""The path, baud rate and flow control that a stick is opened with."""


class Exchange(msgspec.Struct, frozen=True, array_like=True):
    """What was asked, and the answer."""

    request: bytes
    answer: bytes

    def fits(self, answer: bytes) -> bool:
        """Whether an answer is the same again, but for what the stick says of the moment."""
        if not answer or not self.answer:
            return False
        return answer[1:] == self.answer[1:] and (answer[0] | _MOMENTARY) == (self.answer[0] | _MOMENTARY)


class Rehearsal(msgspec.Struct, frozen=True):
    """A start: the first `connecting` exchanges connect to the stick, the others resume its network.

    `up` is what the stick says when the network is up, in an EZSP frame of `version`.
    """

    version: int
    connecting: int
    exchanges: tuple[Exchange, ...]
    up: bytes


class Memory(msgspec.Struct, frozen=True):
    """All that is needed to act before zigpy is there.

    `shorts` are the addresses, by IEEE address, of the devices without a quirk; `kinds` are the attributes whose
    reports need no more than to be read. `world` is what else it depends on.
    """

    port: Port
    rehearsal: Rehearsal
    shorts: dict[str, int]
    kinds: tuple[Kind, ...]
    world: str = ""


def is_callback(frame: bytes) -> bool:
    """Whether a frame of the stick is no answer."""
    return len(frame) >= _HEAD and bool(frame[_CONTROL] & _CALLBACK)


def is_up(frame: bytes, up: bytes) -> bool:
    """Whether a callback says that the network is up."""
    return frame[3:5] == _STACK_STATUS and frame[_HEAD:] == up


def starts_network(request: bytes) -> bool:
    """Whether the network is up only some time after this request was answered."""
    return request[_ID] == _NETWORK_INIT


class Tape:
    """Records a start, frame by frame."""

    def __init__(self, *, is_open: bool = True) -> None:
        self._asked: dict[int, bytes] = {}
        self._exchanges: list[Exchange] = []
        self._connecting = 0
        self._up = b""
        self._is_open = is_open

    def connected(self) -> None:
        """From here on the network is resumed."""
        if self._is_open:
            self._connecting = len(self._exchanges)

    def asked(self, frame: bytes) -> None:
        """The stick is asked."""
        if self._is_open:
            self._asked[frame[0]] = frame[1:]

    def told(self, frame: bytes) -> None:
        """The stick says something."""
        if not self._is_open or not frame:
            return
        if is_callback(frame):
            if frame[3:5] == _STACK_STATUS and not self._up:  # the first that follows networkInit
                self._up = frame[_HEAD:]
            return
        request = self._asked.pop(frame[0], None)
        if request is None:
            return
        if not self._connecting or request[_ID] in _RESUMES:
            self._exchanges.append(Exchange(request, frame[1:]))
            self._is_open = not (self._connecting and request[_ID] == _GET_EUI64)
        elif request[_ID] not in _HARMLESS:
            self._give_up()  # it was not resumed, but made
        if len(self._exchanges) > _MOST:
            self._give_up()

    def rehearsal(self, version: int) -> Rehearsal | None:
        """What was recorded; None unless a network was resumed, from end to end, with a stick that speaks EZSP 8."""
        if self._is_open or not self._exchanges or not self._up or version < OLDEST:
            return None
        return Rehearsal(int(version), self._connecting, tuple(self._exchanges), self._up)

    def _give_up(self) -> None:
        self._is_open, self._exchanges = False, []
