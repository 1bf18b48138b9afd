"""What is wanted of the broker: subscriptions, kept across connections, and messages that nobody waits for."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.network import BrokerError, Connection
from device_plugins.mqtt.topics import is_filter, is_topic, matcher
from device_plugins.sdk import UnreachableError
from hub.api import Task, Tasks

LOG = logging.getLogger("hub.mqtt")

# Few enough that what is retained of them does not flood the broker's queue for us.
_BATCH = 100
_POSTED = 10_000
# A convention hears it too: two devices that say they are one must not keep this going.
_PEEKS = 16


class Link:
    """The broker as the rest of the plugin sees it; it outlives connections."""

    def __init__(self, tasks: Tasks) -> None:
        self.connection: Connection | None = None
        self.refused: set[str] = set()
        """Filters that the broker refuses."""
        self.dropped = 0
        """Messages that were posted but not sent, because there were too many."""
        self._tasks = tasks
        self._filters: dict[str, Callable[[str], bool]] = {}
        self._topics: Counter[str] = Counter()
        self._peeks: Counter[str] = Counter()
        self._done: set[str] = set()
        self._undone: dict[str, None] = {}
        self._ended: dict[str, None] = {}
        self._posted: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._speaking: Task[None] | None = None
        self._is_busy = False

    @property
    def pending(self) -> int:
        """How much the broker is still to be told: subscriptions and posted messages."""
        return len(self._undone) + len(self._ended) + len(self._posted) + self._is_busy

    # Connections

    async def attach(self, connection: Connection) -> None:
        """A connection is there: subscribe to all that is wanted, filters first.

        Raises BrokerError.
        """
        self.connection = connection
        self._done.clear()
        self._peeks.clear()
        self.refused.clear()
        self._ended.clear()
        for each in [*self._filters]:
            # By itself, and without acknowledgement: what is retained of one may be more than the broker queues.
            await self._subscribe(connection, [each], 0)
        topics = [topic for topic in self._topics if topic not in self._done]
        self._undone = dict.fromkeys(topic for topic in topics if not self._is_covered(topic))
        self._wake.set()
        self._speaking = self._tasks.start("speaks to the broker", self._speak(connection))

    def detach(self) -> None:
        """The connection is gone."""
        self.connection = None
        self._posted.clear()
        if self._speaking is not None:
            self._speaking.cancel()
            self._speaking, self._is_busy = None, False

    def ready(self) -> Connection:
        """The connection; UnreachableError when there is none."""
        if self.connection is None:
            raise UnreachableError("the broker cannot be reached")
        return self.connection

    # What is wanted

    async def publish(self, message: Message) -> None:
        """Publish; returns when the broker has it.

        Raises UnreachableError.
        """
        connection = self.ready()
        if not is_topic(message.topic):
            raise UnreachableError(f"{message.topic!r:.100} is no topic that one can publish to")
        try:
            await connection.publish(message)
        except BrokerError as error:
            raise UnreachableError(str(error)) from error

    def post(self, messages: Iterable[Message]) -> None:
        """Publish behind the subscriptions that are under way; lost when the broker is, or when there are too many."""
        if self.connection is None:
            return
        for message in messages:
            if len(self._posted) >= _POSTED or not is_topic(message.topic):
                self.dropped += 1
            else:
                self._posted.append(message)
        self._wake.set()

    async def hear(self, filters: Sequence[str]) -> None:
        """Subscribe to filters for good, before all topics.

        Raises BrokerError.
        """
        fresh = [each for each in filters if each not in self._filters and is_filter(each)]
        self._filters |= {each: matcher(each) for each in fresh}
        if self.connection is not None:
            for each in fresh:
                await self._subscribe(self.connection, [each], 0)

    def want(self, topic: str, *, anew: bool = False) -> None:
        """Subscribe to a topic; undo with `want_no_more`, as often.

        With `anew` also to one that is subscribed already: the broker sends what is retained once more.
        """
        self._topics[topic] += 1
        self._ended.pop(topic, None)
        if anew or topic not in self._done:
            self._undone[topic] = None
            self._wake.set()

    def want_no_more(self, topic: str) -> None:
        """Undo one `want`."""
        self._topics[topic] -= 1
        if not self._topics[topic]:
            del self._topics[topic]
            self._undone.pop(topic, None)
            if topic in self._done:
                self._ended[topic] = None
                self._wake.set()

    # The work

    async def _speak(self, connection: Connection) -> None:
        while True:
            self._is_busy = False
            await self._wake.wait()
            self._wake.clear()
            self._is_busy = True
            try:
                await self._catch_up(connection)
            except (BrokerError, UnreachableError) as error:
                LOG.warning("%s", error)

    async def _catch_up(self, connection: Connection) -> None:
        while self._undone or self._ended or self._posted:
            if topics := self._taken(self._undone):
                await self._hear_topics(connection, topics)
            elif topics := self._taken(self._ended):
                self._done.difference_update(topics)
                await connection.unsubscribe(topics)
            else:
                await self.publish(self._posted.popleft())

    async def _hear_topics(self, connection: Connection, topics: list[str]) -> None:
        covered = dict.fromkeys(topic for topic in topics if self._is_covered(topic))
        await self._subscribe(connection, [topic for topic in topics if topic not in covered], 1)
        covered = dict.fromkeys(topic for topic in covered if self._peeks[topic] < _PEEKS)
        if covered:
            self._peeks.update([*covered])
            # For a moment: the filter brought what is retained before anybody wanted it.
            await connection.subscribe([*covered], 0)
            if over := [topic for topic in covered if topic not in self._filters]:
                await connection.unsubscribe(over)

    @staticmethod
    def _taken(from_: dict[str, None]) -> list[str]:
        topics = [*from_][:_BATCH]
        for topic in topics:
            del from_[topic]
        return topics

    def _is_covered(self, topic: str) -> bool:
        """Whether a filter brings it already: by two subscriptions, a pressed button would be heard twice."""
        return any(fits(topic) for each, fits in self._filters.items() if each not in self.refused)

    async def _subscribe(self, connection: Connection, filters: list[str], qos: int) -> None:
        if not filters:
            return
        self._done.update(filters)
        refused = await connection.subscribe(filters, qos)
        self.refused.update(refused)
        for each in refused:
            LOG.warning("The broker refuses to let the hub hear %s; see its access list", each)
