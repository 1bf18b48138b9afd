"""What a remote sends, as the action of a `device.button` event.

A remote has its clusters as outputs and sends commands. The actions:

    on/off         on, off, toggle
    level          level, move_up, move_down, step_up, step_down, stop
    colour         color, color_temperature, color_temperature_move_up/_down/_stop,
                   color_temperature_step_up/_down, hue_move_up/_down/_stop, hue_step_up/_down, color_stop
    scenes         recall_<scene>, store_<scene>
    covering       open, close, stop
    alarm panel    disarm, arm_day, arm_night, arm_all, emergency, fire, panic
"""

from collections.abc import Mapping, Sequence

from device_plugins.zigbee.mapping.clusters import COLOR, COVERING, IAS_ACE, LEVEL, ON_OFF, SCENES

CLUSTERS = (SCENES, ON_OFF, LEVEL, COVERING, COLOR, IAS_ACE)

DETECTED = {0x00: False, 0x01: True, 0x42: True}
"""What a detector of presence means by the commands of on/off: off, on, on with timed off."""

# A name alone, or a name for each value of the command's first field.
type _Action = str | Mapping[int, str]


def _ways(name: str) -> Mapping[int, str]:
    return {0: f"{name}_up", 1: f"{name}_down"}


_STEP_COLOR = {1: "_up", 3: "_down"}
_MOVE_COLOR = {0: "_stop", **_STEP_COLOR}

_ACTIONS: Mapping[tuple[int, int], _Action] = {
    (ON_OFF, 0x00): "off",
    (ON_OFF, 0x01): "on",
    (ON_OFF, 0x02): "toggle",
    (ON_OFF, 0x40): "off",
    (ON_OFF, 0x41): "on",
    (ON_OFF, 0x42): "on",
    (LEVEL, 0x00): "level",
    (LEVEL, 0x01): _ways("move"),
    (LEVEL, 0x02): _ways("step"),
    (LEVEL, 0x03): "stop",
    (LEVEL, 0x04): "level",
    (LEVEL, 0x05): _ways("move"),
    (LEVEL, 0x06): _ways("step"),
    (LEVEL, 0x07): "stop",
    (COLOR, 0x01): {mode: "hue_move" + way for mode, way in _MOVE_COLOR.items()},
    (COLOR, 0x02): {mode: "hue_step" + way for mode, way in _STEP_COLOR.items()},
    (COLOR, 0x06): "color",
    (COLOR, 0x07): "color",
    (COLOR, 0x0A): "color_temperature",
    (COLOR, 0x47): "color_stop",
    # The temperature in mireds goes up where the light gets warmer.
    (COLOR, 0x4B): {mode: "color_temperature_move" + way for mode, way in _MOVE_COLOR.items()},
    (COLOR, 0x4C): {mode: "color_temperature_step" + way for mode, way in _STEP_COLOR.items()},
    (COVERING, 0x00): "open",
    (COVERING, 0x01): "close",
    (COVERING, 0x02): "stop",
    (IAS_ACE, 0x00): {0: "disarm", 1: "arm_day", 2: "arm_night", 3: "arm_all"},
    (IAS_ACE, 0x02): "emergency",
    (IAS_ACE, 0x03): "fire",
    (IAS_ACE, 0x04): "panic",
}
_SCENE_COMMANDS = {0x04: "store", 0x05: "recall"}
_SCENE_FIELDS = 2  # group, scene


def action(cluster: int, command: int, payload: Sequence[object]) -> str | None:
    """The action of a received cluster command, `None` if it is no button's."""
    if cluster == SCENES:
        if command in _SCENE_COMMANDS and len(payload) >= _SCENE_FIELDS:
            return f"{_SCENE_COMMANDS[command]}_{payload[1]}"
        return None
    known = _ACTIONS.get((cluster, command))
    if known is None or isinstance(known, str):
        return known
    first = payload[0] if payload else None
    return known.get(int(first)) if isinstance(first, int) else None
