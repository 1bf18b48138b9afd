"""A connection to the broker: aiomqtt's client, with MQTT 5 or 3.1.1, and its errors in words. Load it in a thread."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.network import BrokerError, Receiver
from device_plugins.mqtt.quick import LARGEST, QuickClient
from device_plugins.mqtt.settings import Settings
from hub.api import Tasks

type Version = Literal["5", "3.1.1"]

_VERSIONS = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}
# Return codes of CONNACK, of 3.1.1 and of 5; by some brokers an unknown version is answered with the other's code.
_WRONG_VERSION = {1, 132}
_BAD_IDENTIFIER = {2, 133}
_BAD_USER = {4, 5, 134, 135}
_TCP_LIMIT, _ANSWER_LIMIT, _PUBLISH_LIMIT = 3.0, 4.0, 20.0
# What is retained may come first, and more of it than is read in a moment.
_SUBSCRIBE_LIMIT = 60.0
_REFUSED = 128


class VersionError(BrokerError):
    """The broker does not speak this version of MQTT, or does not answer it."""


async def open_connection(
    settings: Settings, version: Version, identifier: str, will: Message, receiver: Receiver, tasks: Tasks
) -> "MqttConnection":
    """Connect to the broker.

    Raises BrokerError, and VersionError when another version may help.
    """
    try:
        client = _client(settings, version, identifier, will, receiver)
    except (OSError, ValueError) as error:
        raise BrokerError(f"the connection to {settings.broker} cannot be made: {error}") from error
    # Not to be cut off in the middle: a thread of the library would go on, and open a socket that nobody closes.
    connecting = tasks.start("connects to the broker", _enter(client))
    try:
        fault = await asyncio.shield(connecting)
    except asyncio.CancelledError:
        if await connecting is None:
            await MqttConnection(client, version, settings.broker).close()
        raise
    if fault is not None:
        raise _explained(fault, settings, version) from fault
    return MqttConnection(client, version, settings.broker)


class MqttConnection:
    """See `network.Connection`."""

    def __init__(self, client: "_Client", version: Version, broker: str) -> None:
        self.version: Version = version
        self._client = client
        self._broker = broker

    async def lost(self) -> str:
        """Wait until the connection is gone; returns why."""
        try:
            async for _ in self._client.messages:
                pass
        except aiomqtt.MqttError as error:
            return f"the connection to {self._broker} was lost: {error.__cause__ or error}"
        return f"the connection to {self._broker} was closed"

    async def publish(self, message: Message) -> None:
        """Publish; returns when the broker has it, for QoS 0 when it is on its way."""
        try:
            await self._client.publish(
                message.topic, message.payload, message.qos, message.retain, timeout=_PUBLISH_LIMIT
            )
        except (aiomqtt.MqttError, ValueError) as error:
            raise BrokerError(f"{self._broker} did not take a message on {message.topic:.200}: {error}") from error

    async def subscribe(self, filters: Sequence[str], qos: int) -> list[str]:
        """Subscribe to filters; returns those that the broker refuses."""
        wanted: Any
        if self.version == "5":
            wanted = [(each, SubscribeOptions(qos=qos)) for each in filters]
        else:
            wanted = [(each, qos) for each in filters]
        try:
            codes = await self._client.subscribe(wanted, timeout=_SUBSCRIBE_LIMIT)
        except (aiomqtt.MqttError, ValueError) as error:
            raise BrokerError(f"{self._broker} did not take subscriptions: {error}") from error
        numbers = (code if isinstance(code, int) else code.value for code in codes)
        return [each for each, code in zip(filters, numbers, strict=False) if code >= _REFUSED]

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Undo `subscribe`."""
        try:
            await self._client.unsubscribe([*filters])
        except (aiomqtt.MqttError, ValueError) as error:
            raise BrokerError(f"{self._broker} did not take the end of subscriptions: {error}") from error

    async def close(self) -> None:
        """Say goodbye and close."""
        try:
            await self._client.__aexit__(None, None, None)
        except aiomqtt.MqttError:
            self._client.drop()


class _Client(aiomqtt.Client):
    """aiomqtt's client; what comes in is handled at once, so that the line holds back what is too much."""

    def __init__(self, settings: Settings, receiver: Receiver, **options: Any) -> None:  # noqa: ANN401
        super().__init__(
            settings.host,
            settings.broker_port,
            username=settings.username or None,
            password=settings.password or None,
            keepalive=settings.keepalive,
            timeout=_ANSWER_LIMIT,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            **options,
        )
        self.pending_calls_threshold = 1 << 30  # many publish at once
        self._client.connect_timeout = _TCP_LIMIT
        QuickClient.begin(self._client, receiver.incoming, receiver.too_long)

    def drop(self) -> None:
        """Close without a goodbye that is heard."""
        self._client.disconnect()  # closes when the goodbye could be written
        if (sock := self._client.socket()) is not None:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        if self._misc_task is not None:
            self._misc_task.cancel()


def _client(settings: Settings, version: Version, identifier: str, will: Message, receiver: Receiver) -> _Client:
    tls = None
    if settings.tls:
        tls = aiomqtt.TLSParameters(settings.ca or None, settings.certificate or None, settings.private_key or None)
    properties = None
    if version == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        # Longer ones are passed over here too; a little more, so that they are counted.
        properties.MaximumPacketSize = 2 * LARGEST
    return _Client(
        settings,
        receiver,
        protocol=_VERSIONS[version],
        identifier=identifier,
        will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        clean_session=None if version == "5" else True,
        clean_start=True if version == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
        tls_params=tls,
    )


async def _enter(client: _Client) -> Exception | None:
    try:
        await client.__aenter__()
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            client.drop()
        return error
    return None


def _explained(error: Exception, settings: Settings, version: Version) -> BrokerError:
    where = settings.broker
    if not isinstance(error, aiomqtt.MqttCodeError):
        if "timed out" in str(error) and version == "5":
            return VersionError(f"{where} does not answer")
        return BrokerError(f"no broker can be reached at {where}: {error}")
    code = error.rc if isinstance(error.rc, int) else getattr(error.rc, "value", 0)
    if code in _WRONG_VERSION:
        return VersionError(f"the broker at {where} does not speak MQTT {version}")
    if code in _BAD_USER:
        return BrokerError(
            f"the broker at {where} refuses this user; set [plugin.mqtt] username and password, or its certificate"
        )
    if code in _BAD_IDENTIFIER:
        return BrokerError(f"the broker at {where} refuses the client id; set [plugin.mqtt] client_id")
    return BrokerError(f"the broker at {where} refuses the connection: {error}")
