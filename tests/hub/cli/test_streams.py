"""`hub services call` of a service that streams: items as they come, and an end that is no fault."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.api import HubError
from tests.harness import Process, eventually
from tests.hub.cli.conftest import PYTHON_M_HUB, Terminal

ROOT = Path(__file__).parents[3]


class Clock:
    """A streaming service; `ways` say how each item comes."""

    def __init__(self, terminal: Terminal) -> None:
        self.steps: list[str] = []
        self.undo = terminal.hub.core.services.register("clock.ticks", self.ticks, "clock")

    async def ticks(self, ways: list[str], name: str = "tick") -> AsyncIterator[Any]:
        """Count."""
        try:
            for number, how in enumerate(ways):
                match how:
                    case "never":
                        self.steps.append("waits")
                        await asyncio.get_running_loop().create_future()
                    case "breaks":
                        raise HubError("the clock is upset")
                    case "record":
                        yield {"name": name, "number": number, "right": True}
                    case "nested":
                        yield {"at": {"deep": [{"er": 1}]}}
                    case "error":
                        yield {"error": "an item may say so"}
                    case _:
                        yield f"{name} {number}\x1b[2J"
        finally:
            self.steps.append("end")


@pytest.fixture
def clock(terminal: Terminal) -> Clock:
    return Clock(terminal)


def words(*ways: str) -> list[str]:
    listed = ",".join(f'"{way}"' for way in ways)
    return ["services", "call", "clock.ticks", f"ways=[{listed}]"]


async def test_each_item_is_a_line(terminal: Terminal, clock: Clock) -> None:
    done = await terminal.run(*words("now", "record", "nested", "error"), "name=42")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        "42 0\ufffd[2J",
        "name=42, number=1, right=yes",
        '{"at": {"deep": [{"er": 1}]}}',
        "error=an item may say so",
    ]
    assert clock.steps == ["end"]


async def test_json_gives_ndjson(terminal: Terminal, clock: Clock) -> None:
    del clock
    done = await terminal.run(*words("record", "error"), "--json")
    assert done.lines == ['{"name": "tick", "number": 0, "right": true}', '{"error": "an item may say so"}']
    assert (await terminal.run(*words(), "--json")).out == ""


async def test_items_are_printed_as_they_come(terminal: Terminal, clock: Clock) -> None:
    out, running = terminal.start(*words("now", "now", "never"), "--timeout", "60")

    async def take_back() -> None:
        await eventually(lambda: out.getvalue().count("\n") == 2)
        assert clock.steps == ["waits"]
        clock.undo()

    done, _ = await asyncio.gather(running, take_back())
    assert (done.code, len(done.lines)) == (1, 2)
    assert "clock.ticks has ended: clock offers it no more" in done.err


@pytest.mark.parametrize(("ways", "count"), [(["breaks"], 0), (["now", "breaks"], 1)])
async def test_a_refusal_is_one_sentence_wherever_it_comes(
    terminal: Terminal, clock: Clock, ways: list[str], count: int
) -> None:
    del clock
    done = await terminal.run(*words(*ways))
    assert (done.code, len(done.lines), done.err) == (1, count, "hub: the clock is upset\n")


async def test_an_item_that_does_not_come_is_a_refusal(terminal: Terminal, clock: Clock) -> None:
    done = await terminal.run(*words("now", "never"), "--timeout", "0.1")
    assert (done.code, done.err) == (1, "hub: clock.ticks gave no answer within 0.1 s\n")
    assert clock.steps[-1] == "end"


async def test_a_hub_that_goes_is_told(terminal: Terminal, clock: Clock) -> None:
    out, running = terminal.start(*words("now", "never"), "--timeout", "60")

    async def go() -> None:
        await eventually(lambda: "\n" in out.getvalue())
        await terminal.hub.stop("api_gateway")

    done, _ = await asyncio.gather(running, go())
    assert done.code == 3
    assert "broke off its answer" in done.err
    assert clock.steps[-1] == "end"


async def test_ctrl_c_ends_it_quietly_here_and_there(terminal: Terminal, clock: Clock) -> None:
    del terminal
    with Process(*PYTHON_M_HUB, *words("now", "never"), cwd=Path.cwd(), env={"PYTHONPATH": str(ROOT)}) as process:
        await eventually(lambda: process.find("tick 0"), 20)
        process.send(signal.SIGINT)
        await eventually(lambda: process.returncode is not None, 10)
        assert process.returncode == 130
        assert process.output.count("\n") == 1
    await eventually(lambda: clock.steps[-1] == "end")
