"""A manufacturer's own attributes in the ZCL's clusters, read and written over the virtual radio."""

from pathlib import Path
from typing import Any

from device_plugins.virtual_radio import zcltypes
from tests.device_plugins.zigbee.bench import bench, id_of

BASIC, OCCUPANCY = 0x0000, 0x0406
WRITABLE, OWN = 1, 4
# The ZCL has another attribute of the number 0x0030, of another type.
SENSITIVITY = [0x0030, 0x20, 2, WRITABLE | OWN]
INDICATOR = [0x0033, zcltypes.BOOL, True, WRITABLE | OWN]
SENSOR: dict[str, Any] = {
    "manufacturer": "Philips",
    "model": "SML001",
    "endpoints": [
        {
            "id": 2,
            "profile": 0x0104,
            "type": 0x0107,
            "inputs": [
                {"id": BASIC, "attributes": [INDICATOR]},
                {"id": OCCUPANCY, "attributes": [[0x0000, 0x18, 0, 2], SENSITIVITY]},
            ],
            "outputs": [],
        }
    ],
}


async def test_an_attribute_that_bears_the_number_of_one_of_the_zcl_is_read_and_set(tmp_path: Path) -> None:
    async with bench(tmp_path, quirks=False) as ready:
        sensor = await ready.admit(ready.radio.add_described(SENSOR, "Sensor"))
        features = {feature.key for feature in ready.announced[id_of(sensor)].features}
        assert {"motion_sensitivity", "trigger_indicator"} <= features
        await ready.becomes(sensor, "motion_sensitivity", "high")
        await ready.becomes(sensor, "trigger_indicator", value=True)
        await ready.command(sensor, "motion_sensitivity", "set", value="low")
        await ready.in_time(lambda: ready.value(sensor, "motion_sensitivity") == "low", "it is read again")
        assert sensor.endpoints[2].clusters[OCCUPANCY].attributes[0x0030].value == 0
