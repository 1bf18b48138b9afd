"""Covers and locks."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.configs import Config
from device_plugins.mqtt.conventions.homeassistant.parts import (
    Local,
    Part,
    Send,
    choices,
    part,
    percents,
    rendered,
    scaled,
    source,
)
from device_plugins.mqtt.conventions.homeassistant.switches import press
from device_plugins.mqtt.description import Message

type Arguments = dict[str, Any]


def cover(config: Config) -> list[Part]:
    """A cover: how far it is open, and how far its slats are, as far as it tells."""
    found = [_position(config)]
    if config.has("tilt_command_topic") or config.has("tilt_status_topic"):
        found.append(_tilt(config))
    return found


def _position(config: Config) -> Part:
    closed, opened = config.number("position_closed", 0), config.number("position_open", 100)
    if closed == opened:
        raise MalformedError("it is at the same position when open and when closed")
    place = config.topic("position_topic")
    template = config.value("position_template", "value_template") if place else config.value("value_template")
    if place:
        sources = source(place, template, percents(closed, opened))
    else:
        table = {config.payload("state_open", "open"): 100, config.payload("state_closed", "closed"): 0}
        sources = source(config.topic("state_topic"), template, choices(table))
    sends = _moves(config)
    if set_topic := config.topic("set_position_topic"):
        sends["set"] = _set(config, set_topic, closed, opened)
    found = part(config, "cover_position", sources, sends)
    # Without a position it says nothing until it has arrived.
    return found if place else structs.replace(found, waits=False)


def _moves(config: Config) -> dict[str, Send]:
    """open, close and stop, of those that have a payload: one that is null is none."""
    topic = config.topic("command_topic")
    found: dict[str, Send] = {}
    for name, usual in (("open", "OPEN"), ("close", "CLOSE"), ("stop", "STOP")):
        option = f"payload_{name}"
        if topic and not (config.given(option) and config.raw(option) is None):
            found[name] = _always(config, topic, config.payload(option, usual))
    return found


def _always(config: Config, topic: str, payload: str) -> Send:
    return lambda _, __: (config.message(topic, payload),)


def _set(config: Config, topic: str, closed: float, opened: float) -> Send:
    render = config.render("set_position_template")
    names = {"position_open": opened, "position_closed": closed, "tilt_min": 0, "tilt_max": 100}

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        percent = round(arguments["value"])
        value = scaled(percent, closed, opened)
        return (config.message(topic, rendered(render, str(value), value=value, position=percent, **names)),)

    return send


def _tilt(config: Config) -> Part:
    low, high = config.number("tilt_min", 0), config.number("tilt_max", 100)
    if low == high:
        raise MalformedError("it has the same tilt_min and tilt_max")
    topic, render = config.topic("tilt_command_topic"), config.render("tilt_command_template")

    def send(arguments: Arguments, _: Local) -> Sequence[Message]:
        percent = round(arguments["value"])
        value = scaled(percent, low, high)
        text = rendered(render, str(value), value=value, tilt_position=percent, tilt_min=low, tilt_max=high)
        return (config.message(topic, text),)

    sources = source(config.topic("tilt_status_topic"), config.value("tilt_status_template"), percents(low, high))
    return part(config, "cover_tilt", sources, {"set": send} if topic else {})


def lock(config: Config) -> list[Part]:
    """A lock; one whose bolt can be drawn also has `open`."""
    topic, render = config.needed("command_topic"), config.render("command_template")
    table = {
        config.payload("state_locked", "LOCKED"): "locked",
        config.payload("state_unlocked", "UNLOCKED"): "unlocked",
        config.payload("state_jammed", "JAMMED"): "not_fully_locked",
    }

    def send(payload: str) -> Send:
        return lambda _, __: (config.message(topic, rendered(render, payload, value=payload, code="")),)

    sends = {
        "lock": send(config.payload("payload_lock", "LOCK")),
        "unlock": send(config.payload("payload_unlock", "UNLOCK")),
    }
    sources = source(config.topic("state_topic"), config.value("value_template"), choices(table))
    found = [part(config, "lock", sources, sends)]
    if config.has("payload_open"):
        found.append(press(config, "open", topic, config.payload("payload_open", "OPEN")))
    return found
