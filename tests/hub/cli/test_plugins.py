"""`hub plugins`: what it shows, what it asks of the hub, and how it answers when that did not work."""

from typing import Any

import pytest

from hub.errors import PluginError
from tests.hub.cli.conftest import Terminal

BASE: dict[str, Any] = {"version": "0.1.0", "description": "Rings.", "restarts": 0, "errors": 0, "origin": "user"}
BELL = {**BASE, "id": "bell", "status": "running", "reason": "", "trouble": ""}
GONG = {**BELL, "id": "gong", "errors": 3, "restarts": 1, "trouble": "task gong:rings failed: ValueError: no mallet"}
HORN = {**BELL, "id": "horn", "status": "disabled", "reason": "`hub plugins enable horn` enables it"}
DRUM = {**BELL, "id": "drum", "status": "failed", "reason": "drum requires skin, which is not there"}
COST = {"id": "gong", "busy_s": 0.25, "published": 7, "heard": 0, "written_bytes": 512, "tasks": 2, "errors": 3}


class Hub:
    """Stands for the hub's own services about plugins, and notes what it is asked."""

    def __init__(self, terminal: Terminal) -> None:
        self.asked: list[str] = []
        self.answer: dict[str, Any] | Exception = BELL
        terminal.offer_again("hub.plugins", self.plugins)
        terminal.undos["hub.restart_plugin"]()
        for name in ("load", "unload", "reload", "restart", "enable", "disable"):
            terminal.hub.offer(f"hub.{name}_plugin", self.operation(name))
        terminal.hub.offer("hub.statistics", self.statistics)

    async def plugins(self) -> list[dict[str, Any]]:
        return [BELL, DRUM, GONG, HORN]

    async def statistics(self) -> dict[str, Any]:
        return {"plugins": [COST], "services": [{"name": "gong.ring", "owner": "gong"}, {"name": "x.y", "owner": "x"}]}

    def operation(self, name: str) -> Any:  # noqa: ANN401 - an async function
        async def operate(plugin: str) -> dict[str, Any]:
            self.asked.append(f"{name} {plugin}")
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return operate


@pytest.fixture
async def hub(terminal: Terminal) -> Hub:
    return Hub(terminal)


@pytest.mark.usefixtures("hub")
async def test_the_list_hides_what_is_disabled_and_says_what_is_wrong(terminal: Terminal) -> None:
    done = await terminal.run("plugins", "list")
    assert max(map(len, done.lines)) <= 80
    text = " ".join(done.out.split())
    assert "bell 0.1.0 running Rings." in text
    assert "drum requires skin" in text
    assert "no mallet" in text
    assert "1 restarts" in text
    assert "3 errors" in text
    assert "horn" not in text

    assert "horn" in (await terminal.run("plugins", "list", "--all")).out
    for options, ids in ([], ["bell", "drum", "gong"]), (["--all"], ["bell", "drum", "gong", "horn"]):
        done = await terminal.run("plugins", "list", "--json", *options)
        assert [one["id"] for one in done.json] == ids


@pytest.mark.usefixtures("hub")
async def test_one_plugin_is_shown_with_what_it_costs(terminal: Terminal) -> None:
    done = await terminal.run("plugins", "show", "gong")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.lines]
    assert lines == [
        "Plugin: gong 0.1.0, user",
        "Does: Rings.",
        "Status: running, 1 restarts, 3 errors",
        "Newest error: task gong:rings failed: ValueError: no mallet",
        "Busy: 0.25 s",
        "Published: 7",
        "Tasks: 2",
        "Written: 512",
        "Errors: 3",
        "Offers: gong.ring",
    ]
    shown = (await terminal.run("plugins", "show", "gong", "--json")).json
    assert (shown["id"], shown["statistics"]) == ("gong", COST)
    done = await terminal.run("plugins", "show", "drum")
    assert "drum requires skin, which is not there" in " ".join(done.out.split())

    done = await terminal.run("plugins", "show", "gogn")
    assert done.code == 1
    assert "there is no plugin 'gogn', did you mean 'gong'" in done.err


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("load", "running"),
        ("unload", "stopped"),
        ("reload", "running"),
        ("restart", "running"),
        ("enable", "running"),
        ("disable", "disabled"),
    ],
)
async def test_a_change_is_asked_of_the_hub_and_told(terminal: Terminal, hub: Hub, name: str, status: str) -> None:
    hub.answer = {**BELL, "status": status}
    done = await terminal.run("plugins", name, "bell")
    assert (done.code, done.out, hub.asked) == (0, f"bell is {status}\n", [f"{name} bell"])
    assert (await terminal.run("plugins", name, "bell", "--json")).json == hub.answer

    hub.answer = {**DRUM, "id": "bell"}
    done = await terminal.run("plugins", name, "bell")
    assert done.code == 1
    assert "bell is failed: drum requires skin, which is not there" in " ".join(done.err.split())

    hub.answer = PluginError("there is no plugin 'bell'", plugin="bell")
    done = await terminal.run("plugins", name, "bell")
    assert (done.code, done.err) == (1, "hub: there is no plugin 'bell'\n")


async def test_an_answer_that_never_came_of_what_ends_the_api_is_told(terminal: Terminal) -> None:
    terminal.hub.offer("hub.disable_plugin", _ends_the_api(terminal))
    done = await terminal.run("plugins", "disable", "api_gateway")
    assert done.code == 3
    assert done.err.startswith("hub: ")


def _ends_the_api(terminal: Terminal) -> Any:  # noqa: ANN401 - an async function
    async def disable(plugin: str) -> None:
        context = terminal.hub.context("devices")
        await context.tasks.start("disables", _stop(terminal, plugin))

    return disable


async def _stop(terminal: Terminal, plugin: str) -> None:
    await terminal.hub.stop(plugin)
