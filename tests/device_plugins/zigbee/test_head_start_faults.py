"""A head start that comes to nothing, or on a bad line: the hub goes on as ever."""

import gc
import os
import random
import weakref
from pathlib import Path

import msgspec
import pytest

from device_plugins.sdk import UnreachableError
from device_plugins.virtual_radio import VirtualRadio
from device_plugins.virtual_radio.ezsp import EzspCodec
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.radio import ZigpyRadio
from device_plugins.zigbee.rehearsal import Exchange
from hub.testing import settle
from tests.device_plugins.zigbee.bench import id_of, without_plugin
from tests.device_plugins.zigbee.head_start import at_once, first_start, remembers, starting_again
from tests.harness.waiting import eventually


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
