"""A device is written down, read again, put on a virtual radio and paired: it is the same as before."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from device_plugins.zigbee.mapping import Endpoint, Facts, Signature, describe
from device_plugins.zigbee.simulate_file import SIZE_LIMIT, NotADiagnosticsError, read
from tests.device_plugins.zigbee.bench import Bench, bench, id_of


async def diagnosed(ready: Bench, model: str, file: Path) -> tuple[set[str], dict[str, Any]]:
    device = await ready.pair(model)
    told: dict[str, Any] = await ready.hub.call("zigbee.diagnose", device=id_of(device))
    file.write_text(json.dumps(told))
    return {feature.key for feature in ready.announced[id_of(device)].features}, told


@pytest.mark.parametrize("model", ["lamp-color", "plug", "thermostat", "contact", "blind"])
async def test_a_device_that_was_diagnosed_can_be_simulated(model: str, tmp_path: Path) -> None:
    file = tmp_path / "device.json"
    async with bench(tmp_path, start_wait=30.0) as ready:
        keys, told = await diagnosed(ready, model, file)
        assert (told["manufacturer"], told["quirk_applied"]) == ("Domovoi", False)
        again = ready.radio.add_described(await asyncio.to_thread(read, file))
        await ready.open_pairing()
        ready.radio.join(again)
        step = await ready.step(again, "configured", "failed")
        assert step.step == "configured", step
        assert {feature.key for feature in ready.announced[id_of(again)].features} == keys


async def test_diagnostics_tell_nothing_of_the_owner(tmp_path: Path) -> None:
    async with bench(tmp_path, start_wait=30.0) as ready:
        device = await ready.pair("contact")
        _, told = await diagnosed(ready, "contact", tmp_path / "device.json")
        text = json.dumps(told)
        network = ready.radio.network
        assert network is not None
        assert network["key"] not in text
        assert device.ieee not in text
        assert told["ieee"].endswith(":00:00:00:00:00")
        assert "cie_addr" not in text


SHAPES: list[dict[str, Any]] = [
    # Attributes with their definitions, clusters in objects, as ZHA's tests have them.
    {
        "signature": {"endpoints": {"1": {"profile_id": "0x0104", "device_type": "0x0302",
                                          "input_clusters": ["0x0000", "0x0402"], "output_clusters": []}}},
        "cluster_details": {"1": {"in_clusters": {"0x0402": {
            "attributes": {"0x0000": {"attribute": "...", "value": 2150}}, "unsupported_attributes": []}},
            "out_clusters": {}}},
    },
    # Lists, with the types' names and without a signature.
    {
        "endpoints": {"1": {"profile_id": 260, "device_type": {"id": 770, "name": "TEMPERATURE_SENSOR"},
                            "in_clusters": [{"cluster_id": "0x0000", "attributes": []}, {
                                "cluster_id": "0x0402", "attributes": [
                                    {"id": "0x0000", "name": "measured_value", "zcl_type": "int16", "value": 2150}]}],
                            "out_clusters": []}},
    },
    # In the wrapping that Home Assistant hands out, with the signature before a quirk.
    {
        "home_assistant": {},
        "data": {
            "original_signature": {"endpoints": {"1": {"profile_id": "0x0104", "device_type": "0x0302",
                                                       "input_clusters": [0, 1026], "output_clusters": []}}},
            "signature": {"endpoints": {"7": {"profile_id": "0x0104", "device_type": "0x0000",
                                              "input_clusters": [], "output_clusters": []}}},
            "cluster_details": {"1": {"in_clusters": {"0x0402": {
                "attributes": {"0x0000": {"attribute_name": "measured_value", "value": "2150"}},
                "unsupported_attributes": {}}}, "out_clusters": {}}},
        },
    },
]  # fmt: skip


@pytest.mark.parametrize("tree", SHAPES)
def test_each_shape_of_file_is_read(tree: dict[str, Any], tmp_path: Path) -> None:
    about = {"manufacturer": "Acme", "model": "Thermometer"}
    inner = tree.get("data", tree)
    inner |= about
    file = tmp_path / "device.json"
    file.write_text(json.dumps(tree))
    found = read(file)
    assert (found["manufacturer"], found["model"]) == ("Acme", "Thermometer")
    assert [one["id"] for one in found["endpoints"]] == [1]
    inputs = {one["id"]: one["attributes"] for one in found["endpoints"][0]["inputs"]}
    assert [row[:3] for row in inputs[0x0402] if row[0] == 0] == [[0, 0x29, 2150]]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"# A tour\n", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1, 2]", "tells of no endpoints"),
        (b'{"signature": {"endpoints": {}}}', "tells of no endpoints"),
        (b'{"signature": {"endpoints": {"one": {}}}}', "is no diagnostics"),
        (b'{"signature": {"endpoints": {"1": []}}}', "is no diagnostics"),
        (b" " * (SIZE_LIMIT + 1), "is larger than"),
    ],
)
def test_what_is_no_diagnostics_is_told_in_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "device.json"
    file.write_bytes(content)
    with pytest.raises(NotADiagnosticsError, match=sentence):
        read(file)
    with pytest.raises(NotADiagnosticsError, match="cannot be read"):
        read(tmp_path / "nothing")


def test_a_device_without_a_quirk_has_what_only_its_maker_tells() -> None:
    endpoint = Endpoint(1, 0x0104, 0x0107, (0x0000, 0x0406, 0xFCC0))
    facts = Facts(values={"1/64704/258": 30, "1/64704/268": 3}, unsupported=[])
    aqara = describe(Signature("LUMI", "lumi.motion.ac02", (endpoint,)), facts)
    keys = {feature.key: feature for feature in aqara.features}
    assert keys["motion_interval"].unit == "s"
    assert keys["motion_sensitivity"].values == ("low", "medium", "high")
    assert "motion_interval" not in {f.key for f in describe(Signature("Acme", "x", (endpoint,)), facts).features}
