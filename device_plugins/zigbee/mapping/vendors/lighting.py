"""Rows of makers of lamps, sensors and switches for lighting: Signify (Philips Hue), Inovelli, Sinope."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping.rows import Own, Source, choice, number, switch

HUE, SINOPE, INOVELLI = 0x100B, 0x119C, 0x122F
_SIGNIFY = ("Philips*", "Signify*")
_U8, _BOOL = Own(0x20, HUE), Own(0x10, HUE)
_SENSITIVITIES = {0: "lowest", 1: "low", 2: "medium", 3: "high", 4: "highest"}
_SINOPE_SWITCH, _INOVELLI_SWITCH = 0xFF01, 0xFC31
_LED_COLORS = {0x0AFFDC: "lime", 0x000A4B: "amber", 0x0100A5: "fuchsia", 0x64FFFF: "pearl", 0xFFFF00: "blue"}
_S8, _S_U24, _S_ENUM = Own(0x20, SINOPE), Own(0x22, SINOPE), Own(0x30, SINOPE)
_I8, _IBOOL = Own(0x20, INOVELLI), Own(0x10, INOVELLI)
_NO_DIMMERS = ("Inovelli*",)


def _inovelli(name: str, attribute: int, span: tuple[float, float], unit: str = "", factor: float = 1) -> Source:
    return number(name, (_INOVELLI_SWITCH, attribute), factor, unit, span, own=_I8, makers=_NO_DIMMERS)


ROWS: tuple[Source, ...] = (
    choice(
        "motion_sensitivity", (c.OCCUPANCY, 0x0030), {0: "low", 1: "medium", 2: "high"}, own=_U8, makers=_SIGNIFY,
        models=("SML001",), label="Sensitivity",
    ),
    choice(
        "motion_sensitivity", (c.OCCUPANCY, 0x0030), _SENSITIVITIES, own=_U8, makers=_SIGNIFY, models=("SML*",),
        label="Sensitivity",
    ),
    switch(
        "trigger_indicator", (c.BASIC, 0x0033), own=_BOOL, makers=_SIGNIFY, models=("SML*",),
        label="Lamp blinks on motion",
    ),
    number("led_on_intensity", (_SINOPE_SWITCH, 0x0052), 1, "%", (0, 100), own=_S8, makers=("Sinope*",)),
    number("led_off_intensity", (_SINOPE_SWITCH, 0x0053), 1, "%", (0, 100), own=_S8, makers=("Sinope*",)),
    choice("led_on_color", (_SINOPE_SWITCH, 0x0050), _LED_COLORS, own=_S_U24, makers=("Sinope*",)),
    choice("led_off_color", (_SINOPE_SWITCH, 0x0051), _LED_COLORS, own=_S_U24, makers=("Sinope*",)),
    number("on_intensity", (_SINOPE_SWITCH, 0x0055), span=(1, 255), own=Own(0x21, SINOPE), makers=("Sinope*",)),
    switch("double_tap_up_full", (_SINOPE_SWITCH, 0x0058), own=_S_ENUM, makers=("Sinope*",)),
    _inovelli("dimming_speed_up_remote", 0x0001, (0, 127), "s", 0.1),
    _inovelli("dimming_speed_up_local", 0x0002, (0, 127), "s", 0.1),
    _inovelli("ramp_rate_off_to_on_remote", 0x0003, (0, 127), "s", 0.1),
    _inovelli("ramp_rate_off_to_on_local", 0x0004, (0, 127), "s", 0.1),
    _inovelli("dimming_speed_down_remote", 0x0005, (0, 127), "s", 0.1),
    _inovelli("dimming_speed_down_local", 0x0006, (0, 127), "s", 0.1),
    _inovelli("ramp_rate_on_to_off_remote", 0x0007, (0, 127), "s", 0.1),
    _inovelli("ramp_rate_on_to_off_local", 0x0008, (0, 127), "s", 0.1),
    _inovelli("minimum_level", 0x0009, (1, 254)),
    _inovelli("maximum_level", 0x000A, (2, 255)),
    _inovelli("auto_shutoff_timer", 0x000C, (0, 32_767), "s"),
    _inovelli("local_default_level", 0x000D, (0, 255)),
    _inovelli("remote_default_level", 0x000E, (0, 255)),
    _inovelli("state_after_power_restored", 0x000F, (0, 255)),
    _inovelli("button_delay", 0x0032, (0, 9), "s", 0.1),
    _inovelli("led_color_when_on", 0x005F, (0, 255)),
    _inovelli("led_color_when_off", 0x0060, (0, 255)),
    _inovelli("led_intensity_when_on", 0x0061, (0, 100), "%"),
    _inovelli("led_intensity_when_off", 0x0062, (0, 100), "%"),
    switch("invert_switch", (_INOVELLI_SWITCH, 0x000B), own=_IBOOL, makers=_NO_DIMMERS),
    switch("smart_bulb_mode", (_INOVELLI_SWITCH, 0x0034), own=_IBOOL, makers=_NO_DIMMERS),
    switch("local_protection", (_INOVELLI_SWITCH, 0x0100), own=_IBOOL, makers=_NO_DIMMERS),
    switch("on_off_led_mode", (_INOVELLI_SWITCH, 0x0107), own=_IBOOL, makers=_NO_DIMMERS),
)  # fmt: skip
