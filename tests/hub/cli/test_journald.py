"""Records in systemd's journal: its fields, its limits, and that nobody waits for it."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import override

import pytest

from hub import logs
from hub.cli import journald
from hub.cli.journald import JournalHandler


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.settimeout(10)
        bound.bind(str(tmp_path / "journal"))
        yield bound


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[JournalHandler]:
    made = JournalHandler(str(tmp_path / "journal"))
    yield made
    made.close()


def record(message: str, level: int = logging.INFO, name: str = "hub.zigbee") -> logging.LogRecord:
    return logging.LogRecord(name, level, "/x/radio.py", 12, message, None, None, "read")


def parsed(datagram: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    while datagram:
        head, _, rest = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + size], rest[8 + size :]
            assert rest.startswith(b"\n")
            rest = rest[1:]
        fields[name.decode()] = value.decode("utf-8", "replace")
        datagram = rest
    return fields


def test_a_record_is_a_datagram_of_fields(journal: socket.socket, handler: JournalHandler) -> None:
    handler.emit(record("Lampe «é» joined"))
    assert (
        journal.recv(100_000)
        == (
            "MESSAGE=Lampe «é» joined\nPRIORITY=6\nSYSLOG_IDENTIFIER=hub\nHUB_OWNER=zigbee\n"
            "CODE_FILE=/x/radio.py\nCODE_LINE=12\nCODE_FUNC=read\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, "7"), (logging.INFO, "6"), (logging.WARNING, "4"), (logging.ERROR, "3"), (logging.CRITICAL, "2")],
)
def test_levels_are_the_systems(journal: socket.socket, handler: JournalHandler, level: int, priority: str) -> None:
    handler.emit(record("x", level))
    assert parsed(journal.recv(100_000))["PRIORITY"] == priority


def test_lines_tracebacks_and_traces_are_kept(journal: socket.socket, handler: JournalHandler) -> None:
    one = record("first\nMESSAGE=forged", logging.ERROR)
    error = RuntimeError("token=abc123")
    one.exc_info = (RuntimeError, error, None)
    one.trace = 4711
    handler.emit(one)
    fields = parsed(journal.recv(100_000))
    assert fields["MESSAGE"] == "first\nMESSAGE=forged"
    assert fields["HUB_TRACE"] == "4711"
    assert fields["TRACEBACK"].endswith("RuntimeError: token=***")
    assert "abc123" not in str(fields)


def test_what_is_too_large_is_cut(journal: socket.socket, handler: JournalHandler) -> None:
    handler.emit(record("ä" * 2_000_000))
    message = parsed(journal.recv(10_000_000))["MESSAGE"]
    assert message[:100] == "ä" * 100
    assert 500 < len(message) < 1_000_000


def test_while_the_journal_is_away_nothing_happens_and_then_it_is_written(
    tmp_path: Path, handler: JournalHandler
) -> None:
    handler.emit(record("lost"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.settimeout(10)
        bound.bind(str(tmp_path / "journal"))
        handler.emit(record("heard"))
        assert parsed(bound.recv(100_000))["MESSAGE"] == "heard"


def test_a_journal_that_does_not_follow_is_not_waited_for(
    journal: socket.socket, handler: JournalHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    class Counting(socket.socket):
        @override
        def settimeout(self, value: float | None) -> None:
            waits.append(value or 0.0)
            super().settimeout(value)

    handler.close()
    monkeypatch.setattr(journald, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(socket, "socket", Counting)
    handler = JournalHandler(journal.getsockname())
    while 0.0 not in waits:
        handler.emit(record("nobody reads"))
    assert parsed(journal.recv(100_000))["MESSAGE"] == "nobody reads"
    handler.emit(record("again"))
    assert waits[-1] == 0.01
    handler.close()


def test_the_hubs_logs_reach_the_journal(journal: socket.socket, handler: JournalHandler) -> None:
    undo = logs.configure("info", {}, handler)
    logging.getLogger("hub.zigbee").warning("%s left", "Lamp")
    undo()
    assert parsed(journal.recv(100_000))["MESSAGE"] == "Lamp left"
