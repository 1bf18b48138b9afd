"""Streaming services over HTTP: an item a line, and an end from either side."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hub.api import HubError, Undo
from hub.testing import settle
from tests.harness import eventually
from tests.plugins.api_gateway.conftest import House
from tests.plugins.api_gateway.test_tokens import make_token

NDJSON = "application/x-ndjson"


class UpsetError(HubError):
    code = "upset"


class Ticker:
    """A streaming service that notes how far it is; `ways` say how each item comes, after them it ends."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.steps: list[object] = []
        self.undo: Undo = house.hub.core.services.register("clock.ticks", self.ticks, "clock")

    async def ticks(self, ways: list[str]) -> AsyncIterator[Any]:
        """Count."""
        self.steps.append("begin")
        try:
            for number, how in enumerate(ways):
                match how:
                    case "never":
                        await asyncio.get_running_loop().create_future()
                    case "breaks":
                        raise UpsetError("the clock is upset")
                    case "big":
                        yield {"tick": number, "pad": "x" * 100_000}
                    case "odd":
                        endless: list[object] = []
                        endless.append(endless)
                        yield endless
                    case _:
                        yield {"tick": number, "raw": b"\x00\xff"}
                self.steps.append(number)
        finally:
            await asyncio.sleep(0)
            self.steps.append("end")

    @asynccontextmanager
    async def open(self, *ways: str, query: str = "", token: str = "") -> AsyncIterator["Reply"]:
        """Ask for the items, over TCP if there is a token."""
        if token:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.house.port)
        else:
            reader, writer = await asyncio.open_unix_connection(str(self.house.socket))
        try:
            reply = Reply(reader, writer)
            reply.ask(*ways, query=query, token=token)
            yield reply
        finally:
            writer.close()
            await writer.wait_closed()


class Reply:
    """One connection: what it is asked, and the answers as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def ask(self, *ways: str, query: str = "", token: str = "") -> None:
        body = json.dumps({"ways": ways}).encode()
        head = f"POST /api/v1/services/clock.ticks{query} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(body)}\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        self._writer.write(head.encode() + b"\r\n" + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        """The status, and the headers."""
        head = await within(self._reader.readuntil(b"\r\n\r\n"))
        first, *lines = head.decode().strip().split("\r\n")
        return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines)

    async def line(self) -> Any:  # noqa: ANN401 - JSON
        """The next line, which is one chunk; `None` at the end.

        Raises IncompleteReadError when the answer is broken off.
        """
        size = int(await within(self._reader.readuntil(b"\r\n")), 16)
        text = await within(self._reader.readexactly(size + 2))
        assert not size or text.endswith(b"\n\r\n")
        return json.loads(text) if size else None

    async def refusal(self) -> tuple[int, str]:
        """The status and the code of an answer that is no stream."""
        status, headers = await self.head()
        assert headers["content-type"] == "application/json"
        body = json.loads(await within(self._reader.readexactly(int(headers["content-length"]))))
        return status, body["error"]["code"]


async def within[T](work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, 10)


@pytest.fixture
def ticker(house: House) -> Ticker:
    return Ticker(house)


async def test_items_come_as_lines_each_as_soon_as_it_is_there(ticker: Ticker) -> None:
    async with ticker.open("now", "now", "never") as reply:
        status, headers = await reply.head()
        assert (status, headers["content-type"]) == (200, NDJSON)
        assert await reply.line() == {"tick": 0, "raw": "AP8="}
        assert await reply.line() == {"tick": 1, "raw": "AP8="}
        assert ticker.steps == ["begin", 0, 1]


async def test_a_stream_that_ends_ends_the_answer_and_leaves_the_connection_open(ticker: Ticker) -> None:
    async with ticker.open("now") as reply:
        for _ in range(3):
            await reply.head()
            assert (await reply.line())["tick"] == 0
            assert await reply.line() is None
            reply.ask("now")
        reply.ask()
        await reply.head()
    assert ticker.steps.count("begin") == ticker.steps.count("end")


async def test_a_stream_without_items_is_an_empty_answer(ticker: Ticker) -> None:
    async with ticker.open() as reply:
        status, headers = await reply.head()
        assert (status, headers["content-type"], await reply.line()) == (200, NDJSON, None)


@pytest.mark.parametrize("ways", [["never"], ["now", "never"]])
async def test_a_client_that_goes_ends_the_service(ticker: Ticker, ways: list[str]) -> None:
    async with ticker.open(*ways) as reply:
        await eventually(lambda: "begin" in ticker.steps)
        if "now" in ways:
            await reply.head()
            await reply.line()
    await eventually(lambda: ticker.steps[-1] == "end")
    assert ticker.house.hub.core.services.stats()[-1].running == 0


async def test_what_goes_wrong_before_the_first_item_is_an_ordinary_refusal(ticker: Ticker) -> None:
    for ways, query, told in (
        (["breaks"], "", (409, "upset")),
        (["odd"], "", (500, "failed")),
        (["never"], "?timeout=0.05", (504, "timeout")),
        ([], "?timeout=x", (400, "bad_request")),
    ):
        async with ticker.open(*ways, query=query) as reply:
            assert await reply.refusal() == told
    assert (await ticker.house.call("clock.ticks", {"ways": 1})).status == 422


async def test_what_goes_wrong_later_is_the_last_line(ticker: Ticker, caplog: pytest.LogCaptureFixture) -> None:
    for way, code, message in (
        ("breaks", "upset", "the clock is upset"),
        ("never", "timeout", "clock.ticks gave no answer within 0.1 s"),
        ("odd", "failed", "the hub failed to answer; its log has the details"),
    ):
        async with ticker.open("now", way, "now", query="?timeout=0.1") as reply:
            assert (await reply.head())[0] == 200
            assert (await reply.line())["tick"] == 0
            assert await reply.line() == {"error": {"code": code, "message": message}}
            assert await reply.line() is None
        assert ticker.steps[-1] == "end"
    assert "clock.ticks failed" in caplog.messages


async def test_a_service_that_goes_says_so_in_the_last_line(ticker: Ticker) -> None:
    async with ticker.open("now", "never") as reply:
        await reply.head()
        await reply.line()
        ticker.undo()
        assert (await reply.line())["error"]["code"] == "failed"
        assert await reply.line() is None


async def test_a_client_that_does_not_read_holds_its_service_up(ticker: Ticker) -> None:
    async with ticker.open(*["big"] * 500) as reply:
        await reply.head()
        await eventually(lambda: len(ticker.steps) > 1)
        await settle(200)
        assert len(ticker.steps) < 400
        for number in range(500):
            assert (await reply.line())["tick"] == number
        assert await reply.line() is None


async def test_streams_of_items_count_among_the_streams(ticker: Ticker) -> None:
    async with ticker.open("now", "never") as first, ticker.open("now", "never") as second:
        for reply in (first, second):
            await reply.head()
        async with ticker.open("now", "never") as third:
            await third.head()
            async with ticker.open("now") as fourth:
                assert await fourth.refusal() == (503, "too_many")
        await eventually(lambda: "end" in ticker.steps)
        async with ticker.open("now") as fifth:
            assert (await fifth.head())[0] == 200


async def test_over_tcp_a_token_is_needed_and_its_end_is_that_of_the_stream(ticker: Ticker) -> None:
    async with ticker.open("now", token="nonsense") as reply:
        assert await reply.refusal() == (401, "unauthorized")
    token = await make_token(ticker.house)
    async with ticker.open("now", "never", token=token) as reply, ticker.open("now", "never") as other:
        for one in (reply, other):
            await one.head()
            await one.line()
        await ticker.house.call("api_gateway.token_revoke", {"name": "phone"})
        with pytest.raises(asyncio.IncompleteReadError):
            await reply.line()
        assert ticker.steps.count("end") == 1


async def test_stopping_ends_streams_in_bounded_time(ticker: Ticker) -> None:
    async with ticker.open("now", "never") as reply, ticker.open(*["big"] * 500) as deaf:
        for one in (reply, deaf):
            await one.head()
        assert await asyncio.wait_for(ticker.house.hub.stop("api_gateway"), 6) == ""
        await eventually(lambda: ticker.steps.count("end") == 2)
