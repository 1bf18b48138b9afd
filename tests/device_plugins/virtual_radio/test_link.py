"""The NCP's end of a link, spoken to frame by frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import Faults, ash, link
from device_plugins.virtual_radio.link import AshLink, LinkState
from device_plugins.virtual_radio.timers import Timers
from tests.harness import eventually


class Bench:
    """A link whose line and owner are lists."""

    def __init__(self) -> None:
        self.wire: list[bytes] = []
        self.payloads: list[bytes] = []
        self.resets = 0
        self.replies: list[bytes] = []
        self.timers = Timers()
        self.faults = Faults()
        self.link = AshLink(self.wire.append, self, self.timers, self.faults)

    def host_reset(self) -> None:
        self.resets += 1

    def host_sent(self, payload: bytes) -> None:
        self.payloads.append(payload)
        for reply in self.replies:
            self.link.send(reply)

    def say(self, *frames: ash.Frame) -> list[ash.Frame]:
        """Send frames and return what comes back at once."""
        self.wire.clear()
        for frame in frames:
            self.link.feed(ash.encode(frame))
        return self.heard()

    def heard(self) -> list[ash.Frame]:
        frames = [ash.decode(wire[:-1]) for wire in self.wire]
        self.wire.clear()
        return frames

    def up(self) -> "Bench":
        assert self.say(ash.Reset()) == [ash.ResetAck()]
        return self


async def test_the_first_thing_is_a_reset() -> None:
    bench = Bench()
    assert bench.say(ash.Ack(0)) == [ash.Failure(ash.ERROR_ACK_TIMEOUTS)]
    bench.link.send(b"nobody is there")
    assert bench.heard() == []
    bench.up()
    assert (bench.resets, bench.link.state) == (1, LinkState.CONNECTED)


async def test_data_is_acknowledged_alone_or_by_the_answer() -> None:
    bench = Bench().up()
    assert bench.say(ash.Data(0, 0, b"one")) == [ash.Ack(1)]
    bench.replies.append(b"answer")
    assert bench.say(ash.Data(1, 0, b"two")) == [ash.Data(0, 2, b"answer")]
    assert bench.payloads == [b"one", b"two"]
    bench.timers.close()


async def test_frames_out_of_order_are_refused_once_and_repeated_ones_acknowledged() -> None:
    bench = Bench().up()
    assert bench.say(ash.Data(1, 0, b"early")) == [ash.Nak(0)]
    assert bench.say(ash.Data(2, 0, b"early"), ash.Data(3, 0, b"early")) == []
    assert bench.say(ash.Data(0, 0, b"right")) == [ash.Ack(1)]
    assert bench.say(ash.Data(0, 0, b"right", retransmitted=True)) == [ash.Ack(1)]
    assert bench.payloads == [b"right"]


async def test_a_broken_frame_is_refused() -> None:
    bench = Bench().up()
    bench.link.feed(b"\x00broken\x7e")
    assert bench.heard() == [ash.Nak(0)]
    bench.link.feed(b"\x00broken\x7e")
    assert bench.heard() == []


async def test_no_more_than_a_window_is_sent_unacknowledged() -> None:
    bench = Bench().up()
    written: list[int] = []
    for number in range(5):
        bench.link.send(bytes([number]), lambda number=number: written.append(number))  # type: ignore[misc]
    assert bench.heard() == [ash.Data(number, 0, bytes([number])) for number in range(link.WINDOW)]
    assert written == [0, 1, 2]
    assert bench.say(ash.Ack(2)) == [ash.Data(3, 0, b"\x03"), ash.Data(4, 0, b"\x04")]
    assert bench.say(ash.Ack(7)) == []
    assert bench.say(ash.Nak(3)) == [
        ash.Data(3, 0, b"\x03", retransmitted=True),
        ash.Data(4, 0, b"\x04", retransmitted=True),
    ]
    assert bench.say(ash.Ack(5), ash.Nak(5)) == []
    bench.timers.close()


async def test_what_is_not_acknowledged_is_sent_again_and_at_last_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ACK_TIME_FIRST", 0.01)
    monkeypatch.setattr(link, "ACK_TIME_MOST", 0.01)
    monkeypatch.setattr(link, "ACK_TIME_LEAST", 0.01)
    bench = Bench().up()
    bench.link.send(b"hello")
    await eventually(lambda: bench.link.state is LinkState.FAILED)
    *sent, failure = bench.heard()
    assert sent == [ash.Data(0, 0, b"hello")] + [ash.Data(0, 0, b"hello", retransmitted=True)] * link.MAX_TIMEOUTS
    assert failure == ash.Failure(ash.ERROR_ACK_TIMEOUTS)
    bench.up()


async def test_a_hanging_ncp_gives_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "ACK_TIME_FIRST", 0.005)
    bench = Bench().up()
    bench.link.send(b"hello")
    bench.heard()
    bench.faults.hang = True
    assert bench.say(ash.Reset()) == []
    await eventually(lambda: bench.link._timer is not None and bench.link.state is LinkState.CONNECTED)
    bench.faults.hang = False
    await eventually(lambda: bench.wire)
    assert bench.heard()[0] == ash.Data(0, 0, b"hello", retransmitted=True)
    bench.timers.close()


async def test_a_host_that_never_acknowledges_does_not_fill_the_memory() -> None:
    bench = Bench().up()
    for _ in range(link.MAX_QUEUE + 10):
        bench.link.send(b"x")
    assert bench.link.stats["unsent"] == 10 - link.WINDOW
    bench.link.close()
    assert bench.link.state is LinkState.CLOSED


@given(st.lists(st.binary(max_size=80), max_size=20))
async def test_noise_never_raises_and_a_reset_makes_all_well(noise: list[bytes]) -> None:
    bench = Bench()
    for piece in noise:
        bench.link.feed(piece)
    bench.link.feed(bytes([ash.CANCEL]))
    bench.up()
    bench.replies.append(b"answer")
    assert bench.say(ash.Data(0, 0, b"question")) == [ash.Data(0, 1, b"answer")]
    bench.timers.close()


@given(
    st.lists(
        st.one_of(
            st.builds(
                ash.Data, st.integers(0, 7), st.integers(0, 7), st.binary(min_size=1, max_size=20), st.booleans()
            ),
            st.builds(ash.Ack, st.integers(0, 7)),
            st.builds(ash.Nak, st.integers(0, 7)),
        ),
        max_size=30,
    )
)
async def test_no_order_of_good_frames_raises(frames: list[ash.Frame]) -> None:
    bench = Bench().up()
    bench.replies.append(b"answer")
    bench.say(*frames)
    bench.link.close()
    bench.up()
    bench.timers.close()
