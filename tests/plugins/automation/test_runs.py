from pathlib import Path

import pytest

from tests.plugins.automation.home import Home, home

ON = {"device": "l1", "capability": "on_off", "command": "set", "value": True}
OFF = {**ON, "value": False}


def rule(condition: str = "", action: str = "", mode: str = "") -> str:
    action = action or '{ device = "Hall lamp", set = { on_off = true } }'
    lines = [
        "[[rule]]",
        'id = "it"',
        'trigger = { device = "Hall motion", capability = "occupancy", to = true }',
        f"action = {action}",
    ]
    lines += [f"condition = {condition}"] if condition else []
    lines += [f'mode = "{mode}"'] if mode else []
    return "\n".join(lines)


async def takes_up(house: Home, text: str) -> None:
    listed = await house.rules(text)
    assert listed["it"].status == "active", listed["it"]


def move(house: Home) -> None:
    house.set("m1/occupancy", value=False)
    house.set("m1/occupancy", value=True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('{ device = "Hall motion", capability = "illuminance", below = 50 }', True),
        ('{ device = "Hall motion", capability = "illuminance", above = 50 }', False),
        ('{ device = "Hall motion", capability = "temperature", below = 50 }', False),  # not known yet
        ('{ state = "device/{Front door}/lock", is = "locked" }', True),
        ('[{ state = "device/d1/lock", is = "locked" }, { state = "device/d1/lock", is = "unlocked" }]', False),
        ('{ not = { state = "device/d1/lock", is = "locked" } }', False),
        ('{ any = [{ state = "device/d1/lock", is = "locked" }, { state = "x", is = 1 }] }', True),
        ('{ all = [{ state = "device/d1/lock", is = "locked" }, { state = "x", is = 1 }] }', False),
        ('{ not = { any = [{ state = "x", is = 1 }, { state = "x", is = 2 }] } }', True),
        ('{ after = "22:00", before = "06:00" }', True),  # it is midnight, Thursday
        ('{ after = "22:00", before = "06:00", days = ["thu"] }', False),
        ('{ days = ["thu"] }', True),
        ('{ before = "00:00:30" }', True),
        ('{ after = "06:00" }', False),
    ],
)
async def test_actions_follow_only_if_the_conditions_hold(tmp_path: Path, condition: str, *, holds: bool) -> None:
    async with home(tmp_path) as house:
        house.set("d1/lock", "locked")
        house.set("m1/illuminance", 10)
        await takes_up(house, rule(condition))
        move(house)
        assert house.commands == ([ON] if holds else [])


async def test_a_device_is_set_in_order_and_fades_where_it_can(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await takes_up(
            house, rule(action='{ device = "Hall lamp", set = { on_off = true, level = 40 }, transition = "2s" }')
        )
        move(house)
        level = {"device": "l1", "capability": "level", "command": "set", "value": 40, "arguments": {"transition": 2.0}}
        assert house.commands == [ON, level]


async def test_a_command_finds_its_capability(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        step = '{ device = "Hall lamp", command = "step", args = { by = -10 } }'
        await takes_up(house, rule(action=f'[{step}, {{ device = "front door", command = "unlock" }}]'))
        move(house)
        assert house.commands == [
            {"device": "l1", "capability": "level", "command": "step", "arguments": {"by": -10}},
            {"device": "d1", "capability": "lock", "command": "unlock"},
        ]


async def test_a_command_may_name_its_capability(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await takes_up(house, rule(action='{ device = "l1", capability = "level", command = "stop" }'))
        move(house)
        assert house.commands == [{"device": "l1", "capability": "level", "command": "stop"}]


async def test_a_service_is_called_with_its_arguments(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        spoken: list[str] = []

        async def say(text: str, times: int = 1) -> None:
            spoken.append(text * times)

        house.hub.offer("speaker.say", say)
        await takes_up(
            house, rule(action='{ service = "speaker.say", args = { text = "ho", times = 2 }, timeout = "3s" }')
        )
        move(house)
        assert spoken == ["hoho"]
        (ran,) = house.hub.events_of("automation.ran")
        assert ran.subject == "automation/it"
        assert (ran.data.rule, ran.data.trigger, ran.data.actions) == ("it", "device/m1/occupancy", 1)


DELAYED = """[
    { device = "Hall lamp", set = { on_off = true } },
    { delay = "10s" },
    { device = "Hall lamp", set = { on_off = false } },
]"""


async def test_a_delay_waits(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await takes_up(house, rule(action=DELAYED))
        move(house)
        await house.hub.clock.advance(9)
        assert house.commands == [ON]
        await house.hub.clock.advance(2)
        assert house.commands == [ON, OFF]
        (ran,) = house.hub.events_of("automation.ran")
        assert (ran.data.actions, ran.data.duration_ms) == (3, 10_000)


@pytest.mark.parametrize(
    ("mode", "commands", "skipped"),
    [("", [ON, ON, OFF], 0), ("single", [ON, OFF], 1), ("parallel", [ON, ON, OFF, OFF], 0)],
)
async def test_the_mode_says_what_a_trigger_does_during_a_run(
    tmp_path: Path, mode: str, commands: list[object], skipped: int
) -> None:
    async with home(tmp_path) as house:
        await takes_up(house, rule(action=DELAYED, mode=mode))
        move(house)
        await house.hub.clock.advance(6)
        move(house)
        await house.hub.clock.advance(30)
        assert house.commands == commands
        assert (await house.list())["it"].skipped == skipped
        move(house)
        assert len(house.commands) == len(commands) + 1


async def test_a_run_does_not_set_itself_off_again(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        actions = '[{ delay = 1 }, { device = "Hall lamp", set = { on_off = true } }, { delay = 1 }]'
        trigger = 'trigger = [{ state = "device/l1/on_off" }, { state = "go" }]'
        await takes_up(house, f'[[rule]]\nid = "it"\n{trigger}\naction = {actions}')
        house.hub.state.set("go", 1)
        await house.hub.clock.advance(10)
        one = (await house.list())["it"]
        assert (one.runs, one.skipped) == (1, 1)
        assert len(house.hub.events_of("automation.ran")) == 1


async def test_an_automation_that_may_set_itself_off_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with home(tmp_path) as house:
        await takes_up(house, rule())
        for _ in range(150):
            move(house)
            await house.hub.clock.advance(1)
        assert "sets itself off" not in caplog.text
        for _ in range(250):
            move(house)
        assert caplog.text.count("Automation it ran 100 times within ") == 1


async def test_a_failure_ends_the_run_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with home(tmp_path) as house:
        house.devices.broken.add("d1")
        await takes_up(house, rule(action='[{ device = "d1", command = "lock" }, { device = "l1", command = "on" }]'))
        move(house)
        assert not house.commands
        (failed,) = house.hub.events_of("automation.failed")
        assert (failed.subject, failed.data.action, failed.data.code) == ("automation/it", 1, "unreachable")
        assert "does not answer" in failed.data.error
        assert any("Automation it failed at action 1: device 'd1' does not answer" in text for text in caplog.messages)
        one = (await house.list())["it"]
        assert (one.runs, one.failures, one.last_run) == (1, 1, house.hub.clock.now())
        house.devices.broken.clear()
        move(house)
        assert len(house.commands) == 2


async def test_an_unknown_service_is_a_failure_of_the_run(tmp_path: Path) -> None:
    async with home(tmp_path) as house:
        await takes_up(house, rule(action='{ service = "no.such" }'))
        move(house)
        (failed,) = house.hub.events_of("automation.failed")
        assert failed.data.code == "unknown_service"


async def test_a_hundred_rules_live_on_one_hub(tmp_path: Path) -> None:
    async with home(tmp_path, furnished=False) as house:
        for number in range(100):
            house.add(f"m{number}", f"Motion {number}", "motion")
            house.add(f"l{number}", f"Lamp {number}", "lamp")
        listed = await house.rules(
            "\n".join(
                f'[[rule]]\nname = "Room {n}"\n'
                f'trigger = {{ device = "Motion {n}", capability = "occupancy", to = true }}\n'
                f'action = {{ device = "Lamp {n}", set = {{ on_off = true }} }}'
                for n in range(100)
            )
        )
        assert [one.status for one in listed.values()] == ["active"] * 100
        for number in range(100):
            house.set(f"m{number}/occupancy", value=True)
        assert [one["device"] for one in house.commands] == [f"l{number}" for number in range(100)]
        assert len(house.hub.events_of("automation.ran")) == 100
