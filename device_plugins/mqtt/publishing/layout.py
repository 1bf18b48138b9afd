"""Topics: where what is published stands, and which topics are the hub's own.

<prefix>/status                          online or offline: the hub itself, retained (without Homie)
<prefix>/<device>/<key>                  a value, retained
<prefix>/<device>/<key>/set              a value to be set
<prefix>/<device>/<key>/command          a command of the capability
<prefix>/<device>/<key>/event            what happened, not retained
<prefix>/shelly/<device>/rpc             not published: where Shelly devices answer the hub
<prefix>/<device>/availability           online, offline or unknown, retained
<discovery>/device/<prefix>/<device>/config      for Home Assistant, retained
<domain>/5/<prefix>[-<device>]/...               Homie 5, retained
"""

import functools
import hashlib
import re

import msgspec

from device_plugins.mqtt.publishing.settings import Publish

_NOT_OBJECT = re.compile(r"[^A-Za-z0-9_-]")
_NOT_HOMIE = re.compile(r"[^a-z0-9]+")
# Below this devices answer what the hub asks them: it hears it, and publishes nothing there.
_ANSWERS = "shelly"
_HASH = 6
_REMEMBERED = 10_000


class Layout(msgspec.Struct, frozen=True):
    """The topics of one hub, by its settings."""

    settings: Publish

    def value(self, device: str, key: str) -> str:
        """Where a value, or the availability, of a device stands."""
        return f"{self.settings.prefix}/{device}/{key}"

    def config(self, device: str) -> str:
        """Where Home Assistant is told of a device."""
        return f"{self.settings.discovery}/device/{self.settings.prefix}/{_object(device)}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.settings.discovery}/status"

    @property
    def root(self) -> str:
        """The base topic of the hub as a Homie device."""
        return f"{self.settings.homie_domain}/5/{self.settings.prefix}"

    def homie(self, device: str) -> str:
        """The base topic of a device as a Homie device."""
        return f"{self.settings.homie_domain}/5/{self.homie_id(device)}"

    def homie_id(self, device: str) -> str:
        """The device's id for Homie, unique on the broker."""
        return f"{self.settings.prefix}-{homie_name(device)}"

    @property
    def status(self) -> str:
        """Where the hub says whether it is there: the topic of the last will, of which a connection has one."""
        return f"{self.root}/$state" if self.settings.homie else f"{self.settings.prefix}/status"

    def is_own(self, topic: str) -> bool:
        """Whether a topic is one that the hub itself publishes to, or has: nothing on it is a device to take in."""
        settings = self.settings
        config = f"{settings.discovery}/device/{settings.prefix}/"
        if topic.startswith(f"{settings.prefix}/{_ANSWERS}/"):
            return False
        return topic.startswith((f"{self.root}/", f"{self.root}-", f"{settings.prefix}/", config))


@functools.lru_cache(_REMEMBERED)
def homie_name(name: str) -> str:
    """A level of a Homie topic (a to z, 0 to 9, inner hyphens); with a short hash where a plain one could be two."""
    plain = _NOT_HOMIE.sub("-", name.lower()).strip("-")
    return plain if plain == name else f"{plain}-{_digest(name)}".strip("-")


def _object(device: str) -> str:
    plain = _NOT_OBJECT.sub("_", device)
    return plain if plain == device else f"{plain}_{_digest(device)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_HASH]
