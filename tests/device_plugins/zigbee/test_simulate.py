"""`hub zigbee simulate` as its user runs it: in a process of its own, with a hub and a radio of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

THERMOMETER: dict[str, Any] = {
    "manufacturer": "Acme",
    "model": "Thermometer",
    "signature": {
        "endpoints": {
            "1": {
                "profile_id": "0x0104",
                "device_type": "0x0302",
                "input_clusters": ["0x0000", "0x0402"],
                "output_clusters": ["0x0019"],
            }
        }
    },
    "cluster_details": {
        "1": {
            "in_clusters": {"0x0402": {"attributes": {"0x0000": {"value": 2150}}, "unsupported_attributes": []}},
            "out_clusters": {},
        }
    },
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub", "zigbee", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.timeout(240)
def test_files_become_devices_and_what_is_none_is_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "thermometer.json", tmp_path / "notes.txt"
    good.write_text(json.dumps(THERMOMETER))
    bad.write_text("buy batteries")
    done = run("--json", str(good), str(bad))
    assert done.returncode == 1
    assert "1 of 2 not paired" in done.stderr
    first, second = json.loads(done.stdout)
    assert (first["paired"], second["paired"]) == (True, False)
    assert "notes.txt is not JSON" in second["reason"]
    features = {one["key"]: one for one in first["features"]}
    assert features["temperature"] | {"value": 21.5, "unit": "°C", "access": "read"} == features["temperature"]
    assert features["update"]["capability"] == "update"
    again = run(str(good))
    assert again.returncode == 0, again.stderr
    assert "Acme Thermometer" in again.stdout
    assert "21.5" in again.stdout
