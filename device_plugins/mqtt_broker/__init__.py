"""A Mosquitto of the hub's own, on the loopback, for those who have no broker: the demo home and the image."""
