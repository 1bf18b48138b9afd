"""What is switched, pressed and set: switch, siren, valve, button, scene, number, select, text, update."""

from typing import Any

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.configs import Config, word
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    Send,
    choices,
    numbers,
    part,
    percents,
    plain,
    rendered,
    scaled,
    source,
    texts,
)
from device_plugins.mqtt.description import NOTHING, Message

_UNIT_LENGTH = 16
type Arguments = dict[str, Any]


def pair(config: Config, role: str) -> dict[str, Send]:
    """The commands of what has two payloads: set, on, off and toggle."""
    topic, render = config.needed("command_topic"), config.render("command_template")
    payloads = {True: config.payload("payload_on", "ON"), False: config.payload("payload_off", "OFF")}

    def send(on: bool) -> tuple[Message, ...]:  # noqa: FBT001 - it is the value
        return (config.message(topic, rendered(render, payloads[on], value=payloads[on])),)

    return toggled(send, role)


def toggled(send: Any, role: str = "on_off") -> dict[str, Send]:  # noqa: ANN401 - a callable of one bool
    """set, on, off and toggle out of what makes it on or off; what has no known state is toggled on."""
    return {
        "set": lambda arguments, _: send(arguments["value"]),
        "on": lambda _, __: send(True),
        "off": lambda _, __: send(False),
        "toggle": lambda _, local: send(not local(role)),
    }


def switch(config: Config) -> list[Part]:
    """A switch; one that is a setting is the capability `switch`."""
    sends = pair(config, "on_off")
    on, off = config.payload("payload_on", "ON"), config.payload("payload_off", "OFF")
    table = {config.payload("state_on", on): True, config.payload("state_off", off): False}
    sources = source(config.topic("state_topic"), config.value("value_template"), choices(table))
    if config.text("entity_category") == "config":
        return [part(config, "switch", sources, {"set": sends["set"]}, own=word(config.object_id) or "setting")]
    return [part(config, "on_off", sources, sends)]


def siren(config: Config) -> list[Part]:
    """A siren; its payloads are JSON unless a template makes them."""
    topic = config.needed("command_topic")
    on, off = config.payload("payload_on", "ON"), config.payload("payload_off", "OFF")
    table = {config.payload("state_on", on): True, config.payload("state_off", off): False}
    plain_state = choices(table)

    def take(raw: Any) -> Any:  # noqa: ANN401 - JSON's types
        if isinstance(raw, str) and raw.startswith("{"):
            raw = _state(raw)
        return raw if raw is NOTHING else plain_state(raw)

    def send(state: str, **more: Any) -> tuple[Message, ...]:  # noqa: ANN401
        render = config.render("command_template" if state == on else "command_off_template")
        render = render or config.render("command_template")
        values = {"state": state} | more
        written = msgspec.json.encode(values).decode()
        return (config.message(topic, rendered(render, written, value=state, **values)),)

    def sound(arguments: Arguments, _: Local) -> tuple[Message, ...]:
        asked = {"duration": round(arguments["duration"])} if _allowed(config, "support_duration") else {}
        loud = {"volume_level": _VOLUMES[arguments["level"]]} if _allowed(config, "support_volume_set") else {}
        return send(on, **asked, **loud)

    sends: dict[str, Send] = {
        "set": lambda arguments, _: send(on if arguments["value"] else off),
        "sound": sound,
        "off": lambda _, __: send(off),
    }
    template = config.value("state_value_template", "value_template")
    return [part(config, "siren", source(config.topic("state_topic"), template, take), sends)]


_VOLUMES = {"low": 0.25, "medium": 0.5, "high": 0.75, "very_high": 1.0}


def _allowed(config: Config, name: str) -> bool:
    return config.raw(name) is None or config.flag(name)


def _state(raw: str) -> Any:  # noqa: ANN401
    try:
        told = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        raise ValueError("a state that is no JSON") from None
    return told.get("state", NOTHING) if isinstance(told, dict) else NOTHING


def valve(config: Config) -> list[Part]:
    """A valve, which is on while it is open; one that reports its position also has a level."""
    topic, render = config.topic("command_topic"), config.render("command_template")
    template = config.value("value_template")
    if config.flag("reports_position"):
        return _positioned(config, topic)
    if not topic and not config.topic("state_topic"):
        raise MalformedError("it has neither a command_topic nor a state_topic")
    table = {config.payload("state_open", "open"): True, config.payload("state_closed", "closed"): False}
    payloads = {True: config.payload("payload_open", "OPEN"), False: config.payload("payload_close", "CLOSE")}

    def send(on: bool) -> tuple[Message, ...]:  # noqa: FBT001
        return (config.message(topic, rendered(render, payloads[on], value=payloads[on])),)

    sources = source(config.topic("state_topic"), template, choices(table))
    return [part(config, "on_off", sources, toggled(send) if topic else {})]


def _positioned(config: Config, topic: str) -> list[Part]:
    closed, opened = config.number("position_closed", 0), config.number("position_open", 100)
    if closed == opened:
        raise MalformedError("it is at the same position when open and when closed")
    render, template = config.render("command_template"), config.value("value_template")
    read = percents(closed, opened)

    def take(raw: Any) -> Any:  # noqa: ANN401
        if isinstance(raw, str) and raw.startswith("{"):
            told = msgspec.json.decode(raw, type=dict[str, Any])
            raw = told.get("position", NOTHING)
        return NOTHING if raw is NOTHING or raw in _MOVING else read(raw)

    def go(percent: float) -> tuple[Message, ...]:
        position = scaled(percent, closed, opened)
        return (config.message(topic, rendered(render, str(position), value=position)),)

    sends: dict[str, Send] = {"set": lambda arguments, _: go(arguments["value"])} if topic else {}
    if topic and config.has("payload_stop"):
        stop = config.payload("payload_stop", "STOP")
        sends["stop"] = lambda _, __: (config.message(topic, stop),)
    sources = source(config.topic("state_topic"), template, take)

    def is_open(raw: Any) -> Any:  # noqa: ANN401
        level = take(raw)
        return level > 0 if isinstance(level, int | float) else level

    opened_or_not = source(config.topic("state_topic"), template, is_open)
    switches = toggled(lambda on: go(100 if on else 0)) if topic else {}
    return [part(config, "on_off", opened_or_not, switches), part(config, "level", sources, sends)]


_MOVING = ("opening", "closing", "open", "closed")


def press(config: Config, own: str, topic: str, payload: str) -> Part:
    """Something the device does when asked."""
    render = config.render("command_template")

    def send(_: Arguments, __: Local) -> tuple[Message, ...]:
        return (config.message(topic, rendered(render, payload, value=payload)),)

    return part(config, "press", (), {"press": send}, own=own)


def button(config: Config) -> list[Part]:
    """A button of the device's own."""
    own = word(config.object_id) or "button"
    return [press(config, own, config.needed("command_topic"), config.payload("payload_press", "PRESS"))]


def scene(config: Config) -> list[Part]:
    """A scene the device can go to."""
    own = word(config.object_id) or "scene"
    return [press(config, own, config.needed("command_topic"), config.payload("payload_on", "ON"))]


def number(config: Config) -> list[Part]:
    """A setting that is a number."""
    topic, render = config.needed("command_topic"), config.render("command_template")
    low, high = config.number("min", 1), config.number("max", 100)

    def send(arguments: Arguments, _: Local) -> tuple[Message, ...]:
        value = arguments["value"]
        value = int(value) if value == int(value) else value
        return (config.message(topic, rendered(render, plain(value), value=value)),)

    found = part(
        config,
        "number",
        source(config.topic("state_topic"), config.value("value_template"), numbers()),
        {"set": send},
        own=word(config.object_id) or "number",
        minimum=low,
        maximum=high,
        unit=config.text("unit_of_measurement")[:_UNIT_LENGTH],
    )
    return [found]


def select(config: Config) -> list[Part]:
    """A setting that is one of a few words."""
    return [choice(config, "", word(config.object_id) or "choice", config.words("options"))]


def choice(config: Config, prefix: str, own: str, words: tuple[str, ...]) -> Part:
    """One of a few words, at `<prefix>state_topic` and `<prefix>command_topic`."""
    topic, render = config.topic(f"{prefix}command_topic"), config.render(f"{prefix}command_template")
    if not words:
        raise MalformedError(f"it has no words to choose from for {own}")

    def send(arguments: Arguments, _: Local) -> tuple[Message, ...]:
        value = arguments["value"]
        return (config.message(topic, rendered(render, value, value=value)),)

    names = (f"{prefix}value_template", f"{prefix}state_template") if prefix else ("value_template",)
    take = choices({one: one for one in words})
    sources = source(config.topic(f"{prefix}state_topic"), config.value(*names), take)
    return part(config, "enum", sources, {"set": send} if topic else {}, own=own, values=words)


def text(config: Config) -> list[Part]:
    """A setting that is a text."""
    topic, render = config.needed("command_topic"), config.render("command_template")

    def send(arguments: Arguments, _: Local) -> tuple[Message, ...]:
        value = arguments["value"]
        return (config.message(topic, rendered(render, value, value=value)),)

    sources = source(config.topic("state_topic"), config.value("value_template"), texts)
    return [part(config, "text", sources, {"set": send}, own=word(config.object_id) or "text")]


def update(config: Config) -> list[Part]:
    """The firmware: its version, whether there is a newer one, and installing it."""
    template, state = config.value("value_template"), config.topic("state_topic")
    found = []
    if state:
        found = [
            part(config, "firmware", source(state, template, _installed)),
            part(config, "update", source(state, template, _newer)),
        ]
    topic = config.topic("command_topic")
    if topic and config.has("payload_install"):
        found.append(press(config, "install_update", topic, config.payload("payload_install", "")))
    if not found:
        raise MalformedError("it has neither a state_topic nor anything to install")
    return found


def _versions(raw: Any) -> Any:  # noqa: ANN401
    """The object in a payload that may also be the installed version alone."""
    if isinstance(raw, str) and raw.startswith("{"):
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise ValueError("versions that are no JSON") from None
    return raw


def _installed(raw: Any) -> Any:  # noqa: ANN401
    told = _versions(raw)
    found = told.get("installed_version", NOTHING) if isinstance(told, dict) else told
    return found if found is NOTHING else texts(found)


def _newer(raw: Any) -> Any:  # noqa: ANN401
    told = _versions(raw)
    if not isinstance(told, dict) or not {"installed_version", "latest_version"} <= told.keys():
        return NOTHING
    installed, latest = texts(told["installed_version"]), texts(told["latest_version"])
    return None if installed is None or latest is None else installed != latest
