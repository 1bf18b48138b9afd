"""`hub devices pair` on a real terminal, and what else only a person sees."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.cli.live import _print_dropped
from hub.cli.session import Session
from hub.cli.trouble import unreachable
from plugins.api_gateway.plugin import ApiGateway
from tests.harness import eventually
from tests.hub.cli.conftest import PLUG, PYTHON_M_HUB, Terminal

ROOT = Path(__file__).resolve().parents[3]


class Screen:
    """A command on a pseudo-terminal: what it shows, and keys to press."""

    def __init__(self, *arguments: str) -> None:
        self._main, other = pty.openpty()
        self.shown = ""
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        self.child = subprocess.Popen([*PYTHON_M_HUB, *arguments], stdin=other, stdout=other, stderr=other, env=env)
        os.close(other)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def press(self, keys: str) -> None:
        os.write(self._main, keys.encode())

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        self._reader.join()
        os.close(self._main)

    def _read(self) -> None:
        while True:
            try:
                self.shown += os.read(self._main, 4096).decode(errors="replace")
            except OSError:  # the child has closed its end
                return


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    opened: list[Screen] = []
    yield opened
    for one in opened:
        one.close()


async def test_pairing_says_what_is_to_be_done_next(terminal: Terminal, screens: list[Screen]) -> None:
    screens.append(screen := Screen("devices", "pair", "--count", "1"))
    await eventually(lambda: terminal.lamps.session, 20)
    terminal.lamps.pairing_step("waiting", PLUG, reason="Press its button once more.")
    await eventually(lambda: "Press its button once more." in screen.shown, 10)


async def test_pairing_asks_for_what_is_needed_and_for_a_name(terminal: Terminal, screens: list[Screen]) -> None:
    screens.append(screen := Screen("devices", "pair", "--count", "1"))
    lamps = terminal.lamps
    await eventually(lambda: lamps.session, 20)
    await eventually(lambda: re.search(r"waiting for devices - 1[12]\d s left", screen.shown), 10)
    lamps.pairing_step("needs_input", PLUG, reason="It wants its PIN.", inputs={"pin": "five digits"})
    await eventually(lambda: "pin (five digits)" in screen.shown, 10)
    screen.press("12345\n")
    await eventually(lambda: lamps.inputs == {"pin": "12345"}, 10)
    lamps.pairing_step("interviewing", PLUG, reason="reading its clusters", progress=0.5)
    await eventually(lambda: "Plug: reading its clusters 50%" in screen.shown, 10)
    await lamps.announce(PLUG)
    lamps.pairing_step("configured", PLUG)
    await eventually(lambda: "call it" in screen.shown, 10)
    screen.press("Hall lamp\n")  # taken: it says so and asks again
    await eventually(lambda: screen.shown.count("call it") == 2, 10)
    screen.press("Kettle\n")
    await eventually(lambda: screen.child.poll() is not None, 10)
    assert screen.child.returncode == 0
    assert "It is called Kettle now." in screen.shown
    assert (await terminal.hub.call("devices.get", device="Kettle")).id == PLUG.id


async def test_ctrl_c_at_a_question_says_what_was_reached(terminal: Terminal, screens: list[Screen]) -> None:
    screens.append(screen := Screen("devices", "pair"))
    lamps = terminal.lamps
    await eventually(lambda: lamps.session, 20)
    await lamps.announce(PLUG)
    lamps.pairing_step("configured", PLUG)
    await eventually(lambda: "call it" in screen.shown, 10)
    screen.child.send_signal(signal.SIGINT)
    await eventually(lambda: screen.child.poll() is not None, 10)
    assert screen.child.returncode == 130
    assert "call it [Plug]: \r\n" in screen.shown
    assert screen.shown.endswith("Stopped; 1 device was added: Plug.\r\n")
    await eventually(lambda: not lamps.session, 10)


async def test_restarting_the_api_itself_is_waited_for(terminal: Terminal) -> None:
    hub, context = terminal.hub, terminal.hub.context("devices")

    async def again() -> None:
        await hub.stop("api_gateway")
        await hub.run(ApiGateway, {})

    async def restart(plugin: str) -> dict[str, Any]:
        assert plugin == "api_gateway"
        await asyncio.shield(context.tasks.start("restarts", again()))
        raise AssertionError("nobody is left to hear this")

    async def plugins() -> list[dict[str, Any]]:
        return [{"id": "api_gateway", "status": "running", "reason": ""}]

    terminal.offer_again("hub.restart_plugin", restart)
    terminal.offer_again("hub.plugins", plugins)
    done = await terminal.run("plugins", "restart", "api_gateway")
    assert (done.code, done.out) == (0, "api_gateway is running\n")


async def test_something_else_on_the_socket_is_told(terminal: Terminal, tmp_path: Path) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n\r\n")
        writer.close()

    path = str(tmp_path / "other.sock")
    async with await asyncio.start_unix_server(babble, path):
        for command in (("status",), ("events", "tail")):
            done = await terminal.run(*command, "--socket", path)
            assert done.code == 3
            assert len(done.err.splitlines()) == 1


def test_what_was_left_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for json in (False, True):
        _print_dropped(Session(Path("x"), data=None, json=json), {"dropped": 7})
    shown = capsys.readouterr()
    assert "7 events were left out" in shown.err
    assert shown.out == '{"dropped": 7}\n'


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(), "no hub is running"),
        (ConnectionRefusedError(), "no hub is running"),
        (PermissionError(), "may not use"),
        (TimeoutError(), "does not answer"),
        (BrokenPipeError(), "closed the connection"),
        (OSError("AF_UNIX path too long"), "too long"),
    ],
)
def test_trouble_has_a_sentence(error: OSError, words: str) -> None:
    assert words in str(unreachable(Path("hub.sock"), error))
