"""`hub health`: what it shows, and its exit code."""

from typing import Any

from tests.hub.cli.conftest import Terminal

WELL: dict[str, Any] = {"status": "ok", "checks": {"hub": {"status": "ok", "reason": ""}}}
ILL: dict[str, Any] = {
    "status": "failing",
    "checks": {
        "hub": {"status": "ok", "reason": ""},
        "zigbee": {"status": "failing", "reason": "failed: radio path /dev/x is not there"},
    },
}


def stand_in(terminal: Terminal, answer: dict[str, Any]) -> None:
    async def check() -> dict[str, Any]:
        return answer

    terminal.hub.offer("health.check", check)


async def test_when_all_is_well_it_says_so_and_exits_with_0(terminal: Terminal) -> None:
    stand_in(terminal, WELL)
    done = await terminal.run("health")
    assert (done.code, done.err) == (0, "")
    assert done.lines == ["Part  Status  Why", "hub   ok", "All is well."]


async def test_what_is_not_well_is_named_with_its_reason_and_exits_with_1(terminal: Terminal) -> None:
    stand_in(terminal, ILL)
    done = await terminal.run("health")
    assert done.code == 1
    assert "zigbee  failing  failed: radio path /dev/x is not there" in done.lines
    assert done.err == "hub: 1 of 2 parts not well; the hub is failing\n"


async def test_with_json_it_gives_the_summary_with_the_same_exit_code(terminal: Terminal) -> None:
    stand_in(terminal, ILL)
    done = await terminal.run("health", "--json")
    assert done.code == 1
    assert done.json == ILL


async def test_without_the_plugin_it_says_what_is_missing(terminal: Terminal) -> None:
    done = await terminal.run("health")
    assert done.code == 1
    assert done.err == "hub: the plugin health does not run, so nobody checks; see `hub plugins list --all`\n"
