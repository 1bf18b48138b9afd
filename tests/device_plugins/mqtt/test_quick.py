"""The receiving side past the library's parser: packets in any pieces, of any length, by both versions."""

import select
import socket
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from device_plugins.mqtt.quick import LARGEST, QuickClient

type Told = tuple[str, bytes, bool]


class Line:
    """A quick client that thinks it is connected, and the other end of its line."""

    def __init__(self, version: int) -> None:
        self.heard: list[Told] = []
        self.long: list[tuple[str, int]] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)  # type: ignore[arg-type]
        QuickClient.begin(client, lambda *told: self.heard.append(told), lambda *told: self.long.append(told))
        assert isinstance(client, QuickClient)
        self.quick: QuickClient = client
        own, self.other = socket.socketpair()
        own.setblocking(False)
        self.quick._sock = own

    def bring(self, data: bytes, piece: int) -> None:
        for at in range(0, len(data), piece):
            self.other.sendall(data[at : at + piece])
            while self.quick._sock is not None and select.select([self.quick._sock], [], [], 0)[0]:
                self.quick.loop_read()

    def close(self) -> None:
        self.other.close()
        if self.quick._sock is not None:
            self.quick._sock.close()
            self.quick._sock = None


def packed(topic: str, payload: bytes, version: int, *, qos: int = 0, retained: bool = False) -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name
    body += b"\x00\x07" if qos else b""
    body += b"\x02\x01\x01" if version == 5 else b""
    body += payload
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (128 if length else 0))
        if not length:
            return bytes([0x30 | qos << 1 | retained]) + bytes(digits) + body


@pytest.fixture(params=[4, 5], ids=["3.1.1", "5"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    made = Line(request.param)
    yield made
    made.close()


TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\x00+#"), min_size=1, max_size=20)
MESSAGES = st.lists(st.tuples(TOPICS, st.binary(max_size=300), st.booleans()), max_size=8)


@settings(deadline=None, max_examples=60)
@given(MESSAGES, st.integers(1, 400), st.sampled_from([4, 5]))
def test_messages_come_whole_in_whatever_pieces(messages: list[Told], piece: int, version: int) -> None:
    line = Line(version)
    try:
        line.bring(b"".join(packed(t, p, version, retained=r) for t, p, r in messages), piece)
        assert line.heard == messages
    finally:
        line.close()


def test_one_that_is_too_long_is_passed_over_and_the_next_is_heard(line: Line) -> None:
    version = 5 if line.quick.protocol == paho.MQTTv5 else 4
    long = packed("big", b"x" * (3 * LARGEST), version, qos=1)
    line.bring(long + packed("small", b"1", version), 8000)
    assert [topic for topic, _ in line.long] == ["big"]
    assert line.long[0][1] > 3 * LARGEST
    assert line.heard == [("small", b"1", False)]
    assert line.quick._rest == b""


def test_a_length_that_does_not_end_closes_the_line(line: Line) -> None:
    line.bring(b"\x30\xff\xff\xff\xff\xff", 6)
    assert line.quick._sock is None


def test_a_topic_that_is_no_text_closes_the_line(line: Line) -> None:
    line.bring(b"\x30\x06\x00\x02\xff\xfe\x00x", 8)
    assert line.quick._sock is None
    assert line.heard == []


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([4, 5]))
def test_noise_never_raises(data: bytes, version: int) -> None:
    line = Line(version)
    try:
        line.bring(data, 50)
    finally:
        line.close()
