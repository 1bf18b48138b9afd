"""Covers, locks and sirens."""

from device_plugins.mqtt.publishing.homeassistant.parts import KNOWN, Config, Parts
from device_plugins.mqtt.publishing.homeassistant.tables import EVENTS
from device_plugins.sdk import VOCABULARY, Feature

_SOUND = (
    '{"command": "sound", "arguments": {'
    '"duration": {{ duration if duration is defined else 30 }}, '
    '"mode": "{{ tone if tone is defined else \'burglar\' }}"}}'
)


def add_covers(parts: Parts) -> None:
    """An entity for each endpoint with a position or slats that can be moved."""
    for first in [*parts.free("cover_position", "cover_tilt")]:
        if first.key in parts.taken or not first.commands:
            continue
        config: Config = {}
        used: list[Feature] = []
        if (position := parts.beside(first, "cover_position")) and position.commands:
            config |= _position(parts, position)
            used.append(position)
        if tilt := parts.beside(first, "cover_tilt", "set"):
            config |= {"tilt_status_topic": parts.state(tilt), "tilt_command_topic": parts.set(tilt)}
            config["tilt_status_template"] = KNOWN
            used.append(tilt)
        parts.add(first, "cover", config, *used, main=True)


def _position(parts: Parts, position: Feature) -> Config:
    config: Config = {"position_topic": parts.state(position), "position_template": KNOWN}
    if "set" in position.commands:
        config["set_position_topic"] = parts.set(position)
    able = {name for name in ("open", "close", "stop") if name in position.commands}
    if able:
        config["command_topic"] = parts.command(position)
        config |= {f"payload_{name}": name if name in able else None for name in ("open", "close", "stop")}
    return config


def add_locks(parts: Parts) -> None:
    """A lock, and what it tells of who used it."""
    for lock in [*parts.free("lock")]:
        if {"lock", "unlock"} <= set(lock.commands):
            config = {
                "state_topic": parts.state(lock),
                "command_topic": parts.command(lock),
                "payload_lock": "lock",
                "payload_unlock": "unlock",
                "state_locked": "locked",
                "state_unlocked": "unlocked",
                "state_jammed": "not_fully_locked",
            }
            parts.add(lock, "lock", config, main=True)
        told = {"state_topic": parts.event(lock), "event_types": list(EVENTS["lock"]), "name": "Operation"}
        taken = lock.key in parts.taken
        parts.add(lock, "event", told)
        if not taken:
            parts.taken.discard(lock.key)


def add_sirens(parts: Parts) -> None:
    """A siren, with its sounds if it has some."""
    for siren in [*parts.free("siren")]:
        if not {"set", "sound"} & set(siren.commands):
            continue
        config: Config = {
            "state_topic": parts.state(siren),
            "payload_on": "true",
            "payload_off": "false",
            "support_volume_set": False,
        }
        if {"sound", "off"} <= set(siren.commands):
            sound = next(one for one in VOCABULARY["siren"].commands if one.name == "sound")
            tones = next(one.values for one in sound.arguments if one.name == "mode")
            config |= {
                "command_topic": parts.command(siren),
                "command_template": _SOUND,
                "command_off_template": "off",
                "available_tones": list(tones),
                "support_duration": True,
            }
        else:
            config |= {
                "command_topic": parts.set(siren),
                "command_template": "{{ value }}",
                "support_duration": False,
            }
        parts.add(siren, "siren", config, main=True)
