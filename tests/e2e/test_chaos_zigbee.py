"""The short form of `scripts/chaos zigbee`: a house of each model lives through radio resets and lost frames."""

import json
import os
from pathlib import Path

import pytest

from scripts.tools.chaos_log import faults_in
from scripts.tools.chaos_zigbee import Plan, chaos
from scripts.tools.descriptors import held

SHORT = Plan(devices=28, seconds=45, reset_every=15, commands=3, pulled=1)


@pytest.mark.timeout(600)
@pytest.mark.allow_blocking
def test_a_house_lives_through_resets_and_lost_frames() -> None:
    result = chaos(SHORT)
    assert result.faults == []
    assert result.paired == SHORT.devices
    assert result.resets >= 2
    assert result.confirmed > 0
    assert result.availability.get("online") == SHORT.devices - SHORT.pulled
    assert result.availability.get("offline") == SHORT.pulled


UNWANTED_FRAME = "Task exception was never retrieved\nfuture: <Task finished coro=<AshProtocol._send_data_frame() done>"


@pytest.mark.parametrize(
    ("record", "is_fault"),
    [
        ({"level": "warning", "owner": "bellows.uart", "message": "Received an unexpected reset"}, False),
        ({"level": "warning", "owner": "zigbee", "message": "The radio is down"}, False),
        ({"level": "error", "owner": "asyncio", "message": UNWANTED_FRAME}, False),
        ({"level": "error", "owner": "watchdog", "message": "Everything has stood still for 1.1 s"}, False),
        ({"level": "error", "owner": "asyncio", "message": "Task exception was never retrieved: coro=<ours()>"}, True),
        ({"level": "error", "owner": "zigpy.zcl", "message": "It failed"}, True),
        ({"level": "warning", "owner": "zigbee", "message": "It failed", "traceback": "Traceback\nKeyError: 1"}, True),
    ],
)
def test_what_is_a_fault_in_a_log(tmp_path: Path, record: dict[str, str], *, is_fault: bool) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "hub.log").write_text(f"{json.dumps(record)}\n" * 2)
    (tmp_path / "terminal").write_text("10:00:00 WARNING zigbee  The radio is down\n")
    found = faults_in(tmp_path, tmp_path / "terminal")
    assert len(found) == is_fault
    assert not found or found[0].endswith("(2 times)")


@pytest.mark.allow_blocking
def test_a_descriptor_that_stays_open_is_held(tmp_path: Path) -> None:
    before = held(os.getpid())
    with (tmp_path / "kept").open("w"):
        assert (held(os.getpid()) - before).total() == 1
    assert held(os.getpid()) == before
