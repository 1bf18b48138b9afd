"""The demo's play with the real registry and rules, and a stand-in for the radio."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, override

import pytest

from device_plugins.sdk import Device, DevicePlugin, Feature
from hub.api import Context, HubError, service
from hub.testing import HubInMemory, running, settle
from plugins.automation.plugin import Automations
from plugins.demo.household import CAST
from plugins.demo.plugin import Demo, device_id
from plugins.devices.plugin import Devices
from tests.harness.waiting import eventually


class Status(NamedTuple):
    reports: int = 0
    network: None = None
    uptime_s: float = 2.0
    rss_mib: float = 50.0


class Zigbee(DevicePlugin):
    """Pairs at once whatever presses its button; `lame` devices never get through."""

    protocol = "zigbee"
    lame: set[str]

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.lame = set()

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None: ...

    @override
    async def open_pairing(self, duration: float) -> None: ...

    @override
    async def close_pairing(self) -> None: ...

    @override
    async def forget(self, device: Device) -> None: ...

    async def join(self, device: str) -> None:
        if device in self.lame:
            raise HubError("its button is stuck")
        there = Device(device_id(device), "zigbee", model="V-Thing", features=(Feature("on_off", "on_off"),))
        await self.announce(there)
        self.pairing_step("configured", there)


class Shelf:
    """The virtual radio's side: devices on the shelf, what happens to them, and how the hub was asked to stop."""

    def __init__(self, hub: HubInMemory) -> None:
        self.hub = hub
        self.devices: list[dict[str, Any]] = []
        self.acts: list[str] = []
        self.broken = False
        self.stopped: list[int] = []
        for name in ("devices", "add", "join", "rejoin", "act", "latency"):
            hub.offer(f"virtual_radio.{name}", getattr(self, f"_{name}"))
        hub.offer("zigbee.status", self._status)
        hub.offer("hub.status", self._status)
        hub.offer("hub.stop", self._stop)

    @property
    def zigbee(self) -> Zigbee:
        plugin = self.hub.plugin("zigbee")
        assert isinstance(plugin, Zigbee)
        return plugin

    async def run_demo(self, **config: Any) -> None:  # noqa: ANN401
        await self.hub.run(Demo, config)
        await settle()

    async def call(self, name: str, /, **arguments: Any) -> Any:  # noqa: ANN401
        return await self.hub.call(name, **arguments)

    async def names(self) -> dict[str, str]:
        return {one.id: one.name for one in await self.hub.call("devices.list")}

    async def _devices(self) -> list[dict[str, Any]]:
        return self.devices

    async def _add(self, model: str, name: str) -> dict[str, Any]:
        self.devices.append({"name": name, "model": model, "ieee": f"00:{len(self.devices):02x}", "joined": False})
        return self.devices[-1]

    async def _join(self, device: str) -> None:
        next(one for one in self.devices if one["ieee"] == device)["joined"] = True
        await self.zigbee.join(device)

    async def _rejoin(self, device: str) -> None:
        await self.zigbee.join(device)

    async def _act(self, device: str, stimulus: str, value: Any, expect: str) -> None:  # noqa: ANN401
        del value, expect
        if self.broken:
            raise HubError("the virtual radio ended")
        self.acts.append(f"{device} {stimulus}")

    async def _latency(self) -> dict[str, Any]:
        return {"p50_ms": None, "p99_ms": None}

    async def _status(self) -> Status:
        return Status()

    async def _stop(self, code: int) -> None:
        self.stopped.append(code)


@asynccontextmanager
async def shelf(folder: Path) -> AsyncIterator[Shelf]:
    async with running(data_dir=folder) as hub:
        await hub.run(Devices)
        await hub.run(Zigbee)
        here = Shelf(hub)
        hub.core.bus.declare("hub.started", None, "test")
        await hub.run(Automations)
        yield here


async def report_of(here: Shelf, file: Path, seconds: float) -> dict[str, Any]:
    await here.hub.clock.advance(seconds)
    await eventually(lambda: here.stopped)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


async def test_the_cast_is_paired_named_and_plays(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo(seconds=30, report=str(tmp_path / "r.json"))
        await eventually(lambda: here.acts)
        assert sorted((await here.names()).values()) == sorted(role.name for role in CAST)
        report = await report_of(here, tmp_path / "r.json", 28)
        assert (report["errors"], len(report["devices_paired"]), report["devices_resumed"]) == (0, len(CAST), [])
        assert report["devices_paired"][0].keys() == {"id", "name", "model", "capabilities"}
        assert report["latency_ms"] == {"p50": None, "p99": None}
        assert here.stopped == [0]
        await here.hub.stop("demo")
        assert here.hub.errors == []


async def test_the_time_counts_from_the_start_of_the_hub(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo(seconds=30)
        await here.hub.clock.advance(27.9)
        assert here.stopped == []
        await here.hub.clock.advance(0.2)
        assert here.stopped == [0]


async def test_it_ends_in_time_and_says_why_when_the_radio_never_comes_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready(down="the stick is on fire")
        await here.run_demo(seconds=10, report=str(tmp_path / "r.json"))
        await eventually(lambda: "Waiting for the radio: the stick is on fire" in capsys.readouterr().out)
        report = await report_of(here, tmp_path / "r.json", 9)
        assert report["error_messages"] == ["the home did not come alive within 10 s: the stick is on fire"]
        assert here.stopped == [1]


async def test_a_report_that_cannot_be_written_is_told_and_ends_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        (tmp_path / "file").touch()
        await here.run_demo(seconds=10, report=str(tmp_path / "file" / "r.json"))
        await here.hub.clock.advance(9)
        await eventually(lambda: here.stopped)
        assert here.stopped == [1]
        assert "cannot be written: " in capsys.readouterr().out


async def again(here: Shelf, folder: Path) -> dict[str, Any]:
    """Run the demo a second time; return its report."""
    await here.hub.stop("demo")
    here.acts.clear()
    await here.run_demo(seconds=30, report=str(folder / "again.json"))
    await eventually(lambda: here.acts)
    return await report_of(here, folder / "again.json", 28)


async def test_a_second_run_keeps_what_the_owner_did(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo()
        await eventually(lambda: here.acts)
        await here.call("devices.rename", device="Hall lamp", name="Entrance")
        await here.call("devices.remove", device="Front door")
        await here.zigbee.join("77:77")
        report = await again(here, tmp_path)
        assert report["errors"] == 0, report["error_messages"]
        assert [one["name"] for one in report["devices_paired"]] == ["Front door"]
        resumed = {one["name"] for one in report["devices_resumed"]}
        assert resumed == {role.name for role in CAST} - {"Hall lamp", "Front door"} | {"Entrance", "V-Thing"}


async def test_a_device_whose_name_the_owner_gave_away_is_paired_all_the_same(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.zigbee.join("77:77")
        await here.call("devices.rename", device=device_id("77:77"), name="hall-lamp")
        await here.run_demo(seconds=30, report=str(tmp_path / "r.json"))
        await eventually(lambda: here.acts)
        report = await report_of(here, tmp_path / "r.json", 28)
        assert report["errors"] == 0, report["error_messages"]
        assert len(report["devices_paired"]) == len(CAST)
        assert "V-Thing" in {one["name"] for one in report["devices_paired"]}


async def test_a_device_that_was_paired_but_not_named_gets_its_name_the_next_time(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.call("virtual_radio.add", model=CAST[0].model, name=CAST[0].name)
        await here.call("virtual_radio.join", device="00:00")
        await here.run_demo()
        await eventually(lambda: here.acts)
        assert (await here.names())[device_id("00:00")] == CAST[0].name


async def test_a_device_that_cannot_be_paired_is_told_and_the_others_play(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        here.zigbee.lame.add("00:00")
        await here.run_demo(seconds=30, report=str(tmp_path / "r.json"))
        await eventually(lambda: here.acts)
        report = await report_of(here, tmp_path / "r.json", 28)
        assert report["error_messages"] == [f"{CAST[0].name} was not paired: its button is stuck"]
        assert not any(act.startswith("00:00") for act in here.acts)


async def test_a_play_goes_on_when_something_cannot_happen(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo(seconds=30, report=str(tmp_path / "r.json"))
        await eventually(lambda: here.acts)
        here.broken = True
        await here.hub.clock.advance(3)
        here.broken = False
        here.acts.clear()
        report = await report_of(here, tmp_path / "r.json", 25)
        assert here.acts
        assert report["errors"] > 0
        assert here.stopped == [1]


async def test_a_demo_that_is_interrupted_writes_its_report_too(tmp_path: Path) -> None:
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo(report=str(tmp_path / "r.json"))
        await eventually(lambda: here.acts)
        assert not await here.hub.stop("demo")
        report = json.loads((tmp_path / "r.json").read_text())
        assert (report["errors"], len(report["devices_paired"])) == (0, len(CAST))
        assert here.stopped == []


class ZWave(DevicePlugin):
    """Two nodes of the virtual stick; `told` is what they were asked to tell."""

    protocol = "zwave"

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.told: list[Any] = []

    @service
    async def virtual(self, do: str, arguments: dict[str, Any]) -> None:
        assert do == "tell"
        self.told.append(arguments["fields"]["value"])

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None: ...

    @override
    async def open_pairing(self, duration: float) -> None: ...

    @override
    async def close_pairing(self) -> None: ...

    @override
    async def forget(self, device: Device) -> None: ...


async def test_z_wave_devices_settle_in_when_they_come_and_keep_what_the_owner_did(tmp_path: Path) -> None:
    porch, cellar = (
        Device(f"zwave-7e570001-{node}", "zwave", model="Z-Thing", features=(Feature("on_off", "on_off"),))
        for node in (2, 3)
    )
    async with shelf(tmp_path) as here:
        here.zigbee.ready()
        await here.run_demo()
        await eventually(lambda: here.acts)
        rules = tmp_path / "automations" / "demo-zwave.toml"
        assert not rules.exists()
        await here.hub.run(ZWave)
        radio = here.hub.plugin("zwave")
        assert isinstance(radio, ZWave)
        for device in (porch, cellar):
            await radio.announce(device)
        await eventually(rules.exists)
        await here.hub.clock.advance(6.0)
        await eventually(lambda: radio.told)
        names = await here.names()
        assert (names[porch.id], names[cellar.id]) == ("Porch light", "Cellar climate")

        await here.call("devices.rename", device=porch.id, name="Moon")
        await again(here, tmp_path)
        assert (await here.names())[porch.id] == "Moon"
        assert here.hub.errors == []
