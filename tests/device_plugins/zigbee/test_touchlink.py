"""Touchlink: lamps of another network are found, show themselves, and are freed, over the real path."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from device_plugins.sdk import InvalidValueError, UnreachableError
from device_plugins.virtual_radio import RadioError as VirtualRadioError
from device_plugins.virtual_radio import VirtualDevice, VirtualRadio
from device_plugins.virtual_radio.core import Command, Values
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.wire import Status
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.touchlink import Stray
from device_plugins.zigbee.touchlink_services import TouchlinkStep
from device_plugins.zigbee.touchlinking import ZigpyTouchlink
from hub.api import HubError
from hub.testing import settle
from tests.device_plugins.virtual_radio.host import VERSIONS
from tests.device_plugins.zigbee.bench import Bench, bench, id_of
from tests.harness.waiting import eventually

ELSEWHERE = 20
OWN = 15
NETWORK = "0100000000eeffc0"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lamp without latency answers at once, so nobody need wait for it."""
    for name in ("_LISTEN_S", "_SHOWN_S", "_UNDER_WAY_S"):
        monkeypatch.setattr(f"device_plugins.zigbee.touchlinking.{name}", 0.05)


def stray(ready: Bench, channel: int = ELSEWHERE, rssi: int = -35, model: str = "lamp-white") -> VirtualDevice:
    lamp = ready.radio.add(model)
    ready.radio.stray(lamp, channel, rssi)
    return lamp


def hex_of(lamp: VirtualDevice) -> str:
    return lamp.ieee.replace(":", "")


async def steps(ready: Bench, *channels: int) -> AsyncIterator[TouchlinkStep]:
    services = ready.hub.context("zigbee").services
    async for step in services.stream("zigbee.touchlink_scan", channels=[*channels] or None):
        yield step


async def scan(ready: Bench, *channels: int) -> list[Stray]:
    async def work() -> list[Stray] | HubError:
        try:
            return [one async for step in steps(ready, *channels) for one in step.found]
        except HubError as error:
            return error

    async with asyncio.TaskGroup() as group:
        task = group.create_task(work())
        await ready.in_time(task.done, "the scan", 30.0)
    found = task.result()
    if isinstance(found, HubError):
        raise found
    return found


def watched(ready: Bench) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    ready.radio.watch(lambda event, facts: told.append(dict(facts)) if event == "touchlink" else None)
    return told


def channel_now(ready: Bench) -> int:
    return ready.radio.ncp.core.tuned or OWN


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lamp_of_another_network_is_found_shows_itself_and_is_freed(tmp_path: Path, version: int) -> None:
    async with bench(tmp_path, version, channel=OWN) as ready:
        lamp, far = stray(ready), stray(ready, rssi=-80)
        (found,) = await scan(ready, 11, ELSEWHERE, OWN)
        assert found == Stray(hex_of(lamp), ELSEWHERE, False, False, "1234", NETWORK, -35, 220)
        assert channel_now(ready) == OWN

        told = watched(ready)
        await ready.hub.call("zigbee.touchlink_identify", ieee=lamp.ieee, channel=ELSEWHERE, seconds=7)
        assert lamp.value("identify_time") == 7
        assert [one["seconds"] for one in told if "seconds" in one] == [7]
        assert channel_now(ready) == OWN

        await ready.open_pairing()
        await ready.hub.call("zigbee.touchlink_reset", ieee=hex_of(lamp), channel=ELSEWHERE)
        assert (await ready.step(lamp, "configured", "failed")).step == "configured"
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
        assert not ready.radio.is_joined(far)


async def test_what_was_reset_looks_for_an_open_network_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = stray(ready)
        with pytest.raises(VirtualRadioError, match="another network"):
            ready.radio.join(lamp)
        await ready.hub.call("zigbee.touchlink_reset", ieee=id_of(lamp), channel=ELSEWHERE)
        assert not ready.radio.is_joined(lamp)
        (found,) = await scan(ready, 11)
        assert (found.factory_new, found.own, found.pan_id) == (True, False, "ffff")
        await ready.open_pairing()
        assert (await ready.step(lamp, "configured", "failed")).step == "configured"


async def test_all_channels_are_asked_and_the_network_gets_its_turn_between_them(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        told: list[TouchlinkStep] = []

        async def work() -> None:
            async for step in steps(ready):
                assert channel_now(ready) == OWN
                told.append(step)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            await ready.in_time(task.done, "the scan", 30.0)
        assert sorted(one.channel for one in told) == [*range(11, 27)]
        assert [(one.asked, one.of) for one in told] == [(number, 16) for number in range(1, 17)]
        assert not any(one.found for one in told)


async def test_lamps_of_this_network_are_told_apart_and_not_reset(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = await ready.pair("lamp-white")
        with pytest.raises(InvalidValueError, match="is on this network; remove it"):
            await ready.hub.call("zigbee.touchlink_reset", ieee=lamp.ieee, channel=OWN)
        ready.radio.mesh.link = lambda device: (250, -31 if device is lamp else -99)  # type: ignore[method-assign]
        assert [(one.ieee, one.own, one.rssi) for one in await scan(ready, OWN)] == [(hex_of(lamp), True, -31)]
        assert ready.radio.is_joined(lamp)


async def test_a_lamp_that_the_hub_still_has_is_removed_before_it_is_freed(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = await ready.pair("lamp-white")
        ready.radio.stray(lamp, ELSEWHERE)
        with pytest.raises(InvalidValueError, match=f"still has .* with `hub devices remove {id_of(lamp)}`"):
            await ready.hub.call("zigbee.touchlink_reset", ieee=lamp.ieee, channel=ELSEWHERE)
        await ready.hub.call("zigbee.remove", device=id_of(lamp))
        await ready.open_pairing()
        await ready.hub.call("zigbee.touchlink_reset", ieee=lamp.ieee, channel=ELSEWHERE)
        await eventually(lambda: ready.radio.is_joined(lamp), 10.0, "the lamp having joined")
        await eventually(lambda: ready.value(lamp, "on_off") is not None, 10.0, "the lamp being paired")


async def test_commands_wait_while_the_stick_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does the question for the network's channel: the stick would tell the other one."""
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._LISTEN_S", 0.3)
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = await ready.pair("lamp-white")
        seen: list[tuple[str, int]] = []
        for name in ("sendUnicast", "getNetworkParameters"):
            usual = ready.radio.ncp.answers[name]

            def noted(args: Args, name: str = name, usual: Command = usual) -> Values:
                seen.append((name, channel_now(ready)))
                return usual(args)

            ready.radio.ncp.answers[name] = noted
        async with asyncio.TaskGroup() as group:
            scanning = group.create_task(scan(ready, ELSEWHERE))
            await eventually(lambda: channel_now(ready) == ELSEWHERE, what="the stick being away")
            group.create_task(ready.command(lamp, "on_off", "on"))
            remembering = group.create_task(ready.plugin.ready_radio().remember())
        assert scanning.result() == []
        assert {name for name, _ in seen} == {"sendUnicast", "getNetworkParameters"}
        assert {channel for _, channel in seen} == {OWN}
        assert f'"channel": {OWN}' in remembering.result().decode()
        await ready.becomes(lamp, "on_off", True)


async def test_only_what_the_stick_has_got_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a command that comes later, which waits for the touchlink itself."""
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._UNDER_WAY_S", 60.0)  # beyond the limit of a touchlink
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = await ready.pair("lamp-white")
        app: Any = ready.plugin.ready_radio()._app  # type: ignore[attr-defined]
        sent = app._pending_requests["sent"] = asyncio.get_running_loop().create_future()

        async def first() -> TouchlinkStep:
            return await anext(steps(ready, ELSEWHERE))

        async with asyncio.TaskGroup() as group:
            async with app._req_lock:
                scanning = group.create_task(first())
                await eventually(lambda: len(app._req_lock._waiters or ()) == 1, what="the touchlink in the queue")
                group.create_task(ready.command(lamp, "on_off", "on"))
                await eventually(lambda: len(app._pending_requests) == 2, what="the command behind it")
            await settle()
            assert ready.radio.ncp.heard["setLogicalAndRadioChannel"] == 0
            del app._pending_requests["sent"]
            sent.set_result(None)
        assert scanning.result().found == []
        await ready.becomes(lamp, "on_off", True)


async def test_a_device_that_does_not_answer_is_told_of(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        far = stray(ready, rssi=-61)
        told = watched(ready)
        for verb in ("identify", "reset"):
            with pytest.raises(UnreachableError, match="does not answer on channel 20; bring it"):
                await ready.hub.call(f"zigbee.touchlink_{verb}", ieee=far.ieee, channel=ELSEWHERE)
        assert channel_now(ready) == OWN
        assert told == []


@pytest.mark.parametrize("ieee", ["", "lamp", "02446f6d0001", "0" * 17, "x" * 33])
async def test_what_is_no_address_is_refused(tmp_path: Path, ieee: str) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        with pytest.raises(HubError):
            await ready.hub.call("zigbee.touchlink_identify", ieee=ieee, channel=ELSEWHERE)
        with pytest.raises(HubError):
            await ready.hub.call("zigbee.touchlink_identify", ieee="0" * 16, channel=27)
        assert ready.radio.ncp.heard["setLogicalAndRadioChannel"] == 0


async def test_a_lost_request_is_sent_again(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = stray(ready)
        lost = iter([True])
        ready.radio.mesh.loses = lambda: next(lost, False)  # type: ignore[method-assign]
        assert [one.ieee for one in await scan(ready, ELSEWHERE)] == [hex_of(lamp)]


@pytest.mark.parametrize("version", [13, 18])
async def test_noise_on_the_air_harms_nothing(tmp_path: Path, version: int) -> None:
    """Broken answers, those of other transactions, and those for others, between right ones."""
    async with bench(tmp_path, version, channel=OWN) as ready:
        lamp = stray(ready)
        passed: list[bytes] = []
        ncp, chance = ready.radio.ncp, random.Random(1)
        usual = ncp.callback

        def noisy(name: str, values: Values, written: Callable[[], None] | None = None) -> None:
            if name == "macFilterMatchMessageHandler":
                good = bytes(values["message"])  # type: ignore[call-overload]
                passed.append(good)
                other = bytearray(good)
                other[31] ^= 0xFF  # the transaction
                others = bytearray(good)
                others[5] ^= 0xFF  # the target
                noise = [good[:size] for size in range(len(good) - 7)]
                noise += [chance.randbytes(chance.randrange(126)) for _ in range(50)]
                for data in (*noise, bytes(other), bytes(others)):
                    usual(name, {**values, "message": data})
            usual(name, values, written)

        ncp.callback = noisy  # type: ignore[method-assign]
        assert [one.ieee for one in await scan(ready, ELSEWHERE)] == [hex_of(lamp)]
        assert passed
        assert channel_now(ready) == OWN
        assert ready.protocol["status"] == "ready"


async def test_no_more_answers_are_kept_than_can_be_near(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        for _ in range(40):
            stray(ready)
        assert len(await scan(ready, ELSEWHERE)) == 32


async def test_a_scan_that_is_given_up_brings_the_stick_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._LISTEN_S", 30.0)
    async with bench(tmp_path, channel=OWN) as ready:
        lamp = await ready.pair("lamp-white")
        async with asyncio.TaskGroup() as group:
            scanning = group.create_task(scan(ready, ELSEWHERE))
            await eventually(lambda: channel_now(ready) == ELSEWHERE, what="the stick being away")
            scanning.cancel()
        await eventually(lambda: channel_now(ready) == OWN, what="the stick being back")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)
        assert ready.protocol["status"] == "ready"


@pytest.mark.parametrize("fault", [VirtualRadio.reset, VirtualRadio.crash, VirtualRadio.unplug])
async def test_a_radio_that_fails_meanwhile_is_at_home_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[VirtualRadio], None]
) -> None:
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._LISTEN_S", 0.3)
    async with bench(tmp_path, channel=OWN) as ready:
        stray(ready)

        async def fails() -> None:
            with pytest.raises(HubError):
                await ready.hub.call("zigbee.touchlink_reset", ieee="0" * 16, channel=ELSEWHERE)

        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
            await eventually(lambda: channel_now(ready) == ELSEWHERE, what="the stick being away")
            fault(ready.radio)
        await ready.goes_down("")
        if fault is VirtualRadio.unplug:
            return
        await ready.comes_up()
        assert channel_now(ready) == OWN
        assert (await ready.hub.call("zigbee.status")).network.channel == OWN
        assert [one.channel for one in await scan(ready, ELSEWHERE)] == [ELSEWHERE]


async def test_a_stick_that_does_not_come_back_is_opened_anew(tmp_path: Path) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        table = ready.radio.ncp.raw.table
        tune = table["setLogicalAndRadioChannel"]
        asked: list[int] = []

        def stubborn(args: Args) -> Values:
            asked.append(args[""])
            return tune(args) if args[""] != OWN else {"status": Status.FAIL}

        ready.radio.ncp.answers["setLogicalAndRadioChannel"] = stubborn
        with pytest.raises(RadioError, match="does not go to channel 15"):
            await scan(ready, ELSEWHERE)
        await ready.goes_down("did not come back to its channel")
        await ready.comes_up()
        assert asked == [ELSEWHERE, OWN]
        assert channel_now(ready) == OWN


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("setLogicalAndRadioChannel", "does not go to channel 20"),
        ("sendRawMessageExtended", "may be without touchlink"),
    ],
)
async def test_a_stick_that_refuses_is_told_of(tmp_path: Path, command: str, sentence: str) -> None:
    async with bench(tmp_path, channel=OWN) as ready:
        stray(ready)
        usual = ready.radio.ncp.answers[command]
        ready.radio.ncp.answers[command] = lambda args: (
            usual(args) if args.get("") == OWN else {"status": Status.UNSUPPORTED}
        )
        with pytest.raises(RadioError, match=sentence):
            await scan(ready, ELSEWHERE)
        del ready.radio.ncp.answers[command]
        with pytest.raises(RadioError, match="the radio failed at a touchlink"):
            await scan(ready, ELSEWHERE)
        assert ready.hub.state.get("protocol/zigbee")["status"] == "ready"


@pytest.mark.parametrize("inside", [{}, {"_ezsp": SimpleNamespace(ezsp_version=7), "_req_lock": asyncio.Lock()}])
async def test_another_kind_of_stick_is_told_so(inside: dict[str, object]) -> None:
    """znp and deconz, whose applications have no EZSP, and old firmware."""
    app = SimpleNamespace(**inside)
    with pytest.raises(RadioError, match="those that speak EZSP 8 or later can"):
        await ZigpyTouchlink(app, asyncio.Lock(), lambda _: None).scan(ELSEWHERE)


async def test_a_radio_that_is_busy_for_long_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._LIMIT_S", 0.01)
    busy = asyncio.Lock()
    async with busy:
        app = SimpleNamespace(_ezsp=SimpleNamespace(ezsp_version=8), _req_lock=asyncio.Lock())
        with pytest.raises(RadioError, match="too busy"):
            await ZigpyTouchlink(app, busy, lambda _: None).scan(ELSEWHERE)


async def test_a_plugin_that_stops_meanwhile_finds_its_network_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device_plugins.zigbee.touchlinking._LISTEN_S", 30.0)
    async with bench(tmp_path, channel=OWN) as ready:

        async def ended() -> None:
            with pytest.raises(HubError):
                await scan(ready, ELSEWHERE)

        async with asyncio.TaskGroup() as group:
            group.create_task(ended())
            await eventually(lambda: channel_now(ready) == ELSEWHERE, what="the stick being away")
            await ready.stop()
        await ready.start(ready.radio.address, channel=OWN)
        assert ready.protocol["status"] == "ready"
        assert channel_now(ready) == OWN
