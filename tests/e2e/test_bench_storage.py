"""The shortest form of `scripts/bench storage`: every figure is there, with its budget."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.benchmarks import storage
from scripts.benchmarks._store import changes

BUDGETS = {
    "burst_changes_per_s": (60_000, "1/s"),
    "bytes_per_change_10": (300, "B"),
    "bytes_per_change_200": (100, "B"),
    "cpu_us_per_change": (20, "us"),
    "durable_writes_16": (10_000, "1/s"),
    "restore_5000_s": (0.3, "s"),
}


@pytest.mark.timeout(120)
def test_every_figure_is_measured_and_told_with_its_budget() -> None:
    found = {name: one.as_json() for name, one in storage.measure(1).items()}

    assert {name: (one["budget"], one["unit"]) for name, one in found.items()} == BUDGETS
    assert all(one["value"] > 0 for name, one in found.items() if not name.startswith("bytes"))
    assert {name for name, one in found.items() if "limit" in one} == {"burst_changes_per_s", "durable_writes_16"}


def test_a_rate_holds_above_its_budget_and_anything_else_below() -> None:
    assert storage.Figure(11, 10, "1/s").holds
    assert not storage.Figure(9, 10, "1/s").holds
    assert storage.Figure(9, 10, "B").holds
    assert not storage.Figure(11, 10, "us").holds


def test_memory_is_no_disk() -> None:
    shared = Path("/dev/shm")
    if storage.disk(shared) not in {"tmpfs", "ramfs"}:
        pytest.skip("this machine has no file system in memory")

    command = [sys.executable, "-m", "scripts.benchmarks.storage", "--folder", str(shared)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == 2
    assert "no disk" in told.stderr
    assert not told.stdout


def test_a_part_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code 1"):
        storage.part("restore", 5, folder=tmp_path)


def test_values_change_with_every_step() -> None:
    seen: dict[str, object] = {}
    stream = changes()
    for _ in range(3000):
        path, value = next(stream)
        assert json.dumps(seen.get(path)) != json.dumps(value)
        seen[path] = value
    assert len(seen) == 200
