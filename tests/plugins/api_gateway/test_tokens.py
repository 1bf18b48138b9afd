import pytest
import websockets
from websockets.asyncio.client import connect

from hub.errors import StorageError
from plugins.api_gateway.plugin import ApiGateway
from tests.plugins.api_gateway.conftest import House


async def make_token(house: House, name: str = "phone") -> str:
    answer = await house.call("api_gateway.token_create", {"name": name})
    token: str = answer.body["result"]["token"]
    return token


async def test_tcp_lets_in_only_who_brings_a_token(house: House) -> None:
    token = await make_token(house)
    assert (await house.ask("GET", "/api/v1/services", tcp=True, token=token)).status == 200
    for wrong in ("", "nonsense", token[:-1], token + "x", "ÿ"):
        answer = await house.ask("GET", "/api/v1/services", tcp=True, token=wrong)
        assert (answer.status, answer.body["error"]["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "bearer"
    basic = await house.ask("GET", "/api/v1/services", tcp=True, headers={"authorization": f"Basic {token}"})
    assert basic.status == 401


async def test_a_revoked_token_is_refused_and_its_stream_closed(house: House) -> None:
    token = await make_token(house)
    address = f"ws://127.0.0.1:{house.port}/api/v1/events"
    async with connect(address, additional_headers={"authorization": f"Bearer {token}"}, proxy=None) as socket:
        assert (await house.call("api_gateway.token_revoke", {"name": "phone"})).status == 200
        await socket.wait_closed()
        assert socket.close_code == 1008
    assert (await house.ask("GET", "/api/v1/services", tcp=True, token=token)).status == 401
    assert (await house.call("api_gateway.token_revoke", {"name": "phone"})).status == 404


async def test_a_websocket_on_tcp_needs_a_token_too(house: House) -> None:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await connect(f"ws://127.0.0.1:{house.port}/api/v1/events", proxy=None)
    assert caught.value.response.status_code == 401


async def test_tokens_are_listed_without_their_secrets_and_stored_hashed(house: House) -> None:
    token = await make_token(house)
    listed = (await house.call("api_gateway.token_list")).body["result"]
    assert [set(one) for one in listed] == [{"name", "created"}]
    stored = await house.hub.context("api_gateway").storage.list()
    assert token not in repr(stored)


async def test_token_names_are_unique_and_printable(house: House) -> None:
    await make_token(house)
    assert (await house.call("api_gateway.token_create", {"name": "phone"})).status == 409
    for bad in ("", "  ", "a\x1bb", "x" * 65):
        assert (await house.call("api_gateway.token_create", {"name": bad})).status == 409


async def test_tokens_cannot_be_made_over_tcp(house: House) -> None:
    token = await make_token(house)
    answer = await house.call("api_gateway.token_create", {"name": "second"}, tcp=True, token=token)
    assert (answer.status, answer.body["error"]["code"]) == (403, "forbidden")


async def test_tokens_outlive_a_restart_of_the_plugin(house: House) -> None:
    token = await make_token(house)
    await house.hub.stop("api_gateway")
    await house.hub.run(ApiGateway, {"listen": f"127.0.0.1:{house.port}"})
    assert (await house.ask("GET", "/api/v1/services", tcp=True, token=token)).status == 200


async def test_a_token_that_could_not_be_kept_does_not_come_to_life(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = house.hub.plugin("api_gateway").ctx.storage
    keep = storage.set

    async def fails(key: str, value: object, *, durable: bool = False) -> None:
        await keep(key, value)  # it lies in memory, and would be written with the next commit
        if durable:
            raise StorageError("the disk is full; free some space")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "set", fails)
        answer = await house.call("api_gateway.token_create", {"name": "phone"})
    assert (answer.status, answer.body["error"]["code"]) == (500, "storage")
    assert (await house.call("api_gateway.token_list")).body["result"] == []
    assert await house.hub.context("api_gateway").storage.list() == []
    await make_token(house)


async def test_a_revoked_tokens_stream_ends_even_if_the_disk_is_full(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await make_token(house)

    async def fails(*_: object, **__: object) -> bool:
        raise StorageError("the disk is full; free some space")

    address = f"ws://127.0.0.1:{house.port}/api/v1/events"
    async with connect(address, additional_headers={"authorization": f"Bearer {token}"}, proxy=None) as socket:
        monkeypatch.setattr(house.hub.plugin("api_gateway").ctx.storage, "delete", fails)
        assert (await house.call("api_gateway.token_revoke", {"name": "phone"})).status == 500
        await socket.wait_closed()
        assert socket.close_code == 1008
    assert (await house.ask("GET", "/api/v1/services", tcp=True, token=token)).status == 401
