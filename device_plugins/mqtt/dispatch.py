"""From a message to whom it concerns: one look-up a topic, one decoding a message."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from device_plugins.mqtt.description import Encoding
from device_plugins.mqtt.faults import Faults
from device_plugins.mqtt.known import Handler
from device_plugins.mqtt.payloads import DEEPEST, is_shallow
from device_plugins.mqtt.topics import LONGEST, matcher
from hub.api import HubError, Undo

type Hearer = Callable[[str, bytes, bool], None]

LOG = logging.getLogger("hub.mqtt")

_STRANGERS = 10_000
_NONSENSE = (ValueError, TypeError, LookupError, OverflowError, RecursionError, msgspec.MsgspecError, HubError)
_DECODERS: dict[Encoding, Callable[[bytes], Any]] = {
    "json": msgspec.json.Decoder().decode,
    "text": bytes.decode,
    "bytes": bytes,
}


class _Route:
    """Whom the messages of one topic concern."""

    __slots__ = ("handlers", "hearers")

    def __init__(self, hearers: tuple[Hearer, ...]) -> None:
        self.handlers: tuple[tuple[Callable[[bytes], Any], tuple[Handler, ...]], ...] = ()
        self.hearers = hearers


class Dispatch:
    """Hands each message to the handlers of its topic, and to those who hear a filter that it matches."""

    def __init__(self, faults: Faults, reading_limit: int, discovery_limit: int) -> None:
        self.messages = 0
        self._faults = faults
        self._limits = reading_limit, discovery_limit
        self._routes: dict[str, _Route] = {}
        self._strangers: dict[str, _Route] = {}
        self._nobody = _Route(())
        self._added: dict[str, list[tuple[Encoding, Handler]]] = {}
        self._hearers: list[tuple[Callable[[str], bool], Hearer]] = []

    def incoming(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - a message
        """Take a message; never raises."""
        self.messages += 1
        route = self._routes.get(topic) or self._strangers.get(topic) or self._find(topic)
        if route.handlers:
            if len(payload) > self._limits[0]:
                self._too_long(topic, payload, self._limits[0])
            else:
                self._hand_over(route, topic, payload, retained=retained)
        for hear in route.hearers:
            self._tell(hear, topic, payload, retained=retained)

    def too_long(self, topic: str, size: int) -> None:
        """Note that a message was passed over."""
        self.messages += 1
        self._faults.note(topic, f"{size} bytes are too long for any message")

    def add(self, topic: str, encoding: Encoding, handler: Handler) -> Undo:
        """Have a handler called with each message of a topic; returns the undo."""
        entry = encoding, handler
        self._added.setdefault(topic, []).append(entry)
        self._compile(topic)
        return partial(self._remove, topic, entry)

    def hear(self, filters: Iterable[str], hearer: Hearer) -> Undo:
        """Have a function called with each message that one of the filters matches, once; returns the undo."""
        matchers = [matcher(each) for each in filters]
        entry: tuple[Callable[[str], bool], Hearer] = (lambda topic: any(fits(topic) for fits in matchers), hearer)
        self._hearers.append(entry)
        self._anew()

        def undo() -> None:
            self._hearers.remove(entry)
            self._anew()

        return undo

    def _hand_over(self, route: _Route, topic: str, payload: bytes, *, retained: bool) -> None:
        for decode, handlers in route.handlers:
            try:
                value = decode(payload)
            except _NONSENSE as error:
                self._faults.note(topic, _sentence(error))
                continue
            for handler in handlers:
                try:
                    handler(value, retained)
                except _NONSENSE as error:
                    self._faults.note(topic, _sentence(error))
                except Exception as error:
                    LOG.exception("What came on %s was not understood in an unexpected way", topic)
                    self._faults.note(topic, f"an unexpected fault, see the log: {type(error).__name__}")

    def _tell(self, hear: Hearer, topic: str, payload: bytes, *, retained: bool) -> None:
        if len(payload) > self._limits[1]:
            self._too_long(topic, payload, self._limits[1])
            return
        if not is_shallow(payload):
            self._faults.note(topic, f"lists and objects stand in one another more than {DEEPEST} times")
            return
        try:
            hear(topic, payload, retained)
        except _NONSENSE as error:
            self._faults.note(topic, _sentence(error))
        except Exception as error:
            LOG.exception("What came on %s was not understood in an unexpected way", topic)
            self._faults.note(topic, f"an unexpected fault, see the log: {type(error).__name__}")

    def _too_long(self, topic: str, payload: bytes, limit: int) -> None:
        self._faults.note(topic, f"{len(payload)} bytes are more than {limit}")

    # Routes

    def _remove(self, topic: str, entry: tuple[Encoding, Handler]) -> None:
        entries = self._added[topic]
        entries.remove(entry)
        if not entries:
            del self._added[topic]
        self._compile(topic)

    def _compile(self, topic: str) -> None:
        self._strangers.pop(topic, None)
        if topic not in self._added:
            self._routes.pop(topic, None)
            return
        route = self._routes.get(topic) or self._made(topic)
        by_encoding: dict[Encoding, list[Handler]] = {}
        for encoding, handler in self._added[topic]:
            by_encoding.setdefault(encoding, []).append(handler)
        route.handlers = tuple((_DECODERS[encoding], tuple(some)) for encoding, some in by_encoding.items())
        self._routes[topic] = route

    def _anew(self) -> None:
        self._strangers.clear()
        for topic, route in self._routes.items():
            route.hearers = self._made(topic).hearers

    def _find(self, topic: str) -> _Route:
        if len(topic) > LONGEST:
            self._faults.note(topic, f"a topic of {len(topic)} characters is longer than {LONGEST}")
            return self._nobody
        if len(self._strangers) >= _STRANGERS:
            self._strangers.clear()
        route = self._strangers[topic] = self._made(topic)
        return route

    def _made(self, topic: str) -> _Route:
        return _Route(tuple(hear for fits, hear in self._hearers if fits(topic)))


def _sentence(error: BaseException) -> str:
    if isinstance(error, LookupError):
        return f"it is none of the words or parts that are known: {error}"
    return str(error) or type(error).__name__
