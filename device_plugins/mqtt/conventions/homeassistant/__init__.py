"""Devices by the MQTT discovery of Home Assistant, in its device form and its component form.

abbreviations configs   what a discovery payload says, with whole names and bounds
jinja templates         value and command templates: a part of Jinja2's language, compiled and bounded
parts                   what a component adds to a device
sensors switches lights* covers climates machines   one function a component
components              which function reads which component
device                  the parts of a device in one description
discovery               the topics, the tables, what came and went

Source: Home Assistant's documentation of the MQTT integration and of its components.
"""

from device_plugins.mqtt.convention import Describing, Terms
from device_plugins.mqtt.conventions.homeassistant.discovery import HomeAssistant


def make(terms: Terms) -> Describing:
    """The convention."""
    return HomeAssistant(terms)
