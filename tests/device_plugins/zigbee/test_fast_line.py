"""The quick readers and writers of the line say what bellows says, for whole frames and for broken ones."""

import itertools
from typing import Any

import bellows.types
import pytest
from bellows.ash import AckFrame, AshFrame, AshProtocol, DataFrame, NakFrame, Reserved, RStackFrame
from bellows.ezsp import EZSP
from hypothesis import example, given
from hypothesis import strategies as st

from device_plugins.zigbee import ashcodec, fastash
from device_plugins.zigbee.fastezsp import parser
from device_plugins.zigbee.fastline import incoming_of

t: Any = bellows.types
VERSIONS = sorted(version for version in EZSP._BY_VERSION if version >= 8)
FLAG = b"\x7e"


class End:
    """Both ends of a link: what it sent down, what it brought up."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.brought: list[bytes] = []
        self.resets: list[int] = []

    # The transport below

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    # The gateway above

    def connection_made(self, link: AshProtocol) -> None:
        del link

    def data_received(self, payload: bytes) -> None:
        self.brought.append(bytes(payload))

    def reset_received(self, code: int) -> None:
        self.resets.append(int(code))

    error_received = reset_received


def link(*, quick: bool) -> tuple[Any, End]:
    end = End()
    made: Any = AshProtocol(end)
    made.connection_made(end)
    if quick:
        fastash.quicken(made, lambda _: False)
    return made, end


def wire(frame: AshFrame) -> bytes:
    return bytes(AshProtocol._stuff_bytes(frame.to_bytes())) + FLAG


payloads = st.binary(min_size=1, max_size=40)
numbers = st.integers(0, 7)
data_frames = st.builds(DataFrame, numbers, st.booleans(), numbers, payloads)
frames = st.one_of(
    data_frames,
    st.builds(AckFrame, st.just(0), st.just(0), numbers),
    st.builds(NakFrame, st.just(0), st.just(0), numbers),
    st.just(RStackFrame(version=2, reset_code=t.NcpResetCode.RESET_SOFTWARE)),
)
in_turn = st.lists(payloads, max_size=12).map(
    lambda them: [DataFrame(number % 8, False, 0, payload) for number, payload in enumerate(them)]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Frames in their turn or not, some of them garbled or with bytes of the line's own among them."""
    sent = draw(st.one_of(in_turn, st.lists(frames, max_size=8)))
    found = b""
    for frame in sent:
        raw = bytearray(wire(frame))
        if draw(st.integers(0, 5)) == 0:
            raw[draw(st.integers(0, len(raw) - 1))] = draw(st.sampled_from([0, 0x11, 0x13, 0x18, 0x1A, 0x7D, 0x7E]))
        found += raw
    return found[:900] + draw(st.binary(max_size=5))


def is_judged_by_itself(line: bytes) -> bool:
    """Whether bellows can undo each frame's escapes; where it cannot, what came before it decides on the refusal."""
    pieces = line.translate(None, bytes([Reserved.XON, Reserved.XOFF])).split(FLAG)
    for piece in pieces:
        try:
            AshProtocol._unstuff_bytes(piece)
        except Exception:  # noqa: BLE001 - as bellows does
            return False
    return True


@given(line=lines(), cuts=st.lists(st.integers(0, 900), max_size=6))
@example(line=b"\x00Bu\x89~\xc1\x02\x0b\nR~}px~", cuts=[])
def test_a_line_brings_the_same_frames_the_quick_way(line: bytes, cuts: list[int]) -> None:
    (quick, fast), (plain, book) = link(quick=True), link(quick=False)
    places = sorted({0, len(line), *(cut for cut in cuts if cut < len(line))})
    for begin, end in itertools.pairwise(places):
        quick.data_received(line[begin:end])
        plain.data_received(line[begin:end])
    assert fast.brought == book.brought
    assert fast.resets == book.resets
    assert quick._rx_seq == plain._rx_seq
    assert bytes(quick._buffer) == bytes(plain._buffer)
    if not is_judged_by_itself(line):
        return
    assert quick._in_reject_condition == plain._in_reject_condition
    refused = {wire(NakFrame(0, False, number)) for number in range(8)}
    assert [one for one in fast.sent if one in refused] == [one for one in book.sent if one in refused]
    # It may acknowledge several frames at once, but in the end the same ones.
    assert fast.sent[-1:] == book.sent[-1:]


@given(payload=st.binary(min_size=1, max_size=200), number=numbers, again=st.booleans(), ack=numbers)
def test_a_frame_is_written_as_bellows_writes_it(payload: bytes, number: int, again: bool, ack: int) -> None:  # noqa: FBT001
    quick, fast = link(quick=True)
    frame = DataFrame(frm_num=number, re_tx=again, ack_num=ack, ezsp_frame=payload)
    quick._write_frame(frame)
    assert fast.sent == [wire(frame)]


@given(payload=st.binary(max_size=256))
def test_noise_is_undone_by_noise(payload: bytes) -> None:
    assert ashcodec.randomized(payload) == DataFrame._randomize(payload)
    assert ashcodec.randomized(ashcodec.randomized(payload)) == payload


def test_what_takes_a_frame_keeps_it_from_bellows() -> None:
    quick, end = link(quick=True)
    taken: list[bytes] = []

    def take(payload: bytes) -> bool:
        if payload == b"mine":
            taken.append(payload)
        return payload == b"mine"

    fastash.quicken(quick, take)
    quick.data_received(wire(DataFrame(0, False, 0, b"mine")) + wire(DataFrame(1, False, 0, b"theirs")))
    assert (taken, end.brought) == ([b"mine"], [b"theirs"])
    assert end.sent == [wire(AckFrame(0, False, 2))]


@st.composite
def callbacks(draw: st.DrawFn) -> tuple[int, bytes]:
    """A version, and an incomingMessageHandler as it comes from the stick, now and then cut short or garbled."""
    version = draw(st.sampled_from(VERSIONS))
    _, _, schema = EZSP._BY_VERSION[version].COMMANDS["incomingMessageHandler"]
    body = b""
    for kind in schema.values():
        if issubclass(kind, t.LVBytes):
            message = draw(st.binary(max_size=80))
            body += bytes([len(message)]) + message
        else:
            body += draw(st.binary(min_size=16, max_size=16))[: _size(kind)]
    frame = bytes([draw(st.integers(0, 255)), 0x90, 0x01, 0x45, 0x00]) + body
    if draw(st.integers(0, 3)) == 0:
        frame = frame[: draw(st.integers(5, len(frame)))]
    return version, frame


def _size(kind: Any) -> int:  # noqa: ANN401 - one of bellows' types
    zeros = bytes(16)
    return len(zeros) - len(kind.deserialize(zeros)[1])


@given(case=callbacks())
def test_a_message_is_read_as_bellows_reads_it(case: tuple[int, bytes]) -> None:
    version, frame = case
    read = parser(version)
    assert read is not None
    _, _, schema = EZSP._BY_VERSION[version].COMMANDS["incomingMessageHandler"]
    try:
        values, _ = t.deserialize_dict(frame[5:], schema)
    except ValueError:
        assert read(frame) is None
    else:
        assert read(frame) == incoming_of(values)


@pytest.mark.parametrize("version", VERSIONS)
def test_other_frames_are_left_alone(version: int) -> None:
    read = parser(version)
    assert read is not None
    assert read(bytes([0, 0x80, 1, 0x34, 0]) + bytes(60)) is None
    assert read(b"") is None


def test_old_versions_have_no_parser() -> None:
    assert parser(7) is None
