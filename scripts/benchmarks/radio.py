"""From a sensor's report frame to the lamp's command frame: through the hub, and through bare zigpy and bellows.

Two virtual radios without artificial latency run in processes of their own; the two hosts take turns, batch by batch,
so that a slow moment of the machine hits both. Times are taken in the radio: from the report's last byte written to
the command's frame received.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hub.cli.client import Client
from hub.cli.errors import CommandError
from scripts.tools.radio_process import RadioProcess

BATCHES, BATCH, WARM_UP = 8, 40, 20
PATIENCE = 60.0
# zigpy takes the same bytes within 10 s for a repetition, and a sensor's sequence numbers begin anew after 256 frames.
_PAUSE = 0.1
_RULE = """
[[rule]]
name = "Motion"
trigger = { device = "Motion", capability = "occupancy", to = true }
action = { device = "Lamp", set = { on_off = true } }
"""


class Radio(RadioProcess):
    """A virtual radio without latency, with a motion sensor and a lamp."""

    def __init__(self, folder: Path, **how: str) -> None:
        super().__init__(folder, ("--latency-ms", "0"), **how)
        self.sensor = self.ask("add", model="motion", name="Motion")["ieee"]
        self.lamp = self.ask("add", model="lamp-white", name="Lamp")["ieee"]

    def react(self, count: int) -> list[float]:
        """Let somebody walk by `count` times; returns the times to the command in ms."""
        found: list[float] = []
        for _ in range(count):
            self.ask("latency", clear=True)
            self.ask("act", device=self.sensor, stimulus="motion", value=True, expect=self.lamp)
            until = time.monotonic() + PATIENCE
            while not (answer := self.ask("latency"))["count"]:
                if time.monotonic() > until:
                    raise RuntimeError("the lamp was never commanded; is the rule active?")
            found.append(answer["p50_ms"])
            self.ask("act", device=self.sensor, stimulus="motion", value=False)
            time.sleep(_PAUSE)
        return found


@contextlib.contextmanager
def bare_host(radio: Radio) -> Iterator[None]:
    """Zigpy and bellows as they come, paired with the radio's sensor and lamp."""
    command = [sys.executable, "-m", "scripts.benchmarks._bare", str(radio.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - opened above
        expect(process, "open")
        radio.join(radio.lamp, PATIENCE)
        radio.join(radio.sensor, PATIENCE)
        expect(process, "ready")
        yield
        process.communicate(timeout=20)


@contextlib.contextmanager
def hub_host(radio: Radio, folder: Path) -> Iterator[int]:
    """A hub with one rule, paired with the radio's sensor and lamp; gives its process id."""
    (folder / "automations").mkdir(parents=True)
    (folder / "automations" / "bench.toml").write_text(_RULE)
    (folder / "hub.toml").write_text(f'[plugin.zigbee]\npath = "{radio.port}"\n[hub]\nlog_level = "warning"\n')
    with subprocess.Popen([sys.executable, "-m", "hub", "run", "--data", str(folder)]) as process:
        try:
            hub = Client(folder / "hub.sock")
            _eventually(lambda: hub.call("zigbee.status", {})["status"] == "up", "the radio is up")
            hub.call("devices.pair", {"protocol": "zigbee", "duration": 200})
            for device, name in ((radio.lamp, "Lamp"), (radio.sensor, "Motion")):
                radio.join(device, PATIENCE)
                _eventually(lambda device=device: _known(hub, device), f"{name} is paired")  # type: ignore[misc]
                hub.call("devices.rename", {"device": f"zigbee-{device.replace(':', '')}", "name": name})
            _eventually(lambda: hub.call("automation.list", {})[0]["status"] == "active", "the rule is active")
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def measure() -> dict[str, float]:
    """All figures."""
    bare: list[float] = []
    through: list[float] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        folder = Path(text)
        for name in ("a", "b"):
            (folder / name).mkdir()
        one, two = Radio(folder / "a"), Radio(folder / "b")
        with hub_host(one, folder / "hub"), bare_host(two):
            one.react(WARM_UP)
            two.react(WARM_UP)
            for done in range(BATCHES):
                print(f"\r{done * 100 // BATCHES} % measured", end="", file=sys.stderr, flush=True)
                through += one.react(BATCH)
                bare += two.react(BATCH)
        print("\r", end="", file=sys.stderr)
        one.close()
        two.close()
    return {
        "hub_p50_ms": round(statistics.median(through), 3),
        "bare_p50_ms": round(statistics.median(bare), 3),
        "hub_p99_ms": round(statistics.quantiles(through, n=100)[98], 3),
        "bare_p99_ms": round(statistics.quantiles(bare, n=100)[98], 3),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure()
    if options.json:
        print(json.dumps(figures))
        return
    print(f"report to command, {BATCHES * BATCH} times each")
    for name in ("hub", "bare"):
        print(f"  {name:<5} p50 {figures[f'{name}_p50_ms']:.2f} ms   p99 {figures[f'{name}_p99_ms']:.2f} ms")
    print(f"  ratio of the p50: {figures['hub_p50_ms'] / figures['bare_p50_ms']:.2f}")


def _known(hub: Client, ieee: str) -> bool:
    wanted = f"zigbee-{ieee.replace(':', '')}"
    return any(one["id"] == wanted for one in hub.get("devices"))


def _eventually(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(CommandError):
            if holds():
                return
        if time.monotonic() > until:
            raise RuntimeError(f"never came true: {what}")
        time.sleep(0.05)


def expect(process: "subprocess.Popen[str]", word: str) -> None:
    """Read what a host prints until this line."""
    assert process.stdout is not None  # noqa: S101 - opened by the caller
    for line in process.stdout:
        if line.strip() == word:
            return
    raise RuntimeError(f"the bare host ended before it was {word}")


if __name__ == "__main__":
    main()
