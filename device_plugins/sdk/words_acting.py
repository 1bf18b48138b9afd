"""Words of the vocabulary for what can be switched, moved and set."""

from device_plugins.sdk.word import TRANSITION, Argument, Capability, Command, dial, measure, setter

SWITCHES = (
    Capability(
        "on_off",
        "Whether it is on.",
        "bool",
        access="read-write",
        commands=(
            setter("bool"),
            Command("on", "Switch it on."),
            Command("off", "Switch it off."),
            Command("toggle", "Switch it over."),
        ),
        matter="OnOff",
    ),
    Capability(
        "level",
        "Brightness, or the level of whatever it drives.",
        "number",
        "%",
        0,
        100,
        access="read-write",
        commands=(
            setter("number", "%", TRANSITION, span=(0, 100)),
            Command("step", "Change it by so much.", (Argument("by", "number", "%", -100, 100), TRANSITION)),
            Command("stop", "Stop where it is."),
        ),
        matter="LevelControl",
    ),
    Capability(
        "color_xy",
        "Colour as CIE 1931 x and y.",
        "pair",
        "",
        0,
        1,
        access="read-write",
        commands=(setter("pair", "", TRANSITION, span=(0, 1)),),
        matter="ColorControl",
    ),
    dial("color_hue", "Hue of the colour.", "°", (0, 360), "ColorControl", TRANSITION),
    dial("color_saturation", "Saturation of the colour.", "%", (0, 100), "ColorControl", TRANSITION),
    dial("color_temperature", "Colour temperature of white light.", "K", (1000, 20000), "ColorControl", TRANSITION),
    Capability(
        "color_mode",
        "Which of the colour values the lamp follows.",
        "enum",
        values=("hs", "xy", "temperature"),
        matter="ColorControl",
    ),
    Capability(
        "light_effect",
        "What the lamp does by itself.",
        "enum",
        values=("none", "color_loop"),
        access="read-write",
        commands=(setter("enum"),),
        matter="ColorControl",
    ),
)

_USER = Argument("user", "integer", "", 0, 65535)
_WARNINGS = ("burglar", "fire", "emergency", "police_panic", "fire_panic", "emergency_panic")
_LOUDNESS = ("low", "medium", "high", "very_high")

ACTUATORS = (
    Capability(
        "lock",
        "What the lock says of itself.",
        "enum",
        values=("locked", "unlocked", "not_fully_locked"),
        access="read-write",
        commands=(
            Command("lock", "Lock it."),
            Command("unlock", "Unlock it."),
            Command("set_pin", "Give a user a PIN.", (_USER, Argument("pin", "text"))),
            Command("clear_pin", "Take a user's PIN away.", (_USER,)),
        ),
        matter="DoorLock",
    ),
    Capability(
        "cover_position",
        "How far the cover is open.",
        "number",
        "%",
        0,
        100,
        access="read-write",
        commands=(
            setter("number", "%", span=(0, 100)),
            Command("open", "Open it wholly."),
            Command("close", "Close it wholly."),
            Command("stop", "Stop where it is."),
        ),
        matter="WindowCovering",
    ),
    dial("cover_tilt", "How far the slats are open.", "%", (0, 100), "WindowCovering"),
    dial("heating_setpoint", "Temperature to heat to.", "°C", (-50, 100), "Thermostat"),
    dial("cooling_setpoint", "Temperature to cool to.", "°C", (-50, 100), "Thermostat"),
    Capability(
        "thermostat_mode",
        "What the thermostat may do.",
        "enum",
        values=("off", "auto", "cool", "heat", "emergency_heat", "fan_only", "dry", "sleep"),
        access="read-write",
        commands=(setter("enum"),),
        matter="Thermostat",
    ),
    Capability(
        "thermostat_activity",
        "What the thermostat does now.",
        "enum",
        values=("idle", "heating", "cooling", "fan"),
        matter="Thermostat",
    ),
    dial("away_heating_setpoint", "Temperature to heat to when nobody is there.", "°C", (-50, 100), "Thermostat"),
    dial("away_cooling_setpoint", "Temperature to cool to when nobody is there.", "°C", (-50, 100), "Thermostat"),
    measure("heating_demand", "How much heat is asked for; how far a valve is open.", "%", (0, 100), "Thermostat"),
    measure("cooling_demand", "How much cooling is asked for.", "%", (0, 100), "Thermostat"),
    Capability(
        "fan_mode",
        "How the fan runs.",
        "enum",
        values=("off", "low", "medium", "high", "on", "auto", "smart"),
        access="read-write",
        commands=(setter("enum"),),
        matter="FanControl",
    ),
    dial("fan_speed", "How fast the fan runs.", "%", (0, 100), "FanControl"),
    Capability(
        "siren",
        "Whether the siren sounds.",
        "bool",
        access="read-write",
        commands=(
            setter("bool"),
            Command(
                "sound",
                "Sound it for a while.",
                (
                    Argument("duration", "number", "s", 1, 65535, required=False, default=30.0),
                    Argument("mode", "enum", values=_WARNINGS, required=False, default="burglar"),
                    Argument("level", "enum", values=_LOUDNESS, required=False, default="high"),
                    Argument("strobe", "bool", required=False, default=True),
                ),
            ),
            Command("off", "Silence it."),
        ),
    ),
    Capability(
        "identify",
        "It can show which one it is.",
        "event",
        access="write",
        commands=(
            Command(
                "identify",
                "Blink or beep.",
                (Argument("duration", "integer", "s", 0, 65535, required=False, default=5.0),),
            ),
            Command(
                "effect",
                "Show an effect once.",
                (Argument("name", "enum", values=("blink", "breathe", "okay", "channel_change", "finish", "stop")),),
            ),
        ),
        matter="Identify",
    ),
)
