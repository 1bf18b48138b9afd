"""Quirks: what the zha-quirks package knows of devices that stray from the standard, loaded one device at a time.

Nothing here imports it before a device needs it: all of its modules together cost 44 MB and several seconds, one of
them 0.1 to 2 MB. Those written with its builder cost 18 MB once, for the words of zha that they are made of.
"""

from device_plugins.zigbee.quirks.loading import Quirks, open_quirks

__all__ = ["Quirks", "open_quirks"]
