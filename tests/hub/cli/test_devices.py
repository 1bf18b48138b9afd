import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from tests.harness import eventually
from tests.hub.cli.conftest import LAMP, PLUG, Done, Terminal


async def while_a_plug_joins(terminal: Terminal, command: Coroutine[Any, Any, Done]) -> Done:
    async def join() -> None:
        lamps = terminal.lamps
        await eventually(lambda: lamps.session)
        lamps.pairing_step("joined", PLUG)
        lamps.pairing_step("interviewing", PLUG, progress=0.5)
        await lamps.announce(PLUG)
        lamps.pairing_step("configured", PLUG)

    async with asyncio.TaskGroup() as group:
        done = group.create_task(command)
        group.create_task(join())
    return done.result()


async def test_devices_are_listed_in_80_columns(terminal: Terminal) -> None:
    await terminal.run("devices", "assign", "Hall lamp", "--area", "The long corridor upstairs")
    await terminal.run("devices", "set", "Hall lamp", "level=40", "thermostat_mode=heat")
    terminal.lamps.report(LAMP.id, "link_quality", 200)
    done = await terminal.run("devices", "list")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 80
    assert [line.rstrip() for line in done.lines] == [
        "Name       Area                     Model        Status  State",
        "Hall lamp  The long corridor        Bulb 800 lm  online  on_off off, level 40 %,",
        "           upstairs                                      thermostat_mode heat",
    ]


async def test_devices_are_listed_as_json(terminal: Terminal) -> None:
    (record,) = (await terminal.run("devices", "list", "--json")).json
    assert (record["id"], record["name"], record["values"]["on_off"]) == (LAMP.id, "Hall lamp", False)
    assert (await terminal.run("devices", "list", "--json", "--area", "Attic")).json == []
    assert "No devices" in (await terminal.run("devices", "list", "--area", "Attic")).out


async def test_options_stand_before_or_behind_the_command(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_DATA_DIR")
    data, socket = str(terminal.data), str(terminal.data / "hub.sock")
    for arguments in (
        ("--data", data, "--json", "devices", "list"),
        ("devices", "list", "--data", data, "--json"),
        ("--socket", socket, "devices", "list", "--json"),
        ("--data", "/nowhere", "devices", "list", "--data", data, "--json"),
    ):
        assert len((await terminal.run(*arguments)).json) == 1
    assert (await terminal.run("devices", "list")).code == 3


async def test_a_device_is_shown(terminal: Terminal) -> None:
    done = await terminal.run("devices", "show", "hall-lamp")
    assert done.code == 0
    assert max(map(len, done.lines)) <= 80
    for text in (LAMP.id, "Acme Bulb 800 lm", "set on off toggle", "1..100 %", "off heat", "online"):
        assert text in done.out
    assert (await terminal.run("devices", "show", "hall-lamp", "--json")).json["id"] == LAMP.id


async def test_a_device_is_renamed_assigned_and_removed(terminal: Terminal) -> None:
    assert (await terminal.run("devices", "rename", LAMP.id, "Corridor")).out == f"{LAMP.id} is now called Corridor\n"
    done = await terminal.run(
        "devices", "assign", "Corridor", "--area", "Hall", "--label", "a", "--label", "b", "--json"
    )
    assert (done.json["area"], done.json["labels"]) == ("Hall", ["a", "b"])
    done = await terminal.run("devices", "assign", "Corridor", "--no-labels")
    assert done.out == "Corridor: Hall, no labels\n"
    assert (await terminal.run("devices", "assign", "Corridor")).code == 2
    assert (await terminal.run("devices", "remove", "Corridor")).code == 0
    assert (await terminal.run("devices", "list", "--json")).json == []


async def test_values_and_commands_reach_the_device(terminal: Terminal) -> None:
    done = await terminal.run("devices", "set", "Hall lamp", "on_off=on", "level=40")
    assert done.out == "Hall lamp: on_off is on\nHall lamp: level is 40 %\n"
    done = await terminal.run("devices", "set", "Hall lamp", "toggle", "--json")
    assert done.json == [{"device": LAMP.id, "key": "on_off", "command": "toggle", "value": True}]
    await terminal.run("devices", "set", "Hall lamp", "thermostat_mode=off")
    await terminal.run("devices", "set", "Hall lamp", "level=50", "on_off=off", "--transition", "2")
    await terminal.run("devices", "set", "Hall lamp", "step", "by=10", "level:stop")
    assert [(key, command, arguments) for key, command, arguments in terminal.lamps.asked] == [
        ("on_off", "set", {"value": True}),
        ("level", "set", {"value": 40, "transition": 0.0}),
        ("on_off", "toggle", {}),
        ("thermostat_mode", "set", {"value": "off"}),
        ("level", "set", {"value": 50, "transition": 2.0}),
        ("on_off", "set", {"value": False}),
        ("level", "step", {"by": 10, "transition": 0.0}),
        ("level", "stop", {}),
    ]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["level=500"], 1, "500"),
        (["level=bright"], 1, "'bright'"),
        (["colour=red"], 1, "Hall lamp has no 'colour'; it can be told on_off, level"),
        (["levl=40"], 1, "Hall lamp has no 'levl', did you mean 'level'?"),
        (["explode"], 1, "Hall lamp has no command 'explode'; it has on, off"),
        (["togle"], 1, "Hall lamp has no command 'togle', did you mean 'toggle'?"),
        (["on_off=on", "--transition", "2"], 1, "can fade at Hall lamp"),
        (["on_off=on", "--transition", "-2"], 2, "--transition"),
    ],
)
async def test_a_wrong_wish_is_refused_in_one_sentence(
    terminal: Terminal, words: list[str], code: int, sentence: str
) -> None:
    done = await terminal.run("devices", "set", "Hall lamp", *words)
    assert done.code == code
    assert sentence in done.err
    assert done.err.startswith("hub: ")
    assert len(done.err.splitlines()) == 1
    assert terminal.lamps.asked == []


async def test_a_device_that_does_not_answer_is_told(terminal: Terminal) -> None:
    terminal.lamps.reachable = False
    done = await terminal.run("devices", "set", "Hall lamp", "on")
    assert (done.code, done.err) == (1, "hub: Hall lamp does not answer\n")


async def test_an_unknown_device_is_told(terminal: Terminal) -> None:
    done = await terminal.run("devices", "show", "Hall lmp")
    assert done.code == 1
    assert "Hall lmp" in done.err
    assert len(done.err.splitlines()) == 1


async def test_names_cannot_command_the_terminal(terminal: Terminal) -> None:
    terminal.hub.state.set("evil/path", "\x1b]0;owned\x07")
    assert "\x1b" not in (await terminal.run("state", "get", "evil/path")).out
    assert "\x1b" not in (await terminal.run("state", "list", "evil")).out


async def test_pairing_is_told_step_by_step(terminal: Terminal) -> None:
    out, command = terminal.start("devices", "pair", "--count", "1")
    done = await while_a_plug_joins(terminal, command)
    assert done.code == 0, done.err
    assert "Open for virtual for 120 s" in out.getvalue()
    assert f"Plug has joined ({PLUG.id})." in done.out
    assert "Plug is ready" in done.out
    assert "it has: on_off" in done.out
    assert terminal.lamps.session == ""


async def test_pairing_tells_its_steps_as_json(terminal: Terminal) -> None:
    _, command = terminal.start("devices", "pair", "--count", "1", "--json")
    done = await while_a_plug_joins(terminal, command)
    steps = [json.loads(line)["step"] for line in done.lines]
    assert steps[-3:] == ["joined", "interviewing", "configured"]
    assert steps[0] == "waiting"


async def test_pairing_without_a_device_fails(terminal: Terminal) -> None:
    _, command = terminal.start("devices", "pair", "--duration", "5")
    running = asyncio.get_running_loop().create_task(command)
    await eventually(lambda: terminal.lamps.session)
    terminal.lamps.pairing_step("failed", reason="the key was refused")
    await terminal.hub.clock.advance(6)
    done = await running
    assert done.code == 1
    assert "failed: the key was refused" in done.out
    assert "no device was paired: 1 failed" in done.err


async def test_pairing_that_needs_input_fails_where_nobody_can_be_asked(terminal: Terminal) -> None:
    _, command = terminal.start("devices", "pair")
    running = asyncio.get_running_loop().create_task(command)
    await eventually(lambda: terminal.lamps.session)
    terminal.lamps.pairing_step("needs_input", reason="the lock wants its PIN", inputs={"pin": "five digits"})
    done = await running
    assert done.code == 1
    assert "the lock wants its PIN" in done.err
    await eventually(lambda: not terminal.lamps.session)


async def test_pairing_with_an_unknown_protocol_is_refused(terminal: Terminal) -> None:
    done = await terminal.run("devices", "pair", "--protocol", "zigbee")
    assert done.code == 1
    assert "no protocol 'zigbee'" in done.err


async def test_a_model_that_is_learned_late_is_told_once(terminal: Terminal) -> None:
    _, command = terminal.start("devices", "pair", "--count", "1")
    running = asyncio.get_running_loop().create_task(command)
    lamps = terminal.lamps
    await eventually(lambda: lamps.session)
    lamps.pairing_step("joined", msgspec.structs.replace(PLUG, model=""))
    lamps.pairing_step("interviewing", msgspec.structs.replace(PLUG, model=""), progress=0.1)
    lamps.pairing_step("interviewing", PLUG, progress=0.5)
    lamps.pairing_step("interviewing", PLUG, progress=0.7)
    await lamps.announce(PLUG)
    lamps.pairing_step("configured", PLUG)
    done = await running
    assert f"A device has joined ({PLUG.id})." in done.out
    assert done.out.count("It is a Plug.") == 1


async def test_a_session_that_is_open_elsewhere_can_be_cancelled(terminal: Terminal) -> None:
    session = (await terminal.hub.call("devices.pair", protocol="virtual", duration=60.0)).session
    done = await terminal.run("devices", "pair")
    assert done.code == 1
    assert f"cancel it with `hub devices pair --cancel {session}`, or wait" in done.err
    assert terminal.lamps.session == session
    done = await terminal.run("devices", "pair", "--cancel", session)
    assert (done.code, done.out) == (0, f"pairing session {session} is over\n")
    assert terminal.lamps.session == ""
    done = await terminal.run("devices", "pair", "--cancel", "nonesuch")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
