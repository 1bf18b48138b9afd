"""Lets a house of virtual Zigbee devices live through radio resets and lost frames; see `scripts/chaos`."""

import argparse
import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hub.cli.client import Client
from hub.cli.errors import CommandError, RefusedError
from scripts.benchmarks.startup import rss_mib
from scripts.tools.chaos_log import faults_in, stalls_in
from scripts.tools.descriptors import held
from scripts.tools.radio_process import RadioProcess

_PATIENCE_S = 120.0
_CALM_S = 20.0
_PAIR_S = 20.0
_PAIRING_S = 240.0
_COMMAND_S = 30.0
_WORKERS = 12
_LINE_S = 30.0
# Models with an on/off that can be commanded, and what happens to the others.
_SWITCHED = ("lamp-white", "lamp-color", "plug")
_HAPPENS: dict[str, tuple[str, Callable[[random.Random], object]]] = {
    "motion": ("motion", lambda dice: dice.random() < 0.5),  # noqa: PLR2004
    "motion-ias": ("motion", lambda dice: dice.random() < 0.5),  # noqa: PLR2004
    "contact": ("contact", lambda dice: dice.choice(("open", "closed"))),
    "climate": ("temperature", lambda dice: round(dice.uniform(-20, 40), 2)),
    "climate-sleepy": ("temperature", lambda dice: round(dice.uniform(-20, 40), 2)),
    "button": ("press", lambda dice: dice.choice(("single", "on", "off"))),
    "leak": ("leak", lambda dice: dice.random() < 0.5),  # noqa: PLR2004
    "smoke": ("smoke", lambda dice: dice.random() < 0.5),  # noqa: PLR2004
    "lock": ("lock", lambda dice: dice.choice(("locked", "unlocked"))),
    "thermostat": ("temperature", lambda dice: round(dice.uniform(5, 30), 2)),
    "siren": ("tamper", lambda dice: dice.random() < 0.5),  # noqa: PLR2004
    "blind": ("position", lambda dice: dice.randrange(100)),
    "plug": ("power", lambda dice: dice.randrange(2000)),
}
_MODELS = (*_SWITCHED, *(model for model in _HAPPENS if model != "plug"))


@dataclass(frozen=True, slots=True)
class Plan:
    """How many devices, for how long (s) and how hard: `loss` is a share of frames, `commands` a rate per second.

    `pulled` mains devices lose their power halfway and stay dark.
    """

    devices: int = 200
    seconds: float = 600.0
    loss: float = 0.02
    reset_every: float = 60.0
    commands: float = 4.0
    reports: float = 10.0
    pulled: int = 3
    seed: int = 1


@dataclass(slots=True)
class Result:
    """What was found; `faults` is empty when all is well."""

    devices: int = 0
    paired: int = 0
    pairing_s: float = 0.0
    resets: int = 0
    reports: int = 0
    confirmed: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    availability: dict[str, int] = field(default_factory=dict)
    tasks: tuple[int, int] = (0, 0)
    descriptors: tuple[int, int] = (0, 0)
    rss_mib: tuple[float, float] = (0.0, 0.0)
    stalls: int = 0
    faults: list[str] = field(default_factory=list)


class _House:
    """One hub, its radio, its devices (hub's id → what the radio tells of it), and what was found."""

    def __init__(self, plan: Plan, radio: RadioProcess, client: Client, pid: int) -> None:
        self._plan = plan
        self._radio = radio
        self._client = client
        self._pid = pid
        self._dice = random.Random(plan.seed)  # noqa: S311 - chaos must be repeatable, not secret
        self._devices: dict[str, dict[str, Any]] = {}
        self._busy: set[str] = set()
        self._pulled: set[str] = set()
        self._failed: collections.Counter[str] = collections.Counter()
        self._begun = time.monotonic()
        self._open: collections.Counter[str] = collections.Counter()
        self._kept: collections.Counter[str] = collections.Counter()
        self.result = Result(devices=plan.devices)

    # -- pairing ---------------------------------------------------------------------------------------------------

    def pair(self) -> None:
        """Let all devices join, a few at a time."""
        begun = time.monotonic()
        for number in range(self._plan.devices):
            device = self._radio.ask("add", model=_MODELS[number % len(_MODELS)], name=f"Device {number + 1}")
            self._devices[f"zigbee-{device['ieee'].replace(':', '')}"] = device
        waiting = list(self._devices)
        opened = -_PAIRING_S
        under_way: dict[str, float] = {}
        again: set[str] = set()
        while waiting or under_way:
            if time.monotonic() > opened + _PAIR_S:
                opened = time.monotonic()
                with contextlib.suppress(RefusedError):  # it is still open
                    self._client.call("devices.pair", {"protocol": "zigbee", "duration": _PAIRING_S}, limit=_COMMAND_S)
            while waiting and len(under_way) < 4:  # noqa: PLR2004 - as fast as a patient person
                device = waiting.pop(0)
                self._join(device)
                under_way[device] = time.monotonic()
            known = self._availability()
            for device, since in list(under_way.items()):
                if device in known or time.monotonic() > since + _PAIR_S:
                    del under_way[device]
                    if device not in known and device not in again:  # as anybody would try once more
                        again.add(device)
                        waiting.append(device)
            time.sleep(0.2)
        self.result.pairing_s = round(time.monotonic() - begun, 1)
        _until(self._configured, "all devices are configured", _CALM_S, give_up=False)
        self.result.paired = len(self._availability())
        self._say(f"{self.result.paired} of {self._plan.devices} paired in {self.result.pairing_s:g} s")

    def _join(self, device: str) -> None:
        with contextlib.suppress(RuntimeError):  # it is tried once more, and missed in the end
            self._radio.join(self._devices[device]["ieee"], _PAIR_S)

    def _configured(self) -> bool:
        """Whether the plugin has nothing left to do for those that joined."""
        return self._tasks() <= self._quiet_tasks

    # -- chaos -----------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Command, report, reset and lose frames until the time is over."""
        plan = self._plan
        self._begun = time.monotonic()
        self._radio.ask("faults", loss=plan.loss, drop=plan.loss)
        end, half = self._begun + plan.seconds, self._begun + plan.seconds / 2
        reset, told = self._begun + plan.reset_every, self._begun
        commands = reports = self._begun
        pending: set[Future[None]] = set()
        with ThreadPoolExecutor(_WORKERS) as pool:
            while (now := time.monotonic()) < end:
                if now >= reset:
                    self._radio.ask("reset")
                    self.result.resets += 1
                    reset += plan.reset_every
                if now >= half and not self._pulled:
                    self._pull()
                if now >= told + _LINE_S:
                    told = now
                    self._say(self._line())
                if now >= commands:
                    commands += 1 / plan.commands
                    pending.add(pool.submit(self._command))
                if now >= reports:
                    reports += 1 / plan.reports
                    self._happen(self._dice.choice(list(self._devices)))
                pending = {one for one in pending if not _done(one)}
                time.sleep(max(0.0, min(commands, reports) - time.monotonic()))
            _, late = wait(pending, _COMMAND_S + _PATIENCE_S)
            if late:
                self.result.faults.append(f"{len(late)} commands were neither confirmed nor reported as failed")
        self._radio.ask("faults")
        self._say(self._line())

    def _pull(self) -> None:
        mains = [one for one, told in self._devices.items() if told["model"] in _SWITCHED]
        self._pulled = set(self._dice.sample(mains, min(self._plan.pulled, len(mains))))
        for device in self._pulled:
            self._radio.ask("reachable", device=self._devices[device]["ieee"], on=False)

    def _happen(self, device: str) -> None:
        told = self._devices[device]
        if told["model"] in _HAPPENS:
            stimulus, value = _HAPPENS[told["model"]]
            self._radio.ask("act", device=told["ieee"], stimulus=stimulus, value=value(self._dice))
            self.result.reports += 1

    def _command(self) -> None:
        """Switch something that nobody else switches, and see that what is confirmed has been done."""
        free = [one for one, told in self._devices.items() if told["model"] in _SWITCHED and one not in self._busy]
        if not free:
            return
        device = self._dice.choice(free)
        self._busy.add(device)
        wanted = self._dice.random() < 0.5  # noqa: PLR2004
        try:
            arguments = {"device": device, "capability": "on_off", "arguments": {"value": wanted}}
            self._client.call("devices.command", arguments, limit=_COMMAND_S)
        except RefusedError as error:
            self._failed[error.reason] += 1
        except CommandError as error:
            self.result.faults.append(f"a command to {device} was not answered: {error}")
        else:
            self.result.confirmed += 1
            found = self._radio.ask("get", device=self._devices[device]["ieee"], attribute="on_off")
            if found is not wanted:
                self.result.faults.append(f"{device} confirmed on_off={wanted} but is {found}")
        finally:
            self._busy.discard(device)

    # -- the verdict -----------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Let calm return, hear each sensor once more, and compare with what was there before."""
        _until(lambda: self._client.call("zigbee.status", {})["status"] == "up", "the radio is up again", _PATIENCE_S)
        for told in self._devices.values():
            if told["battery"] and told["model"] in _HAPPENS:
                self._move(told)
        _until(lambda: not self._wrong(), "availability is right", _PATIENCE_S, give_up=False)
        _until(self._rests, "what is not needed any more is gone", _PATIENCE_S, give_up=False)
        self.result.failed = dict(self._failed)
        after = self._availability()
        self.result.availability = dict(collections.Counter(after.values()))
        self.result.faults += self._wrong()
        lost = self._devices.keys() - after.keys()
        self.result.faults += [f"{device} is lost" for device in sorted(lost)]
        self.result.faults += [
            f"{device['name']} is no longer on the network"
            for device in self._radio.ask("devices")
            if not device["joined"]
        ]
        self._blame()

    def _move(self, told: dict[str, Any]) -> None:
        """Let something happen to a sensor that it is bound to report: of two values, one is not what it has."""
        stimulus, value = _HAPPENS[told["model"]]
        seen: set[object] = set()
        while len(seen) < 2:  # noqa: PLR2004
            if (drawn := value(self._dice)) not in seen:
                seen.add(drawn)
                self._radio.ask("act", device=told["ieee"], stimulus=stimulus, value=drawn)

    def _wrong(self) -> list[str]:
        """What is known of each device that does not hold: those pulled must be offline, all others online."""
        found = []
        for device, status in self._availability().items():
            if status != ("offline" if device in self._pulled else "online"):
                found.append(f"{self._devices[device]['name']} ({self._devices[device]['model']}) is {status}")
        return found

    def before(self) -> None:
        """Note what the hub holds at rest, before the first device is paired."""
        self._quiet_tasks = self._tasks()

    def rested(self) -> None:
        """Note what the hub holds at rest, with all devices."""
        self._quiet_tasks = self._tasks()
        self._open = held(self._pid)
        self.result.tasks = (self._quiet_tasks, 0)
        self.result.descriptors = (self._open.total(), 0)
        self.result.rss_mib = (round(rss_mib(self._pid), 1), 0.0)

    def _rests(self) -> bool:
        """Whether it has no more tasks and descriptors than before; what it has now is noted."""
        self.result.tasks = (self._quiet_tasks, self._tasks())
        self._kept = held(self._pid)
        self.result.descriptors = (self._open.total(), self._kept.total())
        self.result.rss_mib = (self.result.rss_mib[0], round(rss_mib(self._pid), 1))
        return self._kept.total() <= self._open.total() and self.result.tasks[1] <= self._quiet_tasks

    def _blame(self) -> None:
        first, last = self.result.tasks
        if last > first:
            self.result.faults.append(f"tasks grew from {first} to {last}")
        first, last = self.result.descriptors
        if last > first:
            more = ", ".join((self._kept - self._open).elements())
            self.result.faults.append(f"descriptors grew from {first} to {last}: {more}")

    def _tasks(self) -> int:
        plugins = self._client.call("hub.statistics", {}, limit=_COMMAND_S)["plugins"]
        return sum(one["tasks"] for one in plugins if one["id"] == "zigbee")

    def _availability(self) -> dict[str, str]:
        listed = self._client.call("devices.list", {}, limit=_COMMAND_S)
        return {one["id"]: one["availability"] for one in listed if one["id"] in self._devices}

    def _line(self) -> str:
        counts = collections.Counter(self._availability().values())
        shown = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        return (
            f"{self.result.resets} resets  {self.result.confirmed} confirmed  {sum(self._failed.values())} failed  "
            f"{self.result.reports} happenings  {shown}"
        )

    def _say(self, line: str) -> None:
        print(f"{time.monotonic() - self._begun:6.0f} s  {line}", file=sys.stderr, flush=True)


def chaos(plan: Plan) -> Result:
    """Run a hub and a radio through the plan, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        radio = RadioProcess(folder, ("--state", str(folder / "radio.json"), "--seed", str(plan.seed)))
        data = folder / "data"
        data.mkdir()
        (data / "hub.toml").write_text(f'[plugin.zigbee]\npath = "{radio.port}"\n[hub]\nlog_level = "warning"\n')
        log = folder / "hub.err"
        with _hub(data, log) as process:
            house = _House(plan, radio, client := Client(data / "hub.sock"), process.pid)
            _until(lambda: client.call("zigbee.status", {})["status"] == "up", "the radio is up", _PATIENCE_S)
            house.before()
            house.pair()
            house.rested()
            house.live()
            house.judge()
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=_PATIENCE_S)
        radio.close()
        if code:
            house.result.faults.append(f"the hub ended with the exit code {code}")
        house.result.stalls = stalls_in(data)
        house.result.faults += [f"in the hub's log: {fault}" for fault in faults_in(data, log)]
    return house.result


@contextlib.contextmanager
def _hub(data: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "hub", "run", "--data", str(data)]
    with log.open("wb") as errors, subprocess.Popen(command, stderr=errors, env=dict(os.environ)) as process:
        try:
            yield process
        finally:
            process.kill()


def _until(holds: Callable[[], object], what: str, patience: float, *, give_up: bool = True) -> None:
    """Wait until something holds; raise when it never does, unless that is for the verdict to tell."""
    until = time.monotonic() + patience
    while True:
        with contextlib.suppress(CommandError):
            if holds():
                return
        if time.monotonic() > until:
            if give_up:
                raise RuntimeError(f"never came true: {what}")
            return
        time.sleep(0.2)


def _done(future: Future[None]) -> bool:
    """Whether it has ended; a fault of this script's own is raised here."""
    if not future.done():
        return False
    future.result()
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the verdict, and return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/chaos zigbee", description=__doc__)
    parser.add_argument("--devices", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--loss", type=float, default=0.02)
    parser.add_argument("--reset-every", type=float, default=60.0, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    plan = Plan(options.devices, options.minutes * 60, options.loss, options.reset_every, seed=options.seed)
    result = chaos(plan)
    if options.json:
        print(json.dumps(asdict(result)))
    else:
        for name, value in asdict(result).items():
            if name != "faults":
                print(f"{name:<14}{value}")
        print("\n".join(result.faults) or "Nothing was lost.")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
