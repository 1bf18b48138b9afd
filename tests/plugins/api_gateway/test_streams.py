import asyncio
import json
import socket as sockets
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, unix_connect

from plugins.api_gateway.plugin import ApiGateway
from tests.harness import eventually
from tests.plugins.api_gateway.conftest import House


def hear(house: House, query: str = "") -> Any:  # noqa: ANN401 - awaited or entered
    return unix_connect(str(house.socket), f"ws://localhost/api/v1/events{query}")


async def next_of(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return message


async def test_events_come_in_order_with_all_their_attributes(house: House) -> None:
    async with hear(house, "?type=test.*") as socket:
        for number in range(3):
            house.hub.publish("test.number", f"number/{number}", {"n": number})
        heard = [await next_of(socket) for _ in range(3)]
    assert [one["data"]["n"] for one in heard] == [0, 1, 2]
    assert set(heard[0]) == {"type", "subject", "source", "seq", "time", "data"}


async def test_events_are_filtered_by_type_and_subject(house: House) -> None:
    async with hear(house, "?type=state.changed&subject=device/%2B/on_off") as socket:
        house.hub.state.set("device/a/level", 3)
        house.hub.state.set("device/b/on_off", value=True)
        event = await next_of(socket)
    assert (event["subject"], event["data"]["value"]) == ("device/b/on_off", True)


@pytest.mark.parametrize("query", ["?type=a..b", "?subject=a/%23/b", "?type=x+y"])
async def test_a_malformed_pattern_is_refused_with_a_sentence(house: House, query: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await hear(house, query)
    assert caught.value.response.status_code == 400
    assert json.loads(caught.value.response.body)["error"]["code"] == "pattern"


async def test_a_websocket_where_there_is_none_is_refused_with_a_sentence(house: House) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await unix_connect(str(house.socket), "ws://localhost/api/v1/health")
    assert caught.value.response.status_code == 404
    assert "/api/v1/events" in json.loads(caught.value.response.body)["error"]["message"]


async def test_only_so_many_clients_may_hear(house: House) -> None:
    first, second, third = [await hear(house) for _ in range(3)]
    with pytest.raises(websockets.InvalidStatus) as caught:
        await hear(house)
    assert caught.value.response.status_code == 503
    await first.close()
    fourth = None
    for _ in range(100):
        try:
            fourth = await hear(house)
            break
        except websockets.InvalidStatus:
            await asyncio.sleep(0.01)
    assert fourth
    for one in (second, third, fourth):
        await one.close()


async def test_a_client_that_goes_leaves_no_subscription(house: House) -> None:
    before = house.hub.core.bus.counts().get("api_gateway", 0)
    async with hear(house):
        assert house.hub.core.bus.counts()["api_gateway"] == before + 1
    await eventually(lambda: house.hub.core.bus.counts().get("api_gateway", 0) == before)


async def test_a_slow_client_loses_the_oldest_and_is_told_how_many(house: House) -> None:
    slow = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    slow.connect(str(house.socket))
    request = (
        "GET /api/v1/events?type=test.** HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    slow.settimeout(0)
    reader, writer = await asyncio.open_connection(sock=slow, limit=1024)
    writer.write(request.encode())
    assert b"101" in await reader.readline()
    for number in range(1000):  # far more than the queue and the kernel's buffers hold
        house.hub.publish("test.bulk", "bulk", {"n": number, "pad": "x" * 4000})
        await asyncio.sleep(0)
    house.hub.publish("test.last", "last", {})
    heard = b""
    while b"test.last" not in heard[-5000:]:
        heard += await asyncio.wait_for(reader.read(65536), 5)
    writer.close()
    await writer.wait_closed()
    assert b'{"dropped":' in heard
    dropped = sum(int(part.partition(b"}")[0]) for part in heard.split(b'{"dropped":')[1:])
    assert dropped + heard.count(b'"test.bulk"') == 1000
    assert b'"n":999' in heard


async def test_an_event_that_is_no_json_hurts_nobody(house: House) -> None:
    endless: list[object] = []
    endless.append(endless)
    async with hear(house, "?type=test.*") as socket:
        house.hub.publish("test.odd", "x", endless)
        house.hub.publish("test.even", "x", {"fine": True})
        assert (await next_of(socket))["type"] == "test.even"


async def test_stopping_closes_clients_in_bounded_time_even_a_deaf_one(house: House) -> None:
    deaf = await hear(house)
    deaf.transport.pause_reading()
    for number in range(1000):
        house.hub.publish("test.bulk", "bulk", {"n": number, "pad": "x" * 4000})
    async with hear(house) as socket:
        assert await asyncio.wait_for(house.hub.stop("api_gateway"), 6) == ""
        await socket.wait_closed()
    assert not house.socket.exists()
    deaf.transport.abort()
    await house.hub.run(ApiGateway, {})
