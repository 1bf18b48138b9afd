"""The serial line as the host sees it: a pseudo-terminal or a TCP port, that can be unplugged and plugged in again."""

import asyncio
import os
import pty
import socket
import termios
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.timers import Timers

READ_SIZE = 65536
# What a host that does not read may leave waiting, in bytes; a UART would have lost it long before.
MAX_BACKLOG = 65536
# A pseudo-terminal tells of a closing host, but not of an opening one: look this often, in seconds.
LOOK_EVERY = 0.02


class LineOwner(Protocol):
    """Who hears what the line brings."""

    def attached(self) -> None:
        """Take note that a host has opened the line."""

    def detached(self) -> None:
        """Take note that it has closed it, or that the plug was pulled."""

    def host_wrote(self, data: bytes) -> None:
        """Take bytes."""


class Stream:
    """A non-blocking descriptor watched by the running loop; it owns the descriptor."""

    def __init__(
        self,
        descriptor: int,
        received: Callable[[bytes], None],
        ended: Callable[[], None],
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._loop = asyncio.get_running_loop()
        self._descriptor = descriptor
        self._received = received
        self._ended = ended
        self._backlog: deque[bytes] = deque()
        self._max_backlog = max_backlog
        self._waiting = 0
        self._reading = False
        self._closed = False

    @property
    def reading(self) -> bool:
        """Whether it watches for bytes, which it does from `start` to `stop` or the end."""
        return self._reading

    def start(self) -> None:
        """Watch for bytes."""
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._descriptor, self.read)

    def stop(self) -> None:
        """Watch no longer, and forget what was not yet written."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)
        self._forget()

    def read(self) -> None:
        """Take what is there now: bytes go to `received`, an end to `ended`."""
        try:
            data = os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            self.start()
            return
        except OSError:
            data = b""
        if data:
            self._received(data)
        else:
            self.stop()
            self._ended()

    def write(self, data: bytes) -> None:
        """Write now what fits and the rest when there is room; beyond `max_backlog` bytes are lost."""
        if self._closed:
            return
        if self._backlog:
            if self._waiting + len(data) <= self._max_backlog:
                self._backlog.append(data)
                self._waiting += len(data)
            return
        rest = data[self._write_some(data) :]
        if rest:
            self._backlog.append(rest)
            self._waiting = len(rest)
            self._loop.add_writer(self._descriptor, self._drain)

    def close(self) -> None:
        """Close the descriptor; more than once is fine."""
        if not self._closed:
            self._closed = True
            self.stop()
            os.close(self._descriptor)

    def _drain(self) -> None:
        while self._backlog:
            data = self._backlog.popleft()
            rest = data[self._write_some(data) :]
            self._waiting -= len(data) - len(rest)
            if rest:
                self._backlog.appendleft(rest)
                return
        self._loop.remove_writer(self._descriptor)

    def _write_some(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:  # the host has gone; reading will tell
            return len(data)

    def _forget(self) -> None:
        if self._backlog:
            self._loop.remove_writer(self._descriptor)
        self._backlog.clear()
        self._waiting = 0


class Line(Protocol):
    """One way a host can reach the NCP."""

    @property
    def address(self) -> str:
        """What the host is to open."""

    def write(self, data: bytes) -> None:
        """Send to the host; without one the bytes are lost."""

    def plug(self) -> None:
        """Be there for a host to open."""

    def unplug(self) -> None:
        """Vanish, as if the plug were pulled."""


class PtyLine:
    """A pseudo-terminal, and if wished a symbolic link that leads to it wherever it is."""

    def __init__(self, owner: LineOwner, timers: Timers, link: Path | None = None) -> None:
        self._owner = owner
        self._timers = timers
        self._link = link
        self._stream: Stream | None = None
        self._look: asyncio.Handle | None = None
        self._attached = False
        self._terminal = ""

    @property
    def address(self) -> str:
        """The path to open."""
        return str(self._link or self._terminal)

    def plug(self) -> None:
        """Make a new pseudo-terminal and lead the link to it; RadioError when the link cannot be made."""
        if self._stream is not None:
            return
        master, slave = pty.openpty()
        try:
            tty.setraw(slave)
            self._terminal = os.ttyname(slave)
        finally:
            os.close(slave)
        self._stream = Stream(master, self._received, self._ended)
        try:
            self._lead()
        except OSError as error:
            self.unplug()
            raise RadioError(f"The link {self._link} cannot be made ({error.strerror}): choose another path.") from None
        self._look = self._timers.after(LOOK_EVERY, self._look_for_host)

    def unplug(self) -> None:
        """Close the pseudo-terminal and take the link away."""
        if self._stream is None:
            return
        self._timers.cancel(self._look)
        self._stream.close()
        self._stream = None
        if self._link is not None and self._link.is_symlink() and os.readlink(self._link) == self._terminal:  # noqa: PTH115 - compared as text
            self._link.unlink()
        self._detach()

    def write(self, data: bytes) -> None:
        """Send to the host."""
        if self._stream is not None and self._attached:
            self._stream.write(data)

    def _lead(self) -> None:
        if self._link is None:
            return
        if self._link.exists() and not self._link.is_symlink():
            raise FileExistsError(0, "a file that is no link is there")
        new = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(self._terminal)
        new.replace(self._link)

    def _look_for_host(self) -> None:
        if self._stream is not None:
            self._stream.read()
            self._attach_if_reading()

    def _attach_if_reading(self) -> None:
        # A read that would block means that a host has the line open and has said nothing yet.
        if self._stream is not None and self._stream.reading and not self._attached:
            self._attached = True
            self._owner.attached()

    def _received(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.start()
            self._attach_if_reading()
            self._owner.host_wrote(data)

    def _ended(self) -> None:
        if self._attached:
            self._discard_unread()
        self._detach()
        self._look = self._timers.after(LOOK_EVERY, self._look_for_host)

    def _discard_unread(self) -> None:
        # What the last host left unread must not greet the next one.
        slave = os.open(self._terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            termios.tcflush(slave, termios.TCIFLUSH)
        finally:
            os.close(slave)

    def _detach(self) -> None:
        if self._attached:
            self._attached = False
            self._owner.detached()


class TcpLine:
    """A TCP port as of a serial-to-network bridge: one host at a time, a new one takes over."""

    def __init__(self, owner: LineOwner, host: str, port: int) -> None:
        self._owner = owner
        self._host = host
        self.port = port
        self._listener: socket.socket | None = None
        self._stream: Stream | None = None

    @property
    def address(self) -> str:
        """The URL to open."""
        return f"socket://{self._host}:{self.port}"

    def plug(self) -> None:
        """Listen; RadioError when the port is taken."""
        if self._listener is not None:
            return
        try:
            listener = socket.create_server((self._host, self.port), backlog=4)
        except OSError as error:
            raise RadioError(
                f"TCP port {self.port} on {self._host} cannot be opened ({error.strerror}): choose another."
            ) from None
        listener.settimeout(0)
        self.port = listener.getsockname()[1]
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept)

    def unplug(self) -> None:
        """Close the connection and the port."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self._listener = None
        self._drop()

    def write(self, data: bytes) -> None:
        """Send to the host."""
        if self._stream is not None:
            self._stream.write(data)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it hung up before we looked
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._drop()
        self._stream = Stream(connection.detach(), self._owner.host_wrote, self._drop)
        self._stream.start()
        self._owner.attached()

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
            self._owner.detached()
