"""What goes about its work by itself: vacuum, lawn_mower, alarm_control_panel."""

from typing import Any

from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    choices,
    numbers,
    part,
    rendered,
    source,
    texts,
)
from device_plugins.mqtt.conventions.homeassistant.switches import press
from device_plugins.mqtt.conventions.homeassistant.templates import ValueTemplate
from device_plugins.mqtt.description import NOTHING, Message, Take

_CLEANS = ("cleaning", "docked", "paused", "idle", "returning", "error")
_MOWS = ("mowing", "paused", "docked", "returning", "error")
_VACUUM_COMMANDS = {
    "start": ("payload_start", "start"),
    "stop": ("payload_stop", "stop"),
    "pause": ("payload_pause", "pause"),
    "return_home": ("payload_return_to_base", "return_to_base"),
    "clean_spot": ("payload_clean_spot", "clean_spot"),
    "locate": ("payload_locate", "locate"),
}
_USUAL_ABILITIES = ("start", "stop", "return_home", "status", "battery", "clean_spot")
_GUARDS = (
    "disarmed", "armed_home", "armed_away", "armed_night", "armed_vacation", "armed_custom_bypass", "pending",
    "arming", "disarming", "triggered",
)  # fmt: skip
_GUARD_COMMANDS = {
    "arm_home": ("payload_arm_home", "ARM_HOME"),
    "arm_away": ("payload_arm_away", "ARM_AWAY"),
    "arm_night": ("payload_arm_night", "ARM_NIGHT"),
    "arm_vacation": ("payload_arm_vacation", "ARM_VACATION"),
    "arm_custom_bypass": ("payload_arm_custom_bypass", "ARM_CUSTOM_BYPASS"),
    "trigger": ("payload_trigger", "TRIGGER"),
}
_USUAL_GUARDS = ("arm_home", "arm_away", "arm_night", "arm_vacation", "arm_custom_bypass", "trigger")


def vacuum(config: Config) -> list[Part]:
    """A robot that cleans."""
    able, state = config.words("supported_features") or _USUAL_ABILITIES, config.topic("state_topic")
    found = [part(config, "enum", _entry(state, "state", choices(dict(zip(_CLEANS, _CLEANS, strict=True)))),
                  own="activity", values=_CLEANS)]  # fmt: skip
    if "battery" in able:
        found.append(part(config, "battery", _entry(state, "battery_level", numbers())))
    if speeds := config.words("fan_speed_list"):
        found.append(_suction(config, state, speeds))
    topic = config.topic("command_topic")
    for name, (option, usual) in _VACUUM_COMMANDS.items():
        if topic and name in able:
            found.append(press(config, name, topic, config.payload(option, usual)))
    return found


def _suction(config: Config, state: str, speeds: tuple[str, ...]) -> Part:
    topic = config.topic("set_fan_speed_topic")

    def send(arguments: dict[str, Any], _: Local) -> tuple[Message, ...]:
        return (config.message(topic, arguments["value"]),)

    sources = _entry(state, "fan_speed", choices({one: one for one in speeds}))
    return part(config, "enum", sources, {"set": send} if topic else {}, own="suction", values=speeds)


def _entry(topic: str, name: str, take: Take) -> Any:  # noqa: ANN401 - sources
    def read(told: Any) -> Any:  # noqa: ANN401 - JSON's types
        if not isinstance(told, dict):
            raise TypeError("a state that is no object")
        raw = told.get(name)
        return NOTHING if raw is None else take(raw)

    return source(topic, ValueTemplate("json", lambda payload: payload), read)


def lawn_mower(config: Config) -> list[Part]:
    """A robot that mows."""
    topic, template = config.topic("activity_state_topic"), config.value("activity_value_template")
    take = choices({one: one for one in _MOWS})
    found = [part(config, "enum", source(topic, template, take), own="activity", values=_MOWS)]
    for name, payload in (("start_mowing", "start_mowing"), ("pause", "pause"), ("dock", "dock")):
        if own := config.topic(f"{name}_command_topic"):
            render = config.render(f"{name}_command_template")
            found.append(_press(config, name, own, rendered(render, payload, value=payload)))
    return found


def _press(config: Config, name: str, topic: str, payload: str) -> Part:
    return part(config, "press", (), {"press": lambda _, __: (config.message(topic, payload),)}, own=name)


def alarm_control_panel(config: Config) -> list[Part]:
    """An alarm system. What a code is needed for cannot be asked of it."""
    topic, template = config.needed("state_topic"), config.value("value_template")
    take = choices({one: one for one in _GUARDS})
    found = [
        part(config, "alarm", source(topic, template, lambda raw: _triggered(texts(raw)))),
        part(config, "enum", source(topic, template, take), own="guard", values=_GUARDS),
    ]
    able = config.words("supported_features") or _USUAL_GUARDS
    commands = {name: _GUARD_COMMANDS[name] for name in able if name in _GUARD_COMMANDS}
    commands["disarm"] = ("payload_disarm", "DISARM")
    own, render = config.topic("command_topic"), config.render("command_template")
    for name, (option, usual) in commands.items():
        if own and not _coded(config, name):
            payload = config.payload(option, usual)
            text = rendered(render, payload, value=payload, action=payload, code="")
            found.append(_press(config, name, own, text))
    return found


def _triggered(state: str | None) -> Any:  # noqa: ANN401
    return None if state is None else state == "triggered" if state in _GUARDS else NOTHING


def _coded(config: Config, name: str) -> bool:
    """Whether the command needs a code, which only a person knows."""
    if not config.has("code"):
        return False
    word = {"disarm": "code_disarm_required", "trigger": "code_trigger_required"}.get(name, "code_arm_required")
    return config.raw(word) is None or config.flag(word)
