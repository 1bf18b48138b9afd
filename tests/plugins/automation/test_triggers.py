from pathlib import Path
from typing import Any

import pytest

from tests.plugins.automation.home import Home, home

TOGGLE = 'action = { device = "Hall lamp", command = "toggle" }'


async def toggles(house: Home, trigger: str) -> None:
    """Take up one rule that toggles the lamp on `trigger`."""
    listed = await house.rules(f'[[rule]]\nname = "It"\ntrigger = {trigger}\n{TOGGLE}')
    assert listed["it"].status == "active", listed["it"]


@pytest.mark.parametrize(
    ("trigger", "path", "values", "runs"),
    [
        ('{ device = "Hall motion", capability = "occupancy", to = true }', "m1/occupancy", [True, False, True], 2),
        ('{ device = "Hall motion", capability = "occupancy" }', "m1/occupancy", [True, False, True], 3),
        ('{ device = "m1", capability = "temperature", above = 25 }', "m1/temperature", [26, 27, 20, 25.5, 25], 2),
        ('{ device = "m1", capability = "temperature", below = 5 }', "m1/temperature", [4, 3, 6, -1], 2),
        ('{ device = "m1", capability = "temperature", above = 5, below = 9 }', "m1/temperature", [4, 6, 7, 9, 8], 2),
        ('{ device = "Front door", capability = "lock", from = "locked" }', "d1/lock", ["locked", "unlocked"], 1),
        (
            '{ device = "front-door", capability = "lock", from = "locked", to = "unlocked" }',
            "d1/lock",
            ["unlocked", "locked", "not_fully_locked", "locked", "unlocked"],
            1,
        ),
        ('{ device = "Hall lamp", capability = "availability", to = "offline" }', "l1/availability", ["offline"], 1),
        ('{ state = "device/+/occupancy", to = true }', "m7/occupancy", [True, False], 1),
        ('{ state = "device/{hall-MOTION}/#", to = true }', "m1/occupancy", [True, False], 1),
        ('{ state = "device/m1/occupancy", to = true }', "m2/occupancy", [True, False], 0),
    ],
)
async def test_a_change_is_a_trigger(tmp_path: Path, trigger: str, path: str, values: list[Any], runs: int) -> None:
    async with home(tmp_path) as house:
        await toggles(house, trigger)
        for value in values:
            house.set(path, value)
        assert len(house.commands) == runs


async def test_a_value_that_is_removed_is_no_trigger(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.set("m1/occupancy", value=True)
        await toggles(house, '{ device = "Hall motion", capability = "occupancy" }')
        house.hub.state.delete("device/m1/occupancy")
        assert not house.commands


async def test_an_action_begins_before_the_change_returns(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ device = "Hall motion", capability = "occupancy", to = true }')
        house.set("m1/occupancy", value=True)
        assert house.commands == [{"device": "l1", "capability": "on_off", "command": "toggle"}]


@pytest.mark.parametrize("data", ['data = { action = "single" }', 'data = { action = "single", button = "" }'])
async def test_an_event_is_a_trigger(tmp_path: Path, data: str) -> None:
    async with home(tmp_path) as house:
        await toggles(house, f'{{ event = "device.button", subject = "device/{{Hall button}}/+", {data} }}')
        house.hub.publish("device.button", "device/b1/button", {"action": "single", "button": ""})
        house.hub.publish("device.button", "device/b1/button", {"action": "double", "button": ""})
        house.hub.publish("device.button", "device/b2/button", {"action": "single", "button": ""})
        assert len(house.commands) == 1


async def test_an_event_with_a_struct_is_a_trigger(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ event = "state.*", subject = "some/path", data = { value = 3 } }')
        for value in (1, 2, 3):
            house.hub.state.set("some/path", value)
        assert len(house.commands) == 1


async def test_for_waits_and_is_forgotten_when_the_value_leaves(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ device = "Hall motion", capability = "occupancy", to = false, for = "5m" }')
        house.set("m1/occupancy", value=False)
        await house.hub.clock.advance(299)
        house.set("m1/occupancy", value=True)
        await house.hub.clock.advance(1000)
        assert not house.commands
        house.set("m1/occupancy", value=False)
        await house.hub.clock.advance(299)
        assert not house.commands
        await house.hub.clock.advance(2)
        assert len(house.commands) == 1
        await house.hub.clock.advance(1000)
        assert len(house.commands) == 1


async def test_for_goes_on_while_a_number_stays_beyond_its_bound(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ device = "Hall motion", capability = "temperature", above = 25, for = 60 }')
        for value in (26, 27, 28):
            house.set("m1/temperature", value)
            await house.hub.clock.advance(25)
        assert len(house.commands) == 1


async def test_for_holds_each_path_by_itself(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ state = "device/+/contact", to = false, for = "1m" }')
        house.set("w1/contact", value=False)
        house.set("w2/contact", value=False)
        house.set("w1/contact", value=True)
        await house.hub.clock.advance(61)
        assert len(house.commands) == 1


async def test_a_rule_that_goes_takes_its_timers_along(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '[{ state = "a/b", for = 5 }, { every = "5s" }, { time = "00:00:05" }]')
        house.hub.state.set("a/b", 1)
        await house.rules("")
        await house.hub.clock.advance(100)
        assert not house.commands


async def test_a_rule_that_did_not_change_keeps_its_timers_over_a_reload(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ state = "a/b", for = 5 }')
        house.hub.state.set("a/b", 1)
        house.write("other.toml", "")
        await house.reload()
        await house.hub.clock.advance(6)
        assert len(house.commands) == 1


async def test_a_time_of_day_is_a_trigger_on_its_days(tmp_path: Path) -> None:
    async with home(tmp_path) as house:  # the clock begins on Thursday 2026-01-01 at midnight
        await toggles(house, '{ time = "07:30", days = ["fri", "sat"] }')
        await house.hub.clock.advance(86400)
        assert not house.commands
        await house.hub.clock.advance(7.4 * 3600)
        assert not house.commands
        await house.hub.clock.advance(3600)
        assert len(house.commands) == 1
        await house.hub.clock.advance(2 * 86400)
        assert len(house.commands) == 2
        assert [event.data.trigger for event in house.hub.events_of("automation.ran")] == ["time/07:30"] * 2


async def test_an_interval_is_a_trigger(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await toggles(house, '{ every = "10m" }')
        await house.hub.clock.advance(1801)
        assert len(house.commands) == 3
