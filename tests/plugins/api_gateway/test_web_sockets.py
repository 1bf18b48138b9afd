"""WebSockets that are asked for before their library is there."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, unix_connect

from hub.testing import running
from plugins.api_gateway import web_sockets
from plugins.api_gateway.plugin import ApiGateway
from tests.harness import eventually
from tests.plugins.api_gateway.conftest import House


class Gate:
    """Keeps the library from being loaded."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.fault: Exception | None = None
        self._load = web_sockets._load

    def load(self) -> type[asyncio.Protocol]:
        self.opened.wait()
        if self.fault is not None:
            raise self.fault
        return self._load()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(web_sockets, "_load", made.load)
    yield made
    made.opened.set()


@asynccontextmanager
async def early(data_dir: Path) -> AsyncIterator[House]:
    async with running(ApiGateway, data_dir=data_dir) as hub:
        yield House(hub, data_dir / "hub.sock", 0)


async def connected(house: House) -> ClientConnection:
    return await unix_connect(str(house.socket), "ws://localhost/api/v1/events?type=test.*")


async def waits(house: House, many: int = 1) -> None:
    """Return when so many wait; the hub goes on meanwhile."""
    gateway = house.hub.plugin("api_gateway")
    assert isinstance(gateway, ApiGateway)
    await eventually(lambda: len(gateway._web_sockets._waiting or ()) == many, what="a WebSocket that waits")
    assert (await house.ask("GET", "/api/v1/services")).status == 200


async def test_who_comes_before_the_library_waits_and_holds_up_nobody(tmp_path: Path, gate: Gate) -> None:
    async with early(tmp_path) as house:
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(connected(house)) for _ in range(2)]
            await waits(house, 2)
            gate.opened.set()
        clients.append(asyncio.ensure_future(connected(house)))  # noqa: TID251 - a test's own
        sockets = [await client for client in clients]
        house.hub.publish("test.number", "number/1", {"n": 1})
        for one in sockets:
            assert '"n":1' in str(await asyncio.wait_for(one.recv(), 5))
            await one.close()
        assert house.hub.errors == []


async def test_one_that_waits_does_not_hold_up_the_end(tmp_path: Path, gate: Gate) -> None:
    async with early(tmp_path) as house, asyncio.TaskGroup() as group:
        client = group.create_task(refused(house))
        await waits(house)
        assert await house.hub.stop("api_gateway") == ""
        gate.opened.set()
        await client
        assert house.hub.errors == []


async def test_one_that_goes_meanwhile_leaves_nothing(tmp_path: Path, gate: Gate) -> None:
    async with early(tmp_path) as house:
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, str(house.socket))
            await asyncio.get_running_loop().sock_sendall(
                client,
                b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            await waits(house)
        gate.opened.set()
        async with await connected(house):
            await eventually(lambda: house.hub.core.bus.counts().get("api_gateway", 0) == 1, what="one subscription")
        assert house.hub.errors == []


async def test_who_waits_for_a_library_that_fails_is_let_go(tmp_path: Path, gate: Gate) -> None:
    gate.fault = ImportError("no such library")
    async with early(tmp_path) as house:
        async with asyncio.TaskGroup() as group:
            group.create_task(refused(house))
            await waits(house)
            gate.opened.set()
        assert (await house.ask("GET", "/api/v1/services")).status == 200
        assert len(house.hub.errors) == 1


async def refused(house: House) -> None:
    with pytest.raises((websockets.InvalidMessage, ConnectionError)):
        await connected(house)
