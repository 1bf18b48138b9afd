"""The life of what is published: when devices change, when the broker is there again, when somebody else starts."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.faults import Faults
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.ledger import Ledger
from device_plugins.mqtt.publishing.records import Record, record_of
from device_plugins.mqtt.publishing.settings import Publish
from device_plugins.mqtt.publishing.telling import AVAILABILITY, Telling
from device_plugins.mqtt.publishing.wishes import Wish, filters, wish
from device_plugins.sdk import UnknownDeviceError
from hub.api import Context, Event, HubError, Task

type Send = Callable[[Message], Awaitable[None]]
"""Publishes; returns when the broker has it. Raises a HubError."""

_SENDERS = 8
_EVENTS = 32
_AT_ONCE = 64
_HUB = ""
_HAPPENINGS = ("device.button", "device.rotary", "device.lock")


class _Due:
    """What others are still to be told of one device; values are read when they are sent, so the newest counts."""

    __slots__ = ("events", "keys", "wholly")

    def __init__(self) -> None:
        self.wholly = False
        self.keys: set[str] = set()
        self.events: deque[tuple[str, object]] = deque(maxlen=_EVENTS)


class Publisher:
    """Tells others on the broker of the hub's own devices, and carries out what they wish.

    Whoever owns the connection gives it `will` as its last will, subscribes to `filters`, calls `heard` with what
    comes, `attach` and `detach` when it is there and gone, and `close` before it is closed in good order.
    """

    def __init__(self, ctx: Context, settings: Publish, send: Send, faults: Faults) -> None:
        self._ctx = ctx
        self._settings = settings
        self._send = send
        self._faults = faults
        self._layout = Layout(settings)
        self._telling = Telling(self._layout)
        self._ledger = Ledger(ctx.storage)
        self._records: dict[str, Record] = {}
        self._due: dict[str, _Due] = {}
        self._busy: set[str] = set()
        self._wake = asyncio.Event()
        self._senders: list[Task[None]] = []
        self._wishes = 0
        self._has_failed = False

    @property
    def will(self) -> Message | None:
        """The last will; None when nothing is published."""
        return self._telling.will() if self._settings.on else None

    @property
    def filters(self) -> list[str]:
        """What is to be subscribed to."""
        if not self._settings.on:
            return []
        birth = [self._layout.birth] if self._settings.homeassistant else []
        return birth + (filters(self._layout) if self._settings.control else [])

    @property
    def pending(self) -> int:
        """Of how many devices others are still to be told something."""
        return len(self._due) + len(self._busy)

    def is_own(self, topic: str) -> bool:
        """Whether the hub itself publishes to this topic; see `Layout.is_own`."""
        return self._layout.is_own(topic)

    async def start(self) -> None:
        """Learn which devices there are, and what was published before."""
        await self._ledger.load()
        if not self._settings.on:
            return
        for told in await self._ctx.services.call("devices.list"):
            record = self._record(told)
            if self._settings.wants(record):
                self._records[record.id] = record
        events = self._ctx.events
        for kind in ("devices.added", "devices.changed", "devices.removed"):
            events.subscribe(kind, self._device_told)
        events.subscribe("state.changed", self._state_told, subject="device/+/+")
        for kind in _HAPPENINGS:
            events.subscribe(kind, self._happened, subject="device/+/+")

    def attach(self) -> None:
        """The broker is there: it may have forgotten everything."""
        self.detach()
        self._everything()
        self._has_failed = False
        for number in range(_SENDERS):
            work = self._work(self._busy)
            self._senders.append(self._ctx.tasks.start(f"publishes devices ({number + 1})", work))

    def detach(self) -> None:
        """The broker is gone; a device that is new has still to be told of."""
        for task in self._senders:
            task.cancel()
        self._senders.clear()
        unfinished = [*self._busy, *(device for device, due in self._due.items() if due.wholly)]
        self._due, self._busy = {}, set()
        for device in unfinished:
            self._mark(device).wholly = True

    async def close(self) -> None:
        """Say that the hub goes; raises what sending raises."""
        attached = bool(self._senders)
        self.detach()
        if attached and self._settings.on:
            await self._send(self._telling.farewell())

    # What happens in the hub

    def _device_told(self, event: Event) -> None:
        device = event.subject.partition("/")[2]
        self._mark(device).wholly = True

    def _state_told(self, event: Event) -> None:
        _, device, key = event.subject.split("/")
        record = self._records.get(device)
        if record is not None and self._senders and (key == AVAILABILITY or record.feature(key)):
            self._mark(device).keys.add(key)

    def _happened(self, event: Event) -> None:
        _, device, key = event.subject.split("/")
        if device in self._records and self._senders:
            self._mark(device).events.append((key, event.data))

    # What comes from the broker

    def heard(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - a message
        """Take a message; what cannot be done is noted, and fatal to nobody."""
        if topic == self._layout.birth:
            if payload == b"online" and not retained:
                self._everything()
            return
        try:
            wished = wish(self._layout, self._records, topic, payload)
        except HubError as error:
            self._faults.note(topic, str(error))
            return
        if wished is None:
            return
        if retained:
            self._faults.note(topic, "a retained command would be carried out again and again; publish it without")
        elif self._wishes >= _AT_ONCE:
            self._faults.note(topic, f"{_AT_ONCE} commands are under way already")
        else:
            self._wishes += 1
            self._ctx.tasks.start(f"carries out {topic}", self._carry_out(topic, wished))

    async def _carry_out(self, topic: str, wished: Wish) -> None:
        try:
            await self._ctx.services.call(
                "devices.command",
                device=wished.device,
                capability=wished.key,
                command=wished.command,
                arguments=wished.arguments,
            )
        except HubError as error:
            self._faults.note(topic, str(error))
        finally:
            self._wishes -= 1

    # Telling

    def _everything(self) -> None:
        for device in dict.fromkeys((_HUB, *self._records, *self._ledger.devices())):
            self._mark(device).wholly = True

    def _mark(self, device: str) -> _Due:
        self._wake.set()
        return self._due.setdefault(device, _Due())

    async def _work(self, busy: set[str]) -> None:
        """Tell what is due, a device at a time; `busy` are those that some sender is at."""
        while True:
            device = next((one for one in self._due if one not in busy), None)
            if device is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            due = self._due.pop(device)
            busy.add(device)
            try:
                await self._tell(device, due)
            except HubError as error:
                self._failed(device, error)
            except Exception:  # the other devices are still to be told of
                self._ctx.log.exception("%s was not published", device or "The hub")
            finally:
                busy.discard(device)
                self._wake.set()

    def _failed(self, device: str, error: HubError) -> None:
        level = logging.DEBUG if self._has_failed else logging.WARNING
        self._has_failed = True
        self._ctx.log.log(level, "%s was not published: %s", device or "The hub", error)

    async def _tell(self, device: str, due: _Due) -> None:
        if due.wholly:
            await (self._tell_hub() if device == _HUB else self._tell_device(device))
        record = self._records.get(device)
        if record is None:
            return
        if not due.wholly:
            await self._publish(self._telling.values(record, due.keys, partial(self._truth, device)))
        for key, data in due.events:
            await self._publish(self._telling.happened(record, key, data))

    async def _tell_hub(self) -> None:
        told = self._telling.hub(self._records) if self._settings.on else []
        await self._replace(_HUB, told if self._settings.homie else [])
        if not self._settings.homie:
            # Not to be taken back: the connection has a last will on it.
            await self._publish(told)

    async def _tell_device(self, device: str) -> None:
        record = await self._fetch(device)
        old = self._records.pop(device, None)
        if record is not None:
            self._records[device] = record
        if (old is None) != (record is None):
            self._mark(_HUB).wholly = True
            for child in [one.id for one in self._records.values() if one.parent == device]:
                self._mark(child).wholly = True
        if record is None:
            await self._replace(device, [])
        else:
            told = self._telling.device(record, self._records.keys(), partial(self._truth, device))
            await self._replace(device, told)

    async def _fetch(self, device: str) -> Record | None:
        """The device as it is now, if it is one to publish."""
        if not self._settings.on:
            return None
        try:
            record = self._record(await self._ctx.services.call("devices.get", device=device))
        except UnknownDeviceError:
            return None
        # A name may be another device's id.
        return record if record.id == device and self._settings.wants(record) else None

    async def _replace(self, device: str, messages: list[Message]) -> None:
        """Publish all that is to be known of a device, and take back what was known of it before and is no more."""
        old = self._ledger.topics(device)
        now = {one.topic: None for one in messages if one.retain}
        # Noted before it is published: what is on the broker must never be forgotten.
        await self._ledger.note(device, [*now, *old])
        await self._publish(messages)
        await self._publish(Message(topic, b"", retain=True) for topic in old if topic not in now)
        await self._ledger.note(device, now)

    async def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            await self._send(message)

    def _truth(self, device: str, key: str) -> Any:  # noqa: ANN401 - the vocabulary's types
        return self._ctx.state.get(f"device/{device}/{key}")

    def _record(self, told: object) -> Record:
        return record_of(told, control=self._settings.control)
