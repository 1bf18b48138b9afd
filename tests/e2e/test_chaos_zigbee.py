"""The short form of `scripts/chaos zigbee`: a house of each model lives through radio resets and lost frames."""

import pytest

from scripts.tools.chaos_zigbee import Plan, chaos

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
