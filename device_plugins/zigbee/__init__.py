"""Zigbee over a Silicon Labs stick (EZSP): zigpy and bellows do the bytes, `mapping` the meaning, the rest the life.

plugin      the services, and who does what when
reconnect   keeps the radio open: DOWN, CONNECTING, UP, and back-off between
radio node  the connection: zigpy's application and its devices, in plain data
joining     what is asked of and told to a device that joins
actions     commands, and seeing that they worked
known link  one known device: its record, its availability, its reports on their way into state
mapping     clusters and attributes to capabilities and back; pure
"""
