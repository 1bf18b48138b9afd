"""The plugin: it keeps the connection to the broker, and turns the device registry's wishes into MQTT."""

import asyncio
import logging
import secrets
from contextlib import suppress
from typing import Any, ClassVar, cast, override

import msgspec

from device_plugins.mqtt.acting import Actions
from device_plugins.mqtt.convention import Convention, Describing, Heard
from device_plugins.mqtt.conventions import CONVENTIONS
from device_plugins.mqtt.conventions.table import describe
from device_plugins.mqtt.description import Message
from device_plugins.mqtt.dispatch import Dispatch
from device_plugins.mqtt.faults import Fault, Faults
from device_plugins.mqtt.link import Link
from device_plugins.mqtt.loading import Opener, load_conventions
from device_plugins.mqtt.memory import Memory
from device_plugins.mqtt.network import Connection
from device_plugins.mqtt.publishing.publisher import Publisher
from device_plugins.mqtt.roster import Roster
from device_plugins.mqtt.settings import Settings
from device_plugins.sdk import Device, DevicePlugin, UnreachableError
from device_plugins.sdk.reconnect import Backoff, Reconnect, Ways
from hub.api import Context, Event, Task, on, service

LOG = logging.getLogger("hub.mqtt")

_CLIENT_ID = "client_id"
_SILENCE_EVERY = 10.0
_REPLAYED_AT_ONCE = 50
_CLOSE_LIMIT = 2.0


class BrokerStatus(msgspec.Struct, frozen=True):
    """How the connection to the broker stands, and what came over it since the start.

    `waiting` are devices that would be let in by a pairing session; `malformed` counts messages that made no sense,
    `faults` are the latest of them by topic; `refused` are topics that the broker does not let the hub hear.
    `pending` is what the broker is still to be told, `dropped` what was too much of that.
    """

    status: str
    reason: str
    broker: str
    version: str
    client_id: str
    conventions: list[str]
    devices: int
    waiting: int
    messages: int
    malformed: int
    faults: list[Fault]
    refused: list[str]
    pending: int
    dropped: int


class Mqtt(DevicePlugin):
    """Devices that speak MQTT, by the conventions people have."""

    protocol = "mqtt"
    Config: ClassVar[type[Settings]] = Settings

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        settings: Settings = ctx.config
        self.settings = settings
        self.faults = Faults()
        self.dispatch = Dispatch(self.faults, settings.reading_limit, settings.discovery_limit)
        self.link = Link(ctx.tasks)
        self.roster = Roster(self, self.dispatch, self.link, settings.adopt)
        self.actions = Actions(self.link, settings.confirm)
        self.conventions: list[Convention] = []
        self._memory = Memory(ctx.storage, ctx.tasks, ctx.clock)
        self._own = f"{settings.topic}/status"
        self.publisher = Publisher(ctx, settings.publish, self.link.publish, self.faults)
        will = self.publisher.will or Message(self._own, b"offline", 1, retain=True)
        # A connection has one will: where that is elsewhere, nothing stands here that could be wrong.
        self._tells = will.topic == self._own
        self._opener = Opener(settings, will, self.dispatch, ctx.tasks)
        backoff = Backoff(settings.retry_first, settings.retry_most)
        ways = Ways(
            self._opener.open, self._up, self._down, lambda connection: connection.close(), lambda one: one.lost()
        )
        self._reconnect = Reconnect("the broker", ctx.clock, backoff, ways, LOG)
        self._running: Task[None] | None = None

    @override
    async def start(self) -> None:
        self.ready(down="the broker is being connected to")
        await self.roster.load()
        names = [*CONVENTIONS] if self.settings.conventions is None else self.settings.conventions
        self.conventions = await load_conventions(names, self.settings)
        self.roster.take(describe(self.settings.device), written=True)
        await self._recall()
        for convention in self.conventions:
            await self.link.hear(convention.filters())
            self.dispatch.hear(convention.filters(), self._hearer(convention))
        await self.publisher.start()
        self.dispatch.hear(self.publisher.filters, self.publisher.heard)
        for each in self.publisher.filters:
            self.link.want(each)
        if not self._opener.identifier:
            self._opener.identifier = await self._identifier()
        self.ctx.tasks.start("watches for silence", self._watch())
        self._running = self.ctx.tasks.start("broker", self._reconnect.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.start_wait):
                await self._reconnect.tried.wait()

    @override
    async def stop(self) -> None:
        if self.link.connection is not None:
            with suppress(UnreachableError, TimeoutError):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self.publisher.close()
                    if self._tells:
                        await self.link.publish(Message(self._own, b"offline", 1, retain=True))
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await self._memory.flush()

    # What the registry wants

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        known = self.roster.known.get(device.id)
        if known is None:
            raise UnreachableError(f"{device.id} has not announced itself yet", device=device.id)
        await self.actions.carry_out(known, key, command, arguments)

    @override
    async def open_pairing(self, duration: float) -> None:
        self.link.ready()
        self.roster.admit()
        self._greet()

    @override
    async def close_pairing(self) -> None:
        """There is nothing to close: whoever asks for the session sees that it is over."""

    @override
    async def forget(self, device: Device) -> None:
        await self.roster.forget(device.id)

    @service
    async def status(self) -> BrokerStatus:
        """How the connection to the broker stands, and what could not be understood."""
        connection = self.link.connection
        return BrokerStatus(
            status=self._reconnect.state.value,
            reason=self._reconnect.reason,
            broker=self.settings.broker,
            version=connection.version if connection is not None else "",
            client_id=self._opener.identifier,
            conventions=[one.name for one in self.conventions],
            devices=len(self.roster.known),
            waiting=len(self.roster.waiting),
            messages=self.dispatch.messages,
            malformed=self.faults.total,
            faults=self.faults.latest(),
            refused=sorted(self.link.refused),
            pending=self.link.pending,
            dropped=self.link.dropped,
        )

    @on("devices.added")
    def _device_added(self, event: Event) -> None:
        self.roster.other_came(event.subject.removeprefix("device/"))

    @on("devices.removed")
    def _device_removed(self, event: Event) -> None:
        self.roster.other_went(event.subject.removeprefix("device/"))

    # The connection's life

    async def _up(self, connection: Connection) -> None:
        await connection.publish(Message(self._own, b"online" if self._tells else b"", 1, retain=True))
        self.roster.attach()
        await self.link.attach(connection)
        self.roster.wake()
        self.publisher.attach()
        self._greet()
        self.ready()
        self.ctx.log.info("Connected to the broker at %s, MQTT %s", self.settings.broker, connection.version)

    def _down(self, reason: str) -> None:
        self.publisher.detach()
        self.link.detach()
        self.roster.detach(reason)
        self.ready(down=reason)
        # The registry ends a pairing session when its protocol goes down.
        self.session = ""
        self.ctx.log.warning("The broker is down: %s", reason)

    def _greet(self) -> None:
        for convention in self.conventions:
            self.link.post(convention.greet())

    async def _watch(self) -> None:
        while True:
            await self.ctx.clock.sleep(_SILENCE_EVERY)
            self.roster.check_silence()

    # Announcements

    def _hearer(self, convention: Convention) -> Any:  # noqa: ANN401 - a Hearer
        def hear(topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001
            if self.publisher.is_own(topic):
                return
            told = convention.heard(topic, payload)
            if told.described or told.changed or retained or not payload:
                self._memory.keep(convention.name, topic, payload)
            for reason in told.malformed:
                self.faults.note(topic, reason)
            self.roster.withdraw(told.gone)
            self._take(convention, told)
            self.link.post(told.ask)

        return hear

    def _take(self, convention: Convention, told: Heard) -> None:
        self.roster.take(told.described)
        if told.changed:
            self.roster.take_later(told.changed, cast("Describing", convention).describe)

    async def _recall(self) -> None:
        """Make the devices known that were there before, each of what it announced then."""
        by_name = {one.name: one for one in self.conventions}
        number = 0
        async for name, topic, payload in self._memory.recall():
            if (convention := by_name.get(name)) is None:
                continue
            try:
                self._take(convention, convention.heard(topic, payload))
            except Exception as error:  # noqa: BLE001 - what a newer version cannot read must not keep it from starting
                self.ctx.log.warning("What is remembered of %s cannot be used: %s", topic, error)
            number += 1
            if number % _REPLAYED_AT_ONCE == 0:
                await asyncio.sleep(0)
        await self.roster.settled()

    async def _identifier(self) -> str:
        made = f"{self.settings.topic[:20]}-{secrets.token_hex(6)}"
        known = await self.ctx.storage.get(_CLIENT_ID)
        if isinstance(known, str):
            return known
        await self.ctx.storage.set(_CLIENT_ID, made)
        return made
