"""What holds up the whole hub is noticed and named, by plugin and line."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hub import watchdog
from hub.types import LoopBlocked
from hub.watchdog import Watchdog
from tests.harness import eventually

LIMIT = 0.2
pytestmark = pytest.mark.allow_blocking

_CODE = """
import re
import time

def doze(seconds):
    time.sleep(seconds)

def chew(text):
    return re.match(r"(a+)+$", text)

def asked(back):
    back()
"""


class Home:
    def __init__(self, folder: Path, limit: float = LIMIT) -> None:
        self.reports: list[LoopBlocked] = []
        self.folder = folder
        self.dog = Watchdog(lambda: {str(folder): "sleepy"}, self.reports.append, limit)
        self.code: dict[str, Callable[..., object]] = {}
        exec(compile(_CODE, str(folder / "plugin.py"), "exec"), self.code)  # noqa: S102 - a plugin's code


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path / "sleepy")
    home.dog.start()
    yield home
    home.dog.stop()


async def test_a_plugin_that_blocks_is_named_with_its_line_and_how_long(home: Home) -> None:
    home.code["doze"](3 * LIMIT)
    report = (await eventually(lambda: home.reports))[0]

    assert report.plugin == "sleepy"
    assert report.where == f"{home.folder / 'plugin.py'}:6 in doze"
    assert report.seconds >= 3 * LIMIT
    stats = home.dog.stats()
    assert stats.blocked == 1
    assert stats.blocked_s >= 3 * LIMIT
    assert stats.lag_max_s >= 2 * LIMIT


async def test_the_log_says_so_while_it_lasts(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    def has_told() -> bool:
        return any("plugin sleepy is at" in record.getMessage() for record in caplog.records)

    deadline = time.monotonic() + 5
    home.code["asked"](lambda: _until(has_told, deadline))

    assert has_told()
    assert not home.reports
    assert caplog.records[0].levelno == logging.ERROR


async def test_one_long_block_is_one_report(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.code["doze"](8 * LIMIT)
    await eventually(lambda: home.reports)
    home.code["doze"](3 * LIMIT)
    await eventually(lambda: len(home.reports) == 2)

    assert len([record for record in caplog.records if record.name == "hub.watchdog"]) == 2


async def test_code_that_keeps_the_interpreter_to_itself_is_found_as_well(home: Home) -> None:
    # On a machine that gives it too little time, it may look like a pause of the whole process.
    report = (await eventually(lambda: home.reports or home.code["chew"]("a" * 24 + "b"), 40.0))[0]  # type: ignore[index]

    assert report.plugin == "sleepy"
    assert report.where.endswith("in chew")


async def test_what_is_no_plugin_is_the_hub(home: Home) -> None:
    time.sleep(3 * LIMIT)  # noqa: ASYNC251 - that is the point
    report = (await eventually(lambda: home.reports))[0]

    assert not report.plugin
    assert "test_watchdog.py" in report.where


async def test_a_loop_that_is_only_busy_is_no_fault(tmp_path: Path) -> None:
    limit = 5 * LIMIT  # a busy machine alone must not reach it
    home = Home(tmp_path, limit)
    home.dog.start()
    for _ in range(120):
        home.code["doze"](limit / 100)
        await asyncio.sleep(0)
    await eventually(lambda: home.dog.stats().lag_max_s > 0)
    home.dog.stop()

    assert home.reports == []
    assert home.dog.stats().blocked == 0


async def test_a_paused_process_is_nobodys_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    shift = 0.0
    asked = 0

    def clock() -> float:
        nonlocal asked
        asked += threading.current_thread().name == "watchdog"
        return time.monotonic() + shift

    monkeypatch.setattr(watchdog, "monotonic", clock)
    home.dog.start()
    await eventually(lambda: asked)
    shift = 3600.0
    await eventually(lambda: home.dog.stats().lag_max_s > 3000)
    seen = asked
    await eventually(lambda: asked > seen + 2)
    home.dog.stop()

    assert home.reports == []


async def test_it_ends_with_its_thread(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.dog.start()
    home.dog.stop()

    await eventually(lambda: all(thread.name != "watchdog" for thread in threading.enumerate()))
    home.code["doze"](2 * LIMIT)
    assert home.reports == []


def _until(told: Callable[[], bool], deadline: float) -> None:
    while not told() and time.monotonic() < deadline:
        time.sleep(LIMIT / 10)
