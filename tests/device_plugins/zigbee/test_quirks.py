"""Quirks: which one a device gets, what it shows, and that nothing is imported before it is needed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from device_plugins.zigbee.mapping import Endpoint as Place
from device_plugins.zigbee.mapping import Extra, Facts, Signature, Write, describe, plan
from device_plugins.zigbee.quirks.index import Index, Shape, installed, made

pytestmark = pytest.mark.skipif(not installed(), reason="the extra is not installed")

INDEX = made(
    {("Acme", "Lamp"): ["quirk.lamp"], ("Acme", None): ["quirk.acme"], (None, "TS0601"): ["quirk.tuya"]},
    [Shape("quirk.shape", {1: (0, 6)})],
)


@pytest.mark.parametrize(
    ("manufacturer", "model", "inputs", "modules"),
    [
        ("Acme", "Lamp", {}, ("quirk.lamp", "quirk.acme")),
        ("Acme", "Bell", {}, ("quirk.acme",)),
        ("_TZE200_x", "TS0601", {}, ("quirk.tuya",)),
        ("Other", "Lamp", {1: frozenset({0, 6})}, ("quirk.shape",)),
        ("Other", "Lamp", {1: frozenset({0})}, ()),
    ],
)
def test_the_index_names_the_modules(manufacturer: str, model: str, inputs: Any, modules: tuple[str, ...]) -> None:  # noqa: ANN401
    assert INDEX.find(manufacturer, model, inputs) == modules


def test_the_index_belongs_to_the_installed_version() -> None:
    assert isinstance(INDEX, Index)
    assert INDEX.version == installed()


EXTRAS = (
    Extra("number", "sensitivity", 1, 0xFC11, 1, factor=0.1, unit="s", low=0, high=10, writable=True),
    Extra("enum", "mode", 1, 0xFC11, 2, words=((0, "calm"), (1, "wild")), writable=True),
    Extra("switch", "led_off", 1, 0xFC11, 3, writable=True, inverted=True),
    Extra("contact", "contact", 1, 0xFC11, 4, factor=0, inverted=True),
    Extra("press", "reset", 1, 0xFC11, 5, press=7),
    Extra("temperature", "temperature", 1, 0xFC11, 6, factor=0.1),
)


def test_what_a_quirk_shows_becomes_capabilities() -> None:
    place = Place(1, 0x0104, 0x0051, (0x0000, 0xFC11))
    mapping = describe(Signature("A", "B", (place,), quirk="q", extras=EXTRAS), Facts(values={}, unsupported=[]))
    features = {feature.key: feature for feature in mapping.features}
    assert {one.name for one in EXTRAS} <= features.keys()
    decode = {point.key: point.decode for point in mapping.points}
    told = {"sensitivity": 25, "mode": 1, "led_off": 1, "contact": 1, "temperature": 215}
    assert {key: decode[key](raw) for key, raw in told.items()} == {
        "sensitivity": 2.5, "mode": "wild", "led_off": False, "contact": False, "temperature": 21.5,
    }  # fmt: skip
    wanted = {"sensitivity": (2.5, 25), "mode": ("calm", 0), "led_off": (True, 0)}
    for key, (value, raw) in wanted.items():
        request = plan(features[key], "set", {"value": value}, mapping.controls[key]).request
        assert isinstance(request, Write)
        assert request.value == raw
    pressed = plan(features["reset"], "press", {}, mapping.controls["reset"]).request
    assert pressed == Write(0xFC11, 5, 7)
    assert features["contact"].commands == ()


OWN = """
from zhaquirks.builder import QuirkBuilder
from zigpy.quirks.v2 import EntityType

(
    QuirkBuilder("Acme", "Bell")
    .switch("on_off", 6, translation_key="chime", fallback_name="Chime", entity_type=EntityType.STANDARD)
    .add_to_registry()
)
"""
LAZY = """
import sys
from pathlib import Path
from device_plugins.zigbee.quirks.index import made
from device_plugins.zigbee.quirks.loading import Quirks

quirks = Quirks(made({("LUMI", "lumi.weather"): ["zhaquirks.xiaomi.aqara.weather"]}, []))
assert "zhaquirks" not in sys.modules
assert not quirks.load("Acme", "Lamp", {})
assert "zhaquirks" not in sys.modules
assert quirks.load("LUMI", "lumi.weather", {})
assert quirks.is_loaded("LUMI", "lumi.weather", {})
assert "zhaquirks.xiaomi.aqara.weather" in sys.modules
assert "zhaquirks.builder" not in sys.modules
"""


@pytest.mark.timeout(120)
def test_a_quirk_is_imported_when_a_device_needs_it_and_no_other() -> None:
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(120)
def test_the_owners_quirks_are_taken_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "bell.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("raise ValueError('no')")
    script = f"""
import warnings
warnings.simplefilter("ignore")
from pathlib import Path
from device_plugins.zigbee.quirks.index import made
from device_plugins.zigbee.quirks.loading import Quirks

quirks = Quirks(made({{}}, []))
quirks.load_own(Path({str(tmp_path)!r}))
from zhaquirks import ZHA_DEVICE_REGISTRY
names = [entry.source.module for entry in ZHA_DEVICE_REGISTRY]
assert names == ["domovoi_own_quirks_bell"], names
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "broken.py was left out: ValueError: no" in done.stderr


WAITING = """
import asyncio
import sys
from device_plugins.zigbee.coordinator import Coordinator
from device_plugins.zigbee.quirks.index import made
from device_plugins.zigbee.quirks.loading import Quirks
from zigpy import types as t
from zigpy.zdo.types import NodeDescriptor

WEATHER = t.EUI64.convert("00:15:8d:00:00:00:00:01")
LAMP = t.EUI64.convert("00:15:8d:00:00:00:00:02")


def add(app, ieee, nwk, manufacturer, model):
    device = app.add_device(ieee, t.NWK(nwk))
    device.node_desc = NodeDescriptor(0x02, 0x40, 0x80, 0x115F, 127, 100, 0, 100, 0)
    device.manufacturer, device.model = manufacturer, model
    place = device.add_endpoint(1)
    place.profile_id, place.device_type, place.status = 0x0104, 0x5F01, 1
    for cluster in (0x0000, 0x0003, 0xFFFF, 0x0402, 0x0403, 0x0405):
        place.add_input_cluster(cluster)
    for cluster in (0x0000, 0x0004, 0xFFFF):
        place.add_output_cluster(cluster)
    device.status = device.status.ENDPOINTS_INIT
    device.original_signature = device.get_signature()
    assert device.is_initialized
    assert app._resolve_device(device) is device
    return device


def report(nwk, value):
    data = bytes([0x18, value, 0x0A, 0x00, 0x00, 0x29]) + (value * 100).to_bytes(2, "little")
    return t.ZigbeePacket(
        src=t.AddrModeAddress(t.AddrMode.NWK, t.NWK(nwk)), src_ep=1,
        dst=t.AddrModeAddress(t.AddrMode.NWK, t.NWK(0)), dst_ep=1,
        profile_id=0x0104, cluster_id=0x0402, data=t.SerializableBytes(data), lqi=255, rssi=-40,
    )


def temperature(device):
    return device.endpoints[1].in_clusters[0x0402].get(0x0000)


async def main():
    app = Coordinator({"device": {"path": "/dev/null"}, "ota": {"providers": []}})
    app.quirks = Quirks(made({("LUMI", "lumi.weather"): ["zhaquirks.xiaomi.aqara.weather"]}, []))
    app.register_device_resolver(app.quirks.resolve)
    weather, lamp = add(app, WEATHER, 0x1000, "LUMI", "lumi.weather"), add(app, LAMP, 0x2000, "Acme", "Lamp")
    assert (app.is_waiting(WEATHER), app.is_waiting(LAMP)) == (True, False)
    assert "zhaquirks" not in sys.modules
    completed = []
    app.completed = lambda: completed.append(app.devices[WEATHER])

    app.packet_received(report(0x2000, 20))
    assert temperature(lamp) == 2000
    assert "zhaquirks" not in sys.modules

    app.packet_received(report(0x1000, 21))
    app.packet_received(report(0x1000, 22))
    assert temperature(weather) is None
    await app.complete()
    new = app.devices[WEATHER]
    assert completed == [new]
    assert type(new).__module__ == "zhaquirks.xiaomi.aqara.weather", type(new)
    assert new.original_signature == weather.original_signature
    assert temperature(new) == 2200
    assert app.devices[LAMP] is lamp
    assert not app.is_waiting(WEATHER)
    app.packet_received(report(0x1000, 23))
    assert temperature(new) == 2300


asyncio.run(main())
"""


@pytest.mark.timeout(120)
def test_a_known_device_gets_its_quirk_when_it_speaks_and_nothing_is_lost_until_then() -> None:
    done = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
