"""Virtual MQTT devices on a real broker: for demos, tests and learning."""
