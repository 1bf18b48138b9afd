"""Logs: levels of plugins and libraries, floods, and what a record tells of its origin."""

import logging
from contextvars import copy_context
from pathlib import Path
from typing import override

import pytest

from hub import logs
from hub.tasks import TRACE
from hub.types import Undo
from tests.hub.logged import Configure, lines


def heard(folder: Path, undo: Undo) -> list[tuple[str, str]]:
    undo()
    return [(line["owner"], line["level"]) for line in lines(folder)]


def speak(*names: str) -> None:
    for name in names:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(level, "said")


def test_a_plugin_and_a_library_have_levels_of_their_own(tmp_path: Path, configure: Configure) -> None:
    undo = configure("warning", tmp_path)
    logs.set_levels("warning", {"zigbee": "info", "bellows": "debug"})
    logs.set_level("mqtt", "error")
    assert logs.levels() == {"bellows": "debug", "hub": "warning", "mqtt": "error", "zigbee": "info"}
    speak("hub.zigbee.radio", "bellows.uart", "hub.mqtt", "hub.other", "zigpy")
    assert heard(tmp_path, undo) == [
        *(("zigbee.radio", one) for one in ("info", "warning", "error")),
        *(("bellows.uart", one) for one in ("debug", "info", "warning", "error")),
        ("mqtt", "error"),
        *(("other", one) for one in ("warning", "error")),
        *(("zigpy", one) for one in ("warning", "error")),
    ]


def test_a_level_goes_back_to_what_is_configured(tmp_path: Path, configure: Configure) -> None:
    undo = configure("info", tmp_path)
    logs.set_levels("info", {"zigbee": "error"})
    for name in ("hub", "zigbee", "mqtt"):
        logs.set_level(name, "debug")
    assert logging.getLogger().level == logging.INFO
    for name in ("hub", "zigbee", "mqtt"):
        logs.set_level(name, None)
    assert logs.levels() == {"hub": "info", "zigbee": "error"}
    assert logging.getLogger().level == logging.WARNING
    speak("hub.zigbee", "hub.mqtt", "hub")
    assert heard(tmp_path, undo) == [
        ("zigbee", "error"),
        *((name, one) for name in ("mqtt", "hub") for one in ("info", "warning", "error")),
    ]


def test_other_levels_replace_those_before(configure: Configure) -> None:
    configure("info", None)
    logs.set_levels("info", {"zigbee": "error"})
    logs.set_level("mqtt", "debug")
    logs.set_levels("error", {"knx": "info"})
    assert logs.levels() == {"hub": "error", "knx": "info"}
    assert logging.getLogger("hub.zigbee").getEffectiveLevel() == logging.ERROR


def test_all_that_may_log_are_known() -> None:
    logging.getLogger("hub.doorbell")
    logging.getLogger("zigpy.radio")
    assert {"doorbell", "zigpy.radio"} <= logs.owners()


# Floods


def test_a_flood_is_cut_counted_and_hurts_no_other(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(logs, "monotonic", lambda: now)
    undo = configure("info", tmp_path)
    loud, calm = logging.getLogger("hub.flooding"), logging.getLogger("hub.calm")
    for number in range(250):
        loud.info("%d", number)
        if number % 10 == 0:
            calm.error("calm %d", number)
    now += 0.1  # room for two more
    for number in range(250, 260):
        loud.info("%d", number)
    now += 60.0
    for number in range(260, 400):
        loud.info("%d", number)
    undo()
    said = [line["message"] for line in lines(tmp_path) if line["owner"] == "flooding"]
    left_out = "records of flooding before this one were left out: too many to write"
    assert said == [
        *map(str, range(100)),
        f"250 (150 {left_out})",
        "251",
        f"260 (8 {left_out})",
        *map(str, range(261, 360)),
    ]
    assert len([line for line in lines(tmp_path) if line["owner"] == "calm"]) == 25


class Caller(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((record.pathname, record.funcName or ""))


def test_a_record_tells_where_it_was_made() -> None:
    before = logging.getLogger("hub.made_before")
    writer = Caller()
    undo = logs.configure("info", {}, writer)
    after = logging.getLogger("hub.made_after")
    assert type(before) is type(after) is not logging.Logger
    for log in (before, after):
        log.info("here")
        log.log(logging.ERROR, "here", stack_info=True)
    fails_with_a_record(after)
    undo()
    name = "test_a_record_tells_where_it_was_made"
    assert writer.found == [*[(__file__, name)] * 4, (__file__, "fails_with_a_record"), (__file__, name)]
    assert type(before) is type(after) is logging.getLoggerClass() is logging.Logger


def fails_with_a_record(log: logging.Logger) -> None:
    try:
        raise RuntimeError("no bulb")  # noqa: TRY301 - to have a traceback
    except RuntimeError:
        log.exception("here")
        log.warning("my caller", stacklevel=2)


def test_arguments_that_do_not_fit_are_no_traceback(
    tmp_path: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = configure("info", tmp_path, terminal=True)
    record = logging.LogRecord("hub.sloppy", logging.INFO, "x.py", 1, "%d lamps", ("three",), None)
    next(one for one in logging.getLogger().handlers if isinstance(one, logs._Entry)).handle(record)
    undo()
    assert lines(tmp_path)[0]["message"].startswith("%d lamps (with arguments that do not fit: ")
    assert capsys.readouterr().err.count("\n") == 1


# Traces


def test_a_record_has_the_trace_of_its_service_call(tmp_path: Path, configure: Configure) -> None:
    undo = configure("info", tmp_path)
    logging.getLogger("hub.zigbee").info("outside")

    def serve() -> None:
        TRACE.set(4711)
        logging.getLogger("hub.zigbee").info("inside", extra={"device": "lamp"})

    copy_context().run(serve)
    undo()
    before, within = lines(tmp_path)
    assert "trace" not in before
    assert (within["trace"], within["device"]) == (4711, "lamp")
