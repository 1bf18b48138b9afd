"""The frames that are spoken before zigpy is there are, byte for byte, those of zigpy and bellows."""

from collections.abc import Coroutine
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import bellows.types
import pytest
import zigpy.types as zt
from bellows.ezsp import EZSP
from hypothesis import example, given
from hypothesis import strategies as st
from zigpy.zcl import Cluster
from zigpy.zcl.foundation import Direction, FrameControl, FrameType, GeneralCommand, ZCLHeader

from device_plugins.zigbee import plainframes
from device_plugins.zigbee.plainframes import Unicasts, command, default_response, status_of
from tests.device_plugins.zigbee.test_fast_line import VERSIONS
from tests.device_plugins.zigbee.test_fast_send import connection

t: Any = bellows.types
byte, word = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
versions = st.sampled_from(VERSIONS)
LIMITS = {"B": 0x100, "H": 0x10000}
TABLE = sorted(plainframes._COMMANDS.items())
REPORT, DEFAULT_RESPONSE, SUCCESS = GeneralCommand.Report_Attributes, GeneralCommand.Default_Response, 0
ON_OFF, LEVEL, ON, MOVE = 0x0006, 0x0008, 0x01, 0x04


class Written:
    """Where zigpy's cluster writes to."""

    def __init__(self, cluster: int, *, is_server: bool = True) -> None:
        self.frame = b""
        self.endpoint_id = 1
        self.device = SimpleNamespace(name="device", manufacturer_id=None)
        self.cluster: Any = Cluster.from_id(self, cluster, is_server)  # type: ignore[arg-type] # it does for an endpoint

    async def request(self, *, data: bytes, **_: object) -> None:
        self.frame = data

    reply = request

    def by(self, writing: Coroutine[Any, Any, None]) -> bytes:
        with suppress(StopIteration):
            writing.send(None)
        return self.frame


# Commands of a cluster


@st.composite
def asked(draw: st.DrawFn) -> tuple[int, int, tuple[int, ...]]:
    (cluster, number), layout = draw(st.sampled_from(TABLE))
    return cluster, number, tuple(draw(st.integers(0, LIMITS[one] - 1)) for one in layout)


@given(asked=asked(), counter=byte)
def test_a_command_is_the_one_that_zigpy_writes(asked: tuple[int, int, tuple[int, ...]], counter: int) -> None:
    cluster, number, payload = asked
    written = Written(cluster)
    expected = written.by(written.cluster.command(number, *payload, tsn=counter))
    assert expected
    assert command(cluster, number, payload, counter) == expected
    header, _ = ZCLHeader.deserialize(expected)
    assert header.direction is Direction.Client_to_Server
    assert not header.frame_control.disable_default_response


@pytest.mark.parametrize(("asked", "layout"), TABLE)
def test_every_command_has_its_values_within_their_bounds(asked: tuple[int, int], layout: str) -> None:
    most = tuple(LIMITS[one] - 1 for one in layout)
    assert command(*asked, most, 255) is not None
    assert command(*asked, (*most, 0), 0) is None
    for place in range(len(layout)):
        around = most[:place], most[place + 1 :]
        assert command(*asked, around[0] + around[1], 0) is None
        for wrong in (-1, most[place] + 1, 1 << 70, "1", "", "on"):
            assert command(*asked, (*around[0], wrong, *around[1]), 0) is None


@given(cluster=word, number=byte, payload=st.lists(st.one_of(st.integers(), st.text()), max_size=4), counter=byte)
@example(cluster=ON_OFF, number=0x40, payload=[0, 0], counter=0)  # with an effect
@example(cluster=LEVEL, number=0x00, payload=[254, 0], counter=0)  # without the switch
def test_all_else_is_no_plain_command(cluster: int, number: int, payload: list[int | str], counter: int) -> None:
    told = command(cluster, number, tuple(payload), counter)
    layout = plainframes._COMMANDS.get((cluster, number))
    fits = layout is not None and len(layout) == len(payload)
    is_right = fits and all(
        isinstance(one, int) and 0 <= one < LIMITS[kind] for one, kind in zip(payload, layout or "", strict=True)
    )
    assert (told is not None) is is_right


# Default responses


@given(cluster=st.sampled_from([ON_OFF, LEVEL, 0x0300, 0x0102]), number=byte, status=byte, counter=byte)
def test_the_status_is_the_one_that_zigpy_writes(cluster: int, number: int, status: int, counter: int) -> None:
    written = Written(cluster, is_server=False)
    frame = written.by(written.cluster.general_command(DEFAULT_RESPONSE, number, status, tsn=counter))
    assert status_of(frame) == (counter, status)
    wanting = written.by(
        written.cluster.general_command(DEFAULT_RESPONSE, number, status, tsn=counter, disable_default_response=False)
    )
    assert wanting != frame
    assert status_of(wanting) == (counter, status)
    assert all(status_of(frame[:size]) is None for size in range(len(frame)))


@given(
    kind=st.sampled_from([FrameType.GLOBAL_COMMAND, FrameType.CLUSTER_COMMAND, FrameType.RESERVED_2]),
    direction=st.sampled_from(Direction),
    manufacturer=st.none() | st.builds(zt.uint16_t, word),
    number=st.one_of(byte, st.just(int(DEFAULT_RESPONSE))),
    quiet=st.integers(0, 1),
    rest=st.binary(max_size=6),
)
def test_only_a_server_s_default_response_tells_a_status(
    kind: FrameType,
    direction: Direction,
    manufacturer: zt.uint16_t | None,
    number: int,
    quiet: int,
    rest: bytes,
) -> None:
    control = FrameControl(
        frame_type=kind,
        is_manufacturer_specific=manufacturer is not None,
        direction=direction,
        disable_default_response=bool(quiet),
        reserved=0,
    )
    header = ZCLHeader(frame_control=control, manufacturer=manufacturer, tsn=7, command_id=number)
    tells = (
        kind is FrameType.GLOBAL_COMMAND
        and direction is Direction.Server_to_Client
        and (manufacturer, number) == (None, DEFAULT_RESPONSE)
        and len(rest) >= 2
    )
    assert status_of(header.serialize() + rest) == ((7, rest[1]) if tells else None)


@given(counter=byte)
def test_a_report_is_answered_as_zigpy_answers_it(counter: int) -> None:
    written = Written(ON_OFF)
    written.cluster.create_catching_task = written.by
    written.cluster.send_default_rsp(ZCLHeader.general(counter, REPORT, direction=Direction.Server_to_Client))
    assert written.frame
    assert default_response(counter) == written.frame


# Unicasts


def aps(cluster: int, endpoints: tuple[int, int], counter: int, options: int) -> Any:  # noqa: ANN401 - bellows is untyped
    return t.EmberApsFrame(
        profileId=0x0104,
        clusterId=cluster,
        sourceEndpoint=endpoints[0],
        destinationEndpoint=endpoints[1],
        options=t.EmberApsOption(options),
        groupId=0,
        sequence=counter,
    )


def schema(version: int, name: str) -> dict[str, Any]:
    _, _, found = EZSP._BY_VERSION[version].COMMANDS[name]
    return dict(found)


def told(version: int, name: str, *values: object) -> bytes:
    """What the stick says, from its sequence number on."""
    number, _, _ = EZSP._BY_VERSION[version].COMMANDS[name]
    head = bytes([9, 0x90, 0x01]) + number.to_bytes(2, "little")
    return head + bytes(t.serialize_dict(values, {}, schema(version, name)))


def sent(version: int, short: int, tag: int, status: int, message: bytes) -> bytes:
    frame = aps(6, (1, 1), 5, 0x0100)
    if version >= 14:
        return told(version, "messageSentHandler", t.sl_Status(status), 0, short, frame, tag, message)
    return told(version, "messageSentHandler", 0, short, frame, tag, t.EmberStatus(status), message)


@given(version=versions, short=word, endpoint=byte, cluster=word, counter=byte, message=st.binary(max_size=100))
def test_a_unicast_is_the_one_that_bellows_writes(
    version: int, short: int, endpoint: int, cluster: int, counter: int, message: bytes
) -> None:
    protocol = connection(version)._protocol
    _, fields, _ = protocol.COMMANDS["sendUnicast"]
    route = int(t.EmberApsOption.APS_OPTION_ENABLE_ROUTE_DISCOVERY)
    frame = aps(cluster, (1, endpoint), counter, route)
    values = (t.EmberOutgoingMessageType.OUTGOING_DIRECT, t.EmberNodeId(short), frame, counter, message)
    expected = protocol._ezsp_frame("sendUnicast", **dict(zip(fields, values, strict=True)))
    assert Unicasts(version).request(short, endpoint, cluster, counter, message) == expected[1:]


@given(version=versions, status=byte, counter=byte)
@example(version=13, status=0, counter=0)
@example(version=14, status=0, counter=0)
def test_a_message_is_taken_when_bellows_says_so(version: int, status: int, counter: int) -> None:
    kind = schema(version, "sendUnicast")["status"]
    answer = told(version, "sendUnicast", kind(status), counter)
    is_ok = t.sl_Status.from_ember_status(kind(status)) == t.sl_Status.OK
    assert Unicasts(version).is_taken(answer[1:]) is is_ok
    assert is_ok is (status == SUCCESS)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_answer_takes_no_message(version: int) -> None:
    kind = schema(version, "sendUnicast")["status"]
    answer = told(version, "sendUnicast", kind(0), 0)[1:]
    unicasts = Unicasts(version)
    assert unicasts.is_taken(answer)
    assert not unicasts.is_taken(answer[:2] + b"\x58\x00" + answer[4:])  # invalidCommand
    assert not any(unicasts.is_taken(answer[:size]) for size in range(5))


@pytest.mark.parametrize("high", range(1, 4))
def test_a_status_of_four_bytes_is_read_whole(high: int) -> None:
    answer = told(14, "sendUnicast", t.sl_Status(1 << 8 * high), 0)
    assert not Unicasts(14).is_taken(answer[1:])
    assert Unicasts(14).sent(sent(14, 0x1234, 5, 1 << 8 * high, b"")) == (0x1234, 5, False)


@given(version=versions, short=word, tag=byte, status=st.one_of(st.just(0), byte), message=st.binary(max_size=80))
def test_what_became_of_a_message_is_read_as_bellows_reads_it(
    version: int, short: int, tag: int, status: int, message: bytes
) -> None:
    frame = sent(version, short, tag, status, message)
    fields, rest = t.deserialize_dict(frame[5:], schema(version, "messageSentHandler"))
    where, marked = (
        fields[name] for name in (("nwk", "message_tag") if version >= 14 else ("indexOrDestination", "messageTag"))
    )
    is_ok = t.sl_Status.from_ember_status(fields["status"]) == t.sl_Status.OK
    assert (rest, where, marked) == (b"", short, tag)
    unicasts = Unicasts(version)
    assert unicasts.sent(frame) == (short, tag, is_ok)
    bare = len(sent(version, short, tag, status, b"")) - 1  # the message is not looked at
    assert all(unicasts.sent(frame[:size]) is None for size in range(bare))
    assert unicasts.sent(frame[:3] + b"\x45\x00" + frame[5:]) is None


@given(noise=st.binary(max_size=60), version=versions, number=st.sampled_from([b"", b"\x34\x00", b"\x3f\x00"]))
def test_noise_raises_nothing(noise: bytes, version: int, number: bytes) -> None:
    frame = noise[:3] + number + noise[3:]
    unicasts = Unicasts(version)
    assert unicasts.is_taken(frame) in {True, False}
    for found in (unicasts.sent(frame), status_of(frame)):
        assert found is None or 0 <= found[1] <= 0xFF
