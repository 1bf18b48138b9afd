"""A Node.js program of `server/`, seen from the hub: started, spoken to in JSON lines, ended with its owner."""

import asyncio
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from device_plugins.sdk.logfile import open_log
from device_plugins.zwave.network import ZWaveError

PROGRAMS = Path(__file__).parent / "server"
_LINE_LIMIT = 1 << 20
# The hub gives a plugin 5 seconds to stop.
_GRACE = 2.5


class NodeProgram:
    """One process; it ends by itself when this side's pipe closes, so it never outlives the hub.

    What it prints besides its lines goes to the file `log`, which begins anew with it.
    """

    def __init__(self, program: str, log: Path) -> None:
        self.log = log
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._failure: dict[str, Any] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int:
        """The process's id; 0 when it was not started."""
        return self._process.pid if self._process else 0

    async def start(self, node: str, packages: Path, config: Mapping[str, Any] | None = None) -> None:
        """Start it and give it where the packages are, with its configuration; `run` must be running to hear it."""
        log = await open_log(self.log, mode=0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                node,
                str(PROGRAMS / self._program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
                start_new_session=True,  # Ctrl+C in the terminal is for the hub, which ends this one in its turn
            )
        finally:
            os.close(log)
        self.tell({"packages": str(packages), **(config or {})})

    async def ready(self, within: float) -> dict[str, Any]:
        """Wait until it says that it is ready.

        Raises Failed when it says why it is not, or ends, or takes longer than `within` seconds.
        """
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            raise FailedError("slow", f"it was not ready within {within:g} s") from None

    async def run(self) -> tuple[str, str]:
        """Hear it until it ends; returns the kind of its failure and what it said, both empty if it said nothing."""
        process = self._process
        if process is None or process.stdout is None:
            return "end", "it was not started"
        try:
            async for line in process.stdout:
                self._take(msgspec.json.decode(line))
            code = await process.wait()
        finally:
            self._end()
        if self._failure:
            return str(self._failure["kind"]), str(self._failure["message"])
        return "end", f"it ended by signal {-code}" if code < 0 else f"it ended with code {code}"

    async def ask(self, verb: str, **what: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask it to do something; only `mock.cjs` takes requests.

        Raises ZWaveError with its own sentence when it refuses, or when it is gone.
        """
        if self._process is None or self._process.returncode is not None:
            raise ZWaveError(f"{self._program} is not running")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self.tell({"id": number, "do": verb, **what})
            return await answer
        finally:
            self._answers.pop(number, None)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Give it a line, if it runs; what it answers is heard by `run`."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")

    async def stop(self, grace: float = _GRACE) -> None:
        """Close its input, which ends it; one that still runs after `grace` seconds is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(grace):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                process.kill()
        await process.wait()

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"event": "ready"}:
                if not self._ready.done():
                    self._ready.set_result(message)
            case {"event": "failed"}:
                self._failure = message
            case {"id": number} if answer := self._answers.get(number):
                if "error" in message:
                    answer.set_exception(ZWaveError(str(message["error"])))
                else:
                    answer.set_result(message.get("result"))

    def _end(self) -> None:
        said = self._failure or {"kind": "end", "message": f"it ended before it was ready; see {self.log}"}
        if not self._ready.done():
            self._ready.set_exception(FailedError(str(said["kind"]), str(said["message"])))
            self._ready.exception()  # nobody may be waiting for it
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ZWaveError(f"{self._program} ended; its last words are in {self.log}"))


class FailedError(ZWaveError):
    """A program did not start; `kind` is driver, port, start, crash, slow or end, and the text is its own."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
