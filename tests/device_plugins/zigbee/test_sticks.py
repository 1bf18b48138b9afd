"""Finding the stick: which ports are sticks, what they speak, and what to say when it is not clear."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serialx import SerialPortInfo

from device_plugins.sdk import UnreachableError
from device_plugins.zigbee.controllers import controller
from device_plugins.zigbee.firmware import problems
from device_plugins.zigbee.sticks import KINDS, Port, kinds_of
from tests.device_plugins.zigbee.bench import bench, without_plugin

BY_ID = "/dev/serial/by-id/"


@pytest.mark.parametrize(
    ("path", "usb", "product", "manufacturer", "kinds"),
    [
        ("usb-Nabu_Casa_SkyConnect_v1.0_3abe-if00-port0", (0x10C4, 0xEA60), "SkyConnect v1.0", "Nabu Casa", ("ezsp",)),
        ("usb-ITEAD_SONOFF_Zigbee_3.0_USB_Dongle_Plus_V2_2024-if00", (0x1A86, 0x55D4), "", "ITEAD", ("ezsp",)),
        ("usb-Silicon_Labs_Sonoff_Zigbee_3.0_USB_Dongle_Plus_0111-if00", (0x10C4, 0xEA60), "", "ITEAD", ("znp",)),
        ("usb-SMLIGHT_SMLIGHT_SLZB-07_be9f-if00-port0", (0x10C4, 0xEA60), "SMLIGHT SLZB-07", "SMLIGHT", ("ezsp",)),
        ("usb-SMLIGHT_SMLIGHT_SLZB-06p10_40df-if00", (0x10C4, 0xEA60), "", "SMLIGHT", ("znp", "ezsp")),
        ("usb-Texas_Instruments_CC2538_USB_CDC-if00", (0x0451, 0x16C8), "", "Texas Instruments", ("znp",)),
        (
            "usb-dresden_ConBee_II_DE21-if00",
            (0x1CF1, 0x0030),
            "ConBee II",
            "dresden elektronik",
            ("deconz",),
        ),
        ("usb-FTDI_ConBee_III_DE03-if00-port0", (0x0403, 0x6015), "ConBee III", "FTDI", ("deconz",)),
        ("usb-Arduino_Uno-if00", (0x1A86, 0x7523), "USB Serial", "QinHeng", ()),
        ("usb-Silicon_Labs_CP2102-if00", (0x10C4, 0xEA60), "CP2102 USB to UART Bridge", "Silicon Labs", ()),
        ("usb-Nabu_Casa_Z-Wave_stick-if00", (0x303A, 0x4001), "ZWA-2 Z-Wave, beside a ZBT-2", "Nabu Casa", ()),
    ],
)
def test_sticks_are_known_by_what_they_say(
    path: str, usb: tuple[int, int], product: str, manufacturer: str, kinds: tuple[str, ...]
) -> None:
    assert kinds_of(Port(BY_ID + path, *usb, product, manufacturer)) == kinds


@given(st.text(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.text(), st.text())
def test_any_port_is_looked_at(path: str, vid: int, pid: int, product: str, manufacturer: str) -> None:
    port = Port(path, vid, pid, product, manufacturer)
    assert {*kinds_of(port)} <= {*KINDS}
    assert bool(port.usb) == bool(vid)


def plug_in(monkeypatch: pytest.MonkeyPatch, sticks: Sequence[str]) -> None:
    """Let the operating system tell of these ports, as of a SkyConnect."""
    found = [
        SerialPortInfo(path, path, 0x10C4, 0xEA60, "1", "Nabu Casa", "SkyConnect v1.0", None, None, None)
        for path in sticks
    ]
    found.append(SerialPortInfo("/dev/ttyS0", "/dev/ttyS0", *[None] * 8))
    monkeypatch.setattr("serialx.list_serial_ports", lambda: found)


async def test_the_only_stick_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        plug_in(monkeypatch, [path])
        await ready.start("auto", radio="auto")
        assert ready.protocol["status"] == "ready", ready.protocol
        network = (await ready.hub.call("zigbee.status")).network
        assert (network.path, network.radio) == (path, "ezsp")
        listed = {one.path: one for one in await ready.hub.call("zigbee.radios", probe=True, timeout=60.0)}
        assert listed[path].used
        assert (listed[path].usb, listed[path].radio, listed[path].answers) == ("10c4:ea60", "ezsp", "")
        assert (listed["/dev/ttyS0"].usb, listed["/dev/ttyS0"].radio) == ("", "")
        await ready.pair("lamp-white")


async def test_a_stick_is_asked_what_it_speaks(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), radio="auto")
        assert ready.protocol["status"] == "ready", ready.protocol
        assert (await ready.hub.call("zigbee.status")).network.radio == "ezsp"


@pytest.mark.parametrize(
    ("sticks", "reason"), [([], "no Zigbee stick was found"), (["/dev/one", "/dev/two"], "/dev/one, /dev/two")]
)
async def test_it_is_told_when_the_stick_is_not_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sticks: list[str], reason: str
) -> None:
    async with without_plugin(tmp_path) as ready:
        plug_in(monkeypatch, sticks)
        await ready.start("auto")
        await ready.goes_down(reason)
        with pytest.raises(UnreachableError, match=r"set \[plugin\.zigbee\] path"):
            await ready.hub.call("zigbee.energy")


async def test_a_listed_stick_is_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with without_plugin(tmp_path) as ready:
        path = ready.radio.open_pty()
        plug_in(monkeypatch, [path])
        await ready.start(str(tmp_path / "nothing"))
        listed = {one.path: one for one in await ready.hub.call("zigbee.radios", probe=True, timeout=60.0)}
        assert listed[path].answers == "ezsp"


async def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    controller.cache_clear()
    monkeypatch.setitem(sys.modules, "zigpy_znp", None)
    monkeypatch.setitem(sys.modules, "zigpy_znp.zigbee.application", None)
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty(), radio="znp")
        await ready.goes_down("install domovoi[znp]")


@pytest.mark.parametrize("kind", ["znp", "deconz"])
def test_the_other_libraries_have_what_the_plugin_builds_on(kind: str) -> None:
    made = controller(kind)({"device": {"path": "/dev/null"}})
    assert made.announced is None
    for name in ("connect", "permit_with_link_key", "energy_scan", "write_network_info", "can_write_network_settings"):
        assert callable(getattr(made, name))


def test_known_problems_of_a_firmware_are_told() -> None:
    assert problems("7.4.4.0 build 0", 13, "software") == []
    assert problems("8.0.2.0 build 397", 14, "software") == []
    assert "6.7.7" in problems("6.6.3.0 build 1", 8, "hardware")[0]
    assert "flow control" in problems("8.1.0.0", 15, "software")[0]
    assert problems("8.1.0.0", 15, "hardware") == []
    assert "restored" in problems("", 4, "software")[0]
    assert "once" in problems("6.10.3.0", 8, "software")[0]
    assert problems("20221226", 0, "software") == []


async def test_problems_are_part_of_the_network(tmp_path: Path) -> None:
    async with bench(tmp_path, 8) as ready:
        network = (await ready.hub.call("zigbee.status")).network
        assert any("once" in one for one in network.problems)
