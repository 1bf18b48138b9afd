"""The virtual radio's own process, seen from the hub: started, spoken to in JSON lines, ended with its owner."""

import asyncio
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from device_plugins.sdk.logfile import open_log
from hub.api import HubError

type OnEvent = Callable[[dict[str, Any]], None]

_LINE_LIMIT = 1 << 20


class VirtualRadioError(HubError):
    """The virtual radio refused something, or its process is gone."""

    code = "virtual_radio"


class RadioProcess:
    """One process; it ends by itself when this side's pipe closes, so it never outlives the hub."""

    def __init__(self, arguments: Sequence[str], log: Path, on_event: OnEvent) -> None:
        self._arguments = arguments
        self._log = log
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        """Start it; `run` must be running for answers to arrive."""
        log = await open_log(self._log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "device_plugins.virtual_radio",
                *self._arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
                start_new_session=True,  # Ctrl+C in the terminal is for the hub, which ends this one in its turn
            )
        finally:
            os.close(log)

    async def run(self) -> int:
        """Take its answers and events until it ends; returns its exit code."""
        process = self._process
        if process is None or process.stdout is None:
            raise VirtualRadioError("the virtual radio was not started")
        try:
            while line := await process.stdout.readline():
                self._take(msgspec.json.decode(line))
            return await process.wait()
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(self._gone())
            self._answers.clear()

    async def ask(self, verb: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask it to do something.

        Raises VirtualRadioError with its own sentence when it refuses, or when it is gone.
        """
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            raise VirtualRadioError("the virtual radio is not running; wait a moment or restart the plugin")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            process.stdin.write(msgspec.json.encode({"id": number, "do": verb, **arguments}) + b"\n")
            await process.stdin.drain()
            return await answer
        except (ConnectionError, BrokenPipeError) as error:
            raise self._gone() from error
        finally:
            self._answers.pop(number, None)

    async def stop(self) -> None:
        """Close its input, which ends it; a process that hangs is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _gone(self) -> VirtualRadioError:
        return VirtualRadioError(f"the virtual radio ended; its last words are in {self._log}")

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._answers.get(message.get("id", 0))
        if answer is None:
            if "event" in message:
                self._on_event(message)
        elif not answer.done():
            if "error" in message:
                answer.set_exception(VirtualRadioError(message["error"]))
            else:
                answer.set_result(message.get("result"))
