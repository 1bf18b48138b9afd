"""Devices that speak MQTT, by the conventions people have.

plugin                   the services, and who does what when
description convention   what the plugin and the conventions say to each other; pure
conventions/             one module or package a convention, loaded on first use; table is for what follows none
network connection loading reconnect   the connection to the broker: MQTT 5 or 3.1.1, back-off between
link topics              what is wanted of the broker: subscriptions, and messages that nobody waits for
dispatch payloads faults from a message to whom it concerns; what made no sense
roster memory            the devices, told to the registry; their announcements, for the next start
known presence           one device: its messages on their way into state, whether it is there
acting                   commands, and seeing that they worked
publishing/              the other way: the hub's own devices, for others on the broker
units                    units as devices write them; pure
"""
