"""One device the plugin knows: its messages on their way into state, whether it is there, and who waits for it."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from device_plugins.mqtt.description import NOTHING, Described, Encoding, Happening, Reading, Sign
from device_plugins.mqtt.presence import Signs
from device_plugins.sdk import Availability, DevicePlugin, Feature, check_value
from hub.api import Undo, event_type

type Handler = Callable[[Any, bool], None]
"""Takes a decoded payload, and whether it was retained.

Raises ValueError, TypeError, LookupError, OverflowError or HubError for nonsense.
"""

_NOT_HEARD = "not heard from yet"
_GONE = "it says that it is off"


class Known:
    """A device as it is described now; `status` and `reason` are its availability."""

    def __init__(self, plugin: DevicePlugin, described: Described) -> None:
        self.id = described.device.id
        self.status: Availability = "unknown"
        self.reason = ""
        self._plugin = plugin
        self._state = plugin.ctx.state
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._heard_at: float | None = None
        self._fading: dict[str, Undo] = {}
        self.learn(described)

    def learn(self, described: Described) -> set[str]:
        """Take a (new) description; what the signs of presence have said is kept where they are the same.

        Returns the topics whose retained messages have something new to say.
        """
        old = getattr(self, "described", None)
        kept = {(one.topic, one.key) for one in old.readings} if old is not None else set()
        news = {one.topic for one in described.readings if (one.topic, one.key) not in kept}
        self.described = described
        self.actions = {(one.key, one.command): one for one in described.actions}
        # A device may tell what it would not take, so what it tells is held against the vocabulary alone.
        before = getattr(self, "_words", {})
        self._words = {one.key: Feature(one.key, one.capability) for one in described.device.features}
        for key in before.keys() - self._words.keys():
            self._drop(key)
        if old is None or _signs_of(old) != _signs_of(described):
            self._signs = Signs(described.presence)
            news |= {sign.topic for sign in described.presence.signs}
        return news

    def _drop(self, key: str) -> None:
        """The device has this feature no more."""
        if (undo := self._fading.pop(key, None)) is not None:
            undo()
        self._state.delete(f"device/{self.id}/{key}")

    def handlers(self) -> Iterator[tuple[str, Encoding, Handler]]:
        """What is to be called for the messages of each topic."""
        readings: dict[tuple[str, Encoding], list[Reading]] = {}
        for reading in self.described.readings:
            if reading.key in self._words:
                readings.setdefault((reading.topic, reading.encoding), []).append(reading)
        for (topic, encoding), several in readings.items():
            yield topic, encoding, self._taking(several)
        for happening in self.described.happenings:
            yield happening.topic, happening.encoding, self._publishing(happening)
        for number, sign in enumerate(self.described.presence.signs):
            yield sign.topic, sign.encoding, self._noting(number, sign)

    def values(self) -> dict[str, Any]:
        """The values by key, as far as they are known."""
        found = {key: self._state.get(f"device/{self.id}/{key}") for key in self._words}
        return {key: value for key, value in found.items() if value is not None}

    def assume(self, key: str, value: Any) -> None:  # noqa: ANN401 - the vocabulary's types
        """Take a value for true that the device does not tell itself."""
        self._state.set(f"device/{self.id}/{key}", check_value(self._words[key], value, self.id))

    # Availability

    def available(self, status: Availability, reason: str = "") -> None:
        """Say whether it can be reached; told only when it is news."""
        if (status, reason) != (self.status, self.reason):
            self.status, self.reason = status, reason
            self._plugin.available(self.id, status, reason)

    def unheard(self, status: Availability, reason: str) -> None:
        """Nothing that it has said counts any more, as the broker is gone, or back."""
        self._signs.forget()
        self._heard_at = None
        self.status, self.reason = status, reason
        self._plugin.available(self.id, status, reason)

    def check_silence(self, now: float) -> None:
        """Note that it has been silent for too long."""
        limit = self.described.presence.silence
        if limit and self._heard_at is not None and now - self._heard_at > limit and self.status == "online":
            self._heard_at = None
            self.available("unknown", f"it has not been heard for {limit:.0f} s")

    def _judge(self) -> None:
        verdict = self._signs.verdict
        if verdict is False:
            self.available("offline", _GONE)
        elif verdict or self._heard_at is not None:
            self.available("online")
        else:
            self.available("unknown", _NOT_HEARD)

    def _heard(self) -> None:
        self._heard_at = self._plugin.ctx.clock.monotonic()
        if self.status != "online":
            self._judge()
        self._plugin.seen(self.id)

    # Confirmations

    def expect(self, key: str) -> asyncio.Future[None]:
        """What is done when the next reading of this key comes in; to be given back with `expect_no_more`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        return waiter

    def expect_no_more(self, key: str, waiter: asyncio.Future[None]) -> None:
        """Undo `expect`."""
        waiters = self._waiting[key]
        waiters.remove(waiter)
        waiter.cancel()
        if not waiters:
            del self._waiting[key]

    def _told(self, keys: list[str]) -> None:
        self._heard()
        if self._waiting:
            for waiter in [waiter for key in keys for waiter in self._waiting.get(key, ())]:
                if not waiter.done():
                    waiter.set_result(None)

    # Messages

    def _taking(self, readings: list[Reading]) -> Handler:
        entries = [
            (one.key, one.take, f"device/{self.id}/{one.key}", self._words[one.key], self._setter(one))
            for one in readings
        ]
        state, own = self._state, self.id

        def handle(payload: Any, retained: bool) -> None:  # noqa: ANN401, FBT001
            told, fault = [], None
            for key, take, path, word, put in entries:
                try:
                    if (value := take(payload)) is NOTHING:
                        continue
                    if value is None:
                        state.delete(path)
                    else:
                        put(path, check_value(word, value, own))
                    told.append(key)
                except Exception as error:  # noqa: BLE001 - the other readings are good; it is raised below
                    fault = error
            if told and not retained:
                self._told(told)
            if fault is not None:
                raise fault

        return handle

    def _setter(self, reading: Reading) -> Callable[[str, Any], object]:
        return partial(self._set_fading, reading) if reading.fades else self._state.set

    def _set_fading(self, reading: Reading, path: str, value: Any) -> None:  # noqa: ANN401 - the vocabulary's types
        self._state.set(path, value)
        if (undo := self._fading.pop(reading.key, None)) is not None:
            undo()
        if value is True:
            fade = partial(self._plugin.report, self.id, reading.key, value=False)
            self._fading[reading.key] = self._plugin.ctx.clock.call_later(reading.fades, fade)

    def _publishing(self, happening: Happening) -> Handler:
        subject, publish = f"device/{self.id}/{happening.key}", self._plugin.ctx.events.publish

        def handle(payload: Any, retained: bool) -> None:  # noqa: ANN401, FBT001
            if retained:
                return  # it happened before anybody listened
            happened = happening.take(payload)
            if isinstance(happened, msgspec.Struct):
                publish(event_type(type(happened)), subject, happened)
                self._heard()

        return handle

    def _noting(self, number: int, sign: Sign) -> Handler:
        def handle(payload: Any, retained: bool) -> None:  # noqa: ANN401, ARG001, FBT001
            here = sign.take(payload)
            if isinstance(here, bool):
                self._signs.say(number, here)
                self._judge()

        return handle


def _signs_of(described: Described) -> tuple[str, list[str]]:
    return described.presence.mode, [sign.topic for sign in described.presence.signs]
