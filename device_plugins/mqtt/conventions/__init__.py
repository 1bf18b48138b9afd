"""The conventions there are; each module is loaded when it is first used, and makes its convention with `make`."""

import importlib

from device_plugins.mqtt.convention import Convention, Terms

CONVENTIONS: dict[str, str] = {
    "zigbee2mqtt": "device_plugins.mqtt.conventions.zigbee2mqtt",
    "tasmota": "device_plugins.mqtt.conventions.tasmota",
    "shelly2": "device_plugins.mqtt.conventions.shelly2",
    "shelly1": "device_plugins.mqtt.conventions.shelly1",
    "homie5": "device_plugins.mqtt.conventions.homie5",
    "homie4": "device_plugins.mqtt.conventions.homie4",
    "homeassistant": "device_plugins.mqtt.conventions.homeassistant",
}
"""Module by name of the convention; it has `make(terms: Terms) -> Convention`.

They are heard in this order: the most exact first, as many devices speak two.
"""


def make(name: str, terms: Terms) -> Convention:
    """The convention of this name. It imports a module, so call it in a thread.

    Raises KeyError for one that is not in the table.
    """
    made: Convention = importlib.import_module(CONVENTIONS[name]).make(terms)
    return made
