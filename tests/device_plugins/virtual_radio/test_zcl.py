"""ZCL types and general commands."""

import contextlib
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zigpy.zcl.foundation import DataType, DataTypeId, ZCLHeader

from device_plugins.virtual_radio import zcl, zcltypes
from device_plugins.virtual_radio.cluster import Attribute, Cluster, Reporting
from device_plugins.virtual_radio.zcl import Frame, General, Status
from device_plugins.virtual_radio.zcltypes import ZclError


def _values(kind: int) -> st.SearchStrategy[Any]:
    bounds = zcltypes.bounds(kind)
    if bounds is not None:
        return st.integers(*bounds)
    special: dict[int, st.SearchStrategy[Any]] = {
        0x10: st.booleans(),
        0x38: st.floats(width=16),
        0x39: st.floats(width=32),
        0x3A: st.floats(),
        0x41: st.none() | st.binary(max_size=254),
        0x42: st.none() | st.text(max_size=60),
        0x43: st.none() | st.binary(max_size=300),
        0x44: st.none() | st.text(max_size=100),
        0x48: st.tuples(st.just(0x21), st.lists(st.integers(0, 0xFFFF), max_size=9)),
        0x4C: st.lists(st.tuples(st.just(0x20), st.integers(0, 255)), max_size=9),
        0x50: st.tuples(st.just(0x10), st.lists(st.booleans(), max_size=9)),
        0xF1: st.binary(min_size=16, max_size=16),
    }
    return special[kind]


_KINDS = [*(kind for kind in range(256) if zcltypes.bounds(kind)), 0x10, 0x38, 0x39, 0x3A, 0x41, 0x42, 0x43, 0x44,
          0x48, 0x4C, 0x50, 0xF1]  # fmt: skip
_typed = st.sampled_from(_KINDS).flatmap(lambda kind: st.tuples(st.just(kind), _values(kind)))


@given(_typed, st.binary(max_size=5))
def test_a_value_survives_its_bytes(typed: tuple[int, Any], rest: bytes) -> None:
    kind, value = typed
    found, left = zcltypes.decode(kind, zcltypes.encode(kind, value) + rest)
    assert left == rest
    assert found == value or (isinstance(value, float) and math.isnan(value) and math.isnan(found))


def _theirs(kind: int) -> Any:  # noqa: ANN401 - zigpy has no types here
    return DataType.from_type_id(DataTypeId(kind)).python_type  # type: ignore[no-untyped-call]


_integers = st.sampled_from([kind for kind in range(256) if zcltypes.bounds(kind)])


@given(_integers.flatmap(lambda kind: st.tuples(st.just(kind), _values(kind))))
def test_integers_lie_in_bytes_as_zigpy_reads_them(typed: tuple[int, int]) -> None:
    kind, value = typed
    encoded = zcltypes.encode(kind, value)
    theirs, rest = _theirs(kind).deserialize(encoded)
    assert (theirs.serialize(), rest) == (encoded, b"")


@given(st.integers(0, 255), st.binary(max_size=30))
def test_noise_is_an_error_or_a_value(kind: int, data: bytes) -> None:
    with contextlib.suppress(ZclError):
        zcltypes.decode(kind, data)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(0x20, 256), (0x28, 128), (0x20, None), (0x42, "x" * 255), (0xF1, b"short"), (0x07, 1), (0x21, "x")],
)
def test_what_does_not_fit_is_refused(kind: int, value: object) -> None:
    with pytest.raises(ZclError):
        zcltypes.encode(kind, value)


_headers = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=20),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 0xFFFF),
)


@given(_headers)
def test_a_frame_survives_its_bytes_and_zigpy_reads_its_header(frame: Frame) -> None:
    encoded = frame.encode()
    assert zcl.decode(encoded) == frame
    header, payload = ZCLHeader.deserialize(encoded)
    assert (header.tsn, header.command_id, payload) == (frame.sequence, frame.command, frame.payload)
    assert (header.frame_control.is_cluster, bool(header.direction)) == (frame.specific, frame.to_client)


class Server:
    """A device that takes what it is told."""

    def write(self, cluster: Cluster, attribute: Attribute, value: object) -> None:
        del cluster
        attribute.value = value

    def configure(self, cluster: Cluster, attribute: Attribute, reporting: Reporting | None) -> None:
        del cluster
        attribute.reporting = reporting


def _cluster() -> Cluster:
    attributes = (
        Attribute(0, "measured", 0x29, 2150, reportable=True),
        Attribute(1, "setting", 0x20, 5, writable=True, low=1, high=9),
        Attribute(2, "mode", 0x30, 0, writable=True, choices=(0, 4)),
        Attribute(3, "flag", 0x10, value=True, reportable=True),
        Attribute(4, "long", 0x42, "x" * 70),
    )
    return Cluster(0x0201, {item.number: item for item in attributes}, received=(0, 2), generated=(1,))


def _ask(cluster: Cluster, command: int, payload: bytes, **options: Any) -> Frame | None:  # noqa: ANN401
    return zcl.answer(Server(), cluster, Frame(9, command, payload, **options))


def _told(cluster: Cluster, command: int, payload: bytes) -> bytes:
    frame = _ask(cluster, command, payload)
    assert frame is not None
    assert (frame.sequence, frame.to_client, frame.specific) == (9, True, False)
    return frame.payload


def test_reading_tells_value_or_status_of_each() -> None:
    assert _told(_cluster(), General.READ, b"\x00\x00\x07\x00") == b"\x00\x00\x00\x29\x66\x08" + b"\x07\x00\x86"
    both = _told(_cluster(), General.READ, b"\x04\x00\x00\x00\x04\x00")
    assert both.endswith(b"\x04\x00\x89")
    with pytest.raises(ZclError):
        _told(_cluster(), General.READ, b"\x00")


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (b"\x00\x00\x29\x01\x00", Status.READ_ONLY),
        (b"\x01\x00\x21\x05\x00", Status.INVALID_DATA_TYPE),
        (b"\x01\x00\x20\x0a", Status.INVALID_VALUE),
        (b"\x02\x00\x30\x03", Status.INVALID_VALUE),
        (b"\x09\x00\x20\x01", Status.UNSUPPORTED_ATTRIBUTE),
    ],
)
def test_a_write_is_refused_with_its_reason(record: bytes, status: Status) -> None:
    good = b"\x01\x00\x20\x07"
    cluster = _cluster()
    assert _told(cluster, General.WRITE, good + record) == bytes([status]) + record[:2]
    assert cluster.attributes[1].value == 7
    cluster = _cluster()
    assert _told(cluster, General.WRITE_UNDIVIDED, good + record) == bytes([status]) + record[:2]
    assert cluster.attributes[1].value == 5


def test_writing_tells_success_once_or_nothing() -> None:
    cluster = _cluster()
    answer = _ask(cluster, General.WRITE, b"\x01\x00\x20\x07\x02\x00\x30\x04")
    assert answer is not None
    assert (answer.command, answer.payload) == (General.WRITE_RESPONSE, b"\x00")
    assert (cluster.attributes[1].value, cluster.attributes[2].value) == (7, 4)
    assert _ask(cluster, General.WRITE_NO_RESPONSE, b"\x01\x00\x20\x03") is None
    assert cluster.attributes[1].value == 3


def test_reporting_is_configured_and_can_be_read_and_ended() -> None:
    cluster = _cluster()
    measured = b"\x00" + struct.pack("<HBHHh", 0, 0x29, 10, 300, 50)
    flag = b"\x00" + struct.pack("<HBHH", 3, 0x10, 0, 60)
    assert _told(cluster, General.CONFIGURE_REPORTING, measured + flag) == b"\x00"
    assert cluster.attributes[0].reporting == Reporting(10, 300, 50)
    read = _told(cluster, General.READ_REPORTING, b"\x00\x00\x00\x00\x03\x00\x00\x01\x00\x00\x09\x00")
    assert read == b"\x00" + measured + b"\x00" + flag + b"\x8b\x00\x01\x00" + b"\x86\x00\x09\x00"
    end = b"\x00" + struct.pack("<HBHHh", 0, 0x29, 0, 0xFFFF, 0)
    assert _told(cluster, General.CONFIGURE_REPORTING, end) == b"\x00"
    assert cluster.attributes[0].reporting is None


@pytest.mark.parametrize(
    ("record", "status"),
    [
        (struct.pack("<HBHHB", 1, 0x20, 0, 60, 1), Status.UNREPORTABLE_ATTRIBUTE),
        (struct.pack("<HBHHH", 0, 0x21, 0, 60, 1), Status.INVALID_DATA_TYPE),
        (struct.pack("<HBHHh", 0, 0x29, 90, 60, 1), Status.INVALID_VALUE),
        (struct.pack("<HBHHB", 9, 0x20, 0, 60, 1), Status.UNSUPPORTED_ATTRIBUTE),
    ],
)
def test_reporting_is_refused_with_its_reason(record: bytes, status: Status) -> None:
    ignored = b"\x01\x00\x00\x10\x00"
    told = _told(_cluster(), General.CONFIGURE_REPORTING, ignored + b"\x00" + record)
    assert told == bytes([status, 0]) + record[:2]


def test_what_there_is_can_be_discovered() -> None:
    cluster = _cluster()
    assert _told(cluster, General.DISCOVER, b"\x01\x00\x02") == b"\x00\x01\x00\x20\x02\x00\x30"
    assert _told(cluster, General.DISCOVER, b"\x03\x00\x09") == b"\x01\x03\x00\x10\x04\x00\x42"
    assert _told(cluster, General.DISCOVER_EXTENDED, b"\x00\x00\x02") == b"\x00\x00\x00\x29\x05\x01\x00\x20\x03"
    assert _told(cluster, General.DISCOVER_COMMANDS_RECEIVED, b"\x00\x09") == b"\x01\x00\x02"
    assert _told(cluster, General.DISCOVER_COMMANDS_GENERATED, b"\x00\x09") == b"\x01\x01"


def test_unknown_commands_and_foreign_manufacturers_are_refused() -> None:
    unknown = _ask(_cluster(), 0x77, b"")
    assert unknown is not None
    assert unknown.payload == bytes([0x77, Status.UNSUP_GENERAL_COMMAND])
    foreign = _ask(_cluster(), 0x77, b"", manufacturer=0x1037)
    assert foreign is not None
    assert (foreign.manufacturer, foreign.payload[1]) == (0x1037, Status.UNSUP_MANUF_GENERAL_COMMAND)
    read = _ask(_cluster(), General.READ, b"\x00\x00", manufacturer=0x1037)
    assert read is not None
    assert read.payload == b"\x00\x00\x86"
    assert _ask(_cluster(), General.REPORT, b"\x00\x00") is None


def test_success_is_not_told_to_who_does_not_want_it() -> None:
    quiet = Frame(1, 0, no_default_response=True)
    assert quiet.default(Status.SUCCESS) is None
    refused = quiet.default(Status.INVALID_VALUE)
    assert refused is not None
    assert refused.payload == bytes([0, Status.INVALID_VALUE])
