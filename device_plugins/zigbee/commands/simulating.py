"""A hub with a virtual radio in a folder of its own, into which described devices are paired."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from device_plugins.sdk import VOCABULARY
from hub.cli.kit import CommandError, RefusedError, Session, UnreachableHubError

type Description = dict[str, Any]
type Say = Callable[[str], object]

_START_LIMIT = 60.0
_STOP_LIMIT = 20.0
_SESSION = 600.0
_AT_ONCE = 6
# So long nothing may happen (s) before the devices that are not configured are given up.
_SILENCE = 45.0
_LOOK_EVERY = 0.1
# Nothing of it is to last, so it need not wait for a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made there is this user's alone
_PLACES = "plugins/virtual_radio/tty"
_CONFIGURATION = """\
[plugins]
enable = ["virtual_radio", "zigbee"]

[plugin.virtual_radio]
latency_ms = 0
keep = false

[plugin.zigbee]
path = "{path}"
"""


class Simulated(msgspec.Struct):
    """What became of one file; `features` are those of the device, with their units and values."""

    file: str
    reason: str = ""
    paired: bool = False
    id: str = ""
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    features: list[dict[str, Any]] = []

    def tree(self) -> dict[str, Any]:
        """It as JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def simulated(descriptions: Mapping[str, Description], *, quirks: bool | None, progress: Say) -> list[Simulated]:
    """Pair the described devices, by file, and return what became of each.

    Raises CommandError when the hub of their own cannot be started.
    """
    with _hub(quirks=quirks) as session:
        progress(f"pairing {len(descriptions)} devices")
        return _Pairing(session, descriptions, progress).run()


@contextlib.contextmanager
def _hub(*, quirks: bool | None) -> Iterator[Session]:
    memory = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="domovoi-simulate-", dir=memory) as name:
        folder = Path(name)
        text = _CONFIGURATION.format(path=folder / _PLACES)
        if quirks is not None:
            text += f"quirks = {str(quirks).lower()}\n"
        (folder / "hub.toml").write_text(text)
        log = folder / "simulate.log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", "hub", "--data", name, "run"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl+C is for this process, which ends that one
            )
            try:
                session = Session(folder / "hub.sock", data=name, json=False)
                _wait_ready(session, process, log)
                yield session
            finally:
                _end(process)


def _wait_ready(session: Session, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        # Not there yet, or its plugins are not.
        with contextlib.suppress(UnreachableHubError, RefusedError):
            if session.client.call("zigbee.status", {})["network"] is not None:
                return
        time.sleep(_LOOK_EVERY)
    last = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise CommandError(f"the hub for the simulation did not start: {last or 'it said nothing'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class _Pairing:
    """One pairing session: devices join a few at a time until each is configured or given up."""

    def __init__(self, session: Session, descriptions: Mapping[str, Description], progress: Say) -> None:
        self._client = session.client
        self._progress = progress
        self._results: dict[str, Simulated] = {}
        self._addresses: dict[str, str] = {}
        for number, (file, description) in enumerate(descriptions.items(), 1):
            self._add(number, file, description)
        self._waiting = [*self._addresses]
        self._open: set[str] = set()

    def run(self) -> list[Simulated]:
        """Pair them all."""
        with self._client.events("devices.pairing", "pairing/#") as feed:
            opened = self._client.call("devices.pair", {"protocol": "zigbee", "duration": _SESSION}, limit=20.0)
            self._join_more()
            heard = time.monotonic()
            while self._is_unfinished() and time.monotonic() < heard + _SILENCE:
                message = feed.next(1.0)
                if message is not None and "data" in message:
                    heard = time.monotonic()
                    self._take(message["data"])
            self._client.call("devices.pair_cancel", {"session": opened["session"]})
        records = {one["id"]: one for one in self._client.call("devices.list", {"protocol": "zigbee"})}
        for device, result in self._results.items():
            _complete(result, records.get(device))
        return [*self._results.values()]

    def _is_unfinished(self) -> bool:
        """Whether something may still happen: one that failed is tried again by the hub."""
        return bool(self._open) or any(not self._results[device].paired for device in self._addresses)

    def _add(self, number: int, file: str, description: Description) -> None:
        name = f"{number} {file}"[-100:]
        result = Simulated(file, manufacturer=description["manufacturer"], model=description["model"])
        try:
            added = self._client.call("virtual_radio.add_described", {"described": description, "name": name})
        except RefusedError as error:
            result.reason = str(error)
            self._results[file] = result
            return
        result.id = "zigbee-" + added["ieee"].replace(":", "")
        self._addresses[result.id] = added["ieee"]
        self._results[result.id] = result

    def _join_more(self) -> None:
        while self._waiting and len(self._open) < _AT_ONCE:
            device = self._waiting.pop(0)
            self._open.add(device)
            self._client.call("virtual_radio.join", {"device": self._addresses[device]})

    def _take(self, step: dict[str, Any]) -> None:
        result = self._results.get(step["device"])
        if result is None:
            return
        if step["step"] == "configured":
            result.paired, result.reason = True, step["reason"]
        elif step["step"] == "failed":
            result.reason = step["reason"]
        else:
            return
        if step["device"] in self._open:
            self._open.discard(step["device"])
            done = len(self._addresses) - len(self._waiting) - len(self._open)
            how = "configured" if result.paired else f"failed: {result.reason}"
            self._progress(f"{done} of {len(self._addresses)}: {result.model or result.file} {how}")
            self._join_more()


def _complete(result: Simulated, record: dict[str, Any] | None) -> None:
    if record is None:
        result.paired = False
        result.reason = result.reason or "it did not get through its interview"
        return
    result.manufacturer, result.model = record["manufacturer"], record["model"]
    result.firmware = record["firmware"]
    result.features = [_feature(one, record["values"]) for one in record["features"]]
    if not result.paired and not result.reason:
        result.reason = "it was not configured in time"


def _feature(told: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    word = VOCABULARY[told["capability"]]
    commands = told.get("commands", [])
    access = "event" if word.type == "event" and not commands else "read-write" if commands else "read"
    if word.type == "event" and commands:
        access = "write"
    return {
        **told,
        "endpoint": told.get("endpoint", 1),
        "type": word.type,
        "unit": told.get("unit") or word.unit,
        "access": access,
        "value": values.get(told["key"]),
    }
