"""A real Mosquitto for tests, on a random port of 127.0.0.1, and a peer on it: a device, or an onlooker."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, override

import aiomqtt
import pytest

from tests.harness.process import Process
from tests.harness.waiting import eventually, free_port

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (apt-get install mosquitto)")


class Certificates(NamedTuple):
    """Paths of an authority's certificate, and of certificates of its making with their keys."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


class Heard(NamedTuple):
    """A message as a peer heard it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Broker:
    """Mosquitto with a configuration of its own; `lines` are added to it, `users` makes a password file.

    It may be killed, stopped and started again on the same port; with `persistent` it keeps what is retained.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: dict[str, str] | None = None,
        tls: Certificates | None = None,
        client_certificates: bool = False,
        persistent: bool = False,
        lines: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port()
        self.tls = tls
        self._process: Process | None = None
        self._users = users or {}
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        if self._users:
            _write_passwords(folder / "passwords", self._users)
        secured = [f"cafile {tls.ca}", f"certfile {tls.server}", f"keyfile {tls.server_key}"] if tls else []
        secured += ["require_certificate true", "use_identity_as_username true"] if client_certificates else []
        told = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if self._users else 'true'}",
            *([f"password_file {folder / 'passwords'}"] if self._users else []),
            *secured,
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            "set_tcp_nodelay true",
            "max_queued_messages 0",
            *([f"persistence true\npersistence_location {folder}/"] if persistent else []),
            *lines,
        ]
        self._config.write_text("\n".join([*told, ""]))

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        assert MOSQUITTO is not None
        # Also when the tests are killed, and while it hangs.
        bound = (setpriv, "--pdeathsig", "KILL") if (setpriv := shutil.which("setpriv")) else ()
        process = self._process = Process(*bound, MOSQUITTO, "-c", str(self._config))
        await eventually(lambda: process.find(r"mosquitto version .* running"), 10.0, "Mosquitto runs")

    def kill(self) -> None:
        """End it as a loss of power would."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    async def end(self) -> None:
        """End it in good order."""
        if (process := self._process) is not None:
            process.send(signal.SIGTERM)
            await eventually(lambda: process.returncode is not None, 10.0, "Mosquitto has ended")
            self.kill()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it hold still meanwhile, with its connections open."""
        assert self._process is not None
        self._process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._process.output if self._process is not None else ""

    @asynccontextmanager
    async def peer(self, *filters: str, will: aiomqtt.Will | None = None, user: str = "") -> "AsyncIterator[Peer]":
        """A client beside the hub that hears these filters; it is the first user if none is named."""
        name, password = (user, self._users[user]) if user else next(iter(self._users.items()), (None, None))
        tls = self.tls and aiomqtt.TLSParameters(str(self.tls.ca), str(self.tls.client), str(self.tls.client_key))
        heard: list[Heard] = []
        async with aiomqtt.Client(
            "127.0.0.1",
            self.port,
            username=name,
            password=password,
            tls_params=tls,
            will=will,
            queue_type=_collector(heard.append),
            max_inflight_messages=1000,
        ) as client:
            for each in filters:
                await client.subscribe(each, qos=1)
            yield Peer(client, heard)


class Peer:
    """A connected client; `heard` is what it heard, in order."""

    def __init__(self, client: aiomqtt.Client, heard: list[Heard]) -> None:
        self.client = client
        self.heard = heard

    async def say(self, topic: str, payload: bytes | str = b"", *, retain: bool = False, qos: int = 1) -> None:
        """Publish, and wait until the broker has it."""
        await self.client.publish(topic, payload, qos=qos, retain=retain)

    async def hears(self, topic: str, payload: bytes | str | None = None) -> Heard:
        """The latest message on this topic, with this payload if one is given, as soon as there is one."""
        wanted = payload.encode() if isinstance(payload, str) else payload

        def found() -> Heard | None:
            fits = (one for one in reversed(self.heard) if one.topic == topic and wanted in {None, one.payload})
            return next(fits, None)

        result = await eventually(found, 10.0, f"{topic} with {payload!r}")
        assert result is not None
        return result


def make_certificates(folder: Path) -> Certificates:
    """An authority, and certificates by it for 127.0.0.1 and for a client named `hub`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder.mkdir(parents=True, exist_ok=True)

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=folder)

    fresh = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    usage = "keyUsage=critical,keyCertSign,cRLSign"
    run("req", "-x509", *fresh, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-addext", usage)
    for name, subject, alternative in (("server", "/CN=broker", "IP:127.0.0.1"), ("client", "/CN=hub", "DNS:hub")):
        run("req", *fresh[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        extensions = f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        (folder / f"{name}.ext").write_text(extensions)
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
        run("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return Certificates(*(folder / name for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")))


def _write_passwords(path: Path, users: dict[str, str]) -> None:
    tool = shutil.which("mosquitto_passwd")
    assert tool is not None, "mosquitto_passwd comes with mosquitto"
    path.touch(mode=0o600)
    for name, password in users.items():
        subprocess.run([tool, "-b", str(path), name, password], check=True, capture_output=True)


def _collector(take: Callable[[Heard], None]) -> type[asyncio.Queue[aiomqtt.Message]]:
    class Collector(asyncio.Queue[aiomqtt.Message]):
        @override
        def put_nowait(self, item: aiomqtt.Message) -> None:
            payload = item.payload if isinstance(item.payload, bytes) else str(item.payload).encode()
            take(Heard(item.topic.value, payload, item.qos, item.retain))

    return Collector
