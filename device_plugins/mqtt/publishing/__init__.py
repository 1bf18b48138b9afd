"""The other way: the hub's own devices, for others on the same broker.

settings                 what is published, and which devices
records   layout         a device as the registry tells of it; topics, and which of them are the hub's own
payloads                 values and commands in words, as they stand on the plain topics
homeassistant/           Home Assistant's discovery; pure
homie                    Homie 5; pure
wishes                   what comes in on command topics, as calls of `devices.command`; pure
ledger                   which retained messages there are, so that all of them can be taken back
link   publisher         what is needed of the connection; the life of it all
"""
