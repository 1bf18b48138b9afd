"""Holds a busy hub under reloads for a while and says whether it leaks: memory, tasks, registrations, descriptors."""

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hub.cli.client import Client
from hub.cli.errors import CommandError
from scripts.benchmarks.startup import rss_mib

_PATIENCE = 60.0
_SETTLE_S = 10.0
_EVENTS_A_TURN = 2  # a tick, and the change of state
_WINDOW = 6


class Plan(NamedTuple):
    """How long (s) and how hard; `events` is a rate per second over all plugins.

    From `warm` to the end memory may grow by `growth` %. `source` is the module that every plugin is a copy of.
    """

    seconds: float = 600.0
    warm: float = 60.0
    plugins: int = 50
    events: float = 1000.0
    reload_every: float = 5.0
    line_every: float = 30.0
    growth: float = 2.0
    source: Path = Path(__file__).with_name("soak_plugin.py")


class Sample(NamedTuple):
    """How much the hub holds at a moment."""

    rss_mib: float
    tasks: int
    subscriptions: int
    services: int
    descriptors: int

    def leaks(self, before: "Sample") -> list[str]:
        """What there is more of than `before`, memory aside."""
        pairs = zip(self._fields[1:], before[1:], self[1:], strict=True)
        return [f"{name} grew from {old} to {new}" for name, old, new in pairs if new > old]


class Result(NamedTuple):
    """What was found; `faults` is empty when all is well."""

    growth_percent: float
    first: Sample
    last: Sample
    events_per_s: float
    p99_ms: float
    reloads: int
    faults: list[str]


class _Soak:
    """One hub under load, and what is known of it."""

    def __init__(self, plan: Plan, folder: Path, pid: int) -> None:
        self._plan = plan
        self._plugins = folder / "plugins"
        self._client = Client(folder / "data" / "hub.sock")
        self._pid = pid
        self._dice = random.Random(1)  # noqa: S311 - any choice will do
        self._reloads = 0
        self._latencies: list[float] = []
        self._lines: list[float] = []

    def run(self) -> Result:
        """Wait until everything runs, warm up, load and reload, and compare."""
        plan = self._plan
        _until(self._all_run, "all plugins run")
        begun = time.monotonic()
        self._loaded(begun, begun + plan.warm)
        first, events, warm = self._settled(None), self._events(), time.monotonic()
        memory = self._loaded(begun, begun + plan.seconds)
        rate = (self._events() - events) / (time.monotonic() - warm)
        last = self._settled(first)
        window = min(_WINDOW, max(len(memory) // 3, 1))
        begin, end = (statistics.median(part) for part in (memory[:window], memory[-window:]))
        growth = (end / begin - 1) * 100
        faults = last.leaks(first)
        if growth > plan.growth:
            faults.append(f"memory grew by {growth:.1f} %, from {begin:.1f} to {end:.1f} MiB")
        faults += [f"{one['id']} is {one['status']}: {one['reason']}" for one in self._down()]
        p99 = statistics.median(self._latencies) if self._latencies else 0.0
        return Result(growth, first, last, rate, p99, self._reloads, faults)

    def _loaded(self, begun: float, until: float) -> list[float]:
        """Reload a plugin now and then; returns memory in MiB, sampled as often."""
        memory = []
        told = time.monotonic()
        while time.monotonic() < until:
            self._reload()
            memory.append(rss_mib(self._pid))
            if time.monotonic() >= told + self._plan.line_every:
                told = time.monotonic()
                self._tell(told - begun)
            time.sleep(max(min(self._plan.reload_every, until - time.monotonic()), 0))
        self._tell(time.monotonic() - begun)
        return memory or [rss_mib(self._pid)]

    def _reload(self) -> None:
        """Put a new version of a random plugin in place of the old one."""
        self._reloads += 1
        name = self._dice.choice(_names(self._plan.plugins))
        (self._plugins / name / "plugin.py").write_text(
            f"{self._plan.source.read_text()}\n\nREVISION = {self._reloads}\n"
        )
        self._client.call("hub.reload_plugin", {"plugin": name}, limit=_PATIENCE)

    def _tell(self, seconds: float) -> None:
        now, late = self._sample(), self._client.call("soak_quiet.latency", {})
        if late["count"]:
            self._latencies.append(late["p99_ms"])
        _say(
            f"{seconds:6.0f} s  {now.rss_mib:6.1f} MiB  {now.tasks} tasks  {now.subscriptions} subscriptions  "
            f"{now.services} services  {now.descriptors} descriptors  {self._reloads} reloads  "
            f"p99 {late['p99_ms']:.2f} ms"
        )

    def _sample(self) -> Sample:
        plugins = self._client.call("hub.statistics", {})["plugins"]
        tasks, subscriptions, services = (
            sum(one[key] for one in plugins) for key in ("tasks", "subscriptions", "services")
        )
        descriptors = len(list(Path(f"/proc/{self._pid}/fd").iterdir()))
        return Sample(rss_mib(self._pid), tasks, subscriptions, services, descriptors)

    def _settled(self, before: Sample | None) -> Sample:
        """The least of some samples, or the first that is no more than `before`: work under way is no leak."""
        until = time.monotonic() + _SETTLE_S
        found: list[Sample] = []
        while time.monotonic() < until and len(found) < (_WINDOW if before is None else 1_000):
            now = self._sample()
            if before is not None and not now.leaks(before):
                return now
            found.append(now)
            time.sleep(0.1)
        return Sample(*(min(each) for each in zip(*found, strict=True)))

    def _events(self) -> int:
        return sum(self._client.call("hub.statistics", {})["events"].values())

    def _all_run(self) -> bool:
        plugins = {one["id"] for one in self._client.get("plugins") if one["status"] == "running"}
        return plugins.issuperset(("soak_quiet", *_names(self._plan.plugins)))

    def _down(self) -> list[dict[str, Any]]:
        return [one for one in self._client.get("plugins") if one["status"] not in {"running", "disabled"}]


def soak(plan: Plan) -> Result:
    """Run a hub through the plan, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="soak-") as text:
        folder = Path(text)
        _write(folder, plan)
        with _hub(folder) as process:
            result = _Soak(plan, folder, process.pid).run()
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=_PATIENCE)
        if code:
            result.faults.append(f"the hub ended with the exit code {code}")
    return result


def main() -> int:
    """Soak, and print the verdict."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=Plan().seconds / 60, help="how long (default: %(default)g)")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    options = parser.parse_args()
    seconds = options.minutes * 60
    plan = Plan(seconds=seconds, warm=min(Plan().warm, seconds / 4))
    result = soak(plan)
    if options.json:
        figures = {**result._asdict(), "first": result.first._asdict(), "last": result.last._asdict()}
        print(json.dumps(figures | {"growth_limit_percent": plan.growth}))
    else:
        print(
            f"{result.events_per_s:.0f} events a second, {result.reloads} reloads, p99 {result.p99_ms:.2f} ms, "
            f"memory {result.growth_percent:+.1f} % (at most {plan.growth:g})"
        )
        print("\n".join(result.faults) or "Nothing leaked.")
    return 1 if result.faults else 0


def _names(count: int) -> list[str]:
    return [f"soak_{number:02}" for number in range(count)]


def _write(folder: Path, plan: Plan) -> None:
    """The hub's configuration, and its plugins."""
    names = _names(plan.plugins)
    period = plan.plugins * _EVENTS_A_TURN / plan.events
    for number, name in enumerate(names):
        before = names[number - 1]
        permissions = {
            "publish": [f"{name}.tick"],
            "hear": [f"{name}.tick", f"{before}.tick", "state.changed"],
            "call": [f"{before}.add"],
            "offer": [f"{name}.add"],
            "read": [f"soak/{before}/+"],
            "write": [f"soak/{name}/+"],
        }
        _write_plugin(folder / "plugins" / name, plan, "Busy", {"before": before, "period": period}, permissions)
    permissions = {"hear": [f"{names[0]}.tick"], "offer": ["soak_quiet.latency"]}
    _write_plugin(folder / "plugins" / "soak_quiet", plan, "Quiet", {"before": names[0]}, permissions)
    (folder / "data").mkdir()
    (folder / "data" / "hub.toml").write_text(f'[hub]\nplugin_dirs = ["{folder / "plugins"}"]\n')


def _write_plugin(place: Path, plan: Plan, cls: str, config: dict[str, Any], permissions: dict[str, list[str]]) -> None:
    place.mkdir(parents=True)
    (place / "plugin.py").write_text(plan.source.read_text())
    lines = [f'id = "{place.name}"', 'version = "1.0.0"', 'api = "1"', f'entry = "{place.name}.plugin:{cls}"']
    for name, section in (("config", config), ("permissions", permissions)):
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    (place / "plugin.toml").write_text("\n".join(lines))


@contextlib.contextmanager
def _hub(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "hub", "run", "--data", str(folder / "data"), "--log-level", "warning"]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "cache")}
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def _until(holds: Any, what: str) -> None:  # noqa: ANN401 - a function
    until = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(CommandError):
            if holds():
                return
        if time.monotonic() > until:
            raise RuntimeError(f"never came true: {what}")
        time.sleep(0.1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
