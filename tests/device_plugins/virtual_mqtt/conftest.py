"""The broker of the MQTT plugin's tests."""

from tests.device_plugins.mqtt.conftest import broker

__all__ = ["broker"]
