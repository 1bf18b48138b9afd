"""Rows of Lumi (Aqara, Xiaomi): their own cluster 0xFCC0, as far as it holds plain attributes."""

from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.clusters import ON_OFF
from device_plugins.zigbee.mapping.rows import Own, Source, choice, number, reading, switch, word
from device_plugins.zigbee.mapping.signature import Raw

OPPLE, CODE = 0xFCC0, 0x115F
_U8, _U32, _FLOAT, _BOOL = Own(0x20, CODE), Own(0x23, CODE), Own(0x39, CODE), Own(0x10, CODE)
_MOTION = ("lumi.motion.*",)
_PLUGS = ("lumi.plug.*", "lumi.switch.*", "lumi.ctrl_*")
_TRV = ("lumi.airrtc.agl001",)
_CURTAIN = ("lumi.curtain.*",)
_SMOKE = ("lumi.sensor_smoke.acn*",)
_FEEDER = ("aqara.feeder.*",)
_RELAY = ("lumi.switch.acn047",)
_MAGNETS = ("lumi.sensor_magnet*",)
_SENSITIVITY = {1: "low", 2: "medium", 3: "high"}


def _seen(raw: Raw) -> float | None:
    """Illuminance of a motion report: 65536 and the lux."""
    number_ = d.whole(raw)
    return max(number_ - 65_536, 0) if number_ else None


ROWS: tuple[Source, ...] = (
    # Presence and motion
    Source("occupancy", OPPLE, 0x0142, d.flag, told=True, own=_U8, models=("lumi.motion.ac01",)),
    Source("illuminance", OPPLE, 0x0112, _seen, own=_U32, models=("lumi.motion.ac02", "lumi.motion.acn001")),
    Source("occupancy", OPPLE, 0x0112, d.bit(0xFFFF_FFFF), own=_U32, models=("lumi.motion.ac02", "lumi.motion.acn001")),
    number("motion_interval", (OPPLE, 0x0102), 1, "s", (2, 65_535), own=_U8, models=_MOTION, label="Detects every"),
    choice("motion_sensitivity", (OPPLE, 0x010C), _SENSITIVITY, own=_U8, models=_MOTION, label="Sensitivity"),
    choice("monitoring_mode", (OPPLE, 0x0144), {0: "undirected", 1: "left_right"}, own=_U8, models=_MOTION),
    choice("approach_distance", (OPPLE, 0x0146), {0: "far", 1: "medium", 2: "near"}, own=_U8, models=_MOTION),
    switch("trigger_indicator", (OPPLE, 0x0152), own=_U8, models=_MOTION, label="Lamp blinks on motion"),
    Source("press", OPPLE, 0x0157, d.whole, told=True, name="reset_no_presence", own=_U8, models=("lumi.motion.ac01",),
           encode=lambda _: 1, label="Say that nobody is there"),
    # Contact: the door is told as a switch, which a quirk moves to the client's side
    Source("contact", ON_OFF, 0x0000, d.bit(0x01, inverted=True), models=_MAGNETS, hides=("on_off",)),
    Source("contact", ON_OFF, 0x0000, d.bit(0x01, inverted=True), models=_MAGNETS, output=True),
    choice("detection_distance", (OPPLE, 0x0107), {1: "10_mm", 2: "20_mm", 3: "30_mm"}, own=_U8,
           models=("lumi.magnet.ac01",)),
    # Smoke
    Source("smoke_density", OPPLE, 0x1403, d.scaled(1, 3), told=True, own=_FLOAT, models=_SMOKE),
    reading("smoke_density_raw", (OPPLE, 0x013B), d.whole, own=_U8, models=_SMOKE),
    switch("buzzer_mute", (OPPLE, 0x0126), own=_U8, models=_SMOKE, label="Silence the alarm"),
    switch("heartbeat_indicator", (OPPLE, 0x013C), own=_U8, models=_SMOKE, label="Lamp blinks"),
    switch("buzzer_alarm", (OPPLE, 0x013D), own=_U8, models=_SMOKE, label="Sound the alarm"),
    switch("linkage_alarm", (OPPLE, 0x014B), own=_U8, models=_SMOKE, label="Sounds with others"),
    Source("alarm", OPPLE, 0x014C, d.bit(0xFF), name="linkage_alarm_state", own=_U8, models=_SMOKE),
    Source("press", OPPLE, 0x0127, d.whole, name="self_test", own=_BOOL, models=_SMOKE, encode=lambda _: 1,
           label="Test it"),
    # Plugs, switches, relays
    switch("power_outage_memory", (OPPLE, 0x0201), own=_BOOL, models=_PLUGS, label="Remembers its state"),
    Source("switch", OPPLE, 0x0207, d.bit(0xFF), told=True, name="consumer_connected", own=_BOOL, models=_PLUGS),
    choice("operation_mode", (OPPLE, 0x0200), {0: "decoupled", 1: "control_relay"}, own=_U8, models=_PLUGS),
    choice("switch_type", (OPPLE, 0x000A), {1: "toggle", 2: "momentary", 3: "none"}, own=_U8, models=_RELAY),
    choice("switch_mode", (OPPLE, 0x0289), {0: "power", 1: "pulse", 3: "dry"}, own=_U8, models=_RELAY),
    choice("start_up_on_off", (OPPLE, 0x0517), {0: "on", 1: "previous", 2: "off", 3: "toggle"}, own=_U8, models=_RELAY),
    # Curtain
    Source("switch", OPPLE, 0x0401, d.bit(0xFF), told=True, name="hand_open", own=_U8, models=_CURTAIN,
           encode=int, label="Opens when pulled"),
    switch("hooks_locked", (OPPLE, 0x0427), own=_U8, models=_CURTAIN, label="Hooks are locked"),
    word("hooks_state", (OPPLE, 0x0428), {0: "unlocked", 1: "locked", 2: "locking", 3: "unlocking"}, own=_U8,
         models=_CURTAIN),
    reading("light_level", (OPPLE, 0x0429), d.whole, own=_U8, models=_CURTAIN),
    # Radiator valve
    switch("window_detection", (OPPLE, 0x0273), own=_U8, models=_TRV),
    switch("valve_detection", (OPPLE, 0x0274), own=_U8, models=_TRV),
    Source("switch", OPPLE, 0x0275, d.bit(0xFFFF_FFFF), told=True, name="valve_alarm", own=_U32, models=_TRV),
    switch("child_lock", (OPPLE, 0x0277), own=_U8, models=_TRV),
    number("away_temperature", (OPPLE, 0x0279), 0.01, "°C", (5, 30), own=_U32, models=_TRV),
    Source("switch", OPPLE, 0x027A, d.bit(0xFF), told=True, name="window_open", own=_U8, models=_TRV),
    Source("switch", OPPLE, 0x027B, d.bit(0xFF), told=True, name="calibrated", own=_U8, models=_TRV),
    choice("preset", (OPPLE, 0x0272), {0: "manual", 1: "auto", 2: "away"}, own=_U8, models=_TRV),
    word("sensor", (OPPLE, 0x027E), {0: "internal", 1: "external"}, own=_U8, models=_TRV),
)  # fmt: skip
