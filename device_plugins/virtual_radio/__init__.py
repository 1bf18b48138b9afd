"""A virtual Zigbee radio: an NCP that speaks ASH and EZSP to an unmodified host, and virtual devices behind it.

    radio = VirtualRadio(version=14, state=None, latency=0.005, seed=1)
    path = radio.open_pty()                       # or: port = await radio.open_tcp()
    ...                                           # start a host (zigpy with bellows) on path, and permit joining
    lamp = radio.add("lamp-white", name="Hall lamp")
    radio.join(lamp)
    radio.act(lamp, "on_off", True)               # someone uses its switch; radio.stimuli(lamp) tells what can happen
    lamp.value("on_off")                          # the attribute's raw value
    lamp.reachable = False                        # out of range
    radio.faults.change(corrupt=0.05)             # a bad cable
    await radio.close()

All of it runs in the running loop, without tasks of its own. `python -m device_plugins.virtual_radio --help` runs it
as a process. The models are listed in `catalogue`.
"""

from device_plugins.virtual_radio.catalogue import MODELS
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.radio import VirtualRadio

__all__ = ["MODELS", "Faults", "RadioError", "VirtualDevice", "VirtualRadio"]
