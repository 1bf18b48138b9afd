"""The connection to a Z-Wave JS server: one client, used once; a lost connection is replaced, never mended."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, override
from urllib.parse import urlsplit

import aiohttp
from zwave_js_server.client import Client
from zwave_js_server.exceptions import (
    BaseZwaveJSServerError,
    FailedCommand,
    FailedZWaveCommand,
    InvalidServerVersion,
    NotConnected,
    TransportError,
)
from zwave_js_server.model.controller.event_model import CONTROLLER_EVENT_MODEL_MAP
from zwave_js_server.model.node import Node

from device_plugins.zwave.facts import id_of, state_of, status_of
from device_plugins.zwave.mapping import Invoke, ValueId, Write
from device_plugins.zwave.network import Listener, NodeState, Refused, Settings, ZWaveError
from hub.api import Clock, Task, Tasks

LOG = logging.getLogger("hub.zwave")

_CONNECT_LIMIT = 15.0
_CLOSE_LIMIT = 2.0
_STATUSES = ("alive", "dead", "sleep", "wake up")
_KNOWN_ANEW = ("ready", "interview completed", "interview failed", "value added", "value removed", "metadata updated")
# What `node.set_value` says of a value that was taken: at work, received, and done by the node's own word.
_TAKEN = (1, 254, 255)
_CONFIRMED = 255
_NO_KIND = {"key": 0, "label": ""}
_KINDS: dict[str, Any] = {
    "deviceClass": {"basic": _NO_KIND, "generic": _NO_KIND, "specific": _NO_KIND},
    "supportedCCs": [],
    "controlledCCs": [],
}


async def connect(url: str, settings: Settings, listener: Listener, tasks: Tasks, clock: Clock) -> "Connection":
    """Connect, and wait until all that the server knows is here.

    Raises ZWaveError with what is wrong and how to mend it.
    """
    session = aiohttp.ClientSession()
    place = urlsplit(url)._replace(path="", query="").geturl()
    made = Connection(_Client(url, session), session, listener, settings)
    try:
        async with asyncio.timeout(_CONNECT_LIMIT):
            await made.open(tasks, clock)
    except TimeoutError:
        await made.close()
        raise ZWaveError(f"the Z-Wave server at {place} does not answer; restart it") from None
    except InvalidServerVersion as error:
        await made.close()
        raise ZWaveError(
            f"the Z-Wave server {error.server_version} at {place} does not fit: it speaks schema"
            f" {error.server_max_schema_version}, and {error.required_schema_version} is needed;"
            " install @zwave-js/server as device_plugins/zwave/server/package.json has it"
        ) from error
    except (BaseZwaveJSServerError, aiohttp.ClientError, OSError, ValueError, KeyError) as error:
        await made.close()
        raise ZWaveError(f"no Z-Wave server answers at {place}: {_words(error)}") from error
    except BaseException:
        await made.close()
        raise
    return made


class _Client(Client):
    """Takes what a server says of a node that comes in a dead one's place: it has no kind yet."""

    @override
    def _handle_incoming_message(self, msg: dict[str, Any]) -> None:
        event = msg.get("event") or {}
        if event.get("event") == "node found":
            for missing in [key for key in _KINDS if event["node"].get(key) is None]:
                event["node"][missing] = _KINDS[missing]
        super()._handle_incoming_message(msg)


class Connection:
    """See `network.Network`."""

    def __init__(self, client: Client, session: aiohttp.ClientSession, listener: Listener, settings: Settings) -> None:
        self.home_id = 0
        self.own_node = 0
        self.hangs = False
        self._client = client
        self._session = session
        self._listener = listener
        self._settings = settings
        self._running: list[Task[None]] = []
        self._lost = ""

    async def open(self, tasks: Tasks, clock: Clock) -> None:
        """Connect and listen; returns when all is known."""
        await self._client.connect()
        known = asyncio.Event()
        listening = tasks.start("Z-Wave listens", self._listen(known))
        self._running.append(listening)
        knowing = tasks.start("Z-Wave learns", _wait(known))
        try:
            await asyncio.wait([listening, knowing], return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        finally:
            knowing.cancel()
        driver = self._client.driver
        if driver is None:
            raise TransportError(self._lost or "it closed the connection at once")
        controller = driver.controller
        # As after a restored backup of the stick: nothing that is known here holds any longer.
        driver.on("driver ready", lambda _data: self._lose("the driver began anew"))
        self.home_id, self.own_node = controller.home_id or 0, controller.own_node_id or 0
        for event in CONTROLLER_EVENT_MODEL_MAP:
            controller.on(event, self._told(event))
        for node in controller.nodes.values():
            self._attend(node)
        self._running.append(tasks.start("Z-Wave keep-alive", self._keep_alive(clock)))

    # Network

    def nodes(self) -> Sequence[NodeState]:
        """See `Network.nodes`."""
        return [state_of(one) for one in self._nodes().values() if not one.is_controller_node]

    def node(self, node: int) -> NodeState | None:
        """See `Network.node`."""
        found = self._nodes().get(node)
        return state_of(found) if found is not None else None

    async def write(self, node: int, write: Write, *, within: float) -> bool:
        """See `Network.write`."""
        options = {"options": write.options} if write.options else {}
        said = await self.ask(
            "node.set_value", within=within, nodeId=node, valueId=_wire(write.id), value=write.value, **options
        )
        result = said.get("result") or {}
        status = result.get("status")
        if status not in _TAKEN:
            raise Refused(
                f"node {node} did not take it: {result.get('message') or f'status {status}'}", f"set_{status}"
            )
        return bool(status == _CONFIRMED)

    async def poll(self, node: int, value: ValueId, *, within: float) -> None:
        """See `Network.poll`."""
        await self.ask("node.poll_value", within=within, nodeId=node, valueId=_wire(value))

    async def invoke(self, node: int, invoke: Invoke, *, within: float) -> Any:  # noqa: ANN401 - JSON
        """See `Network.invoke`."""
        said = await self.ask(
            "endpoint.invoke_cc_api",
            within=within,
            nodeId=node,
            endpoint=invoke.endpoint,
            commandClass=invoke.command_class,
            methodName=invoke.method,
            args=list(invoke.arguments),
        )
        return said.get("response")

    async def ask(self, command: str, *, within: float = 10.0, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """See `Network.ask`."""
        try:
            async with asyncio.timeout(within):
                return await self._client.async_send_command({"command": command, **arguments}) or {}
        except TimeoutError:
            raise SilentError(f"the Z-Wave server gave no answer to {command} within {within:g} s") from None
        except FailedZWaveCommand as error:
            message = " ".join(error.zwave_error_message.split())
            raise Refused(message, f"ZW{error.zwave_error_code:04}") from error
        except FailedCommand as error:
            raise Refused(str(error), error.error_code) from error
        except (NotConnected, TransportError, aiohttp.ClientError, OSError) as error:
            raise ZWaveError(f"the connection to the Z-Wave server is lost: {_words(error)}") from error
        except asyncio.CancelledError:
            # The client cancels what waits when the connection ends; only our own caller cancels this task.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ZWaveError("the connection to the Z-Wave server was lost meanwhile") from None

    async def close(self) -> None:
        """See `Network.close`."""
        self._lost = self._lost or "closed"
        for task in self._running:
            task.cancel()
        for task in self._running:
            with suppress(asyncio.CancelledError):
                await task
        try:
            with suppress(TimeoutError, BaseZwaveJSServerError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self._client.disconnect()
        finally:
            await self._session.close()

    # What runs beside

    async def _listen(self, known: asyncio.Event) -> None:
        reason = "the connection was closed"
        try:
            await self._client.listen(known)
        except (BaseZwaveJSServerError, aiohttp.ClientError, OSError) as error:
            reason = f"the connection failed: {_words(error)}"
        except Exception as error:  # the client's own faults, at something new that a server says
            LOG.exception("The Z-Wave client failed in an unexpected way")
            reason = f"an unexpected fault, see the log: {type(error).__name__}"
        self._lose(reason)

    async def _keep_alive(self, clock: Clock) -> None:
        limit = self._settings.answer_within
        while True:
            await clock.sleep(self._settings.watchdog)
            try:
                await self.ask("driver.is_statistics_enabled", within=limit)
            except SilentError:
                self.hangs = True
                self._lose(f"the Z-Wave server has not answered for {limit:g} s")
                return
            except ZWaveError as error:
                LOG.debug("The keep-alive failed: %s", error)

    def _lose(self, reason: str) -> None:
        if not self._lost:
            self._lost = reason
            self._listener.lost(reason)

    # What the server tells

    def _nodes(self) -> dict[int, Node]:
        driver = self._client.driver
        return driver.controller.nodes if driver else {}

    def _told(self, event: str) -> Callable[[dict[str, Any]], None]:
        def hear(data: dict[str, Any]) -> None:
            node = data.get("node")
            if event == "node added" and isinstance(node, Node):
                self._attend(node)
                self._listener.added(node.node_id)
            elif event == "node removed" and isinstance(node, Node):
                self._listener.removed(node.node_id, str(data.get("reason", "")))
            if event != "statistics updated":
                self._listener.told(event, _plain(data))

        return hear

    def _attend(self, node: Node) -> None:
        """Hear everything that a node tells from now on."""
        if node.is_controller_node:
            return
        for event in _STATUSES:
            node.on(event, lambda _data: self._listener.status(node.node_id, status_of(node)))
        for event in _KNOWN_ANEW:
            node.on(event, lambda _data: self._listener.found(node.node_id))
        node.on("value updated", lambda data: self._value(node, data["args"]))
        node.on("value notification", lambda data: self._notified(node, data["args"]["commandClass"], data["args"]))
        node.on("notification", lambda data: self._notified(node, data["ccId"], data))

    def _value(self, node: Node, args: dict[str, Any]) -> None:
        self._listener.value(node.node_id, id_of(args), args.get("newValue"))

    def _notified(self, node: Node, command_class: int, data: dict[str, Any]) -> None:
        args = data.get("args", data)
        endpoint = data.get("endpointIndex", data.get("endpoint")) or 0
        self._listener.notified(node.node_id, command_class, endpoint, args if isinstance(args, dict) else {})


class SilentError(ZWaveError):
    """A command got no answer in time."""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


def _wire(value: ValueId) -> dict[str, Any]:
    told: dict[str, Any] = {
        "commandClass": value.command_class,
        "endpoint": value.endpoint,
        "property": value.property,
    }
    return told if value.property_key is None else {**told, "propertyKey": value.property_key}


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """What the server said, without the objects that the client has put into it."""
    plain = {key: value for key, value in data.items() if isinstance(value, str | int | float | list | dict | None)}
    node = data.get("node")
    return {**plain, "node": node.node_id} if isinstance(node, Node) else plain
