import asyncio
import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from hub.cli import main
from hub.cli.output import ago, lasting, short
from hub.cli.session import data_folder
from hub.cli.words import parse, wants_text
from tests.harness import Process, eventually
from tests.hub.cli.conftest import LAMP, PYTHON_M_HUB, Terminal


async def test_status_tells_how_the_hub_fares(terminal: Terminal) -> None:
    done = await terminal.run("status")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 80
    for text in ("Home, running", "0.1.0", "1 d 2 h", "1 failed, 2 running", "Virtual:", "ready"):
        assert text in done.out
    assert (await terminal.run("status", "--json")).json["protocols"]["virtual"]["status"] == "ready"


async def test_plugins_are_listed_with_what_is_wrong(terminal: Terminal) -> None:
    done = await terminal.run("plugins", "list")
    assert max(map(len, done.lines)) <= 80
    assert "radio path" in done.out
    assert [one["id"] for one in (await terminal.run("plugins", "list", "--json")).json] == ["devices", "zigbee"]


async def test_a_plugin_is_restarted(terminal: Terminal) -> None:
    assert (await terminal.run("plugins", "restart", "devices")).out == "devices is running\n"
    done = await terminal.run("plugins", "restart", "zigbee")
    assert done.code == 1
    assert "zigbee is failed: radio path /dev/x is not there" in done.err


async def test_services_are_listed_and_called(terminal: Terminal) -> None:
    done = await terminal.run("services", "list", "devices.")
    assert max(map(len, done.lines)) <= 80
    assert "devices.rename" in done.out
    listed = (await terminal.run("services", "list", "--json")).json
    assert {"name", "arguments", "result", "doc", "owner"} <= set(listed[0])
    done = await terminal.run("services", "call", "devices.rename", "device=hall-lamp", "name=42", "--json")
    assert done.json["name"] == "42"
    done = await terminal.run("services", "call", "devices.get", "--json-args", '{"device": "42"}', "--json")
    assert done.json["id"] == LAMP.id


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["devices.gte"], 1, "devices.get"),
        (["devices.get"], 1, "missing argument"),
        (["devices.get", "x=1", "device=y"], 1, "unknown argument"),
        (["devices.get", "device"], 2, "key=value"),
        (["devices.get", "--json-args", "{"], 2, "not JSON"),
        (["devices.get", "--json-args", "[]"], 2, "JSON object"),
        (["devices.get", "--timeout", "x"], 2, "--timeout"),
    ],
)
async def test_a_wrong_call_is_told_in_one_sentence(
    terminal: Terminal, words: list[str], code: int, sentence: str
) -> None:
    done = await terminal.run("services", "call", *words)
    assert done.code == code
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


async def test_state_is_read(terminal: Terminal) -> None:
    path = f"device/{LAMP.id}/on_off"
    assert (await terminal.run("state", "get", path)).out == "off\n"
    assert (await terminal.run("state", "get", path, "--json")).json["value"] is False
    missing = await terminal.run("state", "get", "device/none")
    assert (missing.code, missing.out) == (1, "")
    done = await terminal.run("state", "list", "device/")
    assert max(map(len, done.lines)) <= 80
    assert path in [one["path"] for one in (await terminal.run("state", "list", "--json")).json]


async def test_state_is_watched(terminal: Terminal) -> None:
    out, command = terminal.start("state", "watch", "device/+/on_off", "--count", "3", "--json")
    watching = asyncio.get_running_loop().create_task(command)
    await eventually(out.getvalue)
    terminal.lamps.report(LAMP.id, "level", 3)
    terminal.lamps.report(LAMP.id, "on_off", value=True)
    terminal.lamps.report(LAMP.id, "on_off", value=False)
    done = await watching
    assert done.code == 0
    assert [json.loads(line)["value"] for line in done.lines] == [False, True, False]


async def test_what_is_true_already_counts(terminal: Terminal) -> None:
    terminal.lamps.report(LAMP.id, "level", 3)
    done = await terminal.run("state", "watch", f"device/{LAMP.id}/+", "--count", "2")
    assert (done.code, len(done.lines)) == (0, 2)


async def test_events_are_tailed(terminal: Terminal) -> None:
    _, command = terminal.start("events", "tail", "--type", "test.*", "--subject", "x/#", "--count", "2")
    tailing = asyncio.get_running_loop().create_task(command)
    count = terminal.hub.core.bus.counts
    before = count().get("api_gateway", 0)
    await eventually(lambda: count().get("api_gateway", 0) > before)
    terminal.hub.publish("test.one", "x/a", {"n": 1})
    terminal.hub.publish("test.one", "y/a", {"n": 2})
    terminal.hub.publish("test.two", "x", None)
    done = await tailing
    assert done.code == 0
    assert done.lines[0].endswith("test.one  x/a  n=1")
    assert done.lines[1].endswith("test.two  x")


async def test_a_malformed_pattern_is_refused(terminal: Terminal) -> None:
    for arguments in (("events", "tail", "--type", "a..b"), ("state", "watch", "a/#/b")):
        done = await terminal.run(*arguments)
        assert done.code == 1
        assert done.err.startswith("hub: ")
        assert len(done.err.splitlines()) == 1


async def test_a_stream_ends_with_a_sentence_when_the_hub_stops(terminal: Terminal) -> None:
    out, command = terminal.start("state", "watch", "device/+/on_off")
    watching = asyncio.get_running_loop().create_task(command)
    await eventually(out.getvalue)
    await terminal.hub.stop("api_gateway")
    done = await watching
    assert done.code == 3
    assert "closed the connection" in done.err


async def test_tokens_are_made_listed_and_revoked(terminal: Terminal) -> None:
    done = await terminal.run("token", "create", "phone")
    assert len(done.out.strip()) >= 43
    assert "not shown again" in done.err
    assert (await terminal.run("token", "create", "tablet", "--json")).json["name"] == "tablet"
    listed = await terminal.run("token", "list")
    assert "phone" in listed.out
    assert done.out.strip() not in listed.out
    assert (await terminal.run("token", "revoke", "phone")).out == "phone is revoked\n"
    assert [one["name"] for one in (await terminal.run("token", "list", "--json")).json] == ["tablet"]
    again = await terminal.run("token", "revoke", "phone")
    assert (again.code, len(again.err.splitlines())) == (1, 1)


async def test_a_hub_that_is_not_there_is_told_with_code_3(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("no socket")
    for socket in ("/nowhere/hub.sock", str(tmp_path / "plain"), "/" + "x" * 200):
        for command in (("status",), ("events", "tail")):
            done = await terminal.run(*command, "--socket", socket)
            assert (done.code, done.out) == (3, "")
            assert socket in done.err
            assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["frobnicate"], ["devices", "list", "--foo"], ["devices", "show"], ["--data"]])
async def test_wrong_usage_is_told_in_one_sentence(terminal: Terminal, arguments: list[str]) -> None:
    done = await terminal.run(*arguments)
    assert done.code == 2
    assert done.err.startswith("hub: ")
    assert "--help" in done.err
    assert len(done.err.splitlines()) == 1


async def test_help_and_version(terminal: Terminal) -> None:
    done = await terminal.run("devices", "pair", "--help")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 80
    assert (await terminal.run("--version")).out.startswith("hub ")
    assert "Usage: hub" in (await terminal.run()).out


async def test_a_shell_gets_its_completion_script(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = await terminal.run("--show-completion", "bash")
    assert done.code == 0
    assert "_HUB_COMPLETE" in done.out
    assert "-o default -F" not in done.out  # else it would offer file names where there is nothing to offer


async def test_ctrl_c_ends_pairing_on_the_hub_and_with_code_130(terminal: Terminal) -> None:
    with Process(*PYTHON_M_HUB, "devices", "pair", cwd=Path.cwd(), env={"PYTHONPATH": _root()}) as process:
        await eventually(lambda: process.find("Open for"), 20)
        process.send(signal.SIGINT)
        await eventually(lambda: process.returncode is not None, 10)
        assert process.returncode == 130
        assert "Stopped; no device was added." in process.output
        assert "Traceback" not in process.output
    await eventually(lambda: not terminal.lamps.session)


async def test_a_reader_that_has_enough_is_no_error(terminal: Terminal) -> None:
    for number in range(2000):
        terminal.hub.state.set(f"bulk/{number}", "x" * 100)
    command = f"{' '.join(PYTHON_M_HUB)} state list --json | head -1; exit ${{PIPESTATUS[0]}}"
    with Process("bash", "-c", command, cwd=Path.cwd(), env={"PYTHONPATH": _root()}) as process:
        await eventually(lambda: process.returncode is not None, 20)
        assert process.returncode == 0
        assert process.lines == ["["]


def test_the_data_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_DATA_DIR", raising=False)
    assert data_folder(None) == tmp_path / "home" / "domovoi"
    (tmp_path / "domovoi-data").mkdir()
    assert data_folder(None) == Path("domovoi-data")
    monkeypatch.setenv("HUB_DATA_DIR", "/srv/hub")
    assert data_folder(None) == Path("/srv/hub")
    assert data_folder("/other") == Path("/other")


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("on", True),
        ("Off", False),
        ("true", True),
        ("40", 40),
        ("-1.5", -1.5),
        ("[0.1, 0.2]", [0.1, 0.2]),
        ("null", None),
        ("NaN", "NaN"),
        ("Hall lamp", "Hall lamp"),
        ("", ""),
    ],
)
def test_words_become_values(word: str, value: object) -> None:
    assert parse(word) == value


def test_a_schema_says_whether_it_wants_a_text() -> None:
    assert wants_text({"type": "string"})
    assert wants_text({"anyOf": [{"type": "string"}, {"type": "null"}]})
    assert wants_text({"enum": ["a", "b"]})
    assert not wants_text({"anyOf": [{"type": "string"}, {"type": "integer"}]})
    assert not wants_text({})
    assert not wants_text(True)


def test_values_and_times_are_readable() -> None:
    assert [short(one) for one in (True, 21.5, 12345678.0, "x", None, [1])] == [
        "on",
        "21.5",
        "12345678.0",
        "x",
        "null",
        "[1]",
    ]
    assert [lasting(one) for one in (0.2, 61, 3600, 90061)] == ["0 s", "1 min 1 s", "1 h", "1 d 1 h"]
    assert (ago(0), ago(1).endswith(" d ago")) == ("", True)


def _root() -> str:
    return os.pathsep.join([str(Path(__file__).resolve().parents[3])])


async def test_what_json_cannot_hold_is_not_sent(terminal: Terminal) -> None:
    for arguments in (
        ("services", "call", "devices.list", "--json-args", '{"area": NaN}'),
        ("services", "call", "devices.list", "area=bad\udcffname"),
        ("devices", "set", LAMP.id, "level=1e999"),
    ):
        done = await terminal.run(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "neither can be sent" in done.err
    done = await terminal.run("services", "call", "devices.list", "--timeout", "nan")
    assert done.code == 2
    assert "nan is no number" in done.err


def hub_command(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "HUB_DATA_DIR": str(data), **settings}
    return subprocess.run([*PYTHON_M_HUB, *arguments], env=environment, capture_output=True, timeout=30, check=False)


async def test_a_terminal_that_cannot_show_a_name_shows_what_it_can(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.run("services", "call", "devices.list")
    done = await asyncio.to_thread(hub_command, tmp_path, "state", "get", "caf\u00e9", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert b"there is no state 'caf\\xe9'" in done.stderr
    done = await asyncio.to_thread(hub_command, tmp_path, "devices", "list", "--json", PYTHONIOENCODING="ascii")
    assert isinstance(json.loads(done.stdout), list)


async def test_a_closed_output_is_no_fault(terminal: Terminal, tmp_path: Path) -> None:
    await terminal.run("services", "call", "devices.list")
    command = " ".join([*map(shlex.quote, PYTHON_M_HUB), "status", ">&-"])
    done = await asyncio.to_thread(
        subprocess.run,
        ["/bin/sh", "-c", command],
        env={**os.environ, "HUB_DATA_DIR": str(tmp_path)},
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("target", "code", "told"), [("/dev/full", 1, b"No space left"), ("| true", 0, b"")])
async def test_an_output_that_takes_nothing_leaves_the_exit_code_alone(
    terminal: Terminal, tmp_path: Path, target: str, code: int, told: bytes
) -> None:
    await terminal.run("services", "call", "devices.list")
    command = " ".join(map(shlex.quote, [*PYTHON_M_HUB, "services", "list"]))
    into = f"> {target}" if target.startswith("/") else target
    done = await asyncio.to_thread(
        subprocess.run,
        ["/bin/bash", "-c", f"{command} {into}; exit ${{PIPESTATUS[0]}}"],
        env={**os.environ, "HUB_DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == code
    assert told in done.stderr
    assert b"Traceback" not in done.stderr


async def test_a_narrow_terminal_still_gets_all_columns(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in ("0", "1", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        done = await terminal.run("devices", "list")
        assert done.lines[0].split() == ["Name", "Area", "Model", "Status", "State"]
        assert LAMP.suggested_name in done.out


def test_an_unforeseen_fault_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("so it is")

    monkeypatch.setattr("hub.cli.client.Client.get", fails)
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError: so it is" in said
