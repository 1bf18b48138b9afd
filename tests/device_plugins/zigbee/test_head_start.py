"""A head start: the hub acts before zigpy is there, and zigpy goes on where it left off."""

import asyncio
import gc
import os
import random
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError
from device_plugins.virtual_radio import VirtualDevice, VirtualRadio
from device_plugins.virtual_radio.ezsp import EzspCodec
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.headstart import Alive, HeadStart, begin
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.loading import open_radio
from device_plugins.zigbee.network import Listener, Radio, RadioError, Settings
from device_plugins.zigbee.radio import ZigpyRadio
from device_plugins.zigbee.rehearsal import Exchange, Memory
from device_plugins.zigbee.roster import Roster
from hub.api import Task, Tasks
from hub.tasks import TaskGroup
from hub.testing import settle
from tests.device_plugins.zigbee.bench import Bench, id_of, without_plugin
from tests.harness.waiting import eventually

VERSIONS = pytest.mark.parametrize("version", [13, 14, 18])


at_once = TaskGroup("test", lambda *_: None).start


class Loading:
    """The loading of the libraries, which goes on until it is let through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.early: HeadStart | None = None
        self.error: Exception | None = None
        monkeypatch.setattr("device_plugins.zigbee.plugin.open_radio", self._open_radio)
        monkeypatch.setattr("device_plugins.zigbee.starting.are_loaded", self.has_begun.is_set)

    async def _open_radio(self, settings: Settings, folder: Path, listener: Listener, early: HeadStart | None) -> Radio:
        self.has_begun.set()
        self.early = early
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return await open_radio(settings, folder, listener, early)


class Start:
    """A start in which zigpy is still being loaded."""

    def __init__(self, ready: Bench, loading: Loading, running: Task[None]) -> None:
        self.ready = ready
        self.loading = loading
        self._running = running

    @property
    def early(self) -> HeadStart:
        assert self.loading.early is not None
        return self.loading.early

    async def is_whole(self) -> None:
        """Let zigpy come."""
        self.loading.may_end.set()
        await self._running
        assert self.ready.plugin.early is None
        assert self.ready.plugin.radio is not None

    async def ends(self) -> None:
        """Let the loading come to its end, whatever comes of it."""
        self.loading.may_end.set()
        await self._running


async def first_start(ready: Bench, *models: str) -> tuple[str, list[VirtualDevice]]:
    """Pair devices, and resume the network once; returns the port and the devices."""
    path = ready.radio.open_pty()
    await ready.start(path, start_wait=60.0)
    devices = [await ready.pair(model) for model in models]
    await ready.stop()
    await ready.start(path, start_wait=60.0)
    await ready.stop()
    return path, devices


def remembers(monkeypatch: pytest.MonkeyPatch, otherwise: Callable[[Exchange], Exchange]) -> None:
    """Let the plugin have kept another last exchange than there was."""

    async def changed(memory: Memory, devices: Iterable[Known], alive: Alive, tasks: Tasks) -> HeadStart | None:
        *first, last = memory.rehearsal.exchanges
        rehearsal = msgspec.structs.replace(memory.rehearsal, exchanges=(*first, otherwise(last)))
        return await begin(msgspec.structs.replace(memory, rehearsal=rehearsal), devices, alive, tasks)

    monkeypatch.setattr("device_plugins.zigbee.starting.begin", changed)


@asynccontextmanager
async def starting_again(
    ready: Bench, path: str, monkeypatch: pytest.MonkeyPatch, wait: float = 60.0, **config: object
) -> AsyncIterator[Start]:
    """Start the plugin again, in a process in which zigpy is not there yet."""
    with monkeypatch.context() as patch:
        loading = Loading(patch)
        running = at_once("a start", ready.start(path, start_wait=wait, **config))
        try:
            begun = at_once("the beginning", loading.has_begun.wait())
            await asyncio.wait([begun, running] if wait else [begun], return_when=asyncio.FIRST_COMPLETED)
            yield Start(ready, loading, running)
        finally:
            loading.may_end.set()
            await running


@VERSIONS
async def test_reports_and_commands_pass_before_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    async with without_plugin(tmp_path, version) as ready:
        path, (lamp, sensor) = await first_start(ready, "lamp-color", "motion")
        async with starting_again(ready, path, monkeypatch) as start:
            assert ready.protocol["status"] == "ready"
            ready.radio.act(sensor.ieee, "temperature", 17)
            await ready.becomes(sensor, "temperature", 17.0)
            assert ready.value(sensor, "availability") == "online"
            await ready.command(lamp, "on_off", "on")
            await ready.becomes(lamp, "on_off", value=True)
            await ready.command(lamp, "level", "set", value=40)
            await ready.becomes(lamp, "level", 40)
            assert start.early.taken
            await start.is_whole()
        assert ready.value(sensor, "availability") == "online"
        ready.radio.act(sensor.ieee, "temperature", 18)
        await ready.becomes(sensor, "temperature", 18.0)
        await ready.command(lamp, "on_off", "off")
        await ready.becomes(lamp, "on_off", value=False)


@pytest.mark.parametrize("rounds", [3])
async def test_each_start_can_be_repeated_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        for _ in range(rounds):
            async with starting_again(ready, path, monkeypatch) as start:
                await ready.command(lamp, "on_off", "toggle")
                assert start.early.where(lamp.ieee.replace(":", "")) is not None
                await start.is_whole()
            await ready.stop()


async def test_what_only_zigpy_understands_is_heard_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (button,) = await first_start(ready, "button")
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.act(button.ieee, "press", "on")
            await settle()
            assert not ready.hub.events_of("device.button")
            await start.is_whole()
            await eventually(lambda: ready.hub.events_of("device.button"), 5.0, "the press is heard")


async def test_what_needs_the_whole_radio_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            asked = [
                at_once("a person", ready.hub.call("zigbee.bindings", device=id_of(lamp))),
                at_once("a person", ready.open_pairing()),
                at_once("a person", ready.command(lamp, "identify", "identify")),
            ]
            await settle()
            assert not any(one.done() for one in asked)
            await start.is_whole()
            await asyncio.gather(*asked)
        added = ready.radio.add("motion")
        ready.radio.join(added)
        assert (await ready.step(added, "configured", "failed")).step == "configured"


async def test_a_command_that_is_lost_is_sent_again_unless_it_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_plugins.zigbee.headstart._REPLY_LIMIT", 0.3)
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.slow_down(lamp, 0.4)
            with pytest.raises(CommandTimeoutError):
                await ready.command(lamp, "on_off", "toggle")
            ready.radio.slow_down(lamp, None)
            await ready.becomes(lamp, "on_off", value=True)
            ready.radio.faults.change(loss=1.0)
            asked = at_once("a person", ready.command(lamp, "on_off", "off"))
            await settle()
            ready.radio.faults.clear()
            await asked
            await ready.becomes(lamp, "on_off", value=False)
            await start.is_whole()


async def test_a_device_that_is_still_to_be_configured_is_heard_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        await ready.start(path, start_wait=60.0)
        sensor = await ready.pair("motion")
        await ready.stop()
        await ready.start(path, start_wait=60.0)
        known = ready.plugin.roster.known[sensor.ieee.replace(":", "")]
        known.record.configured = False
        await ready.plugin.roster.save(known)
        await ready.stop()
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.act(sensor.ieee, "temperature", 17)
            await ready.becomes(sensor, "temperature", 17.0)
            await start.is_whole()
        known = ready.plugin.roster.known[sensor.ieee.replace(":", "")]
        await eventually(lambda: known.record.configured, 5.0, "it is configured")
        ready.radio.act(sensor.ieee, "temperature", 18)
        await ready.becomes(sensor, "temperature", 18.0)


async def test_commands_that_wait_hold_up_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (plain, *others) = await first_start(ready, *["lamp-white"] * 9)
        async with starting_again(ready, path, monkeypatch) as start:
            waiting = [at_once("a person", ready.command(one, "identify", "identify")) for one in others]
            await ready.command(plain, "on_off", "on")
            await ready.becomes(plain, "on_off", value=True)
            assert not any(one.done() for one in waiting)
            await start.is_whole()
            await asyncio.gather(*waiting)


async def test_a_start_that_fails_at_its_very_end_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attach(_roster: Roster, _radio: Radio) -> None:
        raise RadioError("it broke at the last moment")

    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            asked = at_once("a person", ready.hub.call("zigbee.bindings", device=id_of(lamp)))
            await settle()
            with monkeypatch.context() as patch:
                patch.setattr(Roster, "attach", attach)
                await start.ends()
                with pytest.raises(UnreachableError, match="at the last moment"):
                    await asked
        await ready.comes_up()
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", value=True)


async def test_a_stick_that_answers_otherwise_is_opened_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        with monkeypatch.context() as patch:
            remembers(patch, lambda one: Exchange(one.request, one.answer + b"\0"))
            async with starting_again(ready, path, monkeypatch) as start:
                assert start.loading.early is None
                assert ready.protocol["status"] == "down"
                await start.is_whole()
            await ready.command(lamp, "on_off", "on")
            await ready.becomes(lamp, "on_off", value=True)
            await ready.stop()
        async with starting_again(ready, path, monkeypatch) as start:
            assert start.early.nodes
            await start.is_whole()


@pytest.mark.parametrize("which", ["first", "last", "one too many"])
async def test_bellows_begins_again_when_it_asks_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            rehearsal = start.early.rehearsal
            exchanges = [*rehearsal.exchanges]
            if which == "one too many":
                rehearsal = msgspec.structs.replace(rehearsal, connecting=rehearsal.connecting + 1)
            else:
                place = 0 if which == "first" else rehearsal.connecting - 1
                exchanges[place] = Exchange(exchanges[place].request + b"\0", exchanges[place].answer)
            start.early.rehearsal = msgspec.structs.replace(rehearsal, exchanges=tuple(exchanges))
            await start.is_whole()
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", value=True)


@pytest.mark.parametrize("quirks", [True, False])
async def test_no_head_start_when_devices_may_have_other_quirks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, quirks: bool
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, _ = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch, quirks=quirks) as start:
            assert (start.loading.early is not None) == quirks
            await start.is_whole()


async def test_a_radio_that_had_a_head_start_is_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with without_plugin(tmp_path) as ready:
        path, _ = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch) as start:
            gc.freeze()  # as is done when the libraries have been imported
            await start.is_whole()
        assert isinstance(ready.plugin.radio, ZigpyRadio)
        former = weakref.ref(ready.plugin.radio._app)
        early = weakref.ref(start.early)
        start.loading.early = None
        ready.radio.reset()
        await ready.goes_down("")
        await ready.comes_up()
        try:
            await eventually(lambda: gc.collect() is not None and former() is None, 10.0, "the former radio is gone")
            assert early() is None
        finally:
            gc.unfreeze()


async def test_a_stick_that_is_pulled_out_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stick = tmp_path / "stick"
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty(stick)
        await ready.start(path, start_wait=60.0)
        lamp = await ready.pair("lamp-white")
        await ready.stop()
        await ready.start(path, start_wait=60.0)
        await ready.stop()
        async with starting_again(ready, path, monkeypatch) as start:
            ready.radio.unplug()
            asked = at_once("a person", ready.command(lamp, "on_off", "on"))
            await settle()
            await start.ends()
            with pytest.raises(UnreachableError):
                await asked
        await ready.goes_down("")
        ready.radio.replug()
        await ready.comes_up()
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", value=True)


async def test_libraries_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp,) = await first_start(ready, "lamp-white")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        async with starting_again(ready, path, monkeypatch) as start:
            asked = at_once("a person", ready.hub.call("zigbee.bindings", device=id_of(lamp)))
            await settle()
            start.loading.error = RadioError("zigbee.db is broken")
            await start.ends()
            with pytest.raises(UnreachableError, match=r"zigbee\.db is broken"):
                await asked
            assert ready.protocol["reason"] == "zigbee.db is broken"
            await eventually(lambda: not ready.radio.host_attached, 5.0, "the port is closed")
        await ready.stop()
        assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


async def test_a_hub_that_stops_meanwhile_closes_the_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, _ = await first_start(ready, "lamp-white")
        async with starting_again(ready, path, monkeypatch, wait=0.0) as start:
            assert ready.radio.host_attached
            await ready.stop()
            await eventually(lambda: not ready.radio.host_attached, 5.0, "the port is closed")
            await start.ends()


async def test_a_noisy_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path, (lamp, sensor) = await first_start(ready, "lamp-white", "motion")
        ready.radio.faults.change(corrupt=0.05, duplicate=0.05)
        async with starting_again(ready, path, monkeypatch) as start:
            for value in range(20):
                ready.radio.act(sensor.ieee, "temperature", value)
                await ready.becomes(sensor, "temperature", float(value))
                await ready.command(lamp, "on_off", "toggle")
            ready.radio.faults.clear()
            await start.is_whole()


async def test_another_network_on_the_stick_is_not_acted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "stick"
    async with without_plugin(tmp_path / "hub") as ready:
        other = VirtualRadio(version=14, latency=0.0, seed=2)
        first, ready.radio = ready.radio, other
        try:
            path = ready.radio.open_pty(link)
            await ready.start(path, start_wait=60.0)
            await ready.pair("lamp-white")
            await ready.stop()
            await ready.start(path, start_wait=60.0)
            await ready.stop()
        finally:
            ready.radio = first
            await other.close()
        folder = tmp_path / "hub" / "plugins" / "zigbee"
        (folder / "zigbee.db").rename(tmp_path / "zigbee.db")
        ready.radio.open_pty(link)
        await ready.start(path, start_wait=60.0)
        await ready.stop()
        (tmp_path / "zigbee.db").rename(folder / "zigbee.db")
        async with starting_again(ready, path, monkeypatch) as start:
            assert start.loading.early is None
            await start.ends()
        assert "holds another network than the one remembered" in ready.protocol["reason"]


async def test_noise_does_no_harm_and_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    async with without_plugin(tmp_path) as ready:
        path, (sensor,) = await first_start(ready, "motion")
        async with starting_again(ready, path, monkeypatch) as start:
            short = start.early.where(sensor.ieee.replace(":", ""))
            assert short is not None
            sound = message(short, 0x0402, bytes([0x18, 1, 0x0A, 0, 0, 0x29, 0x10, 0x07]))
            assert start.early.take(sound)
            assert start.early.taken == 1
            for _ in range(3000):
                noise = bytearray(sound)
                for _ in range(chance.randint(1, 4)):
                    noise[chance.randrange(3, len(noise))] = chance.randrange(256)
                start.early.take(bytes(noise[: chance.randint(0, len(noise))]))
            assert len(start.early._held) <= 500
            ready.radio.act(sensor.ieee, "temperature", 21)
            await ready.becomes(sensor, "temperature", 21.0)
            await start.is_whole()
        ready.radio.act(sensor.ieee, "temperature", 22)
        await ready.becomes(sensor, "temperature", 22.0)
        assert ready.hub.errors == []


def message(short: int, cluster: int, payload: bytes) -> bytes:
    """An incomingMessageHandler of EZSP 14, as the virtual radio encodes it."""
    aps = ApsFrame(0x0104, cluster, 1, 1, 0, 0, 0)
    return EzspCodec(14).encode_callback(
        "incomingMessageHandler", 1, {"message_type": 0, "aps_frame": aps, "nwk": short, "message": payload}
    )
