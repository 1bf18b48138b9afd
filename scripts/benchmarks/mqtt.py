"""MQTT on a real Mosquitto: messages into state beside bare aiomqtt, message to command, memory, retained messages.

The broker, the hub and bare aiomqtt run in processes of their own; hub and aiomqtt take turns, so that a slow moment
of the machine hits both. The command's time is the whole loop: from a sensor's message, through the broker, the hub, a
rule, and the broker again, to the lamp.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hub.cli.client import Client
from scripts.benchmarks._mqtt import Peer, bare_aiomqtt, count_of, mosquitto, scratch
from scripts.benchmarks.startup import cpu_s, hub, rss_mib

ROUNDS, FLOOD, DEVICES = 5, 20_000, 100
LOOPS, WARM_UP = 1000, 100
MANY, ENTITIES = 1000, 10
_PATIENCE = 120.0
_SETTLED_S = 3.0
_LIMITS = {
    "messages_per_s": 6000,
    "cpu_us_per_message": 120,
    "command_p50_ms": 2,
    "rss_over_core_mib": 60,
    "retained_10000_s": 5,
}
_AT_LEAST = {"messages_per_s", "bare_messages_per_s"}
_UNITS = {"s": "s", "ms": "ms", "message": "us", "mib": "MiB"}
_RULE = """
[[rule]]
name = "Loop"
trigger = { device = "Sensor 0", capability = "humidity" }
action = { device = "Lamp", set = { on_off = true } }
"""
_SENSOR = """
[[plugin.mqtt.device]]
id = "sensor-{n}"
name = "Sensor {n}"
feature = [
    {{ capability = "temperature", topic = "bench/{n}", path = "temperature" }},
    {{ capability = "humidity", topic = "bench/{n}", path = "humidity" }},
    {{ capability = "battery", topic = "bench/{n}", path = "battery" }},
]
"""
_LAMP = """
[[plugin.mqtt.device]]
id = "lamp"
name = "Lamp"
feature = [{ capability = "on_off", command_topic = "lamp/set" }]
"""
_PAYLOAD = b'{"temperature": %d.5, "humidity": 0, "battery": 90}'
# What Home Assistant's convention makes of ten entities.
_KINDS = (
    *(("temperature", "°C"), ("humidity", "%"), ("battery", "%"), ("power", "W"), ("energy", "Wh")),
    *(("voltage", "V"), ("current", "A"), ("pressure", "hPa"), ("illuminance", "lx"), ("signal_strength", "dBm")),
)


class Measurement:
    """Takes the figures."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def all(self) -> dict[str, float]:
        """All figures."""
        with scratch() as folder, mosquitto(folder) as port:
            self._traffic(folder / "hub", port)
        with scratch() as folder, mosquitto(folder) as port:
            self._many(folder, port)
        _tell("")
        return {name: round(value, 3) for name, value in self.figures.items()}

    # Messages and commands

    def _traffic(self, folder: Path, port: int) -> None:
        devices = "".join(_SENSOR.format(n=n) for n in range(DEVICES))
        _configure(folder, f"[plugin.mqtt]\nport = {port}\nconventions = []\n{devices}{_LAMP}", _RULE)
        with hub(folder) as (pid, _), bare_aiomqtt(port) as bare:
            client = Client(folder / "hub.sock")
            _ready(client, DEVICES + 1)
            _until(lambda: client.call("automation.list", {})[0]["status"] == "active", "the rule is active")
            peer = Peer(port, "lamp/set")
            self._loops(peer)
            self._floods(Peer(port), client, pid, bare)
            peer.close()

    def _loops(self, peer: Peer) -> None:
        found: list[float] = []
        for number in range(WARM_UP + LOOPS):
            if number % 100 == 0:
                _tell(f"message to command, {number}")
            begun = time.perf_counter()
            peer.say([("bench/0", b'{"humidity": %d}' % (number % 90 + 1))])
            peer.hear()
            found.append((time.perf_counter() - begun) * 1000)
        found = found[WARM_UP:]
        self.figures["command_p50_ms"] = statistics.median(found)
        self.figures["command_p99_ms"] = statistics.quantiles(found, n=100)[98]

    def _floods(self, peer: Peer, client: Client, pid: int, bare: "subprocess.Popen[str]") -> None:
        ours: list[tuple[float, float]] = []
        theirs: list[tuple[float, float]] = []

        def heard_here() -> int:
            found: int = client.call("mqtt.status", {})["messages"]
            return found

        for number in range(ROUNDS):
            _tell(f"flood {number + 1} of {ROUNDS}")
            ours.append(_flood(peer, "bench", number, pid, heard_here))
            theirs.append(_flood(peer, "bare", number, bare.pid, lambda: count_of(bare)))
        self.figures["messages_per_s"] = statistics.median(rate for rate, _ in ours)
        self.figures["cpu_us_per_message"] = statistics.median(cpu for _, cpu in ours)
        self.figures["bare_messages_per_s"] = statistics.median(rate for rate, _ in theirs)
        self.figures["bare_cpu_us_per_message"] = statistics.median(cpu for _, cpu in theirs)

    # Memory, and a broker full of what is retained

    def _many(self, folder: Path, port: int) -> None:
        _tell("the core's memory")
        _configure(folder / "core", "", "")
        with hub(folder / "core") as (pid, _):
            core = _settled_mib(pid)
        peer = Peer(port)
        peer.say(_discovery(), retain=True)
        peer.ping()
        _tell(f"{MANY * ENTITIES} retained messages")
        _configure(folder / "hub", f'[plugin.mqtt]\nport = {port}\nconventions = ["homeassistant"]\n', "")
        with hub(folder / "hub") as (pid, ready):
            client = Client(folder / "hub" / "hub.sock")
            begun = time.perf_counter() - ready  # so the start of the hub is in it
            _until(lambda: client.call("mqtt.status", {})["messages"] >= MANY * ENTITIES, "all is heard")
            self.figures["retained_10000_s"] = time.perf_counter() - begun
            self.figures["retained_10000_cpu_s"] = cpu_s(pid)
            _ready(client, MANY)
            self.figures["retained_announced_s"] = time.perf_counter() - begun
            peer.say([(f"many/{n}", b'{"temperature": 20.5, "humidity": 40}') for n in range(MANY)])
            self.figures["rss_over_core_mib"] = _settled_mib(pid) - core
        peer.close()


def _flood(peer: Peer, topic: str, number: int, pid: int, heard: Callable[[], int]) -> tuple[float, float]:
    """Messages a second, and CPU in us of each."""
    before, used, begun = heard(), cpu_s(pid), time.perf_counter()
    peer.say((f"{topic}/{n % DEVICES}", _PAYLOAD % ((n // DEVICES + number) % 80)) for n in range(FLOOD))
    _until(lambda: heard() - before >= FLOOD, "all is heard")
    took = time.perf_counter() - begun
    return FLOOD / took, (cpu_s(pid) - used) * 1e6 / FLOOD


def _discovery() -> Iterator[tuple[str, bytes]]:
    """Announcements by Home Assistant's convention, ten entities a device, as Zigbee2MQTT makes them."""
    for number in range(MANY):
        device = {"identifiers": [f"bench_{number}"], "name": f"Device {number}", "model": "M", "manufacturer": "B"}
        for kind, unit in _KINDS:
            told = {
                "unique_id": f"bench_{number}_{kind}",
                "device_class": kind,
                "unit_of_measurement": unit,
                "state_topic": f"many/{number}",
                "value_template": f"{{{{ value_json.{kind} }}}}",
                "device": device,
            }
            yield f"homeassistant/sensor/bench_{number}/{kind}/config", json.dumps(told).encode()


def _configure(folder: Path, mqtt: str, rule: str) -> None:
    (folder / "automations").mkdir(parents=True)
    if rule:
        (folder / "automations" / "bench.toml").write_text(rule)
    (folder / "hub.toml").write_text(mqtt)


def _ready(client: Client, devices: int) -> None:
    def is_ready() -> bool:
        status = client.call("mqtt.status", {})
        return status["status"] == "up" and status["devices"] >= devices and not status["pending"]

    _until(is_ready, f"{devices} devices are known")


def _settled_mib(pid: int) -> float:
    time.sleep(_SETTLED_S)
    return rss_mib(pid)


def _until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(f"it did not come about that {what}")
        time.sleep(0.02)


def _tell(what: str) -> None:
    print(f"\r{what:<40}", end="" if what else "\r", file=sys.stderr, flush=True)


def _unit(name: str) -> str:
    return "1/s" if name.endswith("per_s") else _UNITS[name.rpartition("_")[2]]


def _verdict(name: str, value: float) -> str:
    if (limit := _LIMITS.get(name)) is None:
        return ""
    is_floor = name in _AT_LEAST
    holds = value >= limit if is_floor else value <= limit
    return f"{'at least' if is_floor else 'at most'} {limit:g}: {'yes' if holds else 'NO'}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = Measurement().all()
    if options.json:
        limits = {name: {"limit": limit} for name, limit in _LIMITS.items()}
        told = {name: {"value": value, "unit": _unit(name)} | limits.get(name, {}) for name, value in figures.items()}
        print(json.dumps(told))
        return
    for name, value in figures.items():
        print(f"{name:<26} {value:>10.3f} {_unit(name):<5} {_verdict(name, value)}")


if __name__ == "__main__":
    main()
