from pathlib import Path

import pytest

from plugins.automation.plugin import Automations
from tests.plugins.automation.home import home

RULE = """
[[rule]]
name = "Hall light"
trigger = { device = "Hall motion", capability = "occupancy", to = true }
action = { device = "Hall lamp", set = { on_off = true } }
"""


async def test_a_rule_waits_for_its_devices(tmp_path: Path) -> None:
    async with home(tmp_path, furnished=False) as house:
        await house.rules(RULE)
        assert await house.status("hall-light") == ("waiting", "waiting for device 'Hall motion'")
        house.add("m1", "Hall motion", "motion")
        assert await house.status("hall-light") == ("waiting", "waiting for device 'Hall lamp'")
        house.add("l1", "HALL LAMP", "lamp")
        assert await house.status("hall-light") == ("active", "")
        assert house.hub.state.get("automation/hall-light")["status"] == "active"
        house.set("m1/occupancy", value=True)
        assert [one["device"] for one in house.commands] == ["l1"]


async def test_a_renamed_device_makes_its_rule_wait_and_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE)
        house.add("l1", "Corridor lamp", "lamp")
        expected = "waiting for device 'Hall lamp', which is now called 'Corridor lamp'"
        assert await house.status("hall-light") == ("waiting", expected)
        assert f"Automation hall-light: {expected}" in caplog.messages
        house.set("m1/occupancy", value=True)
        assert not house.commands
        house.add("l2", "Hall lamp", "lamp")
        house.set("m1/occupancy", value=False)
        house.set("m1/occupancy", value=True)
        assert [one["device"] for one in house.commands] == ["l2"]


async def test_what_a_rule_is_told_of_a_renamed_device_stays_true(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE)
        for name in ("Corridor lamp", "Entrance lamp"):
            house.add("l1", name, "lamp")
            expected = f"waiting for device 'Hall lamp', which is now called '{name}'"
            assert await house.status("hall-light") == ("waiting", expected)
        house.hub.state.delete("device/l1")
        assert await house.status("hall-light") == ("waiting", "waiting for device 'Hall lamp'")


async def test_an_id_outlives_a_rename_without_a_pause(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE.replace("Hall lamp", "l1").replace("to = true", 'to = true, for = "1m"'))
        house.set("m1/occupancy", value=True)
        house.add("l1", "Corridor lamp", "lamp")
        await house.hub.clock.advance(61)
        assert [one["device"] for one in house.commands] == ["l1"]


async def test_a_removed_device_makes_its_rule_wait(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE)
        house.hub.state.delete("device/l1")
        assert await house.status("hall-light") == ("waiting", "waiting for device 'Hall lamp'")


async def test_a_rule_waits_for_a_capability_and_says_what_there_is(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE.replace('"occupancy"', '"ocupancy"').replace("l1", "Hall lamp"))
        status, reason = await house.status("hall-light")
        assert status == "waiting"
        assert "'Hall motion' has no 'ocupancy'; it has occupancy, illuminance, temperature" in reason
        await house.rules(RULE.replace("set = { on_off = true }", 'command = "lock"'))
        assert (await house.status("hall-light"))[1] == "waiting: device 'Hall lamp' has no command 'lock'"


async def test_a_capability_stands_for_its_first_key(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        features = [{"key": "socket", "capability": "on_off", "commands": ["on"]}]
        house.hub.state.set("device/l1", {"name": "Hall lamp", "features": features})
        await house.rules(RULE)
        house.set("m1/occupancy", value=True)
        assert house.commands[0]["capability"] == "socket"


async def test_a_device_that_tells_no_features_is_taken_at_its_word(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.hub.state.set("device/l1", {"name": "Hall lamp"})
        await house.rules(RULE.replace("set = { on_off = true }", 'command = "toggle"'))
        house.set("m1/occupancy", value=True)
        assert house.commands[0]["capability"] == "on_off"


async def test_automations_come_back_after_a_restart(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE)
        await house.hub.call("automation.disable", id="hall-light")
        (tmp_path / "rules.toml").write_text(RULE + RULE.replace("Hall light", "Other"))
        await house.hub.stop("automation")
        house.set("m1/occupancy", value=True)
        assert not house.commands
        await house.hub.run(Automations, {"rules_dir": str(tmp_path)})
        assert await house.status("hall-light") == ("disabled", "")
        assert await house.status("other") == ("active", "")
        await house.hub.call("automation.enable", id="hall-light")
        house.set("m1/occupancy", value=False)
        house.set("m1/occupancy", value=True)
        assert len(house.commands) == 2


async def test_what_is_gone_after_a_restart_is_gone_from_the_state(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(RULE)
        await house.hub.stop("automation")
        (tmp_path / "rules.toml").unlink()
        await house.hub.run(Automations, {"rules_dir": str(tmp_path)})
        assert house.hub.state.get("automation/hall-light") is None
