"""EZSP frames as bytes, against bellows' own codec."""

from typing import Any

import bellows.types as t
import pytest
import zigpy.types as zt
from bellows.ezsp import EZSP
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import RadioError
from device_plugins.virtual_radio.ezsp import VERSIONS, Command, EzspCodec, EzspError
from device_plugins.virtual_radio.wire import ApsFrame, Status, WireError, packer

_versions = st.sampled_from((8, 13, 14, 18))
_aps = st.builds(
    ApsFrame,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from((0x0000, 0x0040, 0x0140)),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
)


def _host(version: int) -> Any:  # noqa: ANN401 - bellows has no types
    return EZSP._BY_VERSION[version](lambda *_: None, None)  # type: ignore[arg-type]


def _fields(body: bytes, schema: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    found: tuple[dict[str, Any], bytes] = t.deserialize_dict(body, schema)  # type: ignore[no-untyped-call]
    return found


@given(_versions, st.integers(0, 255), st.integers(0, 0xFFFF), _aps, st.integers(0, 255), st.binary(max_size=80))
def test_a_command_round_trip(version: int, sequence: int, nwk: int, aps: ApsFrame, tag: int, message: bytes) -> None:
    codec = EzspCodec(version)
    args = {"message_type": 0, "nwk": nwk, "aps_frame": aps, "message_tag": tag, "message": message}
    command = Command(sequence, "sendUnicast", args)
    assert codec.decode_command(codec.encode_command(command)) == command


@given(_versions, st.integers(0, 255), st.integers(1, 0xFFF0), _aps, st.binary(max_size=80))
def test_a_host_s_command_is_read(version: int, sequence: int, nwk: int, aps: ApsFrame, message: bytes) -> None:
    host = _host(version)
    host._seq = sequence
    theirs = t.EmberApsFrame(
        profileId=aps.profile,
        clusterId=aps.cluster,
        sourceEndpoint=aps.source_endpoint,
        destinationEndpoint=aps.destination_endpoint,
        options=aps.options,
        groupId=aps.group,
        sequence=aps.sequence,
    )
    command = EzspCodec(version).decode_command(host._ezsp_frame("sendUnicast", 0, nwk, theirs, 5, message))
    assert (command.sequence, command.name) == (sequence, "sendUnicast")
    assert command.args == {"message_type": 0, "nwk": nwk, "aps_frame": aps, "message_tag": 5, "message": message}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_can_be_read_by_the_host(version: int) -> None:
    codec = EzspCodec(version)
    host = _host(version)
    for name, (_, _, schema) in host.COMMANDS.items():
        if name.startswith("gp"):  # Green Power addresses differ in length by their kind, and are never sent
            continue
        frame = codec.encode_callback(name, 7, {})
        sequence, identifier, body = host._ezsp_frame_rx(frame)
        assert (sequence, host.COMMANDS_BY_ID[identifier][0]) == (7, name)
        if isinstance(schema, dict):
            _, rest = _fields(body, schema)
        else:
            _, rest = schema.deserialize(body) if schema else (None, b"")
        assert rest == b"", name


@pytest.mark.parametrize("version", [8, 13, 14, 18])
def test_a_status_is_told_in_the_version_s_own_codes(version: int) -> None:
    codec, host = EzspCodec(version), _host(version)
    for status, told in ((Status.NETWORK_UP, t.sl_Status.NETWORK_UP), (Status.NOT_JOINED, t.sl_Status.NOT_JOINED)):
        _, _, body = host._ezsp_frame_rx(codec.encode_callback("stackStatusHandler", 0, {"status": status}))
        values, _ = _fields(body, host.COMMANDS["stackStatusHandler"][2])
        assert t.sl_Status.from_ember_status(values["status"]) == told


@given(_versions, st.binary(max_size=60))
def test_noise_is_an_error_that_can_be_answered(version: int, frame: bytes) -> None:
    codec = EzspCodec(version)
    refusals = []
    try:
        codec.decode_command(frame)
    except EzspError as error:
        refusals.append((error.sequence, codec.encode_refusal(error.sequence, error.status)))
    for sequence, refusal in refusals:
        assert codec.decode_response(refusal)[:2] == (sequence, "invalidCommand")


def test_the_first_command_after_a_reset_has_a_short_header() -> None:
    codec = EzspCodec(14)
    command = codec.decode_command(bytes([3, 0, 0, 4]))
    assert command == Command(3, "version", {"desiredProtocolVersion": 4}, legacy=True)
    assert codec.encode_command(command) == bytes([3, 0, 0, 4])
    answer = codec.encode_response(command, {"protocolVersion": 14, "stackType": 2, "stackVersion": 0x8020})
    assert answer == bytes([3, 0x80, 0, 14, 2, 0x20, 0x80])


def test_trailing_fields_may_be_left_out_but_not_cut() -> None:
    codec = EzspCodec(14)
    key = Command(1, "importTransientKey", {"eui64": bytes(8), "plaintext_key": bytes(16), "flags": 0})
    frame = codec.encode_command(key)
    assert codec.decode_command(frame[:-1]) == key
    with pytest.raises(EzspError, match="importTransientKey") as failure:
        codec.decode_command(frame[:-3])
    assert failure.value.status is Status.INVALID


def test_an_unknown_version_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RadioError, match=r"EZSP version 15 is not known: choose one of 8, 9, .*19"):
        EzspCodec(15)
    assert "sendUnicast" in EzspCodec(8)


def test_values_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WireError):
        packer(zt.uint8_t).pack(256)
    with pytest.raises(WireError):
        packer(t.EUI64).pack(b"short")
    assert packer(zt.int8s).pack(-70) == b"\xba"
    counted = packer(zt.LVList[zt.uint16_t, zt.uint8_t])
    assert counted.unpack(counted.pack([1, 2]) + b"rest") == ([1, 2], b"rest")
    with pytest.raises(WireError):
        counted.unpack(b"\x05\x01")
