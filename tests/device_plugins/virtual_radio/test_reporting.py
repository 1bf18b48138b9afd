"""Reports come when the ZCL says they do: least and greatest interval, least change."""

import struct
from collections.abc import Callable, Iterator

import pytest

from device_plugins.virtual_radio import reporting, zcl
from device_plugins.virtual_radio.cluster import Attribute, Reporting
from tests.device_plugins.virtual_radio.bench import Bench

TEMPERATURE, ON_OFF = 0x0402, 0x0006


class Turned(Bench):
    """A device whose time one turns by hand."""

    def __init__(self, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(model, instant=False)
        self.now = 1000.0
        self.due: dict[str, tuple[float, Callable[[], object]]] = {}
        monkeypatch.setattr("device_plugins.virtual_radio.reporting.time.monotonic", lambda: self.now)
        monkeypatch.setattr(self.device, "later", self._later)
        monkeypatch.setattr(self.device, "cancel", lambda key: self.due.pop(key, None))

    def _later(self, key: str, seconds: float, call: Callable[[], object]) -> None:
        self.due[key] = self.now + seconds, call

    def turn(self, seconds: float) -> list[int]:
        """Let time pass; return the reported values."""
        end = self.now + seconds
        while self.due and (first := min(self.due, key=lambda key: self.due[key][0])) and self.due[first][0] <= end:
            self.now, call = self.due.pop(first)
            call()
        self.now = end
        return self.reported()

    def reported(self) -> list[int]:
        frames = [frame for frame in self.frames() if frame.command == zcl.General.REPORT]
        return [int.from_bytes(frame.payload[3:5], "little", signed=True) for frame in frames]

    def configure(self, least: int, most: int, change: int) -> None:
        record = b"\x00" + struct.pack("<HBHHh", 0, 0x29, least, most, change)
        (answer,) = self.general(TEMPERATURE, zcl.General.CONFIGURE_REPORTING, record)
        assert answer.payload == b"\x00"

    def becomes(self, centi: int) -> list[int]:
        self.device.set(1, TEMPERATURE, 0, centi)
        return self.reported()


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turned]:
    bench = Turned("climate", monkeypatch)
    bench.bind(TEMPERATURE)
    yield bench
    bench.timers.close()


def test_a_change_below_the_least_one_is_not_reported(sensor: Turned) -> None:
    sensor.configure(0, 300, 50)
    assert sensor.becomes(2049) == []
    assert sensor.becomes(2050) == [2050]
    assert sensor.becomes(2001) == []
    assert sensor.becomes(2000) == [2000]


def test_the_least_interval_holds_changes_back_and_sends_the_last(sensor: Turned) -> None:
    sensor.configure(10, 300, 50)
    assert sensor.becomes(2100) == [2100]
    assert sensor.becomes(2200) == []
    assert sensor.turn(4) == []
    assert sensor.becomes(2300) == []
    assert sensor.turn(5) == []
    assert sensor.turn(1) == [2300]


def test_what_changed_back_within_the_least_interval_is_not_reported(sensor: Turned) -> None:
    sensor.configure(10, 300, 50)
    assert sensor.becomes(2100) == [2100]
    assert sensor.becomes(2300) == []
    assert sensor.becomes(2110) == []
    assert sensor.turn(20) == []
    assert sensor.turn(300) == [2110]


def test_the_greatest_interval_reports_without_a_change(sensor: Turned) -> None:
    sensor.configure(10, 60, 50)
    assert sensor.turn(59) == []
    assert sensor.turn(1) == [2000]
    assert sensor.turn(30) == []
    assert sensor.becomes(2100) == [2100]
    assert sensor.turn(59) == []
    assert sensor.turn(1) == [2100]


def test_a_greatest_interval_of_0_reports_changes_only(sensor: Turned) -> None:
    sensor.configure(0, 0, 50)
    assert sensor.turn(100_000) == []
    assert sensor.becomes(2100) == [2100]
    assert sensor.turn(100_000) == []


@pytest.mark.parametrize(("least", "most"), [(0, 0xFFFF), (0xFFFF, 0)])
def test_reporting_ends(sensor: Turned, least: int, most: int) -> None:
    sensor.configure(0, 60, 50)
    sensor.configure(least, most, 50)
    assert sensor.becomes(3000) == []
    assert sensor.turn(100_000) == []
    (told,) = sensor.general(TEMPERATURE, zcl.General.READ_REPORTING, b"\x00\x00\x00")
    assert told.payload == bytes([zcl.Status.NOT_FOUND]) + b"\x00\x00\x00"


def test_a_factory_reset_ends_what_was_planned(sensor: Turned) -> None:
    sensor.configure(10, 60, 50)
    sensor.device.factory_reset()
    assert sensor.becomes(3000) == []
    assert sensor.device.attribute(1, TEMPERATURE, 0).reporting is None


@pytest.mark.parametrize(
    ("kind", "before", "now", "change", "expected"),
    [
        (0x10, False, True, None, True),
        (0x29, 10, 10, 0, False),
        (0x29, 10, 11, 0, True),
        (0x39, 1.0, 1.4, 0.5, False),
        (0x39, 1.0, 1.5, 0.5, True),
        (0x39, 1.0, float("inf"), 0.5, True),
        (0x30, 1, 2, None, True),
    ],
)
def test_what_differs(kind: int, before: object, now: object, change: float | None, expected: bool) -> None:  # noqa: FBT001
    attribute = Attribute(0, "it", kind, now)
    assert reporting.differs(attribute, before, Reporting(0, 60, change)) is expected
