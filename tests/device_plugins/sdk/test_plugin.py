from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, override

import pytest

from device_plugins.sdk import Device, DevicePlugin, PairingError, UnknownDeviceError
from hub.api import HubError
from hub.testing import HubInMemory, running

LAMP = Device("knx-1", "knx", model="Lamp")


class Knx(DevicePlugin):
    protocol = "knx"

    def __init__(self, ctx: Any) -> None:  # noqa: ANN401
        super().__init__(ctx)
        self.done: list[str] = []
        self.fault: Exception | None = None

    @override
    async def start(self) -> None:
        self.ready()

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        self.done.append(f"{device.id} {key} {command} {arguments}")

    @override
    async def open_pairing(self, duration: float) -> None:
        self.done.append("open")
        if self.fault:
            raise self.fault

    @override
    async def close_pairing(self) -> None:
        self.done.append("close")
        if self.fault:
            raise self.fault

    @override
    async def forget(self, device: Device) -> None:
        self.done.append(f"forget {device.id}")


@asynccontextmanager
async def knx() -> AsyncIterator[tuple[HubInMemory, Knx, list[Device]]]:
    """The plugin with a stand-in for the registry."""
    announced: list[Device] = []

    async def announce(device: Device) -> None:
        announced.append(device)

    async with running(Knx) as hub:
        undo = hub.offer("devices.announce", announce)
        plugin = hub.plugin("knx")
        assert isinstance(plugin, Knx)
        yield hub, plugin, announced
        undo()


async def test_a_plugin_that_lacks_a_part_cannot_be_made() -> None:
    half = type("Half", (DevicePlugin,), {"protocol": "half"})
    with pytest.raises(TypeError, match="abstract methods 'close_pairing', 'execute', 'forget', 'open_pairing'"):
        half(None)


async def test_an_announced_device_can_be_commanded_and_removed() -> None:
    async with knx() as (hub, plugin, announced):
        await plugin.announce(LAMP)
        assert announced == [LAMP]
        await hub.call("knx.command", device="knx-1", key="on_off", command="on", arguments={})
        await hub.call("knx.remove", device="knx-1")
        assert plugin.done == ["knx-1 on_off on {}", "forget knx-1"]
        with pytest.raises(UnknownDeviceError, match="knx knows no device 'knx-1'"):
            await hub.call("knx.command", device="knx-1", key="on_off", command="on", arguments={})


async def test_what_is_reported_stands_in_state_until_the_device_is_removed() -> None:
    async with knx() as (hub, plugin, _):
        await plugin.announce(LAMP)
        plugin.report("knx-1", "level", 40)
        plugin.available("knx-1", "offline", "no answer")
        assert hub.state.get("device/knx-1/level") == 40
        assert hub.state.get("device/knx-1/availability") == "offline"
        assert hub.state.get("device/knx-1/availability_reason") == "no answer"
        await hub.call("knx.remove", device="knx-1")
        plugin.report("knx-1", "level", 50)
        assert hub.state.get("device/knx-1/level") == 40
        await plugin.announce(LAMP)
        plugin.report("knx-1", "level", 50)
        assert hub.state.get("device/knx-1/level") == 50


async def test_who_hears_of_an_availability_finds_its_reason() -> None:
    async with knx() as (hub, plugin, _):
        reasons: list[str] = []
        hub.state.watch(
            "device/+/availability", lambda _: reasons.append(hub.state.get("device/knx-1/availability_reason"))
        )
        plugin.available("knx-1", "offline", "no answer")
        plugin.available("knx-1", "online")
        assert reasons == ["no answer", ""]


async def test_a_sign_of_life_is_noted_at_most_once_a_minute() -> None:
    async with knx() as (hub, plugin, _):
        await plugin.announce(LAMP)
        first = hub.clock.now()
        plugin.seen("knx-1")
        await hub.clock.advance(59)
        plugin.seen("knx-1")
        assert hub.state.get("device/knx-1/last_seen") == first
        await hub.clock.advance(1)
        plugin.seen("knx-1")
        assert hub.state.get("device/knx-1/last_seen") == hub.clock.now() == first + 60 * 10**9


async def test_the_protocol_tells_its_condition() -> None:
    async with knx() as (hub, plugin, _):
        assert hub.state.get("protocol/knx") == {"plugin": "knx", "status": "ready", "reason": ""}
        plugin.ready(down="the gateway is gone")
        assert hub.state.get("protocol/knx") == {"plugin": "knx", "status": "down", "reason": "the gateway is gone"}


async def test_steps_are_told_only_in_a_session() -> None:
    async with knx() as (hub, plugin, _):
        plugin.pairing_step("joined", LAMP)
        await hub.call("knx.pair", session="s1", duration=60.0)
        plugin.pairing_step("interviewing", LAMP, progress=0.5)
        await hub.call("knx.pair_cancel")
        plugin.pairing_step("configured", LAMP)
        (event,) = hub.events_of("devices.pairing")
        assert (event.subject, event.data.step, event.data.device, event.data.model, event.data.progress) == (
            "pairing/s1",
            "interviewing",
            "knx-1",
            "Lamp",
            0.5,
        )
        await hub.call("knx.pair_cancel")
        assert plugin.done == ["open", "close"]


async def test_one_session_at_a_time_but_a_forgotten_one_runs_out() -> None:
    async with knx() as (hub, plugin, _):
        await hub.call("knx.pair", session="s1", duration=60.0)
        await hub.call("knx.pair", session="s1", duration=60.0)
        with pytest.raises(PairingError, match="knx is already pairing"):
            await hub.call("knx.pair", session="s2", duration=60.0)
        await hub.clock.advance(60)
        await hub.call("knx.pair", session="s2", duration=60.0)
        assert plugin.session == "s2"


@pytest.mark.parametrize("fault", [PairingError("no"), ValueError("a mistake in the plugin")])
async def test_a_session_that_did_not_open_is_none(fault: Exception) -> None:
    async with knx() as (hub, plugin, _):
        plugin.fault = fault
        with pytest.raises(HubError, match=str(fault)):
            await hub.call("knx.pair", session="s1", duration=60.0)
        plugin.fault = None
        await hub.call("knx.pair", session="s2", duration=60.0)


async def test_a_session_that_did_not_close_is_over_all_the_same() -> None:
    async with knx() as (hub, plugin, _):
        await hub.call("knx.pair", session="s1", duration=60.0)
        plugin.fault = PairingError("no")
        with pytest.raises(PairingError):
            await hub.call("knx.pair_cancel")
        assert plugin.session == ""


async def test_input_that_nobody_asked_for_is_refused() -> None:
    async with knx() as (hub, _, _announced):
        with pytest.raises(PairingError, match="knx is not pairing, so it asks for nothing"):
            await hub.call("knx.pair_input", values={"pin": 1})
        await hub.call("knx.pair", session="s1", duration=60.0)
        with pytest.raises(PairingError, match="knx pairing asks for no input"):
            await hub.call("knx.pair_input", values={"pin": 1})
