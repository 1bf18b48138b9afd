"""The frames of touchlink: what is written is read again, by this side and by a device, and noise is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import touchlink as device
from device_plugins.zigbee import interpan
from device_plugins.zigbee.interpan import InterPan

ADDRESSES = st.binary(min_size=8, max_size=8).map(bytes.hex)
PANS = st.integers(0, 0xFFFF)
TRANSACTIONS = st.integers(1, 0xFFFFFFFF)
# A scan request of a remote control, heard by a stick and passed on: https://github.com/home-assistant/core/issues/55981
HEARD = bytes.fromhex("01c8f0ffffffff9988fcee1bfeff142e840b000b00105ec0118500bef12f810293")


@given(st.builds(InterPan, ADDRESSES, PANS, ADDRESSES | st.just(""), st.binary(max_size=80)))
def test_what_is_written_is_read_again(frame: InterPan) -> None:
    assert interpan.decode(interpan.encode(frame)) == frame


@given(st.binary(max_size=140))
def test_noise_is_nothing(data: bytes) -> None:
    assert interpan.decode(data) is None
    assert device.read(data) is None
    assert interpan.read_scan_response(data[:20]) is None


@given(st.binary(max_size=126), st.integers(0, 60), st.integers(0, 255))
def test_a_broken_frame_is_read_as_far_as_it_is_whole(rest: bytes, at: int, value: int) -> None:
    frame = bytearray(interpan.encode(InterPan("00" * 8, 1, "11" * 8, b"")) + rest)
    frame[at % len(frame)] = value
    read = interpan.decode(bytes(frame))
    assert read is None or len(read.zcl) <= interpan.MOST
    assert interpan.decode(bytes(frame[: at % 28])) is None


@given(ADDRESSES, ADDRESSES, PANS, TRANSACTIONS, st.integers(0, 0xFFFF))
def test_a_device_understands_each_request(source: str, target: str, pan: int, transaction: int, seconds: int) -> None:
    own = bytes.fromhex(source)[::-1]
    for to, zcl, command, rest in (
        ("", interpan.scan_request(transaction), device.SCAN, b"\x04\x12"),
        (target, interpan.identify_request(transaction, seconds), device.IDENTIFY, seconds.to_bytes(2, "little")),
        (target, interpan.reset_request(transaction), device.RESET, b""),
    ):
        read = device.read(interpan.encode(InterPan(source, pan, to, zcl)))
        assert read == device.Call(own, pan, bytes.fromhex(to)[::-1], command, transaction, rest)


STANDINGS = st.builds(
    device.Standing, st.booleans(), st.binary(min_size=8, max_size=8), st.integers(11, 26), PANS, PANS, PANS
)


@given(ADDRESSES, ADDRESSES, TRANSACTIONS, STANDINGS)
def test_the_answer_of_a_device_is_understood(
    source: str, target: str, transaction: int, standing: device.Standing
) -> None:
    call = device.Call(bytes.fromhex(target)[::-1], 1, b"", device.SCAN, transaction, b"")
    written = device.scan_response(call, bytes.fromhex(source)[::-1], standing, 7)
    frame = interpan.decode(written)
    assert frame is not None
    assert (frame.source, frame.source_pan, frame.target) == (source, standing.pan_id, target)
    is_new, network, channel, pan, short, _ = standing
    answer = interpan.ScanResponse(transaction, is_new, network[::-1].hex(), channel, pan, short)
    assert interpan.read_scan_response(frame.zcl) == answer
    for size in range(len(frame.zcl) - 7):  # the rest tells of an endpoint
        assert interpan.read_scan_response(frame.zcl[:size]) is None


def test_a_request_from_the_air_is_read() -> None:
    frame = interpan.decode(HEARD)
    assert frame is not None
    assert (frame.source, frame.source_pan, frame.target) == ("842e14fffe1beefc", 0x8899, "")
    assert interpan.read_scan_response(frame.zcl) is None
    call = device.read(HEARD)
    assert call is not None
    assert (call.command, call.transaction) == (device.SCAN, 0x812FF1BE)


@pytest.mark.parametrize(
    "frame",
    [
        InterPan("00" * 8, 0x10000, "", b""),
        InterPan("00" * 7, 1, "", b""),
        InterPan("00" * 8, 1, "lamp", b""),
        InterPan("00" * 8, 1, "", bytes(110)),
    ],
)
def test_what_does_not_fit_is_refused(frame: InterPan) -> None:
    with pytest.raises(ValueError, match=r"is no|do not fit"):
        interpan.encode(frame)
