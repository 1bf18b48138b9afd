"""A hub in memory with the API gateway in front of it, on a Unix socket and on TCP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.testing import HubInMemory, running
from plugins.api_gateway.plugin import ApiGateway
from tests.harness import free_port


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.text) if self.text else None


@dataclass
class House:
    hub: HubInMemory
    socket: Path
    port: int

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        tcp: bool = False,
        token: str = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        if tcp:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        else:
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
        sent = {"host": "localhost", "content-length": str(len(body)), "connection": "close", **(headers or {})}
        if token:
            sent["authorization"] = f"Bearer {token}"
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        try:
            head, _, rest = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
        finally:
            writer.close()
            await writer.wait_closed()
        first, *more = head.decode().split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in more)
        return Answer(int(first.split()[1]), named, rest.decode())

    async def call(
        self, service: str, arguments: dict[str, Any] | None = None, *, tcp: bool = False, token: str = ""
    ) -> Answer:
        body = json.dumps(arguments or {}).encode()
        return await self.ask("POST", f"/api/v1/services/{service}", body, tcp=tcp, token=token)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    port = free_port()
    settings = {"listen": f"127.0.0.1:{port}", "max_streams": 3, "stream_queue": 50}
    async with running(ApiGateway, config={"api_gateway": settings}, data_dir=tmp_path) as hub:
        yield House(hub, tmp_path / "hub.sock", port)
        assert hub.errors == []
