"""`hub log`: how much is logged, of whom."""

from typing import Any

from tests.hub.cli.conftest import Terminal


async def test_levels_are_shown_set_and_put_back(terminal: Terminal) -> None:
    asked: list[tuple[str, str | None]] = []
    levels = {"hub": "info"}

    async def log_level(plugin: str = "", level: str | None = None) -> dict[str, Any]:
        if plugin:
            asked.append((plugin, level))
        if level is None:
            levels.pop(plugin, None)
        else:
            levels[plugin] = level
        return levels

    terminal.hub.offer("hub.log_level", log_level)
    assert (await terminal.run("log", "level", "zigbee", "debug")).lines == ["zigbee is logged from debug on"]
    assert (await terminal.run("log", "level")).lines == ["Of      Level", "hub     info", "zigbee  debug"]
    assert (await terminal.run("log", "level", "zigbee", "--json")).json == {"zigbee": "debug"}
    assert (await terminal.run("log", "level", "zigbee", "default")).lines == ["zigbee is logged from info on"]
    assert (await terminal.run("log", "level", "mqtt")).lines == ["mqtt is logged from info on"]
    assert asked == [("zigbee", "debug"), ("zigbee", None)]
