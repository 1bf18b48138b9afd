"""A folder with firmware images, as zigpy looks for them.

It takes a part of zigpy that costs 170 ms and 3 MB, so it is loaded only when there is such a folder.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import override

from zigpy.ota.image import parse_ota_image
from zigpy.ota.providers import BaseOtaImageMetadata, BaseOtaProvider, LocalOtaImageMetadata

LOG = logging.getLogger("hub.zigbee")

_LARGEST, _MOST = 16 << 20, 500


class Folder(BaseOtaProvider):
    """The images in a folder and those below it, looked at anew each time."""

    NAME = "folder"

    def __init__(self, path: Path) -> None:
        super().__init__(url=str(path))
        self._path = path

    @override
    async def load_index(self) -> list[BaseOtaImageMetadata]:
        return await asyncio.to_thread(lambda: [*_images(self._path)])


def _images(folder: Path) -> Iterator[BaseOtaImageMetadata]:
    """What can be read of a folder; a file that is no image is left out, with a line in the log."""
    for path in sorted(folder.rglob("*"))[:_MOST]:
        with contextlib.suppress(OSError):
            if not path.is_file() or path.stat().st_size > _LARGEST:
                continue
            data = path.read_bytes()
            try:
                image, _ = parse_ota_image(data)
            except Exception as error:  # noqa: BLE001 - the parser raises whatever the bytes bring about
                LOG.info("%s is no firmware image: %s", path, error)
                continue
            header = image.header
            yield LocalOtaImageMetadata(
                path=path,
                file_version=header.file_version,
                manufacturer_id=header.manufacturer_id,
                image_type=header.image_type,
                checksum=f"sha256:{hashlib.sha256(data).hexdigest()}",
                file_size=len(data),
                min_hardware_version=header.minimum_hardware_version,
                max_hardware_version=header.maximum_hardware_version,
                source=str(path),
            )
