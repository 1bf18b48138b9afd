"""The line as a host finds it: links, ports, takeover, backlog."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_plugins.virtual_radio import RadioError, VirtualRadio, transport
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.transport import PtyLine, Stream, TcpLine
from tests.harness import eventually


class Owner:
    def __init__(self) -> None:
        self.attached_times = 0
        self.detached_times = 0
        self.data = b""

    def attached(self) -> None:
        self.attached_times += 1

    def detached(self) -> None:
        self.detached_times += 1

    def host_wrote(self, data: bytes) -> None:
        self.data += data


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def timers() -> Iterator[Timers]:
    timers = Timers()
    yield timers
    timers.close()


async def test_a_pty_tells_of_hosts_that_come_and_go(owner: Owner, timers: Timers) -> None:
    line = PtyLine(owner, timers)
    line.plug()
    line.write(b"to nobody")
    for times in (1, 2):
        host = os.open(line.address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        await eventually(lambda times=times: owner.attached_times == times)  # type: ignore[misc]
        os.write(host, b"hello")
        await eventually(lambda times=times: owner.data == b"hello" * times)  # type: ignore[misc]
        with pytest.raises(BlockingIOError):  # nothing is left of what was written before
            os.read(host, 100)
        line.write(b"answer")
        if times == 1:
            assert os.read(host, 100) == b"answer"
            line.write(b"never read")
        os.close(host)
        await eventually(lambda times=times: owner.detached_times == times)  # type: ignore[misc]
    line.unplug()


@pytest.mark.allow_blocking  # links are files
async def test_a_link_leads_to_the_pty_and_is_taken_away(owner: Owner, timers: Timers, tmp_path: Path) -> None:
    link = tmp_path / "radio"
    link.symlink_to(tmp_path / "of a process that was killed")
    line = PtyLine(owner, timers, link)
    line.plug()
    first = link.readlink()
    assert line.address == str(link)
    line.unplug()
    assert not link.is_symlink()
    line.plug()
    assert link.readlink().parent == first.parent
    link.unlink()
    link.symlink_to("/of/another")
    line.unplug()
    assert link.is_symlink()


@pytest.mark.allow_blocking
@pytest.mark.parametrize("name", ["file", "no-folder/link"])
async def test_a_link_that_cannot_be_made_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    radio = VirtualRadio()
    with pytest.raises(RadioError, match=r"cannot be made .*choose another path"):
        radio.open_pty(tmp_path / name)
    await radio.close()
    assert (tmp_path / "file").read_text() == "mine"


async def test_a_new_tcp_host_takes_over(owner: Owner) -> None:
    line = TcpLine(owner, "127.0.0.1", 0)
    line.plug()
    line.plug()
    line.write(b"to nobody")
    first_reader, first_writer = await asyncio.open_connection("127.0.0.1", line.port)
    await eventually(lambda: owner.attached_times == 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    assert await first_reader.read() == b""
    await eventually(lambda: owner.attached_times == 2)
    line.write(b"answer")
    assert await reader.readexactly(6) == b"answer"
    writer.write(b"hello")
    await eventually(lambda: owner.data == b"hello")
    for each in (first_writer, writer):
        each.close()
    await eventually(lambda: owner.detached_times == 2)
    line.unplug()


async def test_a_port_that_is_taken_is_told() -> None:
    radio, other = VirtualRadio(), VirtualRadio()
    port = await radio.open_tcp()
    with pytest.raises(RadioError, match=f"TCP port {port} on 127.0.0.1 cannot be opened"):
        await other.open_tcp(port)
    with pytest.raises(RadioError, match="not open"):
        other.unplug()
    with pytest.raises(RadioError, match=f"open already, on socket://127.0.0.1:{port}"):
        radio.open_pty()
    await radio.close()
    await radio.close()


async def test_a_host_that_does_not_read_loses_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    stream = Stream(ours.detach(), lambda _: None, lambda: None)
    piece = bytes(range(256)) * 16
    for _ in range(100):
        stream.write(piece)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    got = b""
    while len(got) < transport.MAX_BACKLOG:
        got += await loop.sock_recv(theirs, 65536)
    await eventually(lambda: not stream._backlog)
    stream.write(b"end")
    while not got.endswith(b"end"):
        got += await loop.sock_recv(theirs, 65536)
    assert len(got) < 100 * len(piece)
    assert got.startswith(piece)
    theirs.close()
    stream.write(piece)
    stream.write(piece)
    stream.close()
    stream.close()


async def test_timers_end_with_their_owner(timers: Timers) -> None:
    ran: list[int] = []
    timers.after(0, ran.append, 1)
    timers.cancel(timers.after(0, ran.append, 2))
    timers.cancel(None)
    await eventually(lambda: ran == [1])
    timers.after(0, ran.append, 3)
    timers.close()
    timers.after(0, ran.append, 4)
    for _ in range(3):
        await asyncio.sleep(0)
    assert ran == [1]
