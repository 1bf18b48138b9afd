"""ASH frames as bytes, against the specification's examples and bellows' own codec."""

import contextlib

import bellows.ash
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import ash

_numbers = st.integers(0, 7)
_frames: st.SearchStrategy[ash.Frame] = st.one_of(
    st.builds(ash.Data, _numbers, _numbers, st.binary(min_size=1, max_size=200), st.booleans()),
    st.builds(ash.Ack, _numbers, st.booleans()),
    st.builds(ash.Nak, _numbers, st.booleans()),
    st.just(ash.Reset()),
    st.builds(ash.ResetAck, st.integers(0, 255)),
    st.builds(ash.Failure, st.integers(0, 255)),
)


@given(_frames)
def test_a_frame_survives_the_line(frame: ash.Frame) -> None:
    (raw,) = ash.FrameSplitter().feed(ash.encode(frame))
    assert ash.decode(raw) == frame


@given(st.binary(max_size=300))
def test_stuffing_leaves_no_reserved_byte_and_can_be_undone(data: bytes) -> None:
    stuffed = ash.stuff(data)
    assert not {ash.FLAG, ash.XON, ash.XOFF, ash.SUBSTITUTE, ash.CANCEL} & set(stuffed)
    assert ash.unstuff(stuffed) == data


@given(st.binary(max_size=300))
def test_randomizing_twice_changes_nothing(data: bytes) -> None:
    assert ash.randomize(ash.randomize(data)) == data


@given(st.integers(0, 7), st.booleans(), st.integers(0, 7), st.binary(min_size=1, max_size=200))
def test_a_host_reads_our_data_frames(number: int, again: bool, ack: int, payload: bytes) -> None:  # noqa: FBT001
    wire = ash.encode(ash.Data(number, ack, payload, again))
    plain = bellows.ash.AshProtocol._unstuff_bytes(wire[:-1])
    theirs = bellows.ash.DataFrame.from_bytes(bytes(plain))
    assert (theirs.frm_num, theirs.re_tx, theirs.ack_num, theirs.ezsp_frame) == (number, again, ack, payload)


def test_the_specification_s_examples() -> None:
    assert ash.encode(ash.Reset()) == bytes.fromhex("c038bc7e")
    assert ash.encode(ash.ResetAck(0x02)) == bytes.fromhex("c102029b7b7e")
    assert ash.encode(ash.Ack(1)) == bytes.fromhex("8160597e")
    assert ash.encode(ash.Nak(6)) == bytes.fromhex("a634dc7e")
    version = ash.Data(2, 5, bytes.fromhex("00000002"))
    assert ash.decode(ash.encode(version)[:-1]) == version


@given(st.binary(max_size=100))
def test_noise_is_an_error_or_a_frame(raw: bytes) -> None:
    with contextlib.suppress(ash.AshError):
        ash.decode(raw)


@pytest.mark.parametrize("raw", [b"\x7d", b"\xc0", b"\xc0\x00\x00", b"\xff" + ash.crc(b"\xff")])
def test_what_is_no_frame_is_refused(raw: bytes) -> None:
    with pytest.raises(ash.AshError):
        ash.decode(raw)


@given(st.lists(_frames, max_size=8), st.data())
def test_frames_are_cut_out_of_any_pieces(frames: list[ash.Frame], data: st.DataObject) -> None:
    stream = b"".join(map(ash.encode, frames))
    splitter, found = ash.FrameSplitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert [ash.decode(raw) for raw in found] == frames


def test_control_bytes_do_what_they_are_for() -> None:
    good = ash.encode(ash.Ack(3))
    splitter = ash.FrameSplitter()
    assert splitter.feed(b"rest\x1a" + good) == [good[:-1]]
    assert splitter.feed(b"br\x18oken\x7e" + good) == [good[:-1]]
    assert splitter.feed(b"\x11" + good[:2] + b"\x13" + good[2:]) == [good[:-1]]
    assert splitter.feed(b"\x7e\x7e\x7e") == []
    assert splitter.feed(bytes(5000)) == []
    assert splitter.feed(b"\x7e" + good) == [good[:-1]]
    with pytest.raises(ash.AshError):
        ash.randomize(bytes(ash.MAX_RAW + 1))
