"""Mosquitto's process: found, configured, started, watched and ended."""

import asyncio
import getpass
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from device_plugins.sdk.logfile import open_log
from hub.api import Clock, HubError

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin")
_ANSWER_EVERY, _ANSWER_LIMIT, _STOP_LIMIT = 0.05, 10.0, 3.0
_LOG_LIMIT = 1 << 20


class MosquittoError(HubError):
    """Mosquitto is not there, or does not run; the text says why in one sentence."""

    code = "mosquitto"


def find(program: str) -> tuple[str, ...]:
    """The command that runs the program until this process ends, also if that is killed.

    Otherwise it would hold the port against the next one. Raises MosquittoError, with how to get the program, where it
    is not there.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_PLACES))
    if (found := shutil.which(program, path=path)) is None:
        raise MosquittoError(f"{program} is not installed; run: apt-get install mosquitto")
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", found) if setpriv else (found,)


def write_config(folder: Path, port: int, lines: Mapping[str, str | int]) -> Path:
    """Write the configuration: one listener on the loopback, for anybody on this machine; what is retained is kept."""
    told = {
        "listener": f"{port} 127.0.0.1",
        "allow_anonymous": "true",
        # Otherwise root becomes another user, who cannot write in this folder.
        "user": getpass.getuser(),
        "set_tcp_nodelay": "true",
        "max_queued_messages": 20_000,
        "message_size_limit": 1 << 20,
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "autosave_interval": 1800,
        "log_dest": "stderr",
        "log_type": "warning",
    } | dict(lines)
    path = folder / "mosquitto.conf"
    path.write_text("".join(f"{key} {value}\n" for key, value in told.items()), encoding="utf-8")
    return path


class Mosquitto:
    """One process at a time; what it says is in the file `log`."""

    def __init__(self, program: Sequence[str], config: Path, log: Path, port: int) -> None:
        self._command = (*program, "-c", str(config))
        self._log = log
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, clock: Clock) -> None:
        """Start it and wait until it listens.

        Raises MosquittoError.
        """
        if await self._answers():
            raise MosquittoError(f"port {self._port} is taken by another program; set [plugin.mqtt_broker] port")
        log = await open_log(self._log, keep=_LOG_LIMIT)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C in the terminal is for the hub, which ends this one in its turn
            )
        except OSError as error:
            raise MosquittoError(f"mosquitto cannot be started: {error.strerror}") from error
        finally:
            os.close(log)
        until = clock.monotonic() + _ANSWER_LIMIT
        while not await self._answers():
            if self._process.returncode is not None or clock.monotonic() > until:
                raise MosquittoError(f"mosquitto does not run; its last words are in {self._log}")
            await asyncio.sleep(_ANSWER_EVERY)

    async def ended(self) -> int:
        """Wait until it has ended; returns its exit code."""
        if self._process is None:
            return 0
        return await self._process.wait()

    async def stop(self) -> None:
        """End it; it writes down what is retained. One that hangs is killed."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True
