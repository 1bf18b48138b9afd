"""What is remembered of a start: no more and no less than what resumes the network, or nothing at all."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from bellows.ezsp import EZSP
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.zigbee.rehearsal import (
    Exchange,
    Memory,
    Rehearsal,
    Tape,
    is_callback,
    is_up,
    starts_network,
)

V13: Any = EZSP._BY_VERSION[13].COMMANDS
CONNECTS = ("getValue", "setConfigurationValue", "setPolicy", "readCounters", "addEndpoint")
RESUMES = ("networkState", "networkInit", "getNetworkParameters", "getNodeId", "getEui64")
HARMLESS = ("nop", "readCounters", "readAndClearCounters", "getValue")
FORMS = ("leaveNetwork", "setInitialSecurityState", "formNetwork", "clearKeyTable", "setConfigurationValue")
UP, DOWN = b"\x90", b"\x91"


def number_of(name: str) -> bytes:
    number: int = V13[name][0]
    return number.to_bytes(2, "little")


class Recording:
    """A tape, and a stick that it listens to."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.said = 0

    def ask(self, *names: str, control: int = 0x80) -> tuple[Exchange, ...]:
        """Ask and answer; returns what is to be remembered of it."""
        found = []
        for name in names:
            self.said += 1
            sequence = bytes([self.said % 256])
            request = b"\x00\x01" + number_of(name) + self.said.to_bytes(2)
            answer = bytes([control, 1]) + number_of(name) + b"!" + self.said.to_bytes(2)
            self.tape.asked(sequence + request)
            self.tape.told(sequence + answer)
            found.append(Exchange(request, answer))
        return tuple(found)

    def calls_back(self, name: str, content: bytes) -> None:
        self.tape.told(bytes([self.said % 256, 0x90, 1]) + number_of(name) + content)


def resume(recording: Recording, between: Iterable[str] = ()) -> tuple[Exchange, ...]:
    """What bellows asks to resume a network."""
    found: tuple[Exchange, ...] = ()
    for name in RESUMES:
        recording.ask(*between)
        found += recording.ask(name)
        if name == "networkInit":
            recording.calls_back("stackStatusHandler", UP)
    return found


def test_a_resumption_is_remembered_from_end_to_end() -> None:
    recording = Recording()
    connecting = recording.ask(*CONNECTS)
    recording.tape.connected()
    resumed = resume(recording)
    expected = Rehearsal(13, len(connecting), connecting + resumed, UP)
    assert recording.tape.rehearsal(13) == expected
    assert [starts_network(one.request) for one in expected.exchanges].index(True) == len(connecting) + 1
    # What follows is not of the start.
    recording.ask(*FORMS, *RESUMES)
    recording.calls_back("stackStatusHandler", DOWN)
    assert recording.tape.rehearsal(13) == expected


@pytest.mark.parametrize("version", [4, 7])
def test_a_stick_that_speaks_an_old_version_is_not_rehearsed(version: int) -> None:
    recording = Recording()
    recording.ask(*CONNECTS)
    recording.tape.connected()
    resume(recording)
    assert recording.tape.rehearsal(version) is None
    assert recording.tape.rehearsal(8) is not None


@given(between=st.lists(st.sampled_from(HARMLESS), max_size=10))
def test_what_changes_nothing_is_left_out(between: list[str]) -> None:
    recording = Recording()
    connecting = recording.ask(*CONNECTS)
    recording.tape.connected()
    resumed = resume(recording, between)
    assert recording.tape.rehearsal(13) == Rehearsal(13, len(connecting), connecting + resumed, UP)


@pytest.mark.parametrize("other", [*FORMS, "setManufacturerCode", "exportKey"])
@pytest.mark.parametrize("at", range(len(RESUMES)))
def test_a_start_that_makes_or_changes_a_network_is_not_rehearsed(other: str, at: int) -> None:
    recording = Recording()
    recording.ask(*CONNECTS)
    recording.tape.connected()
    recording.ask(*RESUMES[:at])
    recording.calls_back("stackStatusHandler", UP)
    recording.ask(other, *RESUMES[at:])
    assert recording.tape.rehearsal(13) is None
    resume(recording)
    assert recording.tape.rehearsal(13) is None


def test_a_start_that_did_not_come_to_its_end_is_not_rehearsed() -> None:
    recording = Recording()
    assert recording.tape.rehearsal(13) is None
    recording.tape.connected()  # nothing was asked yet
    recording.ask(*CONNECTS)
    assert recording.tape.rehearsal(13) is None
    recording.tape.connected()
    recording.ask(*RESUMES[:-1])
    recording.calls_back("stackStatusHandler", UP)
    assert recording.tape.rehearsal(13) is None
    recording.ask(RESUMES[-1])
    assert recording.tape.rehearsal(13) is not None


def test_a_network_that_did_not_come_up_is_not_rehearsed() -> None:
    recording = Recording()
    recording.ask(*CONNECTS)
    recording.tape.connected()
    recording.ask(*RESUMES)
    assert recording.tape.rehearsal(13) is None


def test_while_it_connects_the_address_of_the_stick_ends_nothing() -> None:
    recording = Recording()
    connecting = recording.ask("getEui64", *CONNECTS, *FORMS)
    recording.tape.connected()
    resumed = resume(recording)
    assert recording.tape.rehearsal(13) == Rehearsal(13, len(connecting), connecting + resumed, UP)


@pytest.mark.parametrize("name", ["setPolicy", "networkState"])
def test_a_tape_without_an_end_is_given_up(name: str) -> None:
    recording = Recording()
    recording.ask(*CONNECTS)
    if name in RESUMES:
        recording.tape.connected()
    for _ in range(1000):
        recording.ask(name)
        assert len(recording.tape._exchanges) <= 251
        assert len(recording.tape._asked) <= 256
    recording.tape.connected()
    resume(recording)
    assert recording.tape.rehearsal(13) is None


def test_only_what_was_asked_is_answered() -> None:
    recording = Recording()
    recording.tape.told(b"\x07\x80\x01\x05\x00stray")
    recording.tape.told(b"")
    recording.tape.told(b"\x07")
    recording.tape.asked(b"\x07\x00\x01\x05\x00")
    recording.calls_back("incomingMessageHandler", b"content")
    connecting = recording.ask(*CONNECTS)
    recording.tape.connected()
    resumed = resume(recording)
    assert recording.tape.rehearsal(13) == Rehearsal(13, len(connecting), connecting + resumed, UP)


def test_answers_are_put_to_their_questions() -> None:
    recording = Recording()
    first, second = b"\x00\x01" + number_of("nop"), b"\x00\x01" + number_of("setPolicy")
    recording.tape.asked(b"\xff" + first)
    recording.tape.asked(b"\x00" + second)
    recording.tape.told(b"\x00\x80\x01second")
    recording.tape.told(b"\xff\x80\x01first")
    recording.tape.connected()
    resume(recording)
    rehearsal = recording.tape.rehearsal(13)
    assert rehearsal is not None
    assert rehearsal.exchanges[:2] == (Exchange(second, b"\x80\x01second"), Exchange(first, b"\x80\x01first"))


# The frames


@pytest.mark.parametrize("version", [8, 13, 14, 18])
def test_the_frames_of_the_stick_are_told_apart(version: int) -> None:
    commands: Any = EZSP._BY_VERSION[version].COMMANDS
    for name, (number, _, _) in commands.items():
        frame = b"\x05\x90\x01" + number.to_bytes(2, "little") + UP
        assert is_callback(frame)
        assert is_up(frame, UP) is (name == "stackStatusHandler")
        assert starts_network(frame[1:]) is (name == "networkInit")
        assert not is_callback(b"\x05\x80\x01" + frame[3:])
    assert all(commands[name][0] == V13[name][0] for name in (*RESUMES, *HARMLESS))


def test_a_network_that_goes_down_is_not_up() -> None:
    assert not is_up(b"\x05\x90\x01" + number_of("stackStatusHandler") + DOWN, UP)
    assert not is_callback(b"")
    assert not is_callback(b"\x05\x90\x01\x19")


@given(control=st.integers(0, 255), other=st.integers(0, 255), rest=st.binary(min_size=1, max_size=10))
def test_an_answer_fits_but_for_what_the_stick_says_of_the_moment(control: int, other: int, rest: bytes) -> None:
    exchange = Exchange(b"asked", bytes([control]) + rest)
    # Overflow, truncated, a callback is pending: UG100, frame control of a response.
    assert exchange.fits(bytes([other]) + rest) is (control >> 3 == other >> 3)
    assert not exchange.fits(bytes([control]) + rest + b"\x00")
    assert not exchange.fits(bytes([control]) + rest[:-1])
    assert not exchange.fits(bytes([control]) + bytes([rest[0] ^ 1]) + rest[1:])
    assert not exchange.fits(b"")


# How it is kept

frames = st.binary(max_size=30)
words = st.integers(0, 0xFFFF)
memories = st.builds(
    Memory,
    port=st.tuples(st.text(st.characters(codec="utf-8"), max_size=20), st.integers(0, 2_000_000), st.text("abc ")),
    rehearsal=st.builds(
        Rehearsal,
        version=st.integers(8, 18),
        connecting=st.integers(0, 250),
        exchanges=st.lists(st.builds(Exchange, frames, frames), max_size=5).map(tuple),
        up=frames,
    ),
    shorts=st.dictionaries(st.text("0123456789abcdef:", max_size=23), words, max_size=5),
    kinds=st.lists(st.tuples(words, words, st.integers(0, 255)), max_size=5).map(tuple),
)


@given(memory=memories)
def test_what_is_kept_is_what_is_found(memory: Memory) -> None:
    plain = msgspec.to_builtins(memory)
    assert msgspec.convert(plain, Memory) == memory
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(plain)), Memory) == memory
    assert msgspec.convert(msgspec.msgpack.decode(msgspec.msgpack.encode(plain)), Memory) == memory


@pytest.mark.parametrize("stored", [{}, [], None, {"port": ["/dev/ttyUSB0", 115200, "software"], "rehearsal": 1}])
def test_what_is_no_memory_is_told_so(stored: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(stored, Memory)
