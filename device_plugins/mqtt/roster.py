"""The devices the plugin knows: taken in as they announce themselves, told to the registry, known after a restart."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal

from device_plugins.mqtt.description import Described
from device_plugins.mqtt.dispatch import Dispatch
from device_plugins.mqtt.known import Known
from device_plugins.mqtt.link import Link
from device_plugins.mqtt.topics import is_topic
from device_plugins.mqtt.twins import Change, Twins, identities_of, told
from device_plugins.sdk import DevicePlugin, check_device
from hub.api import HubError, Undo

type Describe = Callable[[str], Described | None]
"""From the id of a device to what it is now; None when it is gone again."""

LOG = logging.getLogger("hub.mqtt")

# What is stored: ids of devices that were let in, and of those that their owner removed.
_ADOPTED, _REMOVED = "adopted/", "removed/"
_PAGE = 500
_MOST = 2000
_TURNS = 1000
# So many are announced together: they share the write to the disk.
_AT_ONCE = 32
_IDENTITIES = 16
_NOT_HEARD = "not heard from since the hub started"
_FRESH = "not heard from yet"
_BACK = "the broker is back, the device has not been heard from yet"
_WITHDRAWN = "it is not announced any more"


class Roster:
    """Takes descriptions; each device is announced once it is let in, and its messages are heard from then on."""

    def __init__(
        self, plugin: DevicePlugin, dispatch: Dispatch, link: Link, adopt: Literal["always", "pairing"]
    ) -> None:
        self.known: dict[str, Known] = {}
        self.waiting: dict[str, Described] = {}
        """Those that may come in when a pairing session is open."""
        self._plugin = plugin
        self._ctx = plugin.ctx
        self._dispatch = dispatch
        self._link = link
        self._adopt = adopt
        self._twins = Twins()
        self._adopted: set[str] = set()
        self._kept: set[str] = set()
        self._standing_back: set[str] = set()
        self._removed: set[str] = set()
        self._withdrawn: set[str] = set()
        self._undo: dict[str, list[Undo]] = {}
        self._fresh: dict[str, Described] = {}
        self._later: dict[str, Describe] = {}
        self._taken = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def load(self) -> None:
        """Learn which devices were let in, and which were removed."""
        for key, identities in await self._stored(_ADOPTED):
            self._kept.add(device := key.removeprefix(_ADOPTED))
            self._apply(self._twins.claim(device, identities if isinstance(identities, list) else (), kept=True))
        self._adopted = {*self._kept}
        for path in self._ctx.state.list("device/"):
            self.other_came(path.removeprefix("device/"))
        self._removed = {key.removeprefix(_REMOVED) for key, _ in await self._stored(_REMOVED)}

    # Descriptions

    def take(self, described: Iterable[Described], *, written: bool = False) -> None:
        """Take in devices, or what is new about them; they are announced in the background.

        Those that are `written` down by their owner are let in without pairing.
        """
        self._taken += 1
        for one in described:
            device = one.device.id
            self._withdrawn.discard(device)
            if len(one.identities) or device in self.known:
                self._apply(self._twins.claim(device, one.identities))
            if not self._twins.holds(device):
                self._refuse(one)
            elif self._is_welcome(device) or (written and device not in self._removed):
                self._fresh[device] = one
            else:
                self._keep_waiting(one)
        self._begin()

    def take_later(self, devices: Iterable[str], describe: Describe) -> None:
        """Take in devices whose descriptions are asked for once no more of them comes in."""
        self._taken += 1
        self._later |= dict.fromkeys(devices, describe)
        self._begin()

    def _begin(self) -> None:
        if (self._fresh or self._later) and self._idle.is_set():
            self._idle.clear()
            self._ctx.tasks.start("announces devices", self._announce())

    def withdraw(self, devices: Iterable[str]) -> None:
        """These devices are not announced any more; their owner may remove them."""
        for device in devices:
            self.waiting.pop(device, None)
            self._fresh.pop(device, None)
            self._later.pop(device, None)
            self._apply(self._twins.release(device))
            if device in self._adopted:
                self._withdrawn.add(device)
            if (known := self.known.get(device)) is not None:
                self._retire(known)

    def _retire(self, known: Known) -> None:
        self._unroute(known.id)
        known.available("offline", _WITHDRAWN)

    def admit(self) -> None:
        """A pairing session is open: those that wait may come in, also those that were removed."""
        waiting, self.waiting = self.waiting, {}
        self.take(waiting.values())

    async def forget(self, device: str) -> None:
        """Forget a device; it stays away until a pairing session."""
        self._adopted.discard(device)
        self._kept.discard(device)
        self._fresh.pop(device, None)
        if (known := self.known.pop(device, None)) is not None:
            self._unroute(device)
            if device not in self._withdrawn:
                self._keep_waiting(known.described)
        self._withdrawn.discard(device)
        await self._ctx.storage.delete(_ADOPTED + device)
        if device not in self._standing_back:
            self._removed.add(device)
            await self._ctx.storage.set(_REMOVED + device, value=True, durable=True)
            self._apply(self._twins.release(device))

    def _is_welcome(self, device: str) -> bool:
        if device in self.known or device in self._adopted or self._plugin.session:
            return True
        return self._adopt == "always" and device not in self._removed

    def _keep_waiting(self, described: Described) -> None:
        device = described.device.id
        if device in self.waiting or len(self.waiting) < _MOST:
            self.waiting[device] = described

    # Twins

    def other_came(self, device: str) -> None:
        """A device of another protocol is there, or was before."""
        if identities := identities_of(device):
            self._apply(self._twins.claim(device, identities))

    def other_went(self, device: str) -> None:
        """A device was removed: of another protocol, or one of ours that has not announced itself since the start."""
        if device in self._adopted and device not in self.known:
            self._adopted.discard(device)
            self._ctx.tasks.start(f"forgets {device}", self._ctx.storage.delete(_ADOPTED + device))
        elif not identities_of(device):
            return
        self._apply(self._twins.release(device))

    def _refuse(self, described: Described) -> None:
        """Let a device wait until its twin goes."""
        device = described.device.id
        reason = told(device, self._twins.twin_of(device))
        if device not in self.waiting:
            LOG.info("%s", reason)
        self._plugin.pairing_step("failed", described.device, reason=reason)
        self._keep_waiting(described)

    def _apply(self, change: Change) -> None:
        for device in change.go:
            self._fresh.pop(device, None)
            if (known := self.known.get(device)) is not None:
                self._stand_back(known)
        self.take([self.waiting.pop(device) for device in change.come if device in self.waiting])

    def _stand_back(self, known: Known) -> None:
        """Make way for a twin: what its owner has had for a while stays, to be removed by hand."""
        reason = told(known.id, self._twins.twin_of(known.id))
        LOG.warning("%s", reason)
        if known.id in self._kept:
            self._unroute(known.id)
            known.unheard("offline", reason)
            return
        self._standing_back.add(known.id)
        self._ctx.tasks.start(f"takes {known.id} back", self._take_back(known.id))

    async def _take_back(self, device: str) -> None:
        try:
            await self._ctx.services.call("devices.remove", device=device, force=True)
        except HubError as error:
            LOG.warning("%s was not taken back: %s", device, error)
        finally:
            self._standing_back.discard(device)

    # The broker

    def attach(self) -> None:
        """The broker is there, and what is retained comes next."""
        for known in self.known.values():
            if known.id in self._undo:
                known.unheard("unknown", _BACK)

    def wake(self) -> None:
        """Ask the devices for their state."""
        for known in self.known.values():
            if known.id in self._undo:
                self._link.post(known.described.wake)

    def detach(self, reason: str) -> None:
        """The broker is gone, and every device with it."""
        for known in self.known.values():
            if known.id in self._undo:
                known.unheard("offline", f"broker lost: {reason}")

    def check_silence(self) -> None:
        """Note which devices have been silent for too long."""
        now = self._ctx.clock.monotonic()
        for known in self.known.values():
            known.check_silence(now)

    # Announcing

    async def settled(self) -> None:
        """Wait until all that was taken so far has been announced."""
        await self._idle.wait()

    async def _announce(self) -> None:
        try:
            while self._fresh or self._later:
                await self._lull()
                self._describe()
                some = [*self._fresh][:_AT_ONCE]
                await asyncio.gather(*(self._introduce(self._fresh.pop(device)) for device in some))
        finally:
            self._idle.set()

    def _describe(self) -> None:
        for device in [*self._later][:_AT_ONCE]:
            try:
                described = self._later.pop(device)(device)
            except HubError as error:
                LOG.warning("%s cannot be taken in: %s", device, error)
            except Exception:
                LOG.exception("%s cannot be taken in", device)
            else:
                self.take([described] if described is not None else [])

    async def _lull(self) -> None:
        """Wait while more is coming in: many devices announce themselves in parts."""
        for _ in range(_TURNS):
            before = self._taken
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if self._taken == before:
                return

    async def _introduce(self, described: Described) -> None:
        device = described.device
        fresh = device.id not in self.known
        try:
            self._check(described)
            if fresh:
                self._plugin.pairing_step("joined", device, progress=0.5)
                await self._let_in(described)
            if self._plugin.devices.get(device.id) != device:
                await self._plugin.announce(device)
        except HubError as error:
            LOG.warning("%s cannot be taken in: %s", device.id, error)
            self._plugin.pairing_step("failed", device, reason=str(error))
            return
        if device.id in self._removed:
            return  # meanwhile
        if not self._twins.holds(device.id) and fresh:
            self._keep_waiting(described)
            self._standing_back.add(device.id)
            await self._take_back(device.id)
            return
        self._route(described)
        if device.id in self._withdrawn:
            self._retire(self.known[device.id])  # meanwhile
        if fresh:
            self._plugin.pairing_step("configured", device, progress=1.0)

    @staticmethod
    def _check(described: Described) -> None:
        check_device(described.device)
        topics = [one.topic for one in described.readings]
        topics += [one.topic for one in described.happenings]
        topics += [one.topic for one in described.presence.signs]
        for topic in topics:
            if not is_topic(topic):
                raise HubError(f"{topic!r:.100} is no topic")

    async def _let_in(self, described: Described) -> None:
        device = described.device
        if device.id not in self._adopted and len(self._adopted) >= _MOST:
            raise HubError(f"there are {_MOST} devices already")
        if device.id in self._removed:
            self._removed.discard(device.id)
            await self._ctx.storage.delete(_REMOVED + device.id)
        if device.id not in self._adopted:
            self._adopted.add(device.id)
            await self._ctx.storage.set(_ADOPTED + device.id, sorted(described.identities)[:_IDENTITIES])

    def _route(self, described: Described) -> None:
        device = described.device.id
        known = self.known.get(device)
        news: set[str] | None = None
        if known is None:
            known = self.known[device] = Known(self._plugin, described)
            known.unheard("unknown", _NOT_HEARD if self._link.connection is None else _FRESH)
            self._link.post(described.wake)
        else:
            news = known.learn(described)
            if device not in self._undo:
                known.unheard("unknown", _FRESH)
                news = None
        old = self._undo.pop(device, [])
        # The new before the old, so that a topic of both stays subscribed.
        self._undo[device] = [
            undo
            for topic, *handling in known.handlers()
            for undo in self._heard(topic, *handling, anew=news is None or topic in news)
        ]
        for undo in old:
            undo()

    def _heard(self, topic: str, *handling: Any, anew: bool) -> tuple[Undo, Undo]:  # noqa: ANN401 - encoding and handler
        undo = self._dispatch.add(topic, *handling)
        self._link.want(topic, anew=anew)

        def unwant() -> None:
            self._link.want_no_more(topic)

        return undo, unwant

    def _unroute(self, device: str) -> None:
        for undo in self._undo.pop(device, []):
            undo()

    async def _stored(self, prefix: str) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        after = ""
        while page := await self._ctx.storage.list(prefix, after=after, limit=_PAGE):
            found += page
            after = page[-1][0]
        return found
