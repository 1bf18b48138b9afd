"""Home Assistant's MQTT discovery, in its device form: one message a device. Written from its documentation; pure."""
