"""Shelly devices of the second generation and later: their status, and remote procedure calls over MQTT.

Source: https://shelly-api-docs.shelly.cloud/gen2/ (Mqtt, Shelly, Notifications, and the chapter of each component).
"""

from device_plugins.mqtt.conventions.shelly2.convention import Shelly2, make

__all__ = ["Shelly2", "make"]
