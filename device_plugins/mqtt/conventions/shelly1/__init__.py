"""Shelly devices of the first generation: `shellies/announce`, and topics below `shellies/<id>`.

Source: https://shelly-api-docs.shelly.cloud/gen1/ (MQTT support, and the chapter of each model).
"""

from device_plugins.mqtt.conventions.shelly1.convention import Shelly1, make

__all__ = ["Shelly1", "make"]
