"""Groups and scenes over a real stick's protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from device_plugins.sdk import (
    DeviceError,
    Feature,
    InvalidValueError,
    UnknownDeviceError,
    UnreachableError,
    UnsupportedError,
)
from device_plugins.virtual_radio import VirtualDevice
from device_plugins.zigbee.group_device import availability_of, common, value_of
from hub.tasks import TaskGroup
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually

LAMPS = "zigbee-group-1"


@asynccontextmanager
async def lamps(data_dir: Path, *models: str) -> AsyncIterator[tuple[Bench, list[VirtualDevice]]]:
    """A hub with paired devices of some models, two white lamps if none are named, all in the group "Hall"."""
    async with bench(data_dir) as ready:
        found = [await ready.pair(model) for model in models or ("lamp-white", "lamp-white")]
        await ready.hub.call("zigbee.group_create", name="Hall", members=[id_of(one) for one in found])
        yield ready, found


async def tell(ready: Bench, key: str, command: str, **arguments: Any) -> None:  # noqa: ANN401 - JSON-like
    await ready.hub.call("zigbee.command", device=LAMPS, key=key, command=command, arguments=arguments)


def state(ready: Bench, key: str) -> Any:  # noqa: ANN401 - JSON-like
    return ready.hub.state.get(f"device/{LAMPS}/{key}")


def noted(monkeypatch: pytest.MonkeyPatch, devices: list[VirtualDevice]) -> list[bool]:
    """Whether it was for the device alone, of each frame that one of them hears from now on."""
    unicasts: list[bool] = []
    for device in devices:
        hear = device.hear

        def note(aps: Any, data: bytes, *, alone: bool = True, hear: Any = hear, **more: Any) -> None:  # noqa: ANN401
            unicasts.append(alone)
            hear(aps, data, alone=alone, **more)

        monkeypatch.setattr(device, "hear", note)
    return unicasts


async def test_a_group_is_a_device_with_what_its_members_have_in_common(tmp_path: Path) -> None:
    async with lamps(tmp_path, "lamp-white", "lamp-color") as (ready, found):
        group = ready.announced[LAMPS]
        assert {one.key for one in group.features} == {"on_off", "level", "identify"}
        assert (group.model, group.suggested_name) == ("Group", "Hall")
        assert all(device.groups == {(1, 1)} for device in found)
        (info,) = await ready.hub.call("zigbee.groups")
        assert (info.number, info.name, info.device) == (1, "Hall", LAMPS)
        assert sorted(one.device for one in info.members) == sorted(id_of(one) for one in found)


async def test_a_group_has_no_diagnostics_of_its_own(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, _):
        with pytest.raises(UnsupportedError, match="is a group; name one of its devices"):
            await ready.hub.call("zigbee.diagnose", device=LAMPS)


async def test_a_command_to_a_group_is_one_frame_and_each_member_confirms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lamps(tmp_path) as (ready, found):
        unicasts = noted(monkeypatch, found)
        await tell(ready, "on_off", "on")
        assert [lamp.value("on_off") for lamp in found] == [True, True]
        assert [ready.value(lamp, "on_off") for lamp in found] == [True, True]
        assert state(ready, "on_off") is True
        assert unicasts == [False, False]
        await tell(ready, "level", "set", value=40, transition=0)
        assert [ready.value(lamp, "level") for lamp in found] == [40, 40]
        assert state(ready, "level") == 40


# A shade that is driven by a level, as a lamp is (device type 0x0200 without window covering).
SHADE: dict[str, Any] = {
    "manufacturer": "Acme", "model": "Shade", "endpoints": [{
        "id": 1, "profile": 0x0104, "type": 0x0200, "outputs": [], "inputs": [
            {"id": 0}, {"id": 3}, {"id": 4},
            {"id": 6, "attributes": [[0, 0x10, True, 2]]}, {"id": 8, "attributes": [[0, 0x20, 254, 2]]}]}],
}  # fmt: skip


async def test_members_that_are_told_in_different_ways_are_told_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as ready:
        found = [await ready.pair("blind"), await ready.admit(ready.radio.add_described(SHADE))]
        await ready.hub.call("zigbee.group_create", name="Windows", members=[id_of(one) for one in found])
        unicasts = noted(monkeypatch, found)
        await tell(ready, "cover_position", "set", value=40)
        for device in found:
            await ready.becomes(device, "cover_position", 40)
        assert all(unicasts)


async def test_the_state_of_a_group_follows_its_members(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, (one, other)):
        ready.radio.act(one, "on_off", True)
        await eventually(lambda: state(ready, "on_off") is True)
        ready.radio.act(one, "level", 254)
        ready.radio.act(other, "level", 127)
        await eventually(lambda: state(ready, "level") == 75)
        ready.radio.act(one, "on_off", False)
        ready.radio.act(other, "on_off", False)
        await eventually(lambda: state(ready, "on_off") is False)


async def test_what_a_group_shows_goes_over_when_it_is_toggled(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, (one, other)):
        ready.radio.act(one, "on_off", True)
        await ready.becomes(one, "on_off", True)
        await tell(ready, "on_off", "toggle")
        assert (one.value("on_off"), other.value("on_off")) == (False, False)


async def test_a_member_that_missed_the_frame_is_told_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lamps(tmp_path) as (ready, (one, other)):
        hear = other.hear

        def miss(aps: Any, data: bytes, *, alone: bool = True, **more: Any) -> None:  # noqa: ANN401 - passed on
            if alone:
                hear(aps, data, alone=alone, **more)

        monkeypatch.setattr(other, "hear", miss)
        command = TaskGroup("test").start("a person", tell(ready, "on_off", "on"))
        await ready.in_time(command.done, "the command is over")
        await command
        assert (one.value("on_off"), other.value("on_off")) == (True, True)


async def test_members_that_do_not_answer_are_named(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, (one, other)):
        other.reachable = False
        command = TaskGroup("test", lambda *_: None).start("a person", tell(ready, "on_off", "on"))
        await ready.in_time(command.done, "the command is over")
        with pytest.raises(UnreachableError, match=f"1 of 2 members did not do it: {id_of(other)}"):
            await command
        assert one.value("on_off") is True
        assert state(ready, "availability") == "online"
        assert state(ready, "availability_reason") == "1 of 2 members are not online"
        await tell(ready, "on_off", "off")  # who is known to be away is not waited for
        assert one.value("on_off") is False


async def test_a_long_transition_is_confirmed_when_it_is_over(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, found):
        for lamp in found:
            lamp.bindings.clear()
        await tell(ready, "level", "set", value=80, transition=30)
        await ready.hub.clock.advance(20.0)
        assert state(ready, "level") != 80
        await ready.in_time(lambda: state(ready, "level") == 80, "it is dimmed")


async def test_a_step_beyond_the_end_is_no_failure(tmp_path: Path) -> None:
    async with lamps(tmp_path, "lamp-white") as (ready, (lamp,)):
        ready.radio.act(lamp, "on_off", True)
        ready.radio.act(lamp, "level", 254)
        await ready.becomes(lamp, "level", 100)
        command = TaskGroup("test").start("a person", tell(ready, "level", "step", by=20, transition=0))
        await ready.in_time(command.done, "the command is over")
        await command
        assert ready.value(lamp, "level") == 100


async def test_what_a_group_cannot_do_is_refused(tmp_path: Path) -> None:
    async with lamps(tmp_path, "lamp-color", "plug") as (ready, _):
        with pytest.raises(UnsupportedError, match="group Hall has no 'level'"):
            await tell(ready, "level", "set", value=10)


async def test_members_come_and_go(tmp_path: Path) -> None:
    async with lamps(tmp_path, "lamp-white", "lamp-color") as (ready, (white, color)):
        plug = await ready.pair("plug")
        await ready.hub.call("zigbee.group_add", group="hall", members=[id_of(plug)])
        assert plug.groups == {(1, 1)}
        assert {one.key for one in ready.announced[LAMPS].features} == {"on_off", "identify"}
        await ready.hub.call("zigbee.group_remove", group="1", members=[id_of(plug), id_of(white)])
        assert plug.groups == white.groups == set()
        assert "color_xy" in {one.key for one in ready.announced[LAMPS].features}
        await ready.hub.call("zigbee.remove", device=id_of(color))
        (info,) = await ready.hub.call("zigbee.groups")
        assert info.members == []
        assert ready.announced[LAMPS].features == ()


async def test_who_cannot_be_told_does_not_become_a_member(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, found):
        extra = await ready.pair("lamp-white")
        extra.reachable = False
        with pytest.raises(DeviceError, match=f"1 not added to group Hall: {id_of(extra)}"):
            await ready.hub.call("zigbee.group_add", group="Hall", members=[id_of(extra)])
        (info,) = await ready.hub.call("zigbee.groups")
        assert len(info.members) == len(found)


async def test_groups_are_there_after_a_restart_and_gone_when_removed(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        await ready.hub.call("zigbee.group_create", name="Hall", members=[id_of(lamp)])
        await ready.stop()
        ready.announced.clear()
        await ready.start(ready.radio.address)
        assert {one.key for one in ready.announced[LAMPS].features} == {"on_off", "level", "identify"}
        await ready.becomes(lamp, "availability", "online")
        await tell(ready, "on_off", "on")
        await ready.hub.call("zigbee.remove", device=LAMPS)
        await eventually(lambda: lamp.groups == set())
        again = await ready.hub.call("zigbee.group_create", name="Hall")
        assert again.number == 2
        await ready.hub.call("zigbee.remove", device="zigbee-group-2")
        assert await ready.hub.call("zigbee.groups") == []
        await ready.stop()
        ready.announced.clear()
        await ready.start(ready.radio.address)
        assert LAMPS not in ready.announced


async def test_a_lamp_that_is_paired_anew_is_in_its_groups_again(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, (one, _)):
        ready.radio.leave(one)
        await ready.becomes(one, "availability", "offline")
        assert one.groups == set()
        await ready.open_pairing()
        ready.radio.join(one)
        await eventually(lambda: one.groups == {(1, 1)})


async def test_scenes_are_stored_recalled_and_removed(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, (one, other)):
        ready.radio.act(one, "on_off", True)
        await ready.becomes(one, "on_off", True)
        scene = await ready.hub.call("zigbee.scene_store", group="Hall", scene="Reading")
        assert (scene.number, scene.name) == (1, "Reading")
        await tell(ready, "on_off", "off")
        await ready.hub.call("zigbee.scene_recall", group="Hall", scene="reading")
        await ready.becomes(one, "on_off", True)
        assert other.value("on_off") is False
        (info,) = await ready.hub.call("zigbee.groups")
        assert [(one.number, one.name) for one in info.scenes] == [(1, "Reading")]
        await ready.hub.call("zigbee.scene_remove", group="Hall", scene="1")
        with pytest.raises(InvalidValueError, match="no scene 'Reading'; it has: none"):
            await ready.hub.call("zigbee.scene_recall", group="Hall", scene="Reading")


async def test_what_a_scene_shows_is_read_of_those_that_do_not_tell(tmp_path: Path) -> None:
    async with lamps(tmp_path, "lamp-white") as (ready, (lamp,)):
        ready.radio.act(lamp, "on_off", True)
        await ready.becomes(lamp, "on_off", True)
        await ready.hub.call("zigbee.scene_store", group="Hall", scene="Reading")
        await tell(ready, "on_off", "off")
        lamp.bindings.clear()
        await ready.hub.call("zigbee.scene_recall", group="Hall", scene="Reading", transition=0)
        await ready.in_time(lambda: ready.value(lamp, "on_off"), "it is on")


async def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with lamps(tmp_path) as (ready, _):
        sensor = await ready.pair("contact")
        call = ready.hub.call
        with pytest.raises(InvalidValueError, match="there is a group 'hall' already"):
            await call("zigbee.group_create", name="hall")
        with pytest.raises(InvalidValueError, match="1 to 64 characters"):
            await call("zigbee.group_create", name=" ")
        with pytest.raises(UnknownDeviceError, match="there is no group 'Attic'; there are: Hall"):
            await call("zigbee.group_add", group="Attic", members=[])
        with pytest.raises(UnsupportedError, match="no Groups cluster"):
            await call("zigbee.group_add", group="Hall", members=[id_of(sensor)])
        with pytest.raises(UnknownDeviceError, match="no Zigbee device 'Sofa'"):
            await call("zigbee.group_add", group="Hall", members=["Sofa"])
        with pytest.raises(InvalidValueError, match="device/endpoint"):
            await call("zigbee.group_add", group="Hall", members=[f"{id_of(sensor)}/one"])
        await call("zigbee.group_create", name="Empty")
        with pytest.raises(DeviceError, match="has no members"):
            await call("zigbee.scene_store", group="Empty", scene="Night")


def test_what_members_have_in_common() -> None:
    warm = Feature("color_temperature", "color_temperature", minimum=2000, maximum=4000, commands=("set",))
    cold = Feature("color_temperature.2", "color_temperature", minimum=2700, maximum=6500, commands=("set",))
    colder = Feature("color_temperature", "color_temperature", minimum=5000, maximum=6500, commands=("set",))
    (both,) = common([[warm], [cold]])
    assert (both.key, both.minimum, both.maximum) == ("color_temperature", 2700, 4000)
    assert common([[warm], [colder]]) == ()
    assert common([[Feature("humidity", "humidity")]]) == ()
    assert common([[Feature("on_level", "number", commands=("set",))]]) == ()
    assert common([]) == ()


@pytest.mark.parametrize(
    ("values", "together"),
    [
        ([True, False], True),
        ([False, False], False),
        ([10, 20], 15),
        ([10, 15], 12.5),
        ([None, 10], 10),
        (["heat", "heat"], "heat"),
        (["heat", "off"], None),
        ([[0.1, 0.2], [0.1, 0.2]], [0.1, 0.2]),
        ([], None),
    ],
)
def test_values_of_a_group(values: list[Any], together: object) -> None:
    assert value_of(values) == together


def test_availability_of_a_group() -> None:
    assert availability_of(["online", "online"]) == ("online", "")
    assert availability_of(["online", "offline"])[0] == "online"
    assert availability_of(["offline", "offline"])[0] == "offline"
    assert availability_of(["offline", "unknown"])[0] == "unknown"
    assert availability_of([])[0] == "unknown"
