"""Rows of lamps and switches: on/off, level and colour (ZCL 3.8, 3.10, 5.2, 5.3)."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import OFTEN, SOON, Condition, Report, Source, choice, number
from device_plugins.zigbee.mapping.signature import Endpoint, Facts

COLOR_MODES = {0: "hs", 1: "xy", 2: "temperature"}
EFFECTS = {0: "none", 1: "color_loop"}
START_UP = {0: "off", 1: "on", 2: "toggle", 0xFF: "previous"}

_HUE, _LOOP, _XY, _TEMPERATURE = 0x01, 0x04, 0x08, 0x10
# What device types have that do not tell their capabilities (ZCL 5.2.2.2.1.12).
_COLOR_OF_TYPE = {0x0102: _XY, 0x0200: _XY, 0x010C: _TEMPERATURE, 0x0220: _TEMPERATURE}
_SHADE = 0x0200
_XY_STEP = Report(1, 3600, 10)
_COVER_LIKE = "level_cover"


def _colors(*bits: int) -> Condition:
    def condition(endpoint: Endpoint, facts: Facts) -> bool:
        told = facts.number(endpoint.id, c.COLOR, c.COLOR_CAPABILITIES)
        has = int(told) if told else _COLOR_OF_TYPE.get(endpoint.device_type, _XY | _TEMPERATURE)
        return any(has & one for one in bits)

    return condition


def _switches(endpoint: Endpoint, facts: Facts) -> bool:
    del facts
    return c.COVERING not in endpoint.inputs and endpoint.device_type != _SHADE


def _is_shade(endpoint: Endpoint, facts: Facts) -> bool:
    del facts
    return endpoint.device_type == _SHADE and c.COVERING not in endpoint.inputs


ROWS: tuple[Source, ...] = (
    # What is driven by a level but is no lamp.
    Source(
        "cover_position", c.LEVEL, 0x0000, d.percent_of_level, SOON, table=_COVER_LIKE, hides=("on_off", "level"),
        makers=("Keen Home Inc*",),
    ),
    Source(
        "cover_position", c.LEVEL, 0x0000, d.percent_of_level, SOON, table=_COVER_LIKE, hides=("on_off", "level"),
        when=_is_shade,
    ),
    Source("on_off", c.ON_OFF, 0x0000, d.flag, OFTEN, when=_switches),
    Source("level", c.LEVEL, 0x0000, d.percent_of_level, SOON, when=_switches),
    Source("color_hue", c.COLOR, 0x0000, d.scaled(360 / d.LEVEL_MAX, invalid=(d.NO_U8,)), SOON, when=_colors(_HUE)),
    Source("color_saturation", c.COLOR, 0x0001, d.percent_of_level, SOON, when=_colors(_HUE)),
    Source("color_xy", c.COLOR, 0x0003, d.scaled(1 / d.XY_MAX, 4, (d.NO_U16,)), _XY_STEP, part=0, when=_colors(_XY)),
    Source("color_xy", c.COLOR, 0x0004, d.scaled(1 / d.XY_MAX, 4, (d.NO_U16,)), _XY_STEP, part=1, when=_colors(_XY)),
    Source("color_temperature", c.COLOR, 0x0007, d.kelvin, SOON, when=_colors(_TEMPERATURE)),
    Source("color_mode", c.COLOR, 0x0008, d.words(COLOR_MODES), SOON, when=_colors(_XY, _HUE)),
    Source("light_effect", c.COLOR, 0x4002, d.words(EFFECTS), SOON, optional=True, when=_colors(_LOOP)),
    choice("start_up_on_off", (c.ON_OFF, 0x4003), START_UP, label="When power returns"),
    number("on_off_transition_time", (c.LEVEL, 0x0010), 0.1, "s", (0, 6553.4), unset=d.NO_U16, label="On/off fade"),
    Source(
        "number", c.LEVEL, 0x0011, d.percent_of_level, name="on_level", label="Level when switched on", unit="%",
        low=0, high=100, told=True, encode=d.level_of_percent, unset=d.NO_U8,
    ),
    number("on_transition_time", (c.LEVEL, 0x0012), 0.1, "s", (0, 6553.4), unset=d.NO_U16, label="Fade on"),
    number("off_transition_time", (c.LEVEL, 0x0013), 0.1, "s", (0, 6553.4), unset=d.NO_U16, label="Fade off"),
    number(
        "default_move_rate", (c.LEVEL, 0x0014), 100 / d.LEVEL_MAX, "%/s", (0, 100), unset=d.NO_U8,
        label="Speed of dimming",
        decode=d.scaled(100 / d.LEVEL_MAX, 1, (d.NO_U8,)),
    ),
    Source(
        "number", c.LEVEL, 0x4000, d.percent_of_level, name="start_up_level", label="Level when power returns",
        unit="%", low=0, high=100, told=True, encode=d.level_of_percent, unset=d.NO_U8,
    ),
    Source(
        "number", c.COLOR, 0x4010, d.kelvin, name="start_up_color_temperature",
        label="Colour temperature when power returns", unit="K", told=True, encode=d.mireds, unset=d.NO_U16,
    ),
    number("ballast_minimum", (c.BALLAST, 0x0010), span=(1, 254), unset=d.NO_U8, label="Least level of the ballast"),
    number("ballast_maximum", (c.BALLAST, 0x0011), span=(1, 254), unset=d.NO_U8, label="Most level of the ballast"),
)  # fmt: skip
