"""Payloads that nobody could make sense of: counted, shown, and never fatal."""

import logging
from collections import OrderedDict

import msgspec

LOG = logging.getLogger("hub.mqtt")

_REMEMBERED = 50
_LONGEST = 200


class Fault(msgspec.Struct, frozen=True):
    """What was wrong on one topic, last, and how often something was."""

    topic: str
    count: int
    reason: str


class Faults:
    """Counts all, and remembers the latest 50 topics."""

    def __init__(self) -> None:
        self.total = 0
        self._latest: OrderedDict[str, Fault] = OrderedDict()

    def note(self, topic: str, reason: str) -> None:
        """Count a message; the first of a topic is a warning in the log."""
        self.total += 1
        topic, reason = topic[:_LONGEST], reason[:_LONGEST]
        old = self._latest.pop(topic, None)
        self._latest[topic] = Fault(topic, old.count + 1 if old else 1, reason)
        if len(self._latest) > _REMEMBERED:
            self._latest.popitem(last=False)
        LOG.log(logging.DEBUG if old else logging.WARNING, "Passed over what came on %s: %s", topic, reason)

    def latest(self) -> list[Fault]:
        """The latest topics, newest first."""
        return [*reversed(self._latest.values())]
