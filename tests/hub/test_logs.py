"""Logs: what reaches the terminal and the file, what never does, and that nothing is left behind."""

import asyncio
import json
import logging
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import logs
from hub.cli import log_file
from hub.cli.log_file import log_file as file_of
from hub.cli.log_lines import terminal as terminal_lines
from hub.errors import StorageError
from tests.hub.logged import Configure, lines


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_hidden", [])


def fail() -> None:
    raise RuntimeError("the radio\nis gone")


def test_a_record_is_a_json_line_with_its_owner_and_extras(tmp_path: Path, configure: Configure) -> None:
    undo = configure("info", tmp_path / "logs", terminal=False)
    logging.getLogger("hub.zigbee").info("%s joined", "Lampe «é»", extra={"device": "zigbee-1", "rssi": -60})
    logging.getLogger("bellows.uart").warning("slow")
    undo()
    first, second = lines(tmp_path / "logs")
    assert first.pop("time").endswith("+00:00")
    assert first == {
        "level": "info",
        "owner": "zigbee",
        "message": "Lampe «é» joined",
        "device": "zigbee-1",
        "rssi": -60,
    }
    assert (second["owner"], second["level"]) == ("bellows.uart", "warning")


def test_the_terminal_gets_one_readable_line(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    undo = configure("info", None, terminal=True)
    logging.getLogger("hub.zigbee").warning("A\nname \x1b[31mwith\x07 tricks")
    undo()
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.endswith("WARNING zigbee         A name  [31mwith  tricks\n")


def test_a_terminal_is_coloured_unless_no_color_says_otherwise(
    configure: Configure, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for expected in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        undo = configure("info", None, terminal=True)
        logging.getLogger("hub").error("on fire")
        undo()
        assert ("\x1b[31mERROR  \x1b[0m" in capsys.readouterr().err) is expected
        monkeypatch.setenv("NO_COLOR", "1")


def test_a_traceback_goes_to_the_file_and_the_terminal_only_points_to_it(
    tmp_path: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = configure("info", tmp_path, terminal=True)
    try:
        fail()
    except RuntimeError:
        logging.getLogger("hub.zigbee").exception("Task zigbee:read failed")
    undo()
    line = capsys.readouterr().err
    path = tmp_path / "hub.log"
    assert line.endswith(f"Task zigbee:read failed: the radio is gone (details in {path})\n")
    assert line.count("\n") == 1
    trace = lines(tmp_path)[0]["traceback"]
    assert trace.startswith("Traceback")
    assert "in fail" in trace


@pytest.mark.parametrize(
    ("level", "own", "theirs"),
    [("debug", "debug", "info"), ("info", "info", "warning"), ("error", "error", "error")],
)
def test_libraries_are_heard_less(tmp_path: Path, configure: Configure, level: str, own: str, theirs: str) -> None:
    undo = configure(level, tmp_path, terminal=False)
    for name in ("debug", "info", "warning", "error"):
        number = logging.getLevelNamesMapping()[name.upper()]
        logging.getLogger("hub.zigbee").log(number, "own")
        logging.getLogger("zigpy").log(number, "theirs")
    undo()
    heard = [(line["message"], line["level"]) for line in lines(tmp_path)]
    assert next(level for message, level in heard if message == "own") == own
    assert next(level for message, level in heard if message == "theirs") == theirs


def test_secrets_reach_neither_file_nor_terminal(
    tmp_path: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = configure("info", tmp_path, terminal=True)
    logs.hide("hunter2!")
    log = logging.getLogger("hub.mqtt")
    log.info("sent %r", {"password": "correct horse", "user": "ann"}, extra={"reply": "hunter2!"})
    log.info("GET /?token=abc123&x=1 as hunter2! with Authorization: Bearer eyJhbGciOi.J9-x")
    try:
        int("hunter2!")
    except ValueError:
        log.exception("API_KEY = 'QUJD' failed")
    undo()
    shown = capsys.readouterr().err
    for text in ((tmp_path / "hub.log").read_text(), shown):
        for secret in ("abc123", "eyJhbGciOi", "QUJD", "hunter2!", "correct", "horse"):
            assert secret not in text
        assert "token=***&x=1" in text
        assert "ann" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=a b", "password=*** b"),
        ("mqtt_password: expected str, got int", "mqtt_password: expected str, got int"),
        ('{"network_key": "00:11", "channel": 11}', '{"network_key": "***", "channel": 11}'),
        ("token=***", "token=***"),
        ("the key of the house", "the key of the house"),
        ("bearer of bad news", "bearer of bad news"),
    ],
)
def test_only_what_is_assigned_is_blotted_out(text: str, expected: str) -> None:
    assert logs.redact(text) == expected


@given(st.text(min_size=4, max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_no_hidden_text_is_left(secret: str, before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_hidden", [])
        logs.hide(secret)
        assert secret not in logs.redact(before + secret + after).replace("***", "\0")


def test_a_short_secret_does_not_blot_out_everything() -> None:
    logs.hide("a")
    logs.hide("")
    assert logs.redact("a banana") == "a banana"


def test_the_file_cannot_grow_without_bound(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_SIZE", 2000)
    undo = configure("info", tmp_path, terminal=False)
    for number in range(200):
        logging.getLogger(f"hub.plugin_{number}").info("line %d", number)
    undo()
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["hub.log", "hub.log.1", "hub.log.2", "hub.log.3"]
    assert all(one.stat().st_size <= 2000 for one in files)
    assert lines(tmp_path)[-1]["message"] == "line 199"


def test_records_are_dropped_and_counted_when_the_disk_cannot_follow(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUEUE_LIMIT", 3)
    release, stuck = threading.Event(), threading.Event()

    def wait(_: object, record: logging.LogRecord) -> str:
        if record.msg == "stuck":
            stuck.set()
            release.wait(10)
        return json.dumps({"message": record.msg})

    monkeypatch.setattr(log_file._Json, "format", wait)
    undo = configure("info", tmp_path, terminal=False)
    log = logging.getLogger("hub")
    log.info("stuck")
    assert stuck.wait(10)
    for number in range(8):
        log.info("%d", number)
    monkeypatch.setattr(logs, "_QUEUE_LIMIT", 100)
    log.info("after")
    release.set()
    undo()
    assert [line["message"] for line in lines(tmp_path)] == [
        "stuck",
        "0",
        "1",
        "2",
        "after (5 records of hub before this one were left out: too many to write)",
    ]


def test_trouble_with_the_file_is_told_once_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = file_of(tmp_path)
    undo = logs.configure("info", {}, writer)
    monkeypatch.setattr(log_file._QuietFile, "shouldRollover", full)
    monkeypatch.setattr(log_file._QuietFile, "close", full)
    for _ in range(3):
        logging.getLogger("hub").info("lost")
    undo()
    monkeypatch.undo()
    writer.close()
    assert capsys.readouterr().err == (
        f"the log {tmp_path / 'hub.log'} cannot be written: [Errno 28] No space left on device\n"
    )


def test_undo_leaves_logging_as_it_was(tmp_path: Path) -> None:
    root, own = logging.getLogger(), logging.getLogger("hub")
    before = (list(root.handlers), root.level, own.level, threading.active_count())
    hooks = threading.excepthook, sys.unraisablehook
    undo = logs.configure("debug", {"mqtt": "error"}, file_of(tmp_path), terminal_lines(None))
    logs.set_level("zigbee", "error")
    assert threading.active_count() == before[3] + 1
    undo()
    undo()
    assert (list(root.handlers), root.level, own.level, threading.active_count()) == before
    assert (threading.excepthook, sys.unraisablehook) == hooks
    for name in ("hub.zigbee", "zigbee", "hub.mqtt"):
        assert logging.getLogger(name).level == logging.NOTSET


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(StorageError, match=r"the log .*hub\.log cannot be written: .*; make its folder writable"):
        file_of(tmp_path / "logs")


async def test_logging_does_not_block_the_loop(tmp_path: Path, configure: Configure) -> None:
    await asyncio.to_thread(configure, "info", tmp_path, terminal=False)
    for number in range(100):
        logging.getLogger("hub").info("line %d", number)
    try:
        fail()
    except RuntimeError:
        logging.getLogger("hub").exception("failed")


def test_a_name_that_is_no_utf8_is_logged(tmp_path: Path, configure: Configure) -> None:
    undo = configure("info", tmp_path, terminal=False)
    logging.getLogger("hub").info("in %s", "na\udcffme")
    undo()
    [line] = (tmp_path / "hub.log").read_text("utf-8").splitlines()
    assert json.loads(line)["message"] == "in na\\udcffme"


def test_a_huge_message_is_cut_on_the_terminal(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    undo = configure("info", None, terminal=True)
    logging.getLogger("hub.chatter").info("x" * 100_000)
    undo()
    assert len(capsys.readouterr().err) < 1200


def test_a_secret_of_many_lines_or_where_the_line_is_cut_is_hidden(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = configure("info", None, terminal=True)
    key = "-----BEGIN KEY-----\nc29tZXRoaW5nIHNlY3JldA==\n-----END KEY-----"
    logs.hide(key)
    logs.hide("correct-horse-battery")
    log = logging.getLogger("hub.mqtt")
    log.info("refused: %s", key)
    log.info("%s%s", "x" * 990, "correct-horse-battery")
    undo()
    shown = capsys.readouterr().err
    assert "refused: ***\n" in shown
    assert "c29tZX" not in shown
    assert "correct" not in shown


def test_a_librarys_traceback_is_one_line_on_the_terminal(
    tmp_path: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    undo = configure("info", tmp_path, terminal=True)
    try:
        fail()
    except RuntimeError:
        logging.getLogger("zigpy.appdb").warning("Failed to commit", exc_info=True)
    undo()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Failed to commit: the radio is gone" in said
    assert "Traceback" in lines(tmp_path)[0]["traceback"]
