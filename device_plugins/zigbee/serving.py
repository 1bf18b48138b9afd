"""Firmware images for devices with zigpy: see `images.Images`. It comes with the radio libraries."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import zigpy.exceptions
from zigpy.device import ZigbeeDevice
from zigpy.ota import OtaImageWithMetadata
from zigpy.ota.manager import OTAManager
from zigpy.zcl import ClusterType, foundation
from zigpy.zcl.clusters.general import Ota, QueryNextImageCommand

from device_plugins.sdk import UnreachableError, UnsupportedError
from device_plugins.zigbee.announcing import Announcing
from device_plugins.zigbee.images import Image, Offer, Progress, Verdict
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.node import FAULTS, address_of

LOG = logging.getLogger("hub.zigbee")

_ANSWER_LIMIT = 15.0
# So long (s) a device may take before its first request; one that sleeps is told again after that.
_PATIENCE = 600.0
_ENDINGS = {
    foundation.Status.NO_IMAGE_AVAILABLE: "the device runs this version already, or the image is for another one",
    foundation.Status.ABORT: "the device gave up",
    foundation.Status.INVALID_IMAGE: "the device found the image damaged, or not made for it",
    foundation.Status.REQUIRE_MORE_IMAGE: "the device wants another image as well",
}


class ZigpyImages:
    """Wraps a zigpy application; `folder` holds the images, None for no images."""

    def __init__(self, app: Announcing, folder: Path | None) -> None:
        self._app: Any = app
        self._folder = folder
        if folder is not None:
            from device_plugins.zigbee.image_folder import Folder  # noqa: PLC0415 - see there

            self._app.ota.register_provider(Folder(folder))

    def listen(self) -> None:
        """Answer requests for images that nobody agreed to from now on: there is none."""
        self._app.serves_images = True

    async def offer(self, ieee: str) -> Offer:
        """What there is for a device; it is asked what it runs."""
        asked, found = await self._found(ieee)
        return Offer(
            f"zigbee-{ieee}",
            int(asked.current_file_version),
            int(asked.manufacturer_code),
            int(asked.image_type),
            [_plain(one) for one in found],
        )

    async def serve(self, ieee: str, checksum: str, progress: Progress, *, notify: bool) -> Verdict:
        """Answer a device's requests for an image until it has it, does not want it, or asks no more."""
        device, cluster = await self._client(ieee)
        image = await self._image(checksum)
        device.ota_in_progress = True  # or zigpy would answer as well: that there is no image
        self.listen()
        try:
            async with asyncio.timeout(_PATIENCE) as patience:

                def took(offset: int, _size: int) -> None:
                    patience.reschedule(None)  # from now on zigpy sees to it that it goes on
                    progress(int(offset))

                with OTAManager(device, image, progress_callback=took) as manager:
                    if notify:
                        await _notify(cluster)
                    return _verdict(await manager.wait())
        except TimeoutError:
            return Verdict(stalled=True)
        finally:
            device.ota_in_progress = False

    async def _image(self, checksum: str) -> Any:  # noqa: ANN401 - zigpy's image
        """The image that was agreed to. The device need not be asked: it may be asleep."""
        for provider in self._app.ota._providers:  # noqa: SLF001 - zigpy finds images for a device that answers only
            for metadata in await provider.load_index():
                if metadata.checksum == checksum:
                    return await OtaImageWithMetadata(metadata=metadata, firmware=None).fetch()
        raise RadioError("the image is not in ota_dir any more; put it back, and begin anew")

    async def _found(self, ieee: str) -> tuple[QueryNextImageCommand, list[Any]]:
        if self._folder is None:
            raise RadioError("there are no images: set [plugin.zigbee] ota_dir to a folder with them")
        device, cluster = await self._client(ieee)
        asked = await self._query(ieee, cluster)
        found = await self._app.ota.get_ota_images(device, asked)
        return asked, [*found.upgrades]

    async def _query(self, ieee: str, cluster: Any) -> QueryNextImageCommand:  # noqa: ANN401 - zigpy's cluster
        """What the device would ask: by its attributes, or by what it has asked before."""
        names = ("current_file_version", "manufacturer_id", "image_type_id")
        try:
            async with asyncio.timeout(_ANSWER_LIMIT):
                values, _ = await cluster.read_attributes([*names])
        except (TimeoutError, zigpy.exceptions.DeliveryError) as error:
            raise UnreachableError(f"zigbee-{ieee} does not answer", device=f"zigbee-{ieee}") from error
        except FAULTS as error:
            raise RadioError(f"the radio failed: {error}") from error
        version, manufacturer, image_type = (values.get(name) for name in names)
        if manufacturer is None:
            manufacturer = cluster.endpoint.device.manufacturer_id
        if None not in {version, manufacturer, image_type}:
            return QueryNextImageCommand(
                field_control=0, manufacturer_code=manufacturer, image_type=image_type, current_file_version=version
            )
        if cluster.last_query_cmd is not None:
            query: QueryNextImageCommand = cluster.last_query_cmd
            return query
        raise UnsupportedError(
            f"zigbee-{ieee} does not tell which firmware it runs; wait until it has asked by itself",
            device=f"zigbee-{ieee}",
        )

    async def _client(self, ieee: str) -> tuple[Any, Any]:
        await self._app.complete()
        device = self._app.devices.get(address_of(ieee))
        if not isinstance(device, ZigbeeDevice):
            raise UnreachableError(f"zigbee-{ieee} is not on the network", device=f"zigbee-{ieee}")
        try:
            return device, device.find_cluster(cluster_id=Ota.cluster_id, cluster_type=ClusterType.Client)
        except ValueError as error:
            message = f"zigbee-{ieee} cannot be updated over the air"
            raise UnsupportedError(message, device=f"zigbee-{ieee}") from error


async def _notify(cluster: Any) -> None:  # noqa: ANN401 - zigpy's cluster
    """Tell the device that there is an image; one that is asleep asks later by itself."""
    try:
        await cluster.image_notify(payload_type=cluster.ImageNotifyCommand.PayloadType.QueryJitter, query_jitter=100)
    except FAULTS as error:
        LOG.info("%s was not told of its image: %s", cluster.endpoint.device.ieee, error)


def _verdict(status: foundation.Status) -> Verdict:
    match status:
        case foundation.Status.SUCCESS:
            return Verdict(done=True)
        case foundation.Status.TIMEOUT:
            return Verdict(stalled=True)
    return Verdict(reason=_ENDINGS.get(status, f"the device ended it: {status.name.lower().replace('_', ' ')}"))


def _plain(image: Any) -> Image:  # noqa: ANN401 - zigpy's image
    about = image.metadata
    size = about.file_size or (len(image.firmware.serialize()) if image.firmware else 0)
    return Image(int(image.version), int(size), about.checksum or "", Path(about.source).name, about.changelog or "")
