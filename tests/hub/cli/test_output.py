"""How answers look to a person: tables, answers of services, events, readings."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.answers import tell_answer
from hub.cli.event_lines import EventLines
from hub.cli.folding import cut, extent, fold
from hub.cli.output import table
from hub.cli.readings import reading, summary
from hub.cli.session import Session
from tests.hub.cli.conftest import LAMP, Terminal


@given(st.text(), st.integers(2, 30))
def test_lines_fit_and_lose_nothing_but_blanks(text: str, columns: int) -> None:
    lines = fold(text, columns)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(extent(line) <= columns for line in lines)
    assert extent(cut(text, columns)) <= columns


def test_words_and_numbers_with_units_stay_whole() -> None:
    assert fold("water_leak dry, battery 100 %", 27) == ["water_leak dry, battery", "100 %"]
    assert fold("see plugins/virtual_radio/tty there", 12) == ["see plugins/", "virtual_", "radio/tty", "there"]
    assert cut("a long text", 7) == "a long…"


def test_the_column_to_keep_gives_way_last(capsys: pytest.CaptureFixture[str]) -> None:
    table(["Path", "Value"], [["x" * 60, '{"a": "' + "b" * 90]], keep="Path", cuts=["Value"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("x" * 60 + '  {"a": "bb')
    assert lines[1].endswith("…")
    assert len(lines[1]) == 80


@pytest.mark.parametrize(
    ("capability", "value", "words"),
    [
        ("on_off", True, "on"),
        ("contact", True, "closed"),
        ("contact", False, "open"),
        ("occupancy", False, "no"),
        ("water_leak", False, "dry"),
        ("temperature", 21.299999, "21.3 °C"),
        ("level", 40.0, "40 %"),
        ("current", 0.009, "0.009 A"),
        ("temperature", -0.0001, "0 °C"),
        ("pressure", 101300, "101300 Pa"),
        ("color_xy", [0.68, 0.3100001], "0.68, 0.31"),
        ("lock", "locked", "locked"),
        ("co2", None, "null"),
    ],
)
def test_values_are_words_with_units(capability: str, value: Any, words: str) -> None:  # noqa: ANN401 - any value
    assert reading(capability, value) == words


def test_a_summary_says_what_matters_first() -> None:
    def told(**values: Any) -> str:  # noqa: ANN401 - any values
        return summary({"values": values, "features": [{"key": key, "capability": key} for key in values]})

    assert told(battery=100.0, tamper=False, battery_low=False, contact=True) == "contact closed, battery 100 %"
    assert told(battery=3.0, tamper=True, contact=True) == "tamper yes, contact closed, battery 3 %"
    assert told(color_xy=[0.1, 0.2], firmware="1", link_quality=3, level=40, on_off=True) == "on_off on, level 40 %"
    assert told(power=1.0, energy=20.0, humidity=50, temperature=20) == "temperature 20 °C, humidity 50 %, power 1 W"


def test_a_list_of_objects_is_a_table_of_the_columns_that_fit(capsys: pytest.CaptureFixture[str]) -> None:
    midnight = time.mktime((*time.localtime()[:3], 0, 0, 0, 0, 0, -1))
    base = {"file": "/srv/home/automations/lights.toml", "nested": {"a": [1]}, "last_error": "", "enabled": True}
    tell_answer(
        [
            {"id": "one", **base, "reason": "waits for a device that is not there yet", "runs": 7, "last_run": 0},
            {"id": "two", **base, "reason": "", "runs": 0, "last_run": int(midnight * 1e9)},
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "file", "enabled", "reason", "runs", "last_run"]
    assert max(map(len, lines)) <= 80
    assert lines[1].endswith("7     never")
    assert next(line for line in lines if line.startswith("two")).endswith("0     00:00:00")


def test_other_answers_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (None, [], [1.5, "x"], True, {"name": "Lamp", "area": "", "first_seen": 1_000_000_000}):
        tell_answer(answer)
    assert capsys.readouterr().out.splitlines() == [
        *("done", "nothing", "1.5", "x", "yes"),
        *("name:        Lamp", "area:        -", "first_seen:  1970-01-01 00:00:01"),
    ]


async def test_an_answer_is_for_a_person_unless_json_is_asked_for(terminal: Terminal) -> None:
    done = await terminal.run("services", "call", "devices.list")
    assert done.lines[0].split()[:2] == ["id", "name"]
    assert "Hall lamp" in done.out
    done = await terminal.run("services", "call", "devices.get", "device=hall-lamp")
    assert "name:                 Hall lamp" in done.lines
    assert max(map(len, done.lines)) <= 80


def lines_of(terminal: Terminal, *, everything: bool = False) -> EventLines:
    return EventLines(Session(terminal.data / "hub.sock", data=None, json=False), everything=everything)


def event(kind: str, subject: str, data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": kind, "subject": subject, "data": data, "time": 3_723_000_000_000}


def changed(path: str, value: Any, old: Any = None) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return event("state.changed", path, {"value": value, "old": old, "version": 2})


async def test_events_are_lines_for_a_person(terminal: Terminal) -> None:
    def work() -> None:
        line = lines_of(terminal).line
        at = f"device/{LAMP.id}"
        assert (
            line(changed(f"{at}/on_off", True, old=False)) == "01:02:03 state.changed  Hall lamp on_off: on (was off)"
        )
        assert line(changed(f"{at}/contact", False)) == "01:02:03 state.changed  Hall lamp contact: open"
        assert line(changed(f"{at}/level", None, 3.0)).endswith("Hall lamp level: nothing (was 3 %)")
        assert line(changed(at, {"name": "a", "area": "b"}, {"name": "a"})).endswith("Hall lamp: area=b")
        assert line(changed(f"{at}/last_seen", 1)) == ""
        assert line(changed(f"{at}/link_quality", 1)) == ""
        ran = {"rule": "night", "trigger": f"{at}/on_off", "took_ms": 8.000000000072032, "error": ""}
        told = line(event("automation.ran", "automation/night", ran))
        assert told == "01:02:03 automation.ran  automation/night  trigger=Hall lamp on_off took_ms=8"
        assert len(line(event("test", "x", {"long": "y" * 200}))) == 80
        assert lines_of(terminal, everything=True).line(changed(f"{at}/link_quality", 1)).endswith("link_quality: 1")

    await asyncio.to_thread(work)
