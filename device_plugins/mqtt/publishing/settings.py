"""`[plugin.mqtt] publish`: what the hub tells others of its devices, and of which. Nothing, unless it is asked to."""

from typing import Annotated

import msgspec

from device_plugins.mqtt.publishing.records import Record

# No hyphen: behind one, a Homie id goes on with the device's.
type Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+$", max_length=32)]
type Level = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=32)]

OWN_PROTOCOL = "mqtt"


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some devices: those in one of the areas, with one of the labels, or of one of the protocols."""

    areas: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()

    def holds(self, record: Record) -> bool:
        """Whether the device is one of them."""
        return (
            record.area.casefold() in map(str.casefold, self.areas)
            or not {*map(str.casefold, self.labels)}.isdisjoint(map(str.casefold, record.labels))
            or record.protocol in self.protocols
        )


class Publish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"except_": "except"}):
    """What is published: for Home Assistant, by Homie 5, or both.

    `prefix` is the first level of the hub's own topics and names the hub to others, so two hubs on one broker need two;
    `discovery` is Home Assistant's discovery prefix, `homie_domain` the first level of Homie's topics. Without
    `control` devices can be seen and not told. `only` these devices are published, all if it is left out, and not those
    in `except`.
    """

    homeassistant: bool = False
    homie: bool = False
    prefix: Name = "domovoi"
    discovery: Level = "homeassistant"
    homie_domain: Level = "homie"
    control: bool = True
    only: Choice | None = None
    except_: Choice = Choice()

    @property
    def on(self) -> bool:
        """Whether anything is published."""
        return self.homeassistant or self.homie

    def wants(self, record: Record) -> bool:
        """Whether this device is published; one that came from the broker never is."""
        return (
            self.on
            and record.protocol != OWN_PROTOCOL
            and (self.only is None or self.only.holds(record))
            and not self.except_.holds(record)
        )
