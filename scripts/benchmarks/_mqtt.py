"""What the benchmark of MQTT needs beside the hub: a Mosquitto, a peer with a bare socket, and bare aiomqtt.

Run as a module it is bare aiomqtt: it hears `bare/#` on a port, says `ready`, and for each line that it reads says
how many messages it has had.
"""

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 20.0
_LONGEST_DIGIT = 128
_PUBLISH, _SUBSCRIBE, _CONNECT, _PING, _PONG = 0x30, 0x82, 0x10, 0xC0, 0xD0


class Peer:
    """A client of MQTT 3.1.1 on a plain socket, which costs next to nothing; QoS 0 only."""

    def __init__(self, port: int, *filters: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        name = f"peer-{os.getpid()}-{id(self)}"
        self._send(_CONNECT, _text("MQTT") + b"\x04\x02\x00\x00" + _text(name))
        self._packet()
        for each in filters:
            self._send(_SUBSCRIBE, b"\x00\x01" + _text(each) + b"\x00")
            self._packet()

    def say(self, messages: "Iterator[tuple[str, bytes]] | list[tuple[str, bytes]]", *, retain: bool = False) -> None:
        """Publish messages as fast as the broker takes them."""
        packed = (_packed(_PUBLISH | int(retain), _text(topic) + payload) for topic, payload in messages)
        self._socket.sendall(b"".join(packed))

    def hear(self) -> bytes:
        """Wait for the next message; returns its payload."""
        while True:
            kind, body = self._packet()
            if kind & 0xF0 == _PUBLISH:
                qos = kind >> 1 & 3
                start = 2 + struct.unpack("!H", body[:2])[0] + (2 if qos else 0)
                return body[start:]

    def ping(self) -> None:
        """Return when the broker has taken all that was said."""
        self._send(_PING, b"")
        while self._packet()[0] != _PONG:
            pass

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send(self, kind: int, body: bytes) -> None:
        self._socket.sendall(_packed(kind, body))

    def _packet(self) -> tuple[int, bytes]:
        kind, length, shift = self._take(1)[0], 0, 0
        while True:
            digit = self._take(1)[0]
            length |= (digit & (_LONGEST_DIGIT - 1)) << shift
            shift += 7
            if digit < _LONGEST_DIGIT:
                return kind, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self._socket.recv(1 << 16)
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """A Mosquitto; gives its port."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed; run: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", f"user {getpass.getuser()}"]
    lines += ["set_tcp_nodelay true", "max_queued_messages 0", "log_type error", ""]
    (folder / "mosquitto.conf").write_text("\n".join(lines))
    with subprocess.Popen([program, "-c", folder / "mosquitto.conf"]) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def bare_aiomqtt(port: int) -> "Iterator[subprocess.Popen[str]]":
    """Bare aiomqtt in a process of its own that hears `bare/#`."""
    command = [sys.executable, "-m", "scripts.benchmarks._mqtt", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError("bare aiomqtt did not connect")
        yield process
        process.communicate(timeout=_PATIENCE)


def count_of(bare: "subprocess.Popen[str]") -> int:
    """How many messages bare aiomqtt has had."""
    if bare.stdin is None or bare.stdout is None:
        raise RuntimeError("bare aiomqtt has no pipes")
    bare.stdin.write("\n")
    bare.stdin.flush()
    return int(bare.stdout.readline())


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        yield Path(text)


def _packed(kind: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, _LONGEST_DIGIT)
        digits.append(digit | (_LONGEST_DIGIT if length else 0))
        if not length:
            return bytes([kind]) + bytes(digits) + body


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


def _wait_for(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            Peer(port).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


async def _bare(port: int) -> None:
    import aiomqtt  # noqa: PLC0415 - the hub's side of the benchmark goes without it

    heard = 0

    def told() -> None:
        if not sys.stdin.readline():
            task.cancel()
        else:
            print(heard, flush=True)

    async def listen() -> None:
        nonlocal heard
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe("bare/#")
            print("ready", flush=True)
            async for message in client.messages:
                heard += bool(message.payload)

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(listen())
    loop.add_reader(sys.stdin.fileno(), told)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    loop.remove_reader(sys.stdin.fileno())


if __name__ == "__main__":
    import uvloop

    uvloop.run(_bare(int(sys.argv[1])))
