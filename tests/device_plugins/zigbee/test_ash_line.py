"""The link that is there before bellows: what comes in, what goes out, what is lost, and how bellows takes it over."""

import asyncio
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from bellows.ash import AckFrame, DataFrame, Reserved
from bellows.ash import NakFrame as TheirNak
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import Faults, ash
from device_plugins.virtual_radio import link as virtual_link
from device_plugins.virtual_radio.ash import Ack, Data, Failure, Frame, Nak, Reset, ResetAck
from device_plugins.virtual_radio.link import AshLink
from device_plugins.virtual_radio.timers import Timers
from device_plugins.zigbee import ashline
from device_plugins.zigbee.adopting import _heir
from device_plugins.zigbee.ashline import AshLine, LineError
from tests.device_plugins.zigbee.test_fast_line import End, wire
from tests.harness import eventually

type Answering = Callable[[Frame], bytes]
XON_XOFF = b"\x11\x13"


class Stick:
    """A line and its port, which a test answers for."""

    def __init__(self, answering: Answering = lambda _: b"") -> None:
        self.taken: list[bytes] = []
        self.lost: list[str] = []
        self.heard: list[Frame] = []
        self.raw = b""
        self.is_closed = False
        self.answering = answering
        self._splitter = ash.FrameSplitter()
        self.line = AshLine(self.taken.append, self.lost.append)
        self.line.connection_made(self)  # type: ignore[arg-type] # as much of a transport as is asked for

    # The transport

    def write(self, data: bytes) -> None:
        self.raw += data
        for raw in self._splitter.feed(data):
            frame = ash.decode(raw)
            self.heard.append(frame)
            if answer := self.answering(frame):
                self.line.data_received(answer)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    # What the stick says

    def say(self, *frames: Frame) -> list[Frame]:
        """Say it in one piece, and return what is answered at once."""
        self.heard.clear()
        self.line.data_received(b"".join(map(ash.encode, frames)))
        return [*self.heard]


class Heir:
    """Who takes over."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.why: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.got.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.why.append(exc)


def acknowledging(frame: Frame) -> bytes:
    return ash.encode(Ack((frame.number + 1) % 8)) if isinstance(frame, Data) else b""


def in_pieces(line: AshLine, stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for begin, end in itertools.pairwise(places):
        line.data_received(stream[begin:end])


# The reset


ACKS = ash.encode(Ack(3)) + ash.encode(Nak(5))


@pytest.mark.parametrize("noise", [b"", b"\x00\xff\x7d\x7d noise\x7e", b"half a frame", bytes(3000), ACKS + b"\x7e"])
async def test_a_stick_says_that_it_has_started_whatever_came_before(noise: bytes) -> None:
    # What was begun is called off: a stick does so before it says that it has started.
    stick = Stick(lambda frame: noise + b"\x1a" + ash.encode(ResetAck()) if isinstance(frame, Reset) else b"")
    await stick.line.reset()
    assert stick.heard == [Reset()]
    assert stick.raw == b"\x1a" * 32 + ash.encode(Reset())
    assert (stick.taken, stick.lost) == ([], [])
    assert stick.say(Data(0, 0, b"first")) == [Ack(1)]


async def test_a_reset_begins_to_count_anew() -> None:
    stick = Stick(acknowledging)
    stick.say(Data(0, 0, b"one"), Data(1, 0, b"two"))
    await stick.line.send(b"three")
    stick.answering = lambda frame: ash.encode(ResetAck()) if isinstance(frame, Reset) else acknowledging(frame)
    await stick.line.reset()
    assert (stick.line.received, stick.line.sent) == (0, 0)
    assert stick.say(Data(0, 0, b"four")) == [Ack(1)]
    await stick.line.send(b"five")
    assert stick.heard[-1] == Data(0, 1, b"five")


async def test_a_stick_that_does_not_start_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ashline, "_RESET_LIMIT", 0.01)
    stick = Stick(lambda _: b"\x00\x01\x02\x7e")
    with pytest.raises(LineError, match="does not answer"):
        await stick.line.reset()
    assert stick.heard == [Reset()]


async def test_a_stick_that_is_pulled_out_at_its_reset_is_given_up_at_once() -> None:
    def fails(_: Frame) -> bytes:
        stick.line.connection_lost(OSError("unplugged"))
        return b""

    stick = Stick(fails)
    with pytest.raises(LineError, match="unplugged"):
        await stick.line.reset()
    assert len(stick.lost) == 1


async def test_what_was_said_before_the_reset_is_not_heard() -> None:
    stick = Stick(lambda _: ash.encode(Data(0, 0, b"stale")) + ash.encode(Failure(1)) + ash.encode(ResetAck()))
    await stick.line.reset()
    assert (stick.taken, stick.lost, stick.heard) == ([], [], [Reset()])


# What comes in


def test_a_frame_out_of_order_is_refused_and_a_repeated_one_not_taken_twice() -> None:
    stick = Stick()
    assert stick.say(Data(1, 0, b"too early")) == [Nak(0)]
    assert stick.say(Data(0, 0, b"right"), Data(1, 0, b"next")) == [Ack(1), Ack(2)]
    assert stick.say(Data(1, 0, b"next", retransmitted=True)) == [Ack(2)]
    assert stick.say(Data(2, 0, b"it was lost", retransmitted=True)) == [Ack(3)]
    assert stick.taken == [b"right", b"next", b"it was lost"]


@given(at=st.integers(0, 200), bits=st.integers(1, 255), payload=st.binary(min_size=1, max_size=100))
def test_a_broken_frame_is_refused_and_can_be_said_again(at: int, bits: int, payload: bytes) -> None:
    stick = Stick()
    stick.say(Data(0, 0, b"before"))
    whole = ash.encode(Data(1, 0, payload))[:-1]
    place = at % len(whole)
    broken = whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :]
    stick.heard.clear()
    stick.line.data_received(broken + b"\x7e")
    assert stick.taken == [b"before"]
    assert all(frame == Nak(1) for frame in stick.heard)
    # The line's own bytes may cut it in two, or make all or nothing of it.
    if not {0x7E, 0x1A, 0x18, *XON_XOFF} & {broken[place]}:
        assert stick.heard
    assert stick.say(Data(1, 0, payload, retransmitted=True)) == [Ack(2)]
    assert stick.taken == [b"before", payload]


@pytest.mark.parametrize("raw", [b"\x00\x01", b"\x7d", b"\x00\x7d\x00\x01", b"\x00ab\x7d"])
def test_what_is_too_short_or_wrongly_escaped_is_refused(raw: bytes) -> None:
    stick = Stick()
    stick.line.data_received(raw + b"\x7e")
    assert (stick.heard, stick.taken) == ([Nak(0)], [])


def test_the_line_s_own_bytes_are_understood() -> None:
    stick, one, two = Stick(), ash.encode(Data(0, 0, b"one")), ash.encode(Data(1, 0, b"two"))
    stick.line.data_received(one[:2] + b"\x18" + one[2:])  # a byte was lost: the frame is none
    assert (stick.heard, stick.taken) == ([], [])
    stick.line.data_received(b"a frame that is called off \x1a" + b"\x13".join(bytes([byte]) for byte in one))
    stick.line.data_received(b"\x7e\x7e\x11" + two[:3] + XON_XOFF + two[3:])
    assert stick.taken == [b"one", b"two"]
    assert stick.heard == [Ack(1), Ack(2)]


frames = st.one_of(
    st.builds(Data, st.integers(0, 7), st.integers(0, 7), st.binary(min_size=1, max_size=60), st.booleans()),
    st.builds(Ack, st.integers(0, 7)),
    st.builds(Nak, st.integers(0, 7)),
    st.sampled_from([b"\x7e", b"\x1a", b"\x18", b"\x13", b"\x00\x7d\x7e", b"nothing"]),
)
orderly = st.lists(st.binary(min_size=1, max_size=60), max_size=12).map(
    lambda them: [Data(number % 8, 0, payload) for number, payload in enumerate(them)]
)
cuts = st.lists(st.integers(0, 1500), max_size=12)


@given(said=st.one_of(orderly, st.lists(frames, max_size=12)), cuts=cuts)
def test_pieces_make_no_difference(said: list[Frame | bytes], cuts: list[int]) -> None:
    stream = b"".join(one if isinstance(one, bytes) else ash.encode(one) for one in said)
    stick, whole = Stick(), Stick()
    in_pieces(stick.line, stream, cuts)
    whole.line.data_received(stream)
    assert (stick.taken, stick.heard) == (whole.taken, whole.heard)
    assert (stick.line.received, stick.line._buffer) == (whole.line.received, whole.line._buffer)


@given(payloads=st.lists(st.binary(min_size=1, max_size=60), max_size=12), cuts=cuts)
def test_all_that_bellows_writes_is_read_in_its_order_and_acknowledged(payloads: list[bytes], cuts: list[int]) -> None:
    stick = Stick()
    stream = b"".join(wire(DataFrame(number % 8, False, 0, one)) for number, one in enumerate(payloads))
    in_pieces(stick.line, stream, cuts)
    assert stick.taken == payloads
    assert stick.heard == [Ack((number + 1) % 8) for number in range(len(payloads))]


special = st.sampled_from([bytes([one]) for one in Reserved])


@given(stream=st.lists(st.one_of(st.binary(max_size=40), special), max_size=40).map(b"".join), cuts=cuts)
def test_noise_raises_nothing(stream: bytes, cuts: list[int]) -> None:
    stick = Stick()
    in_pieces(stick.line, stream, cuts)
    stick.line.data_received(b"\x7e")
    number = stick.line.received
    assert stick.lost or stick.say(Data(number, 0, b"whole")) == [Ack((number + 1) % 8)]


@given(pieces=st.lists(st.integers(0, 4000), min_size=1, max_size=8), filling=st.sampled_from([b"\x00", b"\x7d"]))
def test_a_frame_without_an_end_does_not_fill_the_memory(pieces: list[int], filling: bytes) -> None:
    stick = Stick()
    for size in pieces:
        stick.line.data_received(filling * size)
        assert len(stick.line._buffer) <= 1024
    stick.line.data_received(b"\x7e")
    assert stick.say(Data(0, 0, b"whole")) == [Ack(1)]


# What goes out


async def test_what_is_sent_is_numbered_and_tells_what_has_come() -> None:
    stick = Stick(acknowledging)
    stick.say(Data(0, 0, b"in"))
    stick.heard.clear()
    await asyncio.gather(*(stick.line.send(bytes([number])) for number in range(10)))
    assert stick.heard == [Data(number % 8, 1, bytes([number])) for number in range(10)]


async def test_an_answer_acknowledges_as_well() -> None:
    stick = Stick(lambda frame: ash.encode(Data(0, 1, b"answer")) if isinstance(frame, Data) else b"")
    await stick.line.send(b"question")
    assert stick.taken == [b"answer"]
    assert stick.heard == [Data(0, 0, b"question"), Ack(1)]


@pytest.mark.parametrize("refusal", [ash.encode(Nak(0)), b"", ash.encode(Ack(0)) + ash.encode(Ack(5))])
async def test_what_is_refused_or_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch, refusal: bytes) -> None:
    if not refusal.startswith(ash.encode(Nak(0))):
        monkeypatch.setattr(ashline, "_ACK_WAIT", 0.01)
    stick = Stick(lambda frame: acknowledging(frame) if len(stick.heard) > 2 else refusal)
    await stick.line.send(b"listen")
    assert stick.heard == [Data(0, 0, b"listen"), *[Data(0, 0, b"listen", retransmitted=True)] * 2]
    await stick.line.send(b"and on")
    assert stick.heard[-1] == Data(1, 0, b"and on")


async def test_what_is_never_acknowledged_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ashline, "_ACK_WAIT", 0.01)
    stick = Stick()
    with pytest.raises(LineError, match="acknowledge"):
        await stick.line.send(b"hello")
    assert len(stick.heard) == 4
    # The stick waits for that frame's number: nobody can go on from here.
    assert len(stick.lost) == 1
    with pytest.raises(LineError, match="acknowledge"):
        await stick.line.hand_on(lambda _: Heir())


# What is lost


@pytest.mark.parametrize("last", [ResetAck(), Failure(ash.ERROR_ACK_TIMEOUTS)])
async def test_a_stick_that_restarts_or_fails_is_lost_once(last: Frame) -> None:
    stick = Stick(lambda frame: ash.encode(last) if isinstance(frame, Data) else b"")
    told = await asyncio.gather(stick.line.send(b"one"), stick.line.send(b"two"), return_exceptions=True)
    assert [type(one) for one in told] == [LineError, LineError]
    assert len(stick.lost) == 1
    stick.say(last, last)
    stick.line.close()
    stick.line.connection_lost(None)
    with pytest.raises(LineError):
        await stick.line.send(b"three")
    assert stick.heard == []
    assert (len(stick.lost), stick.is_closed) == (1, True)
    with pytest.raises(LineError):
        await stick.line.hand_on(lambda _: Heir())


# Another takes over


async def test_an_heir_gets_what_was_begun_and_all_that_follows() -> None:
    stick, heir = Stick(), Heir()
    first, second = ash.encode(Data(0, 0, b"one")), ash.encode(Data(1, 0, b"two"))
    stick.line.data_received(first + second[:3])
    await stick.line.hand_on(lambda _: heir)
    stick.line.data_received(second[3:])
    stick.line.data_received(b"\x00raw")
    stick.line.close()
    assert not stick.is_closed
    with pytest.raises(LineError, match="handed on"):
        await stick.line.send(b"mine")
    gone = OSError("unplugged")
    stick.line.connection_lost(gone)
    assert b"".join(heir.got) == second + b"\x00raw"
    assert (stick.taken, heir.why, stick.lost) == ([b"one"], [gone], [])


async def test_a_line_is_handed_on_when_nothing_is_under_way() -> None:
    stick, heir = Stick(), Heir()

    async def acknowledge() -> None:
        assert stick.line._heir is None
        stick.line.data_received(ash.encode(Ack(1)))

    await asyncio.gather(stick.line.send(b"one"), stick.line.hand_on(lambda _: heir), acknowledge())
    stick.line.data_received(b"theirs")
    assert heir.got == [b"theirs"]


@pytest.mark.parametrize("cut", [0, 1, 4, 8])
async def test_bellows_goes_on_where_the_line_left_off(cut: int) -> None:
    stick, gateway = Stick(acknowledging), End()
    stick.say(*(Data(number % 8, 0, bytes([number])) for number in range(11)))
    for number in range(13):
        await stick.line.send(bytes([number]))
    theirs = ash.encode(Data(3, 5, b"for bellows"))
    stick.line.data_received(theirs[:cut])
    heir = _heir(stick.line, gateway)
    await stick.line.hand_on(lambda _: heir)
    stick.line.data_received(theirs[cut:])
    stick.heard.clear()
    await heir.send_data(b"of bellows")
    assert stick.heard == [Data(5, 4, b"of bellows")]
    stick.line.data_received(wire(DataFrame(4, False, 6, b"and on")))
    assert gateway.brought == [b"for bellows", b"and on"]
    assert stick.raw.endswith(wire(AckFrame(0, False, 5)))
    assert wire(TheirNak(0, False, 3)) not in stick.raw


async def test_nothing_is_lost_or_doubled_on_a_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACK_TIME_FIRST", "ACK_TIME_LEAST", "ACK_TIME_MOST"):
        monkeypatch.setattr(virtual_link, name, 0.02)
    monkeypatch.setattr(virtual_link, "MAX_TIMEOUTS", 1000)
    monkeypatch.setattr(ashline, "_ACK_WAIT", 0.02)
    monkeypatch.setattr(ashline, "_ATTEMPTS", 1000)

    got: list[bytes] = []

    def host_sent(payload: bytes) -> None:
        got.append(payload)
        ncp.send(payload + b"!")

    stick, timers, faults = Stick(), Timers(), Faults()
    owner = SimpleNamespace(host_reset=got.clear, host_sent=host_sent)
    loop: Any = asyncio.get_running_loop()
    ncp = AshLink(lambda data: loop.call_soon(stick.line.data_received, data), owner, timers, faults)
    monkeypatch.setattr(stick, "write", ncp.feed)
    await stick.line.reset()
    faults.change(corrupt=0.1, drop=0.1, duplicate=0.1)
    said = [bytes([number, 0x7E, 0x11]) for number in range(40)]
    for one in said:
        await stick.line.send(one)
    faults.clear()
    await stick.line.send(b"last")
    ncp.send(b"the end")
    await eventually(lambda: stick.taken[-1:] == [b"the end"])
    timers.close()
    assert got == [*said, b"last"]
    assert stick.taken == [*(one + b"!" for one in said), b"last!", b"the end"]
    assert stick.lost == []
