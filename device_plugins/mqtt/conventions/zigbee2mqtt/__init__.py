"""Zigbee2MQTT: devices and groups with what they expose, as `<base>/bridge/devices` and `<base>/bridge/groups` tell.

Source: https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html and .../exposes.html.
"""

from device_plugins.mqtt.conventions.zigbee2mqtt.convention import Zigbee2Mqtt, make

__all__ = ["Zigbee2Mqtt", "make"]
