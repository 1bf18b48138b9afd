from typing import Any

import pytest

from device_plugins.sdk import (
    CommandTimeoutError,
    Device,
    DeviceError,
    InvalidValueError,
    UnreachableError,
    UnsupportedError,
)
from hub.api import ServiceFailedError
from plugins.devices.records import CommandResult, DeviceCommanded
from tests.plugins.devices.radio import LAMP, SENSOR, home


async def test_a_command_returns_what_the_device_confirmed() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        result = await here.call("devices.command", device="v-lamp-white", capability="on_off", value=True)
        assert result == CommandResult("radio-1", "on_off", "set", value=True)
        result = await here.call("devices.command", device="radio-1", capability="on_off.2", value=False)
        assert result == CommandResult("radio-1", "on_off.2", "set", value=False)
        assert here.radio.done == [
            ("execute", "radio-1", "on_off", "set", {"value": True}),
            ("execute", "radio-1", "on_off.2", "set", {"value": False}),
        ]


async def test_every_command_is_told_with_its_caller_and_its_outcome() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.call("devices.command", device="radio-1", capability="on_off", command="on")
        here.radio.ready(down="unplugged")
        await here.fails("devices.command", device="radio-1", capability="on_off", command="off")
        assert [(one.subject, one.data) for one in here.hub.events_of("devices.commanded")] == [
            ("device/radio-1/on_off", DeviceCommanded("test", "on")),
            ("device/radio-1/on_off", DeviceCommanded("test", "off", "unreachable")),
        ]


async def test_arguments_are_checked_and_completed() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.call(
            "devices.command", device="radio-1", capability="level", value=40, arguments={"transition": 2.5}
        )
        await here.call("devices.command", device="radio-1", capability="level", command="step", arguments={"by": -10})
        await here.call("devices.command", device="radio-1", capability="on_off", command="toggle")
        assert [action[3:] for action in here.radio.done] == [
            ("set", {"value": 40, "transition": 2.5}),
            ("step", {"by": -10, "transition": 0.0}),
            ("toggle", {}),
        ]


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (
            {"capability": "lock"},
            UnsupportedError,
            "V-Lamp White has no 'lock'; it can be told on_off, on_off.2, level",
        ),
        ({"capability": "power"}, UnsupportedError, "power has no command 'set'; it can only be read"),
        (
            {"capability": "on_off", "command": "dance"},
            UnsupportedError,
            "on_off has no command 'dance'; it has: set, on, off, toggle",
        ),
        ({"capability": "on_off", "value": "yes"}, InvalidValueError, "on_off must be true or false, not 'yes'"),
        ({"capability": "level", "value": 0}, InvalidValueError, "level must be a number from 1 to 100 %, not 0"),
        ({"capability": "level"}, InvalidValueError, "level set needs the argument 'value'"),
    ],
)
async def test_a_wrong_command_is_refused_before_the_radio_hears_of_it(
    arguments: dict[str, Any], kind: type[Exception], said: str
) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        error = await here.fails("devices.command", device="radio-1", **arguments)
        assert type(error) is kind
        assert str(error) == said
        assert here.radio.done == []


async def test_a_sensor_can_be_told_nothing() -> None:
    async with home() as here:
        await here.radio.announce(SENSOR)
        error = await here.fails("devices.command", device="radio-2", capability="on_off", value=True)
        assert str(error) == "V-Climate has no 'on_off'; it cannot be told anything"


async def test_a_device_that_does_not_confirm_is_a_time_out_of_its_own_type() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.hang = True
        error = await here.fails("devices.command", timeout=1.0, device="radio-1", capability="on_off", value=True)
        assert isinstance(error, CommandTimeoutError)
        assert str(error).startswith("V-Lamp White did not confirm on_off set within 0.")
        assert error.device == "radio-1"


async def test_what_the_device_plugin_raises_reaches_the_caller() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.fault = UnreachableError("no answer from the lamp", device="radio-1")
        error = await here.fails("devices.command", device="radio-1", capability="on_off", value=True)
        assert error is here.radio.fault
        here.radio.fault = ValueError("a mistake in the plugin")
        error = await here.fails("devices.command", device="radio-1", capability="on_off", value=True)
        assert isinstance(error, ServiceFailedError)


async def test_while_the_protocol_is_down_a_command_fails_at_once_with_the_reason() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.ready(down="the radio was unplugged")
        error = await here.fails("devices.command", device="radio-1", capability="on_off", value=True)
        assert isinstance(error, UnreachableError)
        assert str(error) == "V-Lamp White cannot be reached: the radio was unplugged"
        assert here.radio.done == []
        here.radio.ready()
        await here.call("devices.command", device="radio-1", capability="on_off", value=True)


async def test_a_device_that_is_offline_is_tried_all_the_same() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.available("radio-1", "offline", "it left")
        assert (await here.call("devices.command", device="radio-1", capability="on_off", value=True)).value is True


async def test_without_its_plugin_or_before_it_was_found_a_device_is_unreachable() -> None:
    async with home() as before:
        await before.radio.announce(LAMP)
        await before.hub.stop("radio")
        error = await before.fails("devices.command", device="radio-1", capability="on_off", value=True)
        assert isinstance(error, UnreachableError)
        assert str(error) == "V-Lamp White cannot be reached: plugin radio does not run"
        async with home(after=before) as here:
            error = await here.fails("devices.command", device="radio-1", capability="on_off", value=True)
            assert isinstance(error, UnreachableError)
            assert "plugin radio has not found it on its network yet" in str(error)


async def test_the_first_of_several_answers_to_the_capabilitys_name_and_keys_come_first() -> None:
    async with home() as here:
        swapped = Device("radio-3", "radio", model="Odd", features=(LAMP.features[1], LAMP.features[0]))
        await here.radio.announce(swapped)
        result = await here.call("devices.command", device="radio-3", capability="on_off", value=True)
        assert result.key == "on_off"
        await here.radio.announce(Device("radio-4", "radio", model="Even", features=(LAMP.features[1],)))
        result = await here.call("devices.command", device="radio-4", capability="on_off", value=True)
        assert result.key == "on_off.2"


async def test_errors_are_typed_for_machines() -> None:
    kinds: list[type[DeviceError]] = [CommandTimeoutError, InvalidValueError, UnreachableError, UnsupportedError]
    assert [kind.code for kind in kinds] == ["command_timeout", "invalid_value", "unreachable", "unsupported"]
