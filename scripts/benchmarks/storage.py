"""What it costs to record: rates, bytes written to the disk, CPU time, and how fast the states are back.

Each part is a process of its own with the hub put together as for a house, on a real disk. `limit` is what SQLite
alone does in the same run: rows a second at as many a commit as the journal makes in a burst, and, for durable writes,
at 100 a commit; every commit is an fsync. Bytes are all that the process had the kernel write (`write_bytes`), opening
and closing of the files included; the file system's own journal is not among them. Rates are medians of rounds.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 120.0
ROUNDS = 3
STATES = 5000
_BURST, _DURABLE, _ROWS = 200_000, 30_000, 200_000
_PACES = (10, 200)
_MEMORY = ("tmpfs", "ramfs", "overlay")
_LONGEST = 600.0

type Found = dict[str, float]


class Figure(NamedTuple):
    """One measured figure and its budget: the least for rates, the most for all else. `limit` is 0 where none is."""

    value: float
    budget: float
    unit: str
    limit: float = 0

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit == "1/s"

    @property
    def holds(self) -> bool:
        """Whether it keeps to its budget."""
        return self.value >= self.budget if self.is_rate else self.value <= self.budget

    def as_json(self) -> dict[str, Any]:
        """The figure for machines."""
        limit = {"limit": round(self.limit)} if self.limit else {}
        return {"value": round(self.value, 0 if self.is_rate else 3), **limit, "budget": self.budget, "unit": self.unit}


def disk(folder: Path) -> str:
    """The kind of file system that a folder is on."""
    place, kind = -1, "unknown"
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mounted, name, *_ = line.split()
        if folder.resolve().is_relative_to(mounted) and len(mounted) > place:
            place, kind = len(mounted), name
    return kind


@contextlib.contextmanager
def begun(part: str, count: float, rate: float = 0, folder: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A part in its process, on a folder of its own or the given one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as own:
        command = [sys.executable, "-m", "scripts.benchmarks._store", part, str(folder or own), f"{count:.0f}"]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # or byte code is among the bytes
        with subprocess.Popen([*command, str(rate)], stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                yield process
            finally:
                process.kill()


def ended(process: "subprocess.Popen[str]") -> Found:
    """What a part found."""
    said, _ = process.communicate(timeout=_LONGEST)
    if process.returncode:
        raise RuntimeError(f"a part of the benchmark failed with the exit code {process.returncode}")
    found: Found = json.loads(said)
    return found


def part(name: str, count: float, rate: float = 0, folder: Path | None = None) -> Found:
    """Run a part and return what it found."""
    with begun(name, count, rate, folder) as process:
        return ended(process)


def burst_figures(scale: float, rounds: int) -> dict[str, Figure]:
    """Recorded changes and durable writes as fast as they go, taking turns with SQLite alone."""
    bursts: list[Found] = []
    writes: list[float] = []
    rows: dict[int, list[float]] = {2000: [], 100: []}
    for number in range(rounds):
        _tell(f"bursts, {number + 1} of {rounds}")
        bursts.append(part("burst", _BURST * scale))
        for size, rates in rows.items():
            rates.append(_rate(part("bare", _ROWS * scale, size), "rows"))
        writes.append(_rate(part("durable", _DURABLE * scale), "writes"))
    rate = statistics.median(_rate(one, "changes") for one in bursts)
    cpu = statistics.median(one["cpu_s"] / one["changes"] * 1e6 for one in bursts)
    return {
        "burst_changes_per_s": Figure(rate, 60_000, "1/s", statistics.median(rows[2000])),
        "cpu_us_per_change": Figure(cpu, 20, "us"),
        "durable_writes_16": Figure(statistics.median(writes), 10_000, "1/s", statistics.median(rows[100])),
    }


def pace_figures(seconds: float) -> dict[str, Figure]:
    """Bytes for each change at an even pace, both paces side by side."""
    slow, fast = _PACES
    _tell(f"{seconds:.0f} s at {slow} and at {fast} changes a second")
    with begun("steady", slow * seconds, slow) as one, begun("steady", fast * seconds, fast) as other:
        found = {pace: ended(process) for pace, process in ((slow, one), (fast, other))}
    return {
        f"bytes_per_change_{pace}": Figure(each["bytes"] / each["changes"], budget, "B")
        for (pace, each), budget in zip(found.items(), (300, 100), strict=True)
    }


def restore_figure(rounds: int) -> Figure:
    """From nothing to 5,000 states that are there, with the longest tail of changes that the journal lets there be."""
    _tell("restoring")
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            part("fill", STATES, folder=Path(folder))
            found.append(part("restore", STATES, folder=Path(folder))["s"])
    return Figure(statistics.median(found), 0.3, "s")


def measure(seconds: float) -> dict[str, Figure]:
    """All figures; what takes `seconds` is the even pace. Below the default there is one round, of shorter bursts."""
    scale = min(seconds / SECONDS, 1)
    rounds = ROUNDS if scale == 1 else 1
    bursts = burst_figures(scale, rounds)
    paces = pace_figures(seconds)
    found = {**bursts, **paces, "restore_5000_s": restore_figure(rounds)}
    _tell("")
    return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="scripts/bench storage", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="how long at an even pace (default: %(default)g, 1 to 400)"
    )
    parser.add_argument("--folder", type=Path, help="where to write (default: that of temporary files)")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 400:  # noqa: PLR2004 - nan, too
        parser.error("--seconds is 1 to 400")
    tempfile.tempdir = str(options.folder or tempfile.gettempdir())
    kind = disk(Path(tempfile.gettempdir()))
    if kind in _MEMORY:
        parser.error(f"{tempfile.gettempdir()} is {kind}, which is no disk; name a folder on one with --folder")
    figures = measure(options.seconds)
    print(f"measured on {kind}, in {tempfile.gettempdir()}", file=sys.stderr)
    if options.json:
        print(json.dumps({name: one.as_json() for name, one in figures.items()}))
        return 0
    print(f"{'what':<22} {'budget':>11} {'value':>11} {'limit':>9}  unit  holds")
    for name, one in figures.items():
        sign, limit = (">=" if one.is_rate else "<="), f"{one.limit:,.0f}" if one.limit else ""
        text = f"{one.value:,.0f}" if one.is_rate else f"{one.value:,.2f}"
        holds = "yes" if one.holds else "NO"
        print(f"{name:<22} {sign} {one.budget:>8,g} {text:>11} {limit:>9}  {one.unit:<4}  {holds}")
    return 0


def _rate(found: Found, what: str) -> float:
    return found[what] / found["s"]


def _tell(text: str) -> None:
    print(f"\r{text:<60}{'' if text else chr(13)}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
