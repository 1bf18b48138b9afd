import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from hub.api import HubError
from hub.testing import running
from plugins.automation import files
from plugins.automation.plugin import Automations
from tests.harness.waiting import eventually
from tests.plugins.automation.home import home

HALL = """
from hub.api import on

@on("state.changed", subject="device/{Hall motion}/occupancy")
async def light(event, home):
    await home.services.call("devices.command", device="l1", capability="on_off", value=event.data.value)
"""
GOOD = '[[rule]]\nid = "{}"\ntrigger = {{ state = "go" }}\naction = {{ device = "Hall lamp", command = "{}" }}\n'


async def test_a_python_file_reacts(tmp_path: Path) -> None:
    async with home(tmp_path, furnished=False) as house:
        house.write("hall.py", HALL)
        assert (await house.reload())["hall.light"].status == "waiting"
        house.add("m1", "Hall motion", "motion")
        assert await house.status("hall.light") == ("active", "")
        house.set("m1/occupancy", value=True)
        assert [one["value"] for one in house.commands] == [True]
        house.add("m1", "Other", "motion")
        house.add("m2", "Hall motion", "motion")
        house.set("m1/occupancy", value=False)
        house.set("m2/occupancy", value=False)
        assert [one["value"] for one in house.commands] == [True, False]
        assert (await house.list())["hall.light"].runs == 2


async def test_functions_may_be_plain_and_take_the_event_alone(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write(
            "notes.py",
            "from hub.api import on\n"
            "heard = []\n"
            "@on('state.changed', subject='a')\n@on('state.changed', subject='b')\n"
            "def note(event):\n    heard.append(event.subject)\n"
            "@on('state.changed', subject='c')\n"
            "def copy(event, home):\n    home.state.set('heard', heard)\n",
        )
        assert sorted(await house.reload()) == ["notes.copy", "notes.note"]
        for path in "abc":
            house.hub.state.set(path, 1)
        assert house.hub.state.get("heard") == ["a", "b"]


async def test_a_run_in_python_holds_up_no_other(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("slow.py", HALL.replace("    await", "    await home.clock.sleep(5)\n    await"))
        await house.reload()
        house.set("m1/occupancy", value=True)
        house.set("m1/occupancy", value=False)
        await house.hub.clock.advance(6)
        assert [one["value"] for one in house.commands] == [True, False]


async def test_an_error_in_python_is_told_with_its_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with home(tmp_path) as house:
        house.write("bad.py", "from hub.api import on\n@on('state.changed', subject='a')\ndef bad(event):\n    1 / 0\n")
        await house.reload()
        house.hub.state.set("a", 1)
        (failed,) = house.hub.events_of("automation.failed")
        assert failed.data.error == "bad.py, line 4: ZeroDivisionError: division by zero"
        assert (
            "Automation bad.bad failed at action 1: bad.py, line 4: ZeroDivisionError: division by zero"
            in caplog.messages
        )
        assert (await house.list())["bad.bad"].failures == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "x.py, line 1: invalid syntax"),
        ("a = 1\nimport nothing_like_it\n", "x.py, line 2: ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("raise SystemExit(3)", "x.py, line 1: SystemExit: 3"),
        ("raise KeyboardInterrupt", "x.py, line 1: KeyboardInterrupt"),
        ("a = 1\n", "x.py: no function is marked with @on(...) from hub.api"),
        ("from hub.api import on\n@on('a b')\ndef f(event): ...\n", "must be names parted by single dots"),
        ("from hub.api import on\n@on('a')\ndef f(): ...\n", "x.py, line 2: write it as def f(event, home):"),
        ("from hub.api import on\n@on('a')\ndef f(*events): ...\n", "write it as def f(event, home):"),
        ("\0", "x.py"),
    ],
)
async def test_a_bad_python_file_is_told_and_stops_no_other(tmp_path: Path, text: str, said: str) -> None:
    async with home(tmp_path) as house:
        house.write("hall.py", HALL)
        house.write("x.py", text)
        listed = await house.reload()
        assert listed.pop("hall.light").status == "active"
        ((_, bad),) = listed.items()
        assert bad.status == "error"
        assert said in bad.reason
        assert house.hub.state.get(f"automation/{bad.id}")["reason"] == bad.reason
        house.write("x.py", HALL)
        assert (await house.reload())["x.light"].status == "active"
        assert house.hub.state.get(f"automation/{bad.id}") is None or bad.id == "x.light"


async def test_a_file_that_never_finishes_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(sys, "gate", gate, raising=False)
    async with home(tmp_path) as house:
        house.write("hang.py", "import sys\nsys.gate.wait()\n")
        house.write("x.toml", GOOD.format("x", "on"))
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(house.reload())
            await eventually(lambda: "loads hang.py" in [thread.name for thread in threading.enumerate()])
            await house.hub.clock.advance(files.TIME_LIMIT)
        listed = reading.result()
        assert listed["x"].status == "active"
        assert listed["hang.py"].reason.startswith("hang.py: it is not loaded after 8 s; ")
        (tmp_path / "hang.py").unlink()
        assert [*await house.reload()] == ["x"]
    gate.set()


async def test_an_edit_is_taken_up_by_itself(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("a.toml", GOOD.format("a", "on"))

        async def takes_up(command: str) -> None:
            await house.hub.clock.advance(2)
            await eventually(lambda: _commands(house.hub.plugin("automation")) == [command])
            house.commands.clear()
            house.hub.state.set("go", command)
            assert [one["command"] for one in house.commands] == [command]

        await takes_up("on")
        path = house.write("a.toml", GOOD.format("a", "off"))
        os.utime(path, ns=(1, 1))
        await takes_up("off")
        path.unlink()
        await house.hub.clock.advance(2)
        await eventually(lambda: not _commands(house.hub.plugin("automation")))
        assert house.hub.state.get("automation/a") is None


def _commands(plugin: object) -> list[str]:
    assert isinstance(plugin, Automations)
    rules = [one.definition.rule for one in plugin._automations.values()]
    return [action.command for rule in rules if rule for action in rule.actions if hasattr(action, "command")]


async def test_watching_can_be_switched_off(tmp_path: Path) -> None:
    async with home(tmp_path, {"watch": False}) as house:
        house.write("a.toml", GOOD.format("a", "on"))
        await house.hub.clock.advance(60)
        assert await house.list() == {}
        assert list(await house.reload()) == ["a"]


async def test_an_automation_that_hears_everything_does_not_hear_itself(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("all.py", "from hub.api import on\n@on('**')\ndef note(event): ...\n")
        before = (await house.reload())["all.note"].runs
        house.hub.state.set("a", 1)
        await house.hub.call("automation.trigger", id="all.note")
        assert (await house.list())["all.note"].runs == before + 2


async def test_a_file_with_a_very_long_name_is_taken_up(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("y" * 250 + ".py", HALL.replace("def light", f"def {'l' * 300}"))
        house.write("x" * 250 + ".toml", GOOD.format("good", "on") + GOOD.format("", "off") + "x = 1\n")
        house.write("z" * 250 + ".py", "(")
        listed = await house.reload()
        assert sorted(one.status for one in listed.values()) == ["active", "active", "error", "error"]
        assert max(map(len, listed)) <= 102


async def test_two_automations_with_one_id_are_told_apart(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("a.toml", GOOD.format("it", "on"))
        house.write("b.toml", GOOD.format("it", "off"))
        listed = await house.reload()
        assert listed["it"].status == "active"
        assert listed["it~2"].reason == "b.toml: the id 'it' is already used in a.toml; give it another id"
        (tmp_path / "a.toml").unlink()
        assert [(one.id, one.status) for one in (await house.reload()).values()] == [("it", "active")]


async def test_folders_are_made_and_may_be_several(tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "a.toml").write_text(GOOD.format("a", "on"))
    async with running(config={}, data_dir=tmp_path) as hub:
        await hub.run(Automations, {"extra_dirs": [str(extra), str(tmp_path / "not-there")]})
        assert (tmp_path / "automations").is_dir()
        (listed,) = await hub.call("automation.list")
        assert listed.id == "a"


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with running() as hub:
        with pytest.raises(HubError, match=r"rules_dir: .*file.* cannot be made: "):
            await hub.run(Automations, {"rules_dir": str(tmp_path / "file" / "rules")})
        with pytest.raises(HubError, match="timezone: 'Mars' is no time zone"):
            await hub.run(Automations, {"rules_dir": str(tmp_path), "timezone": "Mars"})


async def test_services_know_their_automations(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(GOOD.format("light", "on") + GOOD.format("rest", "on") + "enabled = false\n")
        with pytest.raises(HubError, match=r"no automation 'ligth'; did you mean 'light'\?"):
            await house.hub.call("automation.trigger", id="ligth")
        with pytest.raises(HubError, match="'rest' is disabled"):
            await house.hub.call("automation.trigger", id="rest")
        await house.hub.call("automation.trigger", id="light")
        assert len(house.commands) == 1
        assert (await house.hub.call("automation.enable", id="rest")).status == "active"
        assert (await house.hub.call("automation.disable", id="light")).status == "disabled"
        house.hub.state.set("go", 1)
        assert (await house.list())["rest"].runs == 1
        assert len(house.commands) == 2


async def test_a_python_automation_can_be_triggered(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write(
            "n.py", "from hub.api import on\n@on('x.y')\ndef f(event, home): home.state.set('was', event.subject)"
        )
        await house.reload()
        await house.hub.call("automation.trigger", id="n.f")
        assert house.hub.state.get("was") == "automation/n.f"


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    big, binary, gone = tmp_path / "big.toml", tmp_path / "b.py", tmp_path / "gone.toml"
    big.write_bytes(b"#" * (files.SIZE_LIMIT + 1))
    binary.write_bytes(b"\xff\xfe\xff")
    gone.symlink_to(tmp_path / "nowhere")
    (tmp_path / "_not.py").write_text("")
    (tmp_path / ".hidden.toml").write_text("")
    (tmp_path / "readme.md").write_text("")
    assert list(files.scan([tmp_path])) == [binary, big, gone]
    said = [files.read(path)[0].error for path in (binary, big, gone)]
    assert said[0] == "b.py: it is not UTF-8 text; save it as UTF-8"
    assert "larger than 1024 KiB" in said[1]
    assert said[2] == "gone.toml: it cannot be read: No such file or directory"


async def test_a_file_that_changes_its_kind_of_fault_is_told_anew(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        first = (await house.rules("[[rule]"))["rules.toml"].reason
        second = (await house.rules("x = 1"))["rules.toml"].reason
        assert first != second
        assert await house.rules("") == {}
