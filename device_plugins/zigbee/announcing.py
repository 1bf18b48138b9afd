"""What every coordinator does beyond zigpy, whichever library speaks to its stick."""

import logging
from collections.abc import Callable
from typing import override

import zigpy.types as t
from zigpy.application import ControllerApplication
from zigpy.device import ZigbeeDevice

LOG = logging.getLogger("hub.zigbee")

_OTA = 0x0019


class Announcing(ControllerApplication):
    """A zigpy application that tells of devices that come back, and that a garbled frame does not upset."""

    announced: Callable[[ZigbeeDevice], None] | None = None
    alive: Callable[[str, int], None] | None = None
    """Told of each frame that went the quick way, past zigpy: the sender and the link quality."""
    serves_images = False
    """Whether requests for firmware are answered: before it is known what was agreed to, zigpy would end the update."""

    @override
    def packet_received(self, packet: t.ZigbeePacket) -> None:
        """Take a frame; one that a device has garbled is a line in the log."""
        if packet.cluster_id == _OTA and not self.serves_images:
            return
        try:
            super().packet_received(packet)
        except Exception as error:  # noqa: BLE001 - zigpy raises whatever the bytes bring about
            what = f"{type(error).__name__}: {error}"
            LOG.warning(
                "A frame of %s on cluster 0x%04X was not understood: %.200s", packet.src, packet.cluster_id, what
            )

    @override
    def handle_join(self, nwk: t.NWK, ieee: t.EUI64, parent_nwk: t.NWK, *, handle_rejoin: bool = True) -> None:
        """Tell of a known device that is back under its old address, of which zigpy itself says nothing."""
        known = self.devices.get(ieee)
        same = isinstance(known, ZigbeeDevice) and known.nwk == nwk and is_interviewed(known)
        super().handle_join(nwk, ieee, parent_nwk, handle_rejoin=handle_rejoin)
        if same and handle_rejoin and self.announced and isinstance(known, ZigbeeDevice):
            self.announced(known)


def is_interviewed(device: ZigbeeDevice) -> bool:
    """Whether the interview is over: zigpy takes the signature at its end, but says `is_initialized` before."""
    return bool(device.is_initialized and device.original_signature is not None)
