"""What a hub costs before it does anything: time until its API answers, memory, and idle CPU.

Each run is a real `hub run` on a fresh data folder, with every bundled plugin that is enabled by default; byte code is
compiled before. For Zigbee the radio is a virtual one in a process of its own, with two devices joined. Medians.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.radio import Radio, hub_host

RUNS = 5
_PATIENCE = 60.0
_AFTER_READY_S = 5.0
_IDLE_S = 30.0
_SETTLED_MIB = 0.3
_LIMITS = {"api_ready_s": 0.6, "rss_core_mib": 45, "rss_zigbee_mib": 90, "idle_cpu_percent": 0.3}
_UNITS = {"api_ready_s": "s", "rss_core_mib": "MiB", "rss_zigbee_mib": "MiB", "idle_cpu_percent": "% of a core"}


@contextlib.contextmanager
def hub(folder: Path) -> Iterator[tuple[int, float]]:
    """A hub of its own; gives its process id, and the seconds until its API answered."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "hub", "run", "--data", str(folder), "--log-level", "warning"]
    with subprocess.Popen(command) as process:
        try:
            while not _healthy(folder / "hub.sock"):
                if process.poll() is not None or time.perf_counter() - begun > _PATIENCE:
                    raise RuntimeError("the hub did not come up")
                time.sleep(0.002)
            yield process.pid, time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextlib.contextmanager
def compiled() -> Iterator[None]:
    """Hubs that begin meanwhile find their byte code as an installed one does, whatever the environment says."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="bench-") as cache:
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        _tell("compiling")
        subprocess.run([sys.executable, "-c", "import device_plugins.zigbee.opening"], check=True)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def cpu_s(pid: int) -> float:
    """CPU time that a process has used, all its threads together; to the ns where the kernel tells it."""
    with contextlib.suppress(FileNotFoundError):
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def core_figures(runs: int) -> dict[str, list[float]]:
    """Start time and memory of each run, and the idle CPU of the last."""
    found: dict[str, list[float]] = {"api_ready_s": [], "rss_core_mib": [], "idle_cpu_percent": []}
    for left in reversed(range(runs)):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, hub(Path(folder)) as (pid, ready):
            _tell(f"{runs - left} of {runs} starts")
            found["api_ready_s"].append(ready)
            time.sleep(_AFTER_READY_S)
            found["rss_core_mib"].append(rss_mib(pid))
            if not left:
                _tell(f"{_IDLE_S:.0f} s of idling")
                before = cpu_s(pid)
                time.sleep(_IDLE_S)
                found["idle_cpu_percent"].append((cpu_s(pid) - before) / _IDLE_S * 100)
    return found


def zigbee_mib() -> float:
    """Memory with Zigbee, once it has settled: at most a minute after two devices were paired."""
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        folder = Path(text)
        radio = Radio(folder)
        try:
            with hub_host(radio, folder / "hub") as pid:
                _tell("the hub with Zigbee")
                return _settled(pid)
        finally:
            radio.close()


def measure(runs: int) -> dict[str, float]:
    """All figures."""
    with compiled():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, hub(Path(folder)):
            pass
        found = {name: statistics.median(each) for name, each in core_figures(runs).items()}
        found["rss_zigbee_mib"] = zigbee_mib()
    _tell("")
    return {name: round(found[name], 3) for name in _LIMITS}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how many starts (default: {RUNS})")
    options = parser.parse_args()
    figures = measure(max(options.runs, 1))
    if options.json:
        print(json.dumps({n: {"value": v, "limit": _LIMITS[n], "unit": _UNITS[n]} for n, v in figures.items()}))
        return
    print(f"{'what':<18} {'value':>8} {'budget':>8}  unit         holds")
    for name, value in figures.items():
        holds = "yes" if value <= _LIMITS[name] else "NO"
        print(f"{name:<18} {value:>8.2f} {_LIMITS[name]:>8g}  {_UNITS[name]:<12} {holds}")


def _healthy(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(_PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET /api/v1/health HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n")
        return client.recv(64).startswith(b"HTTP/1.1 200")
    return False


def _settled(pid: int) -> float:
    until = time.monotonic() + _PATIENCE
    last = rss_mib(pid)
    while time.monotonic() < until:
        time.sleep(_AFTER_READY_S)
        now = rss_mib(pid)
        if abs(now - last) < _SETTLED_MIB:
            return now
        last = now
    return last


def _tell(text: str) -> None:
    print(f"\r{text:<40}{'' if text else chr(13)}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
