"""The guide's examples work."""

import re
from pathlib import Path

import pytest

from device_plugins.sdk import ButtonPressed
from tests.plugins.automation.home import home

GUIDE = Path(__file__).parents[3] / "docs" / "automations.md"
BLOCKS = re.findall(r"^```(python|toml)\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_guide_has_examples() -> None:
    assert len(BLOCKS) >= 6


@pytest.mark.parametrize(("language", "text"), [one for one in BLOCKS if "[plugin." not in one[1]])
async def test_each_example_is_taken_up(tmp_path: Path, language: str, text: str) -> None:
    async with home(tmp_path) as house:
        house.write("example.py" if language == "python" else "example.toml", text)
        listed = await house.reload()
        assert listed
        assert {one.status for one in listed.values()} == {"active"}, listed


async def test_the_five_lines_react(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("hall.py", BLOCKS[0][1])
        await house.reload()
        house.set("m1/occupancy", value=True)
        assert house.commands == [{"device": "Hall lamp", "capability": "on_off", "command": "set", "value": True}]


async def test_the_button_switches_everything_off(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        house.write("off.py", BLOCKS[1][1])
        house.hub.core.bus.declare("device.button", ButtonPressed, "test")
        await house.reload()
        house.set("l1/on_off", value=True)
        house.hub.publish("device.button", "device/b1/button", {"action": "hold"})
        assert [one["command"] for one in house.commands] == ["off"]


async def test_the_hall_light_fades_in_when_it_is_dark(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await house.rules(BLOCKS[2][1])
        house.set("m1/illuminance", 3)
        house.set("m1/occupancy", value=True)
        assert [one["capability"] for one in house.commands] == ["on_off", "level"]
        house.set("m1/occupancy", value=False)
        await house.hub.clock.advance(301)
        assert house.commands[-1]["value"] is False
