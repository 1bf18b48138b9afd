"""What quirks want of the configuration of their devices, over the virtual radio."""

import copy
from pathlib import Path
from typing import Any

from device_plugins.virtual_radio import VirtualDevice, tuya
from tests.device_plugins.zigbee.bench import Bench, bench
from tests.device_plugins.zigbee.test_presses_of_quirks import ON_REAL_QUIRKS, PHILIPS, described, place
from tests.harness.waiting import eventually

pytestmark = ON_REAL_QUIRKS

BASIC, IDENTIFY, GROUPS, SCENES, ON_OFF, TIME, OTA, TEMPERATURE = 0, 3, 4, 5, 6, 0x0A, 0x19, 0x0402
METERING, ELECTRICAL, MCU, AQARA = 0x0702, 0x0B04, 0xEF00, 0xFCC0
WRITABLE, OWN = 1, 4
OWN_QUIRK = """
from zhaquirks.builder import QuirkBuilder
from zhaquirks.device import CustomZigpyDevice


class Stubborn(CustomZigpyDevice):
    async def apply_custom_configuration(self, *args, **kwargs):
        raise LookupError("no such thing")


QuirkBuilder("Acme", "Stubborn").device_class(Stubborn).add_to_registry()
"""


async def admitted(ready: Bench, description: dict[str, Any]) -> VirtualDevice:
    device = await ready.admit(ready.radio.add_described(description, description["model"]))
    await eventually(lambda: ready.steps(device)[-1].step == "configured", 10.0, "nothing comes after that")
    return device


async def test_a_hue_remote_is_told_to_send_its_presses(tmp_path: Path) -> None:
    switched = [0x0031, 0x19, 0, WRITABLE | OWN]
    remote = copy.deepcopy(PHILIPS)
    remote["endpoints"][0]["inputs"][0] = {"id": BASIC, "attributes": [switched]}
    async with bench(tmp_path) as ready:
        device = await admitted(ready, remote)
        assert device.endpoints[1].clusters[BASIC].attributes[0x0031].value == 0x000B
        assert ready.steps(device)[-1].reason == ""


async def test_a_tuya_is_asked_for_what_it_knows_and_else_left_alone(tmp_path: Path) -> None:
    sensor = described("_TZE200_upagmta9", "TS0601", place(1, 0x0051, (BASIC, GROUPS, SCENES, MCU), (TIME, OTA)))
    async with bench(tmp_path) as ready:
        device = ready.radio.add_described(sensor, "Climate")
        device.memory[tuya.DATAPOINTS] = {"1": [tuya.VALUE, "000000d7"]}
        await ready.admit(device)
        await ready.becomes(device, "temperature", 21.5)
        assert device.bindings == set()


async def test_an_aqara_plug_is_put_into_its_better_mode_when_its_own_cluster_is_bound(tmp_path: Path) -> None:
    served = (BASIC, 2, IDENTIFY, GROUPS, SCENES, ON_OFF, 9, METERING, ELECTRICAL)
    proxy = {"id": 242, "profile": 0xA1E0, "type": 0x61, "inputs": [], "outputs": [{"id": 0x21, "attributes": []}]}
    plug = described("LUMI", "lumi.plug.mmeu01", place(1, 0x0051, served, (TIME, OTA)), proxy)
    own = {"id": AQARA, "hidden": True, "attributes": [[0x0009, 0x20, 0, WRITABLE]]}
    plug["endpoints"][0]["inputs"].append(own)
    async with bench(tmp_path) as ready:
        device = await admitted(ready, plug)
        mode = device.endpoints[1].clusters[AQARA].attributes[0x0009]
        await eventually(lambda: mode.value == 1, 10.0, "it is written beside the rest")
        assert AQARA in {binding.cluster for binding in device.bindings}


async def test_a_quirk_that_fails_costs_nothing_but_its_steps(tmp_path: Path) -> None:
    (own := tmp_path / "own").mkdir()
    (own / "stubborn.py").write_text(OWN_QUIRK)
    async with bench(tmp_path, quirks_dir=str(own)) as ready:
        device = await admitted(ready, described("Acme", "Stubborn", place(1, 0x0051, (BASIC, TEMPERATURE))))
        assert ready.steps(device)[-1].reason == "the steps of its quirk: its quirk failed: LookupError: no such thing"
        assert {binding.cluster for binding in device.bindings} == {TEMPERATURE}
