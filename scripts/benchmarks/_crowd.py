"""A virtual radio in its own process that can also pour reports out; the Zigbee benchmark's air.

    python -m scripts.benchmarks._crowd --pty-link PATH [--latency-ms MS]

It speaks the control protocol of `device_plugins.virtual_radio`, with three verbs more: `flood` (count) sends that many
reports of temperature as fast as the host takes them, from all joined devices that have one, and tells the seconds;
`quiet` (seconds) answers, when the host has sent nothing for so long, with the monotonic time of its last frame; and
`knock` (device, expect) lets somebody walk by, from the moment the network is up, until the other device is commanded,
and tells the monotonic time of that.
"""

import argparse
import asyncio
import contextlib
import json
import os
import struct
import time
from pathlib import Path
from typing import Any

from device_plugins.virtual_radio import VirtualDevice, VirtualRadio
from device_plugins.virtual_radio.control import Control
from device_plugins.virtual_radio.wire import ApsFrame

_HOME_AUTOMATION, _TEMPERATURE = 0x0104, 0x0402
# Server to client, no default response, report attributes; then transaction, attribute, type, value.
_REPORT = struct.Struct("<BBBHBh")
_AHEAD = 100
_KNOCK_EVERY_S = 0.02


class Crowd:
    """The radio and the verbs."""

    def __init__(self, radio: VirtualRadio) -> None:
        self._radio = radio
        self._control = Control(radio, self._say)
        self._poured = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ready(self) -> None:
        """Say that it can be opened."""
        self._control.ready()

    def take(self, line: bytes) -> None:
        """Take one request."""
        request: dict[str, Any] = json.loads(line)
        verbs = {"flood": self._flood, "quiet": self._quiet, "knock": self._knock}
        verb = verbs.get(request["do"])
        if verb is None:
            self._control.feed(line)
            return
        task = asyncio.get_running_loop().create_task(self._answer(request.pop("id"), verb, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, verb: Any, request: dict[str, Any]) -> None:  # noqa: ANN401 - a coroutine function
        request.pop("do")
        self._say(json.dumps({"id": number, "result": await verb(**request)}))

    def _say(self, line: str) -> None:
        print(line, flush=True)

    async def _flood(self, count: int) -> float:
        senders = [one for one in self._radio.joined() if _TEMPERATURE in one.endpoints[1].clusters]
        stats = self._radio.ncp.link.stats
        begun, before = time.perf_counter(), stats["sent"]
        for number in range(count):
            while number - (stats["sent"] - before) > _AHEAD:  # noqa: ASYNC110 - the link tells nobody
                await asyncio.sleep(0)
            self._pour(senders[number % len(senders)])
        while stats["sent"] - before < count:  # noqa: ASYNC110 - the link tells nobody
            await asyncio.sleep(0)
        return time.perf_counter() - begun

    def _pour(self, device: VirtualDevice) -> None:
        self._poured += 1
        value = self._poured * 7 % 6000 - 1000
        frame = _REPORT.pack(0x18, self._poured & 0xFF, 0x0A, 0x0000, 0x29, value)
        self._radio.carry(device, ApsFrame(_HOME_AUTOMATION, _TEMPERATURE, 1, 1, 0, 0, 0), frame)

    async def _quiet(self, seconds: float) -> float:
        stats = self._radio.ncp.link.stats
        heard, since = stats["received"], time.monotonic()
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.005)
            if stats["received"] != heard:
                heard, since = stats["received"], time.monotonic()
        return since

    async def _knock(self, device: str, expect: str) -> float:
        commanded: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        up = asyncio.Event()

        def heard(event: str, facts: Any) -> None:  # noqa: ANN401 - JSON
            if event == "network" and facts["up"]:
                up.set()
            elif event == "command" and facts["ieee"] == expect and not commanded.done():
                commanded.set_result(time.monotonic())

        undo = self._radio.watch(heard)
        try:
            await up.wait()
            value = False
            while not commanded.done():
                self._radio.act(device, "motion", value)
                value = not value
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(commanded), _KNOCK_EVERY_S)
            return commanded.result()
        finally:
            undo()


async def serve(link: Path, latency: float) -> None:
    """Run until the input ends; `latency` in seconds."""
    radio = VirtualRadio()
    radio.latency = latency
    radio.open_pty(link)
    crowd = Crowd(radio)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb"))
    crowd.ready()
    while line := await reader.readline():
        crowd.take(line)
    transport.close()
    await radio.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pty-link", type=Path, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    asyncio.run(serve(options.pty_link, options.latency_ms / 1000))
