"""The demo home on a computer without a clock battery: it wakes in 1970, learns the time, and is corrected."""

import contextlib
import itertools
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.e2e.wall_clock import WallClock
from tests.harness import Process, until

pytestmark = pytest.mark.timeout(240)

RULES = """
[[rule]]
id = "in-1970"
trigger = { time = "00:01" }
action = { service = "hub.status" }

[[rule]]
id = "at-seven"
trigger = { time = "07:00" }
action = { service = "hub.status" }
"""
YEAR = 365.25 * 86400


class Home:
    """The demo home, and what a test asks of it."""

    def __init__(self, spawn: Callable[..., Process], data: Path, clock: WallClock) -> None:
        self.clock = clock
        self.client = Client(data / "hub.sock")
        self._spawn = spawn
        self._data = data
        (data / "automations").mkdir(parents=True)
        (data / "automations" / "times.toml").write_text(RULES)

    def start(self) -> None:
        env = {**self.clock.env, "HUB_PLUGIN__CLOCK__EVERY": "0.2", "HUB_JOURNAL__COMMIT_WINDOW": "0.2"}
        self.process = self._spawn(
            sys.executable, "-m", "hub", "demo", "--no-guests", "--data", str(self._data), "--speed", "4", env=env
        )
        self.process.wait_for("The home is alive", 120)

    def stop(self) -> None:
        self.process.send(signal.SIGTERM)
        assert self.process.wait() == 0, self.process.output
        assert "Traceback" not in self.process.output

    @property
    def runs(self) -> dict[str, int]:
        return {one["id"]: one["runs"] for one in self.client.call("automation.list", {})}

    def goes_on(self) -> None:
        """Wait until the demo's own rules ran several times more."""
        begun = sum(self.runs.values())
        until(lambda: sum(self.runs.values()) >= begun + 3, 60, "automations go on")

    def is_trusted(self) -> bool | None:
        with contextlib.suppress(CommandError):
            for one in self.client.get("state", prefix="clock/trusted").values():
                return bool(one["value"])
        return None

    def becomes(self, *, trusted: bool) -> None:
        until(lambda: self.is_trusted() is trusted, 20, f"the clock is{'' if trusted else ' not'} trusted")

    def told(self, kind: str) -> Sequence[dict[str, Any]]:
        return [one["data"] for one in self.records() if one["type"] == kind]

    def records(self) -> list[dict[str, Any]]:
        """All that was ever recorded, in order; nothing may be missing."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = self.client.call("hub.read_journal", {"after": after, "limit": 5000})
            assert page["gaps"] == []
            if not page["records"]:
                return found
            found += page["records"]

    def devices(self) -> dict[str, str]:
        return {one["id"]: one["name"] for one in self.client.get("devices")}


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[WallClock]:
    folder = tmp_path / "custom"
    folder.mkdir()
    one = WallClock(folder, "1970-01-01 00:00:50")
    yield one
    one.close()


def test_from_1970_to_now_and_an_hour_back_loses_nothing(
    spawn: Callable[..., Process], tmp_path: Path, clock: WallClock
) -> None:
    home = Home(spawn, tmp_path / "data", clock)
    home.start()
    devices = home.devices()
    assert len(devices) == 10
    home.becomes(trusted=False)
    until(
        lambda: (clock.now.hour, clock.now.minute) >= (0, 1) and clock.now.second >= 3, 30, "a minute of 1970 is over"
    )
    home.goes_on()
    assert home.runs["in-1970"] == 0

    clock.set_to("2026-11-24 06:59:57", synchronised=True)
    home.becomes(trusted=True)
    until(lambda: home.runs["at-seven"] == 1, 30, "it is seven")
    home.goes_on()

    clock.move(-3600, synchronised=True)
    home.becomes(trusted=False)
    home.goes_on()
    clock.move(3600, synchronised=True)
    home.becomes(trusted=True)
    home.goes_on()
    assert (home.runs["in-1970"], home.runs["at-seven"]) == (0, 1)
    assert home.devices() == devices

    until(lambda: len(home.told("clock.jumped")) == 3, 20, "the jumps are recorded")
    forward, back, again = (one["seconds"] for one in home.told("clock.jumped"))
    assert 56 * YEAR < forward < 57 * YEAR
    assert (round(back), round(again)) == (-3600, 3600)
    assert [one["trusted"] for one in home.told("clock.trusted")] == [False, True, False, True]
    records = home.records()
    home.stop()

    assert all(after["seq"] == before["seq"] + 1 for before, after in itertools.pairwise(records))
    times = [one["time"] for one in records]
    assert times != sorted(times), "the wall clock orders nothing"
    marks = {(one["time"] < YEAR * 1e9, one["trusted"]) for one in records}
    assert (True, True) not in marks, "nothing from 1970 counts as rightly timed"
    assert (False, True) in marks

    clock.boot("2026-11-24 12:00:00", synchronised=True)
    home.start()
    assert home.devices() == devices
    home.goes_on()
    kept = home.records()
    assert kept[: len(records)] == records, "what a wrong clock recorded is not too old"
    home.stop()
