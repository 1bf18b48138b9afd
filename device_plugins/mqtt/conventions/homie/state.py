"""The life of a device of Homie: what `$state` says of whether it is there."""

from device_plugins.mqtt.description import NOTHING, Sign

_STATES = {
    "init": NOTHING,
    "ready": True,
    "alert": True,
    "sleeping": True,
    "disconnected": False,
    "lost": False,
}


def sign(prefix: str) -> Sign:
    """The sign below a device's base topic. A sleeping device is there; it answers later."""
    return Sign(f"{prefix}/$state", lambda raw: _STATES[raw.strip()], "text")
