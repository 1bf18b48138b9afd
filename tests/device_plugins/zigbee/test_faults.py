"""The radio goes wrong in every way it can; the hub goes on living, says why, and recovers by itself."""

import asyncio
import collections
import gc
import os
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from zigpy.appdb import PersistingListener
from zigpy.zcl.foundation import GENERAL_COMMANDS as ZCL_COMMANDS
from zigpy.zcl.foundation import GeneralCommand

from device_plugins.sdk import PairingError, UnreachableError
from device_plugins.virtual_radio import VirtualRadio
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.adopting import TapedEzsp, TapedGateway
from device_plugins.zigbee.coordinator import Coordinator
from device_plugins.zigbee.radio import ZigpyRadio, shut
from hub.testing import running, settle
from tests.device_plugins.zigbee.bench import Bench, bench, id_of, without_plugin
from tests.harness.waiting import eventually


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Garbage is collected when the product asks for it, and by chance never."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def check_recovery(ready: Bench) -> None:
    """After a loss: the lamp is offline with the reason; when the radio is back all works as before."""
    (device,) = ready.radio.devices
    assert ready.value(device, "availability") == "offline"
    assert ready.value(device, "availability_reason").startswith("radio lost: ")
    with pytest.raises(UnreachableError, match="radio is down"):
        await ready.command(device, "on_off", "on")
    await ready.comes_up()
    await ready.becomes(device, "availability", "online")
    await ready.command(device, "on_off", "on")
    await ready.becomes(device, "on_off", True)


@pytest.mark.parametrize("fault", [VirtualRadio.crash, VirtualRadio.reset])
async def test_a_stick_that_crashes_or_resets(tmp_path: Path, fault: Callable[[VirtualRadio], None]) -> None:
    async with bench(tmp_path) as ready:
        await ready.pair("lamp-white")
        fault(ready.radio)
        await ready.goes_down("")
        await check_recovery(ready)


async def test_the_stick_is_pulled_out_and_put_back(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(stick))
        await ready.pair("lamp-white")
        ready.radio.unplug()
        await ready.goes_down("")
        reason = "no such file; plug the stick in or set [plugin.zigbee] path"
        await ready.in_time(lambda: reason in ready.protocol["reason"], reason)
        ready.radio.replug()
        await check_recovery(ready)


async def test_a_stick_pulled_out_again_and_again_leaves_nothing_behind(tmp_path: Path) -> None:
    def held() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), threading.active_count()  # noqa: PTH208

    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(stick))
        lamp = await ready.pair("lamp-white")
        first = held()

        async def toggle() -> None:
            with pytest.raises(UnreachableError):
                await ready.command(lamp, "on_off", "toggle")

        for _ in range(5):
            async with asyncio.TaskGroup() as group:
                group.create_task(toggle())
                await asyncio.sleep(0)
                ready.radio.unplug()
            await ready.goes_down("")
            assert ready.value(lamp, "availability_reason").startswith("radio lost: ")
            ready.radio.replug()
            await ready.comes_up()
            await ready.becomes(lamp, "availability", "online")
            await ready.command(lamp, "on_off", "on")
        await eventually(lambda: all(now <= then for now, then in zip(held(), first, strict=True)), 5.0, f"{first}")
        assert len(ready.plugin.devices) == 1


async def test_a_stick_on_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellows.ezsp.NETWORK_COORDINATOR_STARTUP_RESET_WAIT", 0.05)
    async with without_plugin(tmp_path) as ready:
        await ready.radio.open_tcp()
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready"
        await ready.pair("lamp-white")
        ready.radio.unplug()
        await ready.goes_down("")
        await ready.in_time(lambda: "nothing listens there" in ready.protocol["reason"], "the reason")
        ready.radio.replug()
        await check_recovery(ready)


async def test_a_hung_stick_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("T_RX_ACK_INIT", "T_RX_ACK_MIN", "T_RX_ACK_MAX"):
        monkeypatch.setattr(f"bellows.ash.{name}", 0.1)
    async with bench(tmp_path, watchdog=0.1) as ready:
        await ready.pair("lamp-white")
        ready.radio.hang()
        await ready.goes_down("")
        ready.radio.hang(on=False)
        await check_recovery(ready)


async def test_a_stick_is_not_asked_how_it_is_while_a_network_is_formed(tmp_path: Path) -> None:
    async with bench(tmp_path, watchdog=0.0005) as ready:
        await ready.pair("lamp-white")


async def test_a_hub_that_stops_while_a_lost_radio_is_closed_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def slowly(app: object) -> None:
        begun.set()
        await may_go_on.wait()
        await shut(app)

    monkeypatch.setattr("device_plugins.zigbee.radio.shut", slowly)
    async with bench(tmp_path) as ready:
        ready.radio.crash()
        await begun.wait()
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(ready.stop())
            await settle()
            assert not stopping.done()
            may_go_on.set()


async def test_a_stick_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bellows.uart.RESET_TIMEOUT", 0.05)
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        ready.radio.hang()
        await ready.start(path)
        await ready.goes_down(f"the stick at {path} does not answer")
        ready.radio.hang(on=False)
        await ready.comes_up()


async def test_no_path(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start("")
        assert ready.protocol["reason"] == "no radio is set; set [plugin.zigbee] path to the stick's serial port"
        with pytest.raises(PairingError, match="no radio is set"):
            await ready.open_pairing()


async def test_a_path_that_is_not_there_is_tried_again_without_leaks(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        await ready.start(str(stick))
        reason = f"cannot open {stick}: no such file; plug the stick in or set [plugin.zigbee] path"
        assert ready.protocol == {"plugin": "zigbee", "status": "down", "reason": reason}
        with pytest.raises(PairingError, match="no such file"):
            await ready.open_pairing()
        status = await ready.hub.call("zigbee.status")
        assert (status.status, status.reason, status.network) == ("down", reason, None)

        async def attempt() -> tuple[int, int]:
            ready.plugin.link.tried.clear()
            await ready.hub.clock.advance(60.0)
            await eventually(ready.plugin.link.tried.is_set)
            await settle()
            return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208

        await attempt()
        before = await attempt()
        assert [await attempt() for _ in range(5)] == [before] * 5
        ready.radio.open_pty(stick)
        await ready.comes_up()


async def test_two_programs_on_one_stick(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        folder = tmp_path / "other"
        folder.mkdir()
        async with running(data_dir=folder) as hub:
            other = Bench(hub, ready.radio)
            await other.start(ready.radio.address)
            assert "another program uses it" in other.protocol["reason"]
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "on_off", "on")


async def test_another_network_on_the_stick_is_refused(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        await ready.stop()
        (tmp_path / "other").mkdir()
        other = VirtualRadio(latency=0.0, seed=7)
        try:
            path = other.open_pty()
            async with without_plugin(tmp_path / "other") as elsewhere:
                await elsewhere.start(path)
                await elsewhere.stop()
            await ready.start(path)
            assert "holds another network than the one remembered" in ready.protocol["reason"]
        finally:
            await other.close()


async def test_a_database_that_cannot_be_read(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start("")
        folder = ready.hub.context("zigbee").data_dir
        await ready.stop()
        (folder / "zigbee.db").write_bytes(b"this is no database, whatever it says of itself" * 100)
        await ready.start(ready.radio.open_pty())
        await ready.goes_down("move it away to begin with a new network")


async def test_a_bad_cable_loses_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        ready.radio.faults.change(corrupt=0.05, drop_acks=0.05)
        for value in (True, False) * 10:
            await ready.command(lamp, "on_off", "set", value=value)
            await ready.becomes(lamp, "on_off", value)


async def test_stopping_while_it_connects(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        ready.radio.hang()
        await ready.start(path, start_wait=0.0)
        await ready.stop()


async def test_a_pairing_session_ends_with_the_radio(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.open_pairing()
        ready.radio.crash()
        await ready.goes_down("")
        await ready.comes_up()
        await ready.hub.call("zigbee.pair", session="another", duration=10.0)
        lamp = ready.radio.add("lamp-white")
        ready.radio.join(lamp)
        step = await ready.step(lamp, "configured")
        assert (step.session, step.device) == ("another", id_of(lamp))


async def test_what_no_device_can_mean_is_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with bench(tmp_path) as ready:
        lamp, sensor = await ready.pair("lamp-white"), await ready.pair("climate")
        before = {key: ready.value(lamp, key) for key in ("on_off", "level")}
        humidity = ready.value(sensor, "humidity")
        garbled = [
            (lamp, 0x0006, "18010a0000" + "4205" + b"hello".hex()),  # a text for on_off
            (lamp, 0x0006, "18020a0000" + "2007"),  # 7
            (lamp, 0x0006, "18030a0000"),  # no type
            (lamp, 0x0008, "18040a0000" + "21ffff"),  # a level that does not fit
            (lamp, 0x0008, "18050a0000" + "390000c07f"),  # NaN
            (lamp, 0x0008, "180a"),
            (lamp, 0x0006, ""),
            (sensor, 0x0405, "18060a0000" + "21fefe"),  # 652 %
            (sensor, 0x0402, "18070a0000" + "41ff61"),  # a text longer than the frame
        ]
        for device, cluster, frame in garbled:
            ready.radio.carry(device, ApsFrame(0x0104, cluster, 1, 1, 0, 0, 0), bytes.fromhex(frame))
        ready.radio.act(sensor, "temperature", 23.5)
        await ready.becomes(sensor, "temperature", 23.5)
        await ready.command(lamp, "identify", "identify", duration=1)
        assert {key: ready.value(lamp, key) for key in ("on_off", "level")} == before
        assert ready.value(sensor, "humidity") == humidity
        assert "was not understood" in caplog.text
        assert "humidity cannot be 65278" in caplog.text
        assert "Traceback" not in caplog.text


async def test_noise_on_the_line_harms_nothing(tmp_path: Path) -> None:
    dice = random.Random(3)
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        for _ in range(50):
            ready.radio.write(dice.randbytes(dice.randrange(1, 300)))
        ready.radio.write(b"A" * 100_000 + b"~")
        for _ in range(50):
            unknown = bytes([0, 0x90, 1]) + dice.randrange(0x200, 0xFFFF).to_bytes(2, "little")
            ready.radio.ncp.link.send(unknown + dice.randbytes(dice.randrange(120)))
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
        assert ready.protocol["status"] == "ready"


async def test_a_stick_that_fails_while_a_device_is_interviewed(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = ready.radio.add("lamp-white")
        ready.radio.slow_down(lamp, 0.05)
        await ready.open_pairing()
        ready.radio.join(lamp)
        await ready.step(lamp, "interviewing")
        ready.radio.crash()
        await ready.goes_down("")
        ready.radio.slow_down(lamp, None)
        await ready.comes_up()
        await ready.becomes(lamp, "on_off", False)
        assert lamp.bindings
        assert ready.models == {"V-Lamp White"}


async def test_a_library_that_has_changed_inside_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr("zigpy.util.CatchingTaskMixin._tasks")
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        await ready.command(lamp, "on_off", "on")
        assert "has no _tasks: closing may leave a task behind" in caplog.text


@pytest.mark.usefixtures("no_collection")
async def test_former_radios_are_not_kept_in_memory(tmp_path: Path) -> None:
    kinds: tuple[type, ...] = (Coordinator, TapedEzsp, TapedGateway, ZigpyRadio)
    of_other_tests = weakref.WeakSet(one for one in gc.get_objects() if type(one) in kinds)

    def living() -> dict[str, int]:
        kept = collections.Counter(type(one) for one in gc.get_objects() if type(one) in kinds)
        kept.subtract(type(one) for one in of_other_tests)
        return {kind.__name__: kept[kind] for kind in kinds}

    def reading() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks() if "read values" in task.get_name()]

    def collected() -> dict[str, int]:
        gc.collect()
        return living()

    async with bench(tmp_path) as ready:
        for model in ("lamp-white", "lamp-color", "plug"):
            await ready.pair(model)
        await ready.hub.call("zigbee.pair_cancel")
        for _ in range(4):
            await eventually(lambda: not reading(), 10.0, "nobody waits for an answer")
            ready.radio.reset()
            await ready.goes_down("")
            await ready.comes_up()
            # The one before may have ended while somebody still read from it.
            assert max(living().values()) <= 2
        await eventually(lambda: set(collected().values()) == {1}, 10.0, "only the radio that is open is left")


async def test_a_hub_that_stops_while_the_database_is_read_closes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_open = asyncio.Event()
    initialize = PersistingListener.initialize_tables

    async def initialize_tables(listener: PersistingListener) -> None:
        is_open.set()
        await initialize(listener)

    def opened() -> list[str]:
        links = [os.path.realpath(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd")]  # noqa: PTH208
        return [link for link in links if link.startswith(str(tmp_path)) and "zigbee.db" in link]

    monkeypatch.setattr(PersistingListener, "initialize_tables", initialize_tables)
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), start_wait=0.0)
        await is_open.wait()
        assert opened()
        await ready.stop()
        assert opened() == []


async def test_what_a_closed_stick_can_no_longer_answer_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        radio = ready.plugin.radio
        assert isinstance(radio, ZigpyRadio)
        cluster = radio._find(lamp.ieee.replace(":", "")).endpoints[1].in_clusters[6]
        monkeypatch.setattr(TapedGateway, "data_received", lambda _gateway, _data: None)
        cluster.create_catching_task(
            cluster.reply(True, 0x0B, ZCL_COMMANDS[GeneralCommand.Default_Response].schema, 0x0A, 0), name="a reply"
        )
        await eventually(lambda: radio._app._ezsp._protocol._awaiting, 5.0, "the stick is asked")
        await ready.stop()
        assert [one.getMessage() for one in caplog.records if one.name.startswith("zigpy")] == []
