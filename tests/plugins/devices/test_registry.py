import asyncio
from typing import Any

import msgspec
import pytest

from device_plugins.sdk import Device, Feature, InvalidValueError, UnknownDeviceError, UnreachableError
from hub.api import PluginInfo, StorageError
from hub.testing import settle
from hub.types import StateEntry
from plugins.devices.plugin import Devices
from plugins.devices.records import DeviceChanged
from tests.harness import eventually
from tests.plugins.devices.radio import LAMP, SENSOR, Wave, engine, home, refuse_writes, rows


async def test_an_announced_device_is_listed_with_what_is_true_of_it() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.available("radio-1", "online")
        here.radio.report("radio-1", "on_off", value=True)
        here.radio.seen("radio-1")
        record = await here.call("devices.get", device="v-lamp-white")
        assert (record.id, record.name, record.protocol, record.plugin) == ("radio-1", "V-Lamp White", "radio", "radio")
        assert (record.availability, record.availability_reason) == ("online", "")
        assert record.values == {"on_off": True}
        assert record.first_seen == record.last_seen == here.hub.clock.now()
        assert record.features == LAMP.features
        assert await here.call("devices.list") == [record]


async def test_other_plugins_learn_of_a_device_from_state_and_events() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        public = here.state.get("device/radio-1")
        assert public["name"] == "V-Lamp White"
        assert public["features"][0] == {
            "key": "on_off",
            "capability": "on_off",
            "commands": ["set", "on", "off", "toggle"],
        }
        assert here.state.get("device/radio-1/availability") == "unknown"
        (added,) = here.hub.events_of("devices.added")
        assert (added.subject, added.data.name, added.source) == ("device/radio-1", "V-Lamp White", "devices")


async def test_two_of_a_model_get_names_of_their_own() -> None:
    async with home() as here:
        for number in (1, 2, 3):
            await here.radio.announce(msgspec.structs.replace(LAMP, id=f"radio-{number}"))
        names = [record.name for record in await here.call("devices.list")]
        assert names == ["V-Lamp White", "V-Lamp White 2", "V-Lamp White 3"]


async def test_devices_announced_at_once_are_written_side_by_side_and_named_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with home() as here:
        apply, gate, waiting = engine(here.hub).apply, asyncio.Event(), []

        async def slow(*args: Any, **options: Any) -> bool:  # noqa: ANN401 - as the engine's
            waiting.append(args)
            await gate.wait()
            return await apply(*args, **options)

        monkeypatch.setattr(here.hub.core.storage, "apply", slow)
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                device = msgspec.structs.replace(LAMP, id=f"radio-{number}")
                group.create_task(here.radio.announce(device))
            await eventually(lambda: len(waiting) == 20, what="all are being written")
            assert isinstance(await here.fails("devices.get", device="radio-3"), UnknownDeviceError)
            gate.set()
        names = {record.name for record in await here.call("devices.list")}
        assert names == {"V-Lamp White", *(f"V-Lamp White {number}" for number in range(2, 21))}


async def test_a_feature_that_a_device_has_no_more_leaves_no_state() -> None:
    async with home() as here:
        two = Device("radio-1", "radio", features=tuple(Feature(f"on_off.{n}", "on_off") for n in (1, 2)))
        await here.radio.announce(two)
        for key in ("on_off.1", "on_off.2"):
            here.radio.report("radio-1", key, value=True)
        await here.radio.announce(msgspec.structs.replace(two, features=(Feature("on_off", "on_off"), two.features[1])))
        assert here.state.get("device/radio-1/on_off.1") is None
        assert here.state.get("device/radio-1/on_off.2") is True
        assert here.state.get("device/radio-1/availability") == "unknown"


async def test_announcing_again_writes_nothing_unless_something_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        with monkeypatch.context() as patch:
            refuse_writes(here.hub, patch)
            await here.radio.announce(LAMP)
        await here.call("devices.rename", device="radio-1", name="Hall lamp")
        await here.radio.announce(msgspec.structs.replace(LAMP, firmware="2.0"))
        record = await here.call("devices.get", device="hall lamp")
        assert record.firmware == "2.0"
        changed = [event.data for event in here.hub.events_of("devices.changed")]
        assert changed == [
            DeviceChanged("radio-1", "Hall lamp", ("name",)),
            DeviceChanged("radio-1", "Hall lamp", ("firmware",)),
        ]


async def test_names_areas_and_times_survive_a_restart() -> None:
    async with home() as before:
        await before.radio.announce(LAMP)
        await before.radio.announce(SENSOR)
        await before.call("devices.rename", device="radio-1", name="Hall lamp")
        await before.call("devices.assign", device="radio-1", area="Hall", labels=["night"])
        await before.hub.clock.advance(3)
        before.radio.seen("radio-1")
        old = await before.call("devices.get", device="radio-1")
        assert not await before.hub.stop("devices")
        async with home(after=before) as here:
            assert here.state.get("device/radio-1")["name"] == "Hall lamp"
            record = await here.call("devices.get", device="Hall lamp")
            reason = "plugin radio has not told of it since the hub started"
            assert (record.availability, record.availability_reason) == ("unknown", reason)
            assert record == msgspec.structs.replace(old, availability_reason=reason)
            assert record.last_seen > record.first_seen
            assert not here.hub.events_of("devices.added")
            assert [one.id for one in await here.call("devices.list", area="hall")] == ["radio-1"]
            assert [one.id for one in await here.call("devices.list", label="NIGHT")] == ["radio-1"]
            assert [one.id for one in await here.call("devices.list", protocol="radio")] == ["radio-1", "radio-2"]
            assert await here.call("devices.list", area="attic") == []


async def test_of_a_device_that_was_removed_just_before_a_kill_no_state_is_left() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.radio.announce(SENSOR)
        await here.hub.stop("devices")
        kept = here.hub.core.storage.namespace("devices")
        await kept.delete("device/radio-2")
        await kept.set("device/radio-3", {"device": "of a later version"})
        here.state.set("device/radio-3/on_off", value=True)
        for path, old in here.state.list("device/").items():
            here.hub.core.state._entries[path] = StateEntry(old.value, old.version, old.time, restored=True)
        here.state.set("device/radio-4/on_off", value=True)
        await here.hub.run(Devices)
        assert {path.split("/")[1] for path in here.state.list("device/")} == {"radio-1", "radio-3", "radio-4"}


async def test_a_live_state_outlives_the_registry_but_not_the_hub() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.available("radio-1", "online")
        await here.hub.stop("devices")
        await here.hub.run(Devices)
        assert here.state.get("device/radio-1/availability") == "online"
        for path in ("device/radio-1/availability", "protocol/radio"):
            old = here.hub.core.state._entries[path]
            here.hub.core.state._entries[path] = StateEntry(old.value, old.version, old.time, restored=True)
        await here.hub.stop("devices")
        await here.hub.run(Devices)
        assert here.state.get("device/radio-1/availability") == "unknown"
        assert here.state.get("protocol/radio")["reason"] == "plugin radio has not started yet, or is switched off"


async def test_what_is_told_as_failed_does_not_come_true_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        kept = rows(here.hub)["devices"]
        before = dict(kept)
        apply = engine(here.hub).apply

        async def late(*args: Any, durable: bool) -> bool:  # noqa: ANN401 - as the engine's
            done = await apply(*args, durable=durable)
            if durable:
                raise StorageError("the disk is full; it is tried again")
            return done

        monkeypatch.setattr(here.hub.core.storage, "apply", late)
        await here.fails("devices.rename", device="radio-1", name="Hall lamp")
        assert kept == before
        await here.fails("devices.remove", device="radio-1", force=True)
        assert kept == before
        with pytest.raises(StorageError):
            await here.radio.announce(SENSOR)
        assert kept == before
        assert [one.name for one in await here.call("devices.list")] == ["V-Lamp White"]


async def test_a_rename_that_its_caller_gives_up_leaves_disk_and_memory_agreed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        apply = engine(here.hub).apply

        async def slow(*args: Any, durable: bool) -> bool:  # noqa: ANN401 - as the engine's
            done = await apply(*args, durable=durable)
            if durable:
                await asyncio.Event().wait()
            return done

        with monkeypatch.context() as patch:
            patch.setattr(here.hub.core.storage, "apply", slow)
            await here.fails("devices.rename", timeout=0.05, device="radio-1", name="Hall lamp")
        assert [one.name for one in await here.call("devices.list")] == ["V-Lamp White"]
        async with home(after=here) as later:
            assert [one.name for one in await later.call("devices.list")] == ["V-Lamp White"]


async def test_a_rename_that_cannot_be_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        before = await here.call("devices.get", device="radio-1")
        with monkeypatch.context() as patch:
            refuse_writes(here.hub, patch)
            for error in (
                await here.fails("devices.rename", device="radio-1", name="Hall lamp"),
                await here.fails("devices.assign", device="radio-1", area="Hall"),
                await here.fails("devices.remove", device="radio-1", force=True),
            ):
                assert isinstance(error, StorageError)
        assert await here.call("devices.get", device="radio-1") == before
        assert here.state.get("device/radio-1")["name"] == "V-Lamp White"
        assert not here.hub.events_of("devices.changed")
        assert isinstance(await here.fails("devices.get", device="Hall lamp"), UnknownDeviceError)
        await here.call("devices.rename", device="radio-1", name="Hall lamp")


async def test_a_new_device_that_cannot_be_written_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        with monkeypatch.context() as patch:
            refuse_writes(here.hub, patch)
            with pytest.raises(StorageError):
                await here.radio.announce(LAMP)
            assert await here.call("devices.list") == []
        await here.radio.announce(LAMP)
        assert len(await here.call("devices.list")) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("v-lamp WHITE", "the name 'v-lamp WHITE' is taken by 'V-Lamp White' (radio-1); choose another"),
        ("radio-1", "the name 'radio-1' is taken by 'V-Lamp White' (radio-1); choose another"),
        ("RADIO 1", "the name 'RADIO 1' is taken by 'V-Lamp White' (radio-1); choose another"),
        ("  ", "a device's name must be 1 to 64 printable characters, not ''"),
        ("a\x1b[2J", r"a device's name must be 1 to 64 printable characters, not 'a\x1b[2J'"),
    ],
)
async def test_a_bad_name_is_refused_in_one_sentence(name: str, said: str) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.radio.announce(SENSOR)
        error = await here.fails("devices.rename", device="radio-2", name=name)
        assert isinstance(error, InvalidValueError)
        assert str(error) == said


async def test_a_device_may_be_renamed_to_another_spelling_of_its_name_and_the_old_one_is_free() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.radio.announce(SENSOR)
        assert (await here.call("devices.rename", device="radio-1", name="V-LAMP white")).name == "V-LAMP white"
        await here.call("devices.rename", device="radio-1", name="Hall lamp")
        await here.call("devices.rename", device="radio-2", name="V-Lamp White")
        assert (await here.call("devices.get", device="v-lamp-white")).id == "radio-2"


async def test_of_two_renames_to_one_name_at_once_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.radio.announce(SENSOR)
        apply, gate = engine(here.hub).apply, asyncio.Event()

        async def slow(*args: Any, **options: Any) -> bool:  # noqa: ANN401 - as the engine's
            await gate.wait()
            return await apply(*args, **options)

        monkeypatch.setattr(here.hub.core.storage, "apply", slow)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(here.hub.call("devices.rename", device="radio-1", name="Lamp"))
            second = group.create_task(here.fails("devices.rename", device="radio-2", name="lamp"))
            await settle()
            gate.set()
        assert first.result().name == "Lamp"
        assert isinstance(second.result(), InvalidValueError)


async def test_an_unknown_device_is_answered_with_the_closest_names() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        error = await here.fails("devices.get", device="v lamp whit")
        assert isinstance(error, UnknownDeviceError)
        assert str(error) == (
            "there is no device 'v lamp whit', did you mean 'V-Lamp White'?; `hub devices list` shows all"
        )


async def test_a_removed_device_leaves_nothing_behind() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.radio.announce(msgspec.structs.replace(LAMP, id="radio-11"))
        here.radio.report("radio-1", "on_off", value=True)
        await here.call("devices.remove", device="radio-1")
        here.radio.report("radio-1", "on_off", value=False)
        here.radio.available("radio-1", "offline")
        here.radio.seen("radio-1")
        assert ("forget", "radio-1") in here.radio.done
        assert {path.split("/")[1] for path in here.state.list("device/")} == {"radio-11"}
        (removed,) = here.hub.events_of("devices.removed")
        assert (removed.subject, removed.data.name) == ("device/radio-1", "V-Lamp White")
        async with home(after=here) as later:
            assert [one.id for one in await later.call("devices.list")] == ["radio-11"]
        await here.radio.announce(LAMP)
        here.radio.report("radio-1", "on_off", value=False)
        assert here.state.get("device/radio-1/on_off") is False


async def test_a_device_that_cannot_be_told_to_leave_is_removed_only_by_force() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        here.radio.fault = UnreachableError("it does not answer", device="radio-1")
        error = await here.fails("devices.remove", device="radio-1")
        assert isinstance(error, UnreachableError)
        assert str(error) == "V-Lamp White was not removed: it does not answer; to forget it all the same, use force"
        here.radio.hang = True
        error = await here.fails("devices.remove", timeout=0.1, device="radio-1")
        assert "gave no answer" in str(error)
        assert len(await here.call("devices.list")) == 1
        await here.call("devices.remove", timeout=0.1, device="radio-1", force=True)
        assert await here.call("devices.list") == []


async def test_a_device_whose_plugin_is_gone_can_be_removed() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.hub.stop("radio")
        await here.call("devices.remove", device="radio-1")
        assert await here.call("devices.list") == []


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("stopped", "", "plugin radio stopped"),
        ("failed", "no such file", "plugin radio failed: no such file"),
        ("quarantined", "no such file", "plugin radio is quarantined: no such file"),
    ],
)
async def test_when_a_device_plugin_goes_its_devices_are_unknown_with_the_reason(
    status: str, reason: str, said: str
) -> None:
    async with home(Wave) as here:
        await here.radio.announce(LAMP)
        await here.wave.announce(Device("wave-1", "wave"))
        for plugin, device in ((here.radio, "radio-1"), (here.wave, "wave-1")):
            plugin.available(device, "online")
        here.hub.publish("plugin.status", "plugin/radio", PluginInfo("radio", "1", status, reason=reason))
        await settle()
        record = await here.call("devices.get", device="radio-1")
        assert (record.availability, record.availability_reason) == ("unknown", said)
        assert (await here.call("devices.get", device="wave-1")).availability == "online"
        assert here.state.get("protocol/radio") == {"plugin": "radio", "status": "down", "reason": said}
        assert here.state.get("protocol/wave")["status"] == "ready"


async def test_when_a_plugin_with_many_devices_goes_others_have_their_turn(caplog: pytest.LogCaptureFixture) -> None:
    async with home() as here:
        for number in range(600):
            await here.radio.announce(Device(f"radio-{number}", "radio"))
            here.radio.available(f"radio-{number}", "online")
        here.hub.publish("plugin.status", "plugin/radio", PluginInfo("radio", "1", "failed", reason="it fell"))
        here.radio.report("radio-599", "availability", "offline")  # is back, and says so
        await eventually(lambda: here.state.get("device/radio-598/availability") == "unknown", what="all are told")
        await settle()
        told = {here.state.get(f"device/radio-{number}/availability") for number in range(599)}
        assert told == {"unknown"}
        assert "without a pause" not in caplog.text


async def test_a_device_of_another_plugin_is_refused_naming_both() -> None:
    async with home(Wave) as here:
        await here.radio.announce(LAMP)
        for device in (LAMP, msgspec.structs.replace(LAMP, firmware="9")):
            with pytest.raises(
                Exception, match="wave announced radio-1, which belongs to radio; remove it there first"
            ):
                await here.wave.announce(device)


async def test_a_device_outside_the_vocabulary_is_refused() -> None:
    async with home() as here:
        with pytest.raises(Exception, match="the vocabulary has no capability 'warp'"):
            await here.radio.announce(Device("radio-9", "radio", features=(Feature("warp", "warp"),)))
        assert await here.call("devices.list") == []


async def test_a_record_that_cannot_be_read_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with home() as before:
        await before.radio.announce(LAMP)
        await before.radio.announce(SENSOR)
        await before.hub.context("devices").storage.set("device/radio-1", {"device": "of a later version"})
        async with home(after=before) as here:
            assert [one.id for one in await here.call("devices.list")] == ["radio-2"]
            assert "The record device/radio-1 cannot be read and is passed over" in caplog.text


async def test_two_records_with_one_name_are_both_brought_back() -> None:
    async with home() as before:
        await before.radio.announce(LAMP)
        kept = rows(before.hub)["devices"]
        kept["device/radio-7"] = kept["device/radio-1"].replace(b"radio-1", b"radio-7")
        async with home(after=before) as here:
            assert [one.name for one in await here.call("devices.list")] == ["V-Lamp White", "V-Lamp White 2"]


async def test_a_device_can_be_taken_out_of_its_area_and_nothing_else_changes() -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        await here.call("devices.assign", device="radio-1", area="Hall", labels=["night", "Night"])
        record = await here.call("devices.assign", device="radio-1", area="")
        assert (record.area, record.labels) == ("", ("night",))
        record = await here.call("devices.assign", device="radio-1", labels=[])
        assert (record.area, record.labels) == ("", ())
        told = len(here.hub.events_of("devices.changed"))
        await here.call("devices.assign", device="radio-1", labels=[])
        assert len(here.hub.events_of("devices.changed")) == told == 3


async def test_of_two_removals_at_once_the_second_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        await here.radio.announce(LAMP)
        gate = asyncio.Event()

        async def slow(*what: object) -> None:
            here.radio.done.append(what)
            await gate.wait()

        monkeypatch.setattr(here.radio, "_act", slow)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(here.hub.call("devices.remove", device="radio-1"))
            second = group.create_task(here.fails("devices.remove", device="radio-1"))
            await eventually(lambda: len(here.radio.done) == 2)
            gate.set()
        assert first.result() is None
        assert isinstance(second.result(), UnknownDeviceError)
        assert len(here.hub.events_of("devices.removed")) == 1
