"""Rows of makers of sensors and small appliances: IKEA, Samjin and SmartThings, Sonoff, ThirdReality, Danfoss."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import OFTEN, SOON, Own, Report, Source, choice, number, reading, switch
from device_plugins.zigbee.mapping.signature import Raw

IKEA, SAMJIN, SONOFF, THIRD_REALITY, DANFOSS = 0x117C, 0x1241, 0x1286, 0x1407, 0x1246
PURIFIER, ACCELERATION, SMARTTHINGS_HUMIDITY, SONOFF_OWN = 0xFC7D, 0xFC02, 0xFC45, 0xFC11
_IKEA_VOC = 0xFC7E
_I_U8, _I_BOOL, _I_U32 = Own(0x20, IKEA), Own(0x10, IKEA), Own(0x23, IKEA)
_G = 0.009_806_65  # m/s² in thousandths of the earth's pull
_THIRD_VIBRATION = 0xFFF1
_SONOFF_MOTION = ("SNZB-03P*", "SNZB-06P*")
_TRVZB = ("TRVZB",)
_ALLY = ("Danfoss*",)

PURIFIER_AUTO, PURIFIER_LEAST, PURIFIER_MOST = 1, 10, 50
_LOW_MOST, _MEDIUM_MOST = 20, 40


def purifier_mode(raw: Raw) -> str | None:
    """0 off, 1 auto, 10 to 50 the speed."""
    number_ = d.whole(raw)
    if number_ in {0, PURIFIER_AUTO}:
        return "auto" if number_ else "off"
    if not PURIFIER_LEAST <= number_ <= PURIFIER_MOST:
        return None
    return "low" if number_ <= _LOW_MOST else "medium" if number_ <= _MEDIUM_MOST else "high"


def _axis(name: str, attribute: int) -> Source:
    return Source(
        "acceleration", ACCELERATION, attribute, d.scaled(_G, 2, (d.NO_S16,)), Report(1, 3600, 50), name=name,
        told=True, own=Own(0x29, SAMJIN),
    )  # fmt: skip


def _run_time(name: str, attribute: int) -> Source:
    return reading(name, (PURIFIER, attribute), d.scaled(60, invalid=(d.NO_U32,)), "s", own=_I_U32)


ROWS: tuple[Source, ...] = (
    # IKEA's air purifier
    Source("fan_mode", PURIFIER, 0x0006, purifier_mode, OFTEN, own=_I_U8, table="purifier",
           values=("off", "low", "medium", "high", "auto")),
    Source("fan_speed", PURIFIER, 0x0007, d.ratio(100, PURIFIER_MOST, (d.NO_U8,)), SOON, own=_I_U8, table="purifier"),
    Source("pm25", PURIFIER, 0x0004, d.scaled(1, invalid=(d.NO_U16,)), Report(30, 3600, 1), own=Own(0x21, IKEA)),
    Source("switch", PURIFIER, 0x0003, d.bit(0xFF), told=True, name="replace_filter", own=_I_U8, report=SOON),
    switch("child_lock", (PURIFIER, 0x0005), own=_I_BOOL, label="Buttons are locked"),
    switch("led_off", (PURIFIER, 0x0001), own=_I_BOOL, label="Lamps are off"),
    _run_time("device_run_time", 0x0008),
    _run_time("filter_run_time", 0x0000),
    number("filter_life_time", (PURIFIER, 0x0002), 60, "s", (0, 60 * 0xFFFF_FFFE), own=_I_U32,
           label="Life of a filter"),
    # IKEA's VOC index is a float, and not of any unit.
    reading("voc_index", (_IKEA_VOC, 0x0000), d.scaled(1), own=Own(0x39, IKEA), report=Report(30, 3600, 1)),
    # SmartThings
    Source("vibration", ACCELERATION, 0x0010, d.bit(0xFF), OFTEN, own=Own(0x18, SAMJIN),
           makers=("Samjin", "SmartThings", "CentraLite")),
    _axis("acceleration_x", 0x0012), _axis("acceleration_y", 0x0013), _axis("acceleration_z", 0x0014),
    Source("humidity", SMARTTHINGS_HUMIDITY, 0x0000, d.scaled(0.01, 2, (d.NO_U16,)), Report(10, 3600, 50),
           own=Own(0x21, 0x104E)),
    # Sonoff
    choice("motion_sensitivity", (c.OCCUPANCY, 0x0022), {1: "low", 2: "medium", 3: "high"}, models=_SONOFF_MOTION,
           label="Sensitivity"),
    Source("enum", SONOFF_OWN, 0x2001, d.words({0: "dark", 1: "light"}), told=True, name="illumination", own=Own(0x20),
           values=("dark", "light"), models=_SONOFF_MOTION),
    switch("child_lock", (SONOFF_OWN, 0x0000), own=Own(0x10), models=_TRVZB, label="Buttons are locked"),
    switch("window_detection", (SONOFF_OWN, 0x6000), own=Own(0x10), models=_TRVZB),
    number("frost_protection_temperature", (SONOFF_OWN, 0x6002), 0.01, "°C", (4, 35), own=Own(0x29), models=_TRVZB),
    switch("turbo_mode", (SONOFF_OWN, 0x0012), own=Own(0x29), models=("ZBMINIR2", "ZBMINIL2", "ZBMicro")),
    switch("detach_relay", (SONOFF_OWN, 0x0017), own=Own(0x10), models=("ZBMINIR2",)),
    switch("network_led", (SONOFF_OWN, 0x0001), own=Own(0x10), models=("ZBMINIR2", "ZBMicro")),
    # ThirdReality
    *(
        Source("acceleration", _THIRD_VIBRATION, attribute, d.scaled(_G, 2, (d.NO_S16,)), name=f"acceleration_{axis}",
               told=True, own=Own(0x29, THIRD_REALITY))
        for attribute, axis in ((0x0001, "x"), (0x0002, "y"), (0x0003, "z"))
    ),
    # Danfoss
    switch("window_open_external", (c.THERMOSTAT, 0x4003), own=Own(0x10, DANFOSS), makers=_ALLY),
    switch("window_detection", (c.THERMOSTAT, 0x4051), own=Own(0x10, DANFOSS), makers=_ALLY),
    switch("radiator_covered", (c.THERMOSTAT, 0x4016), own=Own(0x10, DANFOSS), makers=_ALLY),
    switch("heat_available", (c.THERMOSTAT, 0x4030), own=Own(0x10, DANFOSS), makers=_ALLY),
    switch("load_balancing", (c.THERMOSTAT, 0x4032), own=Own(0x10, DANFOSS), makers=_ALLY),
    Source("switch", c.THERMOSTAT, 0x4031, d.bit(0xFF), told=True, name="heat_required", own=Own(0x10, DANFOSS),
           makers=_ALLY),
    Source("switch", c.THERMOSTAT, 0x4012, d.bit(0xFF), told=True, name="mounting_mode", own=Own(0x10, DANFOSS),
           makers=_ALLY),
)  # fmt: skip
