"""Zigbee with 92 devices: pairing, from report to command, a flood of reports, memory, and the first action of a start.

Two virtual radios without artificial latency run in processes of their own, one for the hub, one for bare zigpy and
bellows with a lamp and a motion sensor; the two hosts take turns, so that a slow moment of the machine hits both.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.cli.client import Client
from scripts.benchmarks import radio as pair
from scripts.benchmarks.startup import compiled, cpu_s, rss_mib

DEVICES, STARTS = 92, 5
BATCHES, BATCH, WARM_UP = 8, 40, 20
FLOODS, FLOOD = 4, 4000
_QUIET_S = 1.5
_LIMITS = {
    "pair_92_s": 20,
    "report_to_command_p99_ms": 6,
    "ratio": 0.65,
    "reports_per_s": 3000,
    "cpu_us_per_report": 330,
    "reports_ratio": 2,
    "rss_mib": 130,
    "rss_without_quirks_mib": 105,
    "start_to_first_action_s": 1.15,
}
_IMPORT = """
import time
begun = time.monotonic()
import bellows.zigbee.application
import zigpy.application
print(time.monotonic() - begun, time.process_time())
"""
_AT_LEAST = {"reports_per_s", "reports_ratio"}
_UNITS = {"s": "s", "ms": "ms", "report": "us", "mib": "MiB"}


class Crowd(pair.Radio):
    """A virtual radio with the verbs of `_crowd`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, module="scripts.benchmarks._crowd")

    def fill(self) -> list[str]:
        """Add devices of all models in turn until there are 92; returns those that are new."""
        models = [one["key"] for one in self.ask("models") if one["key"] != "plug-secure"]  # it needs its install code
        there = len(self.ask("devices"))
        return [self.ask("add", model=models[n % len(models)])["ieee"] for n in range(DEVICES - there)]


@contextlib.contextmanager
def hub_process(folder: Path) -> Iterator[int]:
    """A hub on a folder; gives its process id."""
    with subprocess.Popen([sys.executable, "-m", "hub", "run", "--data", str(folder)]) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextlib.contextmanager
def bare_process(radio: pair.Radio) -> "Iterator[subprocess.Popen[str]]":
    """Bare zigpy and bellows, paired with the radio's sensor and lamp."""
    command = [sys.executable, "-m", "scripts.benchmarks._bare", str(radio.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        pair.expect(process, "open")
        radio.join(radio.lamp, pair.PATIENCE)
        radio.join(radio.sensor, pair.PATIENCE)
        pair.expect(process, "ready")
        yield process
        process.communicate(timeout=20)


def pair_all(hub: Client, radio: Crowd, others: list[str]) -> float:
    """Let the other devices join, all at once; returns the seconds until the hub had no more to ask of any."""
    begun = time.monotonic()
    for device in others:
        radio.join(device, pair.PATIENCE)
    until = begun + pair.PATIENCE * 3
    while len(hub.get("devices")) < DEVICES:
        if time.monotonic() > until:
            raise RuntimeError(f"only {len(hub.get('devices'))} of {DEVICES} devices were paired")
        time.sleep(0.2)
    last: float = radio.ask("quiet", seconds=_QUIET_S)
    return last - begun


def flood(radio: Crowd, pid: int) -> tuple[float, float]:
    """Reports a second and CPU in us each."""
    before = cpu_s(pid)
    took = radio.ask("flood", count=FLOOD)
    radio.ask("quiet", seconds=0.3)
    return FLOOD / took, (cpu_s(pid) - before) * 1e6 / FLOOD


def first_action(folder: Path, radio: Crowd) -> tuple[float, float]:
    """Seconds from the start of the hub's process to its first command, and those it has used of a core by then."""
    begun = time.monotonic()
    with hub_process(folder) as pid:
        acted: float = radio.ask("knock", device=radio.sensor, expect=radio.lamp)
        return acted - begun, cpu_s(pid)


def without_quirks(folder: Path, radio: Crowd) -> float:
    """Memory of a hub with quirks switched off: started with the devices, and after a flood of reports."""
    config = folder / "hub.toml"
    before = config.read_text()
    config.write_text(before.replace("[plugin.zigbee]\n", "[plugin.zigbee]\nquirks = false\n"))
    try:
        with hub_process(folder) as pid:
            radio.ask("knock", device=radio.sensor, expect=radio.lamp)
            radio.ask("quiet", seconds=_QUIET_S)
            flood(radio, pid)
            return rss_mib(pid)
    finally:
        config.write_text(before)


def bare_import() -> tuple[float, float]:
    """Seconds, and seconds of a core, that nothing but the import of zigpy and bellows takes."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], check=True, capture_output=True, text=True)
    took, used = done.stdout.split()
    return float(took), float(used)


class Measurement:
    """Takes the figures."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def all(self) -> dict[str, float]:
        """All figures."""
        with compiled(), tempfile.TemporaryDirectory(prefix="bench-") as text:
            folder = Path(text)
            for name in ("a", "b"):
                (folder / name).mkdir()
            one, two = Crowd(folder / "a"), Crowd(folder / "b")
            with pair.hub_host(one, folder / "hub") as pid:
                hub = Client(folder / "hub" / "hub.sock")
                _tell("92 devices are being paired")
                self.figures["pair_92_s"] = pair_all(hub, one, one.fill())
                with bare_process(two) as bare:
                    self._latency(one, two)
                    self._floods(one, pid, hub, two, bare)
                self.figures["rss_mib"] = rss_mib(pid)
            _tell("starts with 92 devices")
            self._starts(folder / "hub", one)
            self.figures["rss_without_quirks_mib"] = without_quirks(folder / "hub", one)
            one.close()
            two.close()
        _tell("")
        return {name: round(value, 3) for name, value in self.figures.items()}

    def _starts(self, folder: Path, radio: Crowd) -> None:
        bare_import()  # may compile
        starts: list[tuple[float, float]] = []
        imports: list[tuple[float, float]] = []
        for _ in range(STARTS):
            starts.append(first_action(folder, radio))
            imports.append(bare_import())
        self.figures["start_to_first_action_s"] = statistics.median(took for took, _ in starts)
        self.figures["start_cpu_s"] = statistics.median(used for _, used in starts)
        self.figures["bare_import_s"] = statistics.median(took for took, _ in imports)
        self.figures["bare_import_cpu_s"] = statistics.median(used for _, used in imports)
        self.figures["start_ratio"] = self.figures["start_to_first_action_s"] / self.figures["bare_import_s"]
        self.figures["start_cpu_ratio"] = self.figures["start_cpu_s"] / self.figures["bare_import_cpu_s"]

    def _latency(self, one: Crowd, two: Crowd) -> None:
        through: list[float] = []
        bare: list[float] = []
        one.react(WARM_UP)
        two.react(WARM_UP)
        for done in range(BATCHES):
            _tell(f"report to command, {done * 100 // BATCHES} %")
            through += one.react(BATCH)
            bare += two.react(BATCH)
        self.figures["report_to_command_p50_ms"] = statistics.median(through)
        self.figures["report_to_command_p99_ms"] = statistics.quantiles(through, n=100)[98]
        self.figures["bare_p50_ms"] = statistics.median(bare)
        self.figures["bare_p99_ms"] = statistics.quantiles(bare, n=100)[98]
        self.figures["ratio"] = self.figures["report_to_command_p50_ms"] / self.figures["bare_p50_ms"]

    def _floods(self, one: Crowd, pid: int, hub: Client, two: Crowd, bare: "subprocess.Popen[str]") -> None:
        found: list[tuple[float, float]] = []
        poor: list[tuple[float, float]] = []
        before = hub.call("zigbee.status", {})["reports"]
        for done in range(FLOODS):
            _tell(f"flood {done + 1} of {FLOODS}")
            found.append(flood(one, pid))
            poor.append(flood(two, bare.pid))
        applied = hub.call("zigbee.status", {})["reports"] - before
        if applied < FLOOD * FLOODS or _count(bare) < FLOOD * FLOODS:
            raise RuntimeError(f"of {FLOOD * FLOODS} reports {applied} were applied, bare {_count(bare)}")
        self.figures["reports_per_s"] = statistics.median(rate for rate, _ in found)
        self.figures["cpu_us_per_report"] = statistics.median(cpu for _, cpu in found)
        self.figures["bare_reports_per_s"] = statistics.median(rate for rate, _ in poor)
        self.figures["bare_cpu_us_per_report"] = statistics.median(cpu for _, cpu in poor)
        self.figures["reports_ratio"] = self.figures["reports_per_s"] / self.figures["bare_reports_per_s"]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = Measurement().all()
    if options.json:
        print(json.dumps({name: _figure(name, value) for name, value in figures.items()}))
        return
    for name, value in figures.items():
        limit = _LIMITS.get(name)
        print(f"{name:<26} {value:>10.3f} {_unit(name):<5} {'' if limit is None else _verdict(name, value, limit)}")


def _figure(name: str, value: float) -> dict[str, Any]:
    limit = {"limit": _LIMITS[name]} if name in _LIMITS else {}
    return {"value": value, "unit": _unit(name), **limit}


def _verdict(name: str, value: float, limit: float) -> str:
    holds = value >= limit if name in _AT_LEAST else value <= limit
    return f"{'at least' if name in _AT_LEAST else 'at most'} {limit:g}: {'yes' if holds else 'NO'}"


def _unit(name: str) -> str:
    if name.endswith("per_s"):
        return "1/s"
    return _UNITS.get(name.rpartition("_")[2], "1")


def _count(bare: "subprocess.Popen[str]") -> int:
    assert bare.stdin is not None  # noqa: S101 - opened above
    assert bare.stdout is not None  # noqa: S101 - opened above
    bare.stdin.write("\n")
    bare.stdin.flush()
    return int(bare.stdout.readline())


def _tell(what: str) -> None:
    print(f"\r{what:<40}", end="" if what else "\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
