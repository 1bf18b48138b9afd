"""A head start: the network resumed, reports heard and plain commands sent while zigpy is still being imported.

The stick is asked what it was asked when its network was last resumed, and must answer the same; if it does not, zigpy
opens it as ever. What is not understood here is held back until zigpy is there.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from device_plugins.zigbee.ashline import AshLine, Heir, LineError
from device_plugins.zigbee.earlynode import EarlyNode
from device_plugins.zigbee.fastezsp import FRAGMENT, UNICAST, Incoming, parser
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.mapping import Send
from device_plugins.zigbee.network import Node, Radio, RadioError
from device_plugins.zigbee.plainframes import HA, Unicasts, command, default_response, status_of
from device_plugins.zigbee.rehearsal import Exchange, Memory, is_callback, is_up, starts_network
from device_plugins.zigbee.zclfast import Header, Place, header, place, reports
from hub.api import Tasks

type Alive = Callable[[str, int], None]
"""Is told the IEEE address of a device that was heard, and the link quality."""

LOG = logging.getLogger("hub.zigbee")

_ANSWER_LIMIT, _UP_LIMIT, _REPLY_LIMIT = 2.0, 5.0, 3.0
# So many frames are kept for zigpy: the last ones.
_MOST_HELD = 500
_REMEMBERED = 64
_COUNTERS = 256
_COORDINATOR = 0x0000


def _nothing() -> None:
    pass


class HeadStart:
    """The radio until zigpy is there; made by `begin`."""

    def __init__(self, memory: Memory, devices: Iterable[Known], alive: Alive, tasks: Tasks) -> None:
        self.line = AshLine(self._took, self._lost)
        self.rehearsal = memory.rehearsal
        self.taken = 0
        """How many reports it has heard."""
        self._alive = alive
        self._tasks = tasks
        self._parse = parser(memory.rehearsal.version)
        self._unicasts = Unicasts(memory.rehearsal.version)
        self._counter = 0
        self._sequence = 0
        self._turn = asyncio.Lock()
        self._answer: tuple[int, asyncio.Future[bytes | None]] | None = None
        self._up: asyncio.Future[None] | None = None
        self._replies: dict[tuple[int, int], asyncio.Future[int | None]] = {}
        self._held: deque[bytes] = deque(maxlen=_MOST_HELD)
        self._recent: deque[tuple[int, int, bytes]] = deque(maxlen=_REMEMBERED)
        self._kinds: dict[int, dict[int, int]] = {}
        for cluster, attribute, kind in memory.kinds:
            self._kinds.setdefault(cluster, {})[attribute] = kind
        self._tables: dict[tuple[int, int, int], Mapping[int, Place]] = {}
        self._known = {known.ieee: known for known in devices if not known.record.left}
        self._shorts = {ieee: short for ieee, short in memory.shorts.items() if ieee in self._known}
        self._at = {short: self._known[ieee] for ieee, short in self._shorts.items()}
        self.nodes = {ieee: EarlyNode(known, self) for ieee, known in self._known.items()}
        self._is_sure = self._is_ending = self._is_handed_on = False
        self.released: Callable[[], None] = _nothing
        """Told when it is over."""
        self._whole: asyncio.Future[Mapping[str, Node]] = asyncio.get_running_loop().create_future()

    # Its life

    async def open(self, memory: Memory) -> None:
        """Open the port and resume the network. Raises LineError."""
        import serialx  # noqa: PLC0415 - with a radio only

        path, baudrate, flow_control = memory.port
        software = flow_control == "software"
        try:
            await serialx.create_serial_connection(
                asyncio.get_running_loop(),
                lambda: self.line,
                url=path,
                baudrate=baudrate,
                xonxoff=software,
                rtscts=not software,
            )
        except OSError as error:
            raise LineError(str(error)) from error
        await self.line.reset()
        for exchange in self.rehearsal.exchanges:
            await self._rehearse(exchange)
        # Not before: it might be another stick, on which others have these addresses.
        self._is_sure = True
        held, self._held = self._held, deque(maxlen=_MOST_HELD)
        for frame in held:
            self.take(frame)

    async def hand_on(self, make: Callable[[AshLine], Heir]) -> None:
        """Speak no more, and let another have the line when nothing is under way; it passes messages to `take`.

        Raises LineError.
        """
        self._is_ending = True
        if self._replies:
            await asyncio.wait([*self._replies.values()], timeout=_REPLY_LIMIT)
        async with self._turn:
            await self.line.hand_on(make)
            self._is_handed_on = True

    def take(self, frame: bytes) -> bool:
        """Take an EZSP frame; False if it is for zigpy at once: an answer, what became of a message, or its own."""
        if self._whole.done() or not is_callback(frame):
            return False
        if self._up is not None and not self._up.done() and is_up(frame, self.rehearsal.up):
            self._up.set_result(None)
            return True
        incoming = self._parse(frame) if self._parse is not None else None
        sent = self._unicasts.sent(frame) if incoming is None else None
        if sent is not None:
            self._was_sent(*sent)
            return not self._is_handed_on
        if self._is_handed_on and incoming is not None and incoming.sender == _COORDINATOR:
            return False
        if incoming is None or not self._is_sure or not self._is_heard(incoming):
            self._held.append(frame)
        return True

    def end(self, radio: Radio) -> None:
        """The radio is whole: those who waited go on, and what was held back is heard."""
        if self._whole.done():
            return
        self._whole.set_result({node.ieee: node for node in radio.nodes()})
        self._release()
        while self._held:
            radio.hear(self._held.popleft())

    def close(self, reason: str) -> None:
        """It came to nothing; those who waited are told why. The port is closed if it has not been handed on."""
        if not self._whole.done():
            self._whole.set_exception(RadioError(reason))
            self._whole.exception()  # nobody need wait for it
        self._release()
        self.line.close()

    def _release(self) -> None:
        """Keep nothing of devices: the radio may stay open for months."""
        self.released()
        self.released = _nothing
        for kept in (self._known, self._shorts, self._at, self._tables, self.nodes):
            kept.clear()

    # What a device's node asks

    def where(self, ieee: str) -> int | None:
        """The short address of a device to which plain commands can be sent now."""
        return None if self._is_ending or self._whole.done() else self._shorts.get(ieee)

    async def whole(self, ieee: str) -> Node | None:
        """The device's node when zigpy is there, if it has one. Raises RadioError when zigpy could not be started."""
        return (await asyncio.shield(self._whole)).get(ieee)

    async def over(self) -> None:
        """Return when zigpy is there, or could not be started."""
        await asyncio.wait([self._whole])

    def can_send(self, ieee: str, request: Send) -> bool:
        """Whether a command can be sent to a device now."""
        is_plain = command(request.cluster, request.command, request.payload, 0) is not None
        return is_plain and self.where(ieee) is not None

    async def command(self, ieee: str, endpoint: int, request: Send) -> int:
        """Send a command that can be sent; returns the status it was answered with.

        Raises LineError when it was not delivered, TimeoutError when no answer came.
        """
        short, counter = self.where(ieee), self._next()
        message = command(request.cluster, request.command, request.payload, counter)
        if short is None or message is None or (short, counter) in self._replies:
            raise LineError("it cannot be sent now")
        reply: asyncio.Future[int | None]
        reply = self._replies[short, counter] = asyncio.get_running_loop().create_future()
        try:
            asked = self._unicasts.request(short, endpoint, request.cluster, counter, message)
            if not self._unicasts.is_taken(await self._ask(asked)):
                raise LineError("the stick does not take it")
            async with asyncio.timeout(_REPLY_LIMIT):
                status = await reply
        finally:
            reply.cancel()
            del self._replies[short, counter]
        if status is None:
            raise LineError("it was not delivered")
        return status

    # What the stick says

    async def _rehearse(self, exchange: Exchange) -> None:
        is_starting = starts_network(exchange.request)
        if is_starting:
            self._up = asyncio.get_running_loop().create_future()
        if not exchange.fits(await self._ask(exchange.request)):
            raise LineError("the stick answers otherwise than at its last start")
        if is_starting and self._up is not None:
            try:
                async with asyncio.timeout(_UP_LIMIT):
                    await self._up
            except TimeoutError:
                raise LineError("the network does not come up") from None

    async def _ask(self, request: bytes) -> bytes:
        # Whoever asks may be cancelled; a frame that was begun must come to its end.
        told: bytes | LineError = await asyncio.shield(self._tasks.start("asks the stick", self._answered(request)))
        if isinstance(told, LineError):
            raise told
        return told

    async def _answered(self, request: bytes) -> bytes | LineError:
        async with self._turn:
            self._sequence = (self._sequence + 1) % _COUNTERS
            answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            self._answer = self._sequence, answer
            try:
                await self.line.send(bytes([self._sequence]) + request)
                async with asyncio.timeout(_ANSWER_LIMIT):
                    told = await answer
            except TimeoutError:
                return LineError("the stick does not answer")
            except LineError as error:
                return error
            finally:
                self._answer = None
            return LineError("the stick is gone") if told is None else told

    def _took(self, frame: bytes) -> None:
        if not frame or self.take(frame) or self._answer is None or is_callback(frame):
            return
        sequence, answer = self._answer
        if frame[0] == sequence and not answer.done():
            answer.set_result(frame[1:])

    def _lost(self, why: str) -> None:
        LOG.debug("The head start is over: %s", why)
        if self._answer is not None and not self._answer[1].done():
            self._answer[1].set_result(None)
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result(None)

    def _was_sent(self, short: int, counter: int, is_delivered: bool) -> None:  # noqa: FBT001 - as it is read
        reply = self._replies.get((short, counter))
        if reply is not None and not is_delivered and not reply.done():
            reply.set_result(None)

    def _is_heard(self, incoming: Incoming) -> bool:
        known = self._at.get(incoming.sender)
        if known is None or incoming.kind != UNICAST or incoming.options & FRAGMENT or incoming.profile != HA:
            return False
        return self._is_reply(incoming) or self._is_report(incoming, known)

    def _next(self) -> int:
        self._counter = (self._counter + 1) % _COUNTERS
        return self._counter

    def _is_reply(self, incoming: Incoming) -> bool:
        told = status_of(incoming.message)
        reply = self._replies.get((incoming.sender, told[0])) if told else None
        if told is None or reply is None:
            return False
        if not reply.done():
            reply.set_result(told[1])
        return True

    def _is_report(self, incoming: Incoming, known: Known) -> bool:
        head = header(incoming.message)
        if head is None or head.manufacturer is not None or (head.wants_response and self._is_ending):
            return False
        key = incoming.sender, incoming.source_endpoint, incoming.cluster
        if (table := self._tables.get(key)) is None:
            table = self._tables[key] = self._table(known, *key[1:])
        if (told := reports(incoming.message, head.start, table)) is None:
            return False
        self.taken += 1
        self.nodes[known.ieee].heard(incoming.lqi, incoming.rssi)
        self._alive(known.ieee, incoming.lqi)
        frame = incoming.sender, incoming.counter, incoming.message
        if frame not in self._recent:
            self._recent.append(frame)
            for sink, value in told:
                sink(value)
            if head.wants_response:
                self._tasks.start(f"answers {known.ieee}", self._respond(incoming, head))
        return True

    def _table(self, known: Known, endpoint: int, cluster: int) -> Mapping[int, Place]:
        found: dict[int, Place] = {}
        for attribute, kind in self._kinds.get(cluster, {}).items():
            sink = known.sink(endpoint, cluster, attribute)
            if sink is not None and (made := place(kind, sink)) is not None:
                found[attribute] = made
        return found

    async def _respond(self, incoming: Incoming, head: Header) -> None:
        message = default_response(head.sequence)
        route = incoming.sender, incoming.source_endpoint, incoming.cluster
        with suppress(LineError):
            await self._ask(self._unicasts.request(*route, self._next(), message))


async def begin(memory: Memory, devices: Iterable[Known], alive: Alive, tasks: Tasks) -> HeadStart | None:
    """Take a head start; None unless the stick answers as it did."""
    start = HeadStart(memory, devices, alive, tasks)
    try:
        await start.open(memory)
    except LineError as error:
        LOG.info("No head start: %s", error)
        start.close(str(error))
        return None
    except BaseException:
        start.close("it was cancelled")
        raise
    return start
