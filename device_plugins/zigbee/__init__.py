"""Zigbee over a stick: zigpy and its radio libraries do the bytes, `mapping` the meaning, the rest the life.

plugin base  the services, put together, and who does what when
reconnect   keeps the radio open: DOWN, CONNECTING, UP, and back-off between
loading opening controllers coordinator announcing   the libraries, and what is changed of them
fast*       reports and plain commands, past the libraries' general parsers
radio node  the connection: zigpy's application and its devices, in plain data
sticks detecting firmware   finding the stick, and what is known to be wrong with it
keeping backups restoring   the coordinator's backup, and its restore
entrance install_codes      who may join
surveying topology management managing drawing layout   the map, the links, the channel
touchlink touchlinking interpan touchlink_services   devices nearby that are on another network, or on none
updates images serving image_folder   firmware for devices
roster      the devices, and what becomes of them as the network and the radio come and go
joining     what is asked of and told to a device that joins
retries     trying again by itself what found no answer
actions     commands, and seeing that they worked
queues lanes   their order, what replaces what, what is sent again; whose turn it is on the air
availability watching   what a device's silence means; who is asked whether it is there
groups group_device group_actions group_services   groups and scenes
links zigpy_links bindings link_services           bindings and reporting
known       one known device: its record, its availability, its reports on their way into state
network     what the two sides say to each other, in plain data
mapping     clusters and attributes to capabilities and back; pure
"""
