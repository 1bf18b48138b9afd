"""Rows of what is measured and noticed: climate, air, light, presence, battery (ZCL 3.3, 3.4, 4)."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.decode import Decode
from device_plugins.zigbee.mapping.rows import CALM, OFTEN, SELDOM, Report, Source, number, reading, word
from device_plugins.zigbee.mapping.signature import Endpoint, Facts, Raw

SCALED_PRESSURE, PRESSURE_SCALE = 0x0010, 0x0014
_VALUE = 0x0000
_CENTI, _SOME = Report(10, 3600, 10), Report(10, 3600, 50)
_FINE = Report(30, 3600, 0.000_001)

BATTERY_SIZES = {
    0: "none", 1: "built_in", 2: "other", 3: "AA", 4: "AAA", 5: "C", 6: "D", 7: "CR2", 8: "CR123A", 9: "CR2450",
    10: "CR2032", 11: "CR1632",
}  # fmt: skip
# Firmware that counts the battery's percents in whole ones (ZCL 3.3.2.2.3.2 wants halves): manufacturer, models.
WHOLE_PERCENTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Yale",), ("YRD210 PB DB", "YRL220 TS LL", "YRD220/240 TSDB", "YRL210 PB LL")),
    (("Xiaoyan",), ("TERNCY-PP01", "TERNCY-SD01")),
    (("Keen Home Inc",), ("SV*",)),
    (("Onesti Products AS",), ("Nimly*",)),
    (("Smartwings",), ("WM25/L-Z",)),
)


def _percent(factor: float) -> Decode:
    def decode(raw: Raw) -> float | None:
        number = d.whole(raw)
        if number == d.NO_U8:
            return None
        return min(round(number * factor, 1), 100)

    return decode


def _whole_percents() -> tuple[Source, ...]:
    return tuple(
        Source("battery", c.POWER, 0x0021, _percent(1), SELDOM, optional=True, makers=makers, models=models, raw=True)
        for makers, models in WHOLE_PERCENTS
    )


def _is_scaled(endpoint: Endpoint, facts: Facts) -> bool:
    return facts.number(endpoint.id, c.PRESSURE, PRESSURE_SCALE) is not None and (
        facts.number(endpoint.id, c.PRESSURE, SCALED_PRESSURE) not in {None, d.NO_S16}
    )


def _ppm(cluster: int, name: str) -> Source:
    return Source(name, cluster, _VALUE, d.scaled(1e6, 1), _FINE)


ROWS: tuple[Source, ...] = (
    Source("illuminance", c.ILLUMINANCE, _VALUE, d.lux, Report(10, 3600, 500)),
    Source("temperature", c.TEMPERATURE, _VALUE, d.scaled(0.01, 2, (d.NO_S16,)), _CENTI),
    # Pressure in kPa / 10, or in Pa with an exponent of the device's own (ZCL 4.5).
    Source(
        "pressure",
        c.PRESSURE,
        SCALED_PRESSURE,
        d.scaled(1, invalid=(d.NO_S16,)),
        CALM,
        exponent=PRESSURE_SCALE,
        when=_is_scaled,
    ),
    Source("pressure", c.PRESSURE, _VALUE, d.scaled(100, invalid=(d.NO_S16,)), CALM),
    Source("flow", c.FLOW, _VALUE, d.scaled(0.1, 1, (d.NO_U16,)), CALM),
    Source("humidity", c.HUMIDITY, _VALUE, d.scaled(0.01, 2, (d.NO_U16,)), _SOME),
    Source("leaf_wetness", c.LEAF_WETNESS, _VALUE, d.scaled(0.01, 2, (d.NO_U16,)), _SOME),
    Source("soil_moisture", c.SOIL_MOISTURE, _VALUE, d.scaled(0.01, 2, (d.NO_U16,)), _SOME),
    Source("ph", c.PH, _VALUE, d.scaled(0.01, 2, (d.NO_U16,)), _SOME),
    Source("conductivity", c.CONDUCTIVITY, _VALUE, d.scaled(1, invalid=(d.NO_U16,)), CALM),
    Source("wind_speed", c.WIND_SPEED, _VALUE, d.scaled(0.01, 2, (d.NO_U16,)), _SOME),
    _ppm(c.CO, "co_concentration"),
    _ppm(c.CO2, "co2"),
    _ppm(c.FORMALDEHYDE, "formaldehyde"),
    Source("pm1", c.PM1, _VALUE, d.scaled(1, 1), Report(30, 3600, 1)),
    Source("pm25", c.PM25, _VALUE, d.scaled(1, 1), Report(30, 3600, 1)),
    Source("pm10", c.PM10, _VALUE, d.scaled(1, 1), Report(30, 3600, 1)),
    Source("voc", c.VOC, _VALUE, d.scaled(1, 1), Report(30, 3600, 10), models=("lumi.airmonitor.*",)),
    # The cluster does not say of what it is a fraction; devices mean g/m³.
    Source("voc_density", c.VOC, _VALUE, d.scaled(1e6, 1), _FINE),
    Source("occupancy", c.OCCUPANCY, _VALUE, d.bit(0x01), OFTEN),
    number("occupied_to_unoccupied_delay", (c.OCCUPANCY, 0x0010), 1, "s", label="Stays occupied for"),
    number("unoccupied_to_occupied_delay", (c.OCCUPANCY, 0x0011), 1, "s", label="Is occupied after"),
    number("unoccupied_to_occupied_threshold", (c.OCCUPANCY, 0x0012), span=(1, 254), label="Events until occupied"),
    number("ultrasonic_occupied_to_unoccupied_delay", (c.OCCUPANCY, 0x0020), 1, "s", label="Stays occupied for"),
    number("ultrasonic_unoccupied_to_occupied_delay", (c.OCCUPANCY, 0x0021), 1, "s", label="Is occupied after"),
    number("ultrasonic_unoccupied_to_occupied_threshold", (c.OCCUPANCY, 0x0022), span=(1, 254)),
    Source("battery_voltage", c.POWER, 0x0020, d.scaled(0.1, 1, (d.NO_U8,)), Report(3600, 43_200, 1), optional=True),
    *_whole_percents(),
    Source("battery", c.POWER, 0x0021, _percent(0.5), SELDOM, optional=True),
    word("battery_size", (c.POWER, 0x0031), BATTERY_SIZES),
    reading("battery_quantity", (c.POWER, 0x0033), d.scaled(1, invalid=(d.NO_U8,))),
    Source("voltage", c.POWER, 0x0000, d.scaled(0.1, 1, (d.NO_U16,)), told=True, name="mains_voltage"),
    Source("frequency", c.POWER, 0x0001, d.scaled(0.5, 1, (0, 0xFE, 0xFF)), told=True, name="mains_frequency"),
    Source("device_temperature", c.DEVICE_TEMPERATURE, _VALUE, d.degrees, Report(30, 3600, 1), optional=True),
)
