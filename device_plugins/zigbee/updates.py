"""Services for new firmware: one device at a time, never without being asked, and going on after a restart."""

from contextlib import suppress
from typing import Literal

import msgspec

from device_plugins.sdk import DeviceError, InvalidValueError
from device_plugins.zigbee.base import PREFIX, ZigbeePlugin
from device_plugins.zigbee.images import Image, Images, Offer, Progress, Verdict
from device_plugins.zigbee.network import Radio, RadioError
from hub.api import Context, Limits, Task, event, service

PATH = "zigbee/ota"
_KEY = "ota"
_DAY = 86_400.0
_AGAIN = 30.0
# The offset is remembered for the eye alone, since the device asks by offset: each so many bytes.
_REMEMBER_EVERY = 4096

type Status = Literal["idle", "waiting", "running", "done", "failed", "cancelled"]


class Agreed(msgspec.Struct):
    """An update that was agreed to, as it is remembered."""

    device: str
    version: int
    size: int
    checksum: str
    offset: int = 0


@event("zigbee.ota")
class OtaProgress(msgspec.Struct, frozen=True):
    """How the update goes; also in state at `zigbee/ota`. `offset` and `size` in bytes.

    `waiting` is one that was agreed to and that the device has not asked for (any more); it goes on when it asks.
    """

    status: Status = "idle"
    device: str = ""
    version: int = 0
    offset: int = 0
    size: int = 0
    reason: str = ""


class Updater:
    """Serves the one image that was agreed to while there is a radio."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._agreed: Agreed | None = None
        self._serving: Task[None] | None = None
        self.progress = OtaProgress()

    async def load(self) -> None:
        """Bring back what was agreed to."""
        found = await self._ctx.storage.get(_KEY)
        if found is not None:
            with suppress(msgspec.ValidationError):
                self._agreed = msgspec.convert(found, Agreed)
                self._tell("waiting", "the radio is not up yet")

    @property
    def busy(self) -> str:
        """The device that is being updated, if any."""
        return self._agreed.device if self._agreed is not None else ""

    def attach(self, images: Images) -> None:
        """The radio is up: go on with what was agreed to."""
        if self._agreed is None:
            images.listen()
        else:
            self._serve(images, self._agreed, notify=False)

    def detach(self) -> None:
        """The radio is gone."""
        self._stop()
        if self._agreed is not None:
            self._tell("waiting", "the radio is down")

    async def agree(self, images: Images, device: str, image: Image) -> None:
        """Begin; it is remembered before the device hears of it."""
        self._agreed = Agreed(device, image.version, image.size, image.checksum)
        await self._save()
        self._tell("waiting", "the device has not asked yet")
        self._serve(images, self._agreed, notify=True)

    async def end(self, status: Status, reason: str = "") -> None:
        """Forget what was agreed to; a device that still asks is told that there is nothing."""
        self._stop()
        self._tell(status, reason)
        self._agreed = None
        await self._ctx.storage.delete(_KEY, durable=True)

    def _serve(self, images: Images, agreed: Agreed, *, notify: bool) -> None:
        self._stop()
        self._serving = self._ctx.tasks.start(f"updates {agreed.device}", self._run(images, agreed, notify=notify))

    def _stop(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()

    async def _run(self, images: Images, agreed: Agreed, *, notify: bool) -> None:
        last = self._ctx.clock.monotonic()

        def took(offset: int) -> None:
            nonlocal last
            last = self._ctx.clock.monotonic()
            remember = offset // _REMEMBER_EVERY != agreed.offset // _REMEMBER_EVERY
            agreed.offset = offset
            self._tell("running")
            if remember:
                self._ctx.tasks.start("remembers the update", self._save())

        while self._ctx.clock.monotonic() - last < _DAY:
            verdict = await self._attempt(images, agreed, took, notify=notify)
            if not verdict.stalled:
                self._serving = None  # it is this task that ends it
                await self.end("done" if verdict.done else "failed", verdict.reason)
                return
            self._tell("waiting", verdict.reason or "the device stopped asking; it goes on when it asks again")
            await self._ctx.clock.sleep(_AGAIN)
            notify = True
        self._serving = None
        await self.end("failed", "the device has not asked for a day")

    async def _attempt(self, images: Images, agreed: Agreed, took: Progress, *, notify: bool) -> Verdict:
        try:
            return await images.serve(agreed.device.removeprefix(PREFIX), agreed.checksum, took, notify=notify)
        except DeviceError as error:
            return Verdict(stalled=True, reason=str(error))
        except RadioError as error:
            return Verdict(reason=str(error))

    async def _save(self) -> None:
        if self._agreed is not None:
            await self._ctx.storage.set(_KEY, msgspec.to_builtins(self._agreed), durable=True)

    def _tell(self, status: Status, reason: str = "") -> None:
        agreed = self._agreed
        if agreed is not None:
            self.progress = OtaProgress(status, agreed.device, agreed.version, agreed.offset, agreed.size, reason)
            self._ctx.events.publish("zigbee.ota", PATH, self.progress)
            self._ctx.state.set(PATH, msgspec.to_builtins(self.progress))


class UpdateServices(ZigbeePlugin):
    """`zigbee.ota_check`, `.ota_update`, `.ota_progress` and `.ota_cancel`."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.updater = Updater(ctx)

    @service
    async def ota_check(self, device: str) -> Offer:
        """Ask a device which firmware it runs, and show the newer images that there are for it in `ota_dir`."""
        await self.whole()
        ieee = await self.ieee_of(device)
        return await self._images().offer(ieee)

    @service(limits=Limits(concurrency=1))
    async def ota_update(self, device: str, version: int = 0) -> OtaProgress:
        """Agree to an update of a device to the newest image, or to that of `version`; one device at a time.

        It takes minutes to hours and survives restarts; the events `zigbee.ota` and `zigbee/ota` in state tell of it.
        """
        await self.whole()
        if self.updater.busy:
            raise InvalidValueError(f"{self.updater.busy} is being updated; wait until it has ended, or cancel it")
        images, ieee = self._images(), await self.ieee_of(device)
        offer = await images.offer(ieee)
        chosen = [image for image in offer.images if version in {0, image.version}]
        if not chosen:
            raise InvalidValueError(f"there is no newer image for {offer.device}, which runs {offer.current:#010x}")
        await self.updater.agree(images, offer.device, chosen[0])
        return self.updater.progress

    @service
    async def ota_progress(self) -> OtaProgress:
        """How the update goes, or how the last one since the start of the hub went."""
        return self.updater.progress

    @service
    async def ota_cancel(self) -> None:
        """End the update: the device is told to give up when it asks next, and keeps the firmware that it has."""
        if not self.updater.busy:
            raise InvalidValueError("no device is being updated")
        await self.updater.end("cancelled")

    def serve_images(self, radio: Radio) -> None:
        """The radio is up."""
        self.updater.attach(radio.images)

    def _images(self) -> Images:
        return self.ready_radio().images
