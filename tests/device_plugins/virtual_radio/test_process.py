"""The radio as a process of its own, spoken to as its owner does."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import VirtualRadio
from device_plugins.virtual_radio.control import _ARGUMENTS, MAX_LINE, Control
from tests.device_plugins.virtual_radio.host import hosted
from tests.harness import eventually
from tests.harness.process import ROOT


class Radio:
    """A running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._in, self._out = process.stdin, process.stdout

    async def line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await asyncio.wait_for(self._out.readline(), 10))
        return found

    async def raw(self, line: bytes) -> dict[str, Any]:
        self._in.write(line + b"\n")
        while "event" in (answer := await self.line()):
            self.events.append(answer)
        return answer

    async def heard(self, event: str) -> None:
        while not any(known["event"] == event for known in self.events):
            self.events.append(await self.line())

    async def ask(self, do: str, **args: object) -> Any:  # noqa: ANN401 - JSON
        answer = await self.raw(json.dumps({"id": do, "do": do, **args}).encode())
        assert answer["id"] == do
        assert "error" not in answer, answer
        return answer["result"]

    async def end(self) -> int:
        self._in.close()
        return await asyncio.wait_for(self.process.wait(), 10)


@asynccontextmanager
async def running(*argv: str | Path) -> AsyncIterator[Radio]:
    module = (sys.executable, "-m", "device_plugins.virtual_radio")
    process = await asyncio.create_subprocess_exec(*module, *argv, stdin=PIPE, stdout=PIPE, cwd=ROOT)
    radio = Radio(process)
    try:
        radio.events.append(await radio.line())
        yield radio
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def test_it_is_ready_and_takes_requests_until_its_owner_goes(tmp_path: Path) -> None:
    link = tmp_path / "tty"
    async with running("--pty-link", link, "--latency-ms", "0") as radio:
        assert radio.events[0]["event"] == "ready"
        assert radio.events[0]["address"] == str(link)
        lamp = await radio.ask("add", model="lamp-white", name="Hall lamp")
        sensor = await radio.ask("add", model="motion")
        async with hosted(str(link)) as host:
            await host.app.permit(60)
            await radio.heard("permit")
            await radio.ask("join", device="Hall lamp")
            await radio.ask("join", device=sensor["ieee"])
            await eventually(lambda: {lamp["ieee"], sensor["ieee"]} <= set(host.heard.initialized))
            occupancy = host.cluster(sensor["ieee"], "occupancy")
            await occupancy.bind()
            await occupancy.configure_reporting(0, 0, 300, 1)
            await radio.ask("act", device=sensor["ieee"], stimulus="motion", value=True, expect="Hall lamp")
            await eventually(lambda: occupancy.get(0) == 1)
            await host.cluster(lamp["ieee"], "on_off").command(1)
            latency = await radio.ask("latency", samples=True, clear=True)
            assert latency["count"] == len(latency["samples_ms"]) == 1
            assert latency["p50_ms"] > 0
            assert (await radio.ask("latency"))["count"] == 0
            assert await radio.ask("get", device="Hall lamp", attribute="on_off") is True
            await radio.ask("set", device="Hall lamp", cluster=6, attribute=0, value=False)
            assert await radio.ask("get", device="Hall lamp", endpoint=1, cluster=6, attribute=0) is False
        assert {event["event"] for event in radio.events} >= {"ready", "network", "permit", "joined", "command"}
        assert await radio.end() == 0
    assert not link.is_symlink()


async def test_killed_it_comes_back_with_its_home(tmp_path: Path) -> None:
    link, state = tmp_path / "tty", tmp_path / "radio.json"
    argv = ("--pty-link", link, "--state", state, "--latency-ms", "0")
    async with running(*argv) as radio:
        await radio.ask("add", model="lamp-white", name="Hall lamp")
        async with hosted(str(link)) as host:
            await host.app.permit(60)
            await radio.heard("permit")
            await radio.ask("join", device="Hall lamp")
            radio.process.send_signal(signal.SIGKILL)
            await radio.process.wait()
            await asyncio.wait_for(host.heard.lost.wait(), 10)
    assert link.is_symlink()
    assert not link.exists()

    async with running(*argv) as radio:
        (lamp,) = await radio.ask("devices")
        assert (lamp["name"], lamp["joined"]) == ("Hall lamp", True)
        async with hosted(str(link)):
            await radio.ask("rejoin", device="Hall lamp")
            await radio.ask("leave", device="Hall lamp")
        await radio.ask("remove", device="Hall lamp")
        assert await radio.end() == 0
    assert "Hall lamp" not in state.read_text()


async def test_every_verb_answers_and_no_line_harms() -> None:
    async with running("--tcp", "0", "--ezsp", "18") as radio:
        await radio.ask("add", model="lamp-white", name="Hall lamp")
        assert len(await radio.ask("models")) >= 14
        await radio.ask("add", model="lamp-color", name="Neighbour's lamp")
        assert await radio.ask("stray", device="Neighbour's lamp", channel=20) is None
        with pytest.raises(AssertionError, match="channel"):
            await radio.ask("stray", device="Neighbour's lamp", channel=27)
        await radio.ask("remove", device="Neighbour's lamp")
        assert (await radio.ask("stimuli", device="Hall lamp"))[0]["stimulus"] == "on_off"
        assert (await radio.ask("faults", corrupt=0.1, hang=True))["corrupt"] == 0.1
        assert (await radio.ask("faults"))["hang"] is False
        for verb in ("reset", "crash", "hang", "unplug"):
            assert await radio.ask(verb) is None
        await radio.ask("hang", on=False)
        assert (await radio.ask("replug"))["address"].startswith("socket://127.0.0.1:")
        await radio.ask("reachable", device="Hall lamp", on=False)
        await radio.ask("slow", device="Hall lamp", ms=200)
        await radio.ask("slow", device="Hall lamp", ms=None)
        assert (await radio.ask("status"))["network"] is None
        for line, words in (
            (b"not JSON", "no request"),
            (b"[1]", "no request"),
            (b'{"id": 1}', "no request"),
            (b"[" * 50_000, "no request"),
            (b'{"do": "dance"}', "no verb 'dance'"),
            (b'{"do": "join"}', "'device' is text, not None"),
            (b'{"do": "join", "device": "Hall lamp"}', "network is not up"),
            (b'{"do": "join", "device": "Hall lamp", "now": 1}', "'join' takes device, through, not 'now'"),
            (b'{"do": "devices", "all": 1}', "'devices' takes no arguments, not 'all'"),
            (b'{"do": "crash", "code": true}', "'code' is a whole number"),
            (b'{"do": "crash", "code": 999}', "0 to 255"),
            (b'{"do": "faults", "corrupt": 7}', "probability"),
            (b'{"do": "slow", "device": "Hall lamp", "ms": -5}', "latency"),
            (b'{"do": "add", "model": "plug", "name": "' + b"x" * 101 + b'"}', "at most 100"),
            (b'{"do": "' + b"x" * MAX_LINE + b'"}', "longer than"),
        ):
            answer = await radio.raw(line)
            assert words in answer["error"], answer
        assert await radio.end() == 0


async def test_it_ends_on_a_signal_and_when_nobody_comes(tmp_path: Path) -> None:
    async with running("--pty-link", tmp_path / "tty", "--no-control") as radio:
        radio.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(radio.process.wait(), 10) == 0
    assert not (tmp_path / "tty").is_symlink()
    async with running("--pty-link", tmp_path / "tty", "--idle-exit", "0.01") as radio:
        assert await asyncio.wait_for(radio.process.wait(), 10) == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--pty-link", "/nowhere/tty"), "The link /nowhere/tty cannot be made"),
        (("--tcp", "0", "--latency-ms", "-1"), "A latency is"),
        (("--tcp", "0"), "Standard input cannot be listened to"),
    ],
)
async def test_a_start_that_fails_says_one_sentence(argv: tuple[str, ...], words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "device_plugins.virtual_radio", *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert words in errors.decode()
    assert len(errors.decode().splitlines()) == 1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
)
_known = {
    "device": st.sampled_from(("Lamp", "Remote", "Nobody")),
    "model": st.sampled_from(("lamp-white", "toaster")),
    "stimulus": st.sampled_from(("on_off", "level", "press")),
    "cluster": st.sampled_from((0, 6, 8)),
    "attribute": st.sampled_from((0, 4, "on_off")),
}
_names = {"corrupt", *(name for names in _ARGUMENTS.values() for name in names)}
_requests = st.fixed_dictionaries(
    {"do": st.sampled_from((*_ARGUMENTS, "models", "devices", "faults", "status", "unplug", "replug"))},
    optional={name: _known.get(name, st.nothing()) | _json for name in sorted(_names)},
)


@given(st.lists(_requests, max_size=20))
async def test_every_request_has_its_answer(requests: list[dict[str, object]]) -> None:
    radio, said = VirtualRadio(), [""]
    control = Control(radio, said.append)
    radio.open_pty()
    radio.add("lamp-color", "Lamp")
    radio.add("button", "Remote")
    for number, request in enumerate(requests):
        control.feed(json.dumps({"id": number, **request}).encode() + b"\n")
    assert [json.loads(line)["id"] for line in said[1:]] == list(range(len(requests)))
    control.close()
    await radio.close()


async def test_requests_may_come_in_any_pieces() -> None:
    radio, said = VirtualRadio(), [""]
    control = Control(radio, said.append)
    for byte in b'{"id": 7, "do": "stimuli", "device": "x"}\n\n  \n':
        control.feed(bytes([byte]))
    assert [json.loads(line)["id"] for line in said[1:]] == [7]
    control.feed(b"x" * (MAX_LINE + 1))
    control.feed(b"y" * 10)
    control.feed(b'z\n{"id": 8, "do": "devices"}\n')
    assert [json.loads(line)["id"] for line in said[2:]] == [None, 8]
    control.close()
    await radio.close()
