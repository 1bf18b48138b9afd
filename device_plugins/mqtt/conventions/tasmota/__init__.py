"""Tasmota, by its own discovery: `tasmota/discovery/<MAC>/config` and `.../sensors`.

Source: https://tasmota.github.io/docs/MQTT/ and .../Commands/ and .../Buttons-and-Switches/.
"""

from device_plugins.mqtt.conventions.tasmota.convention import Tasmota, make

__all__ = ["Tasmota", "make"]
