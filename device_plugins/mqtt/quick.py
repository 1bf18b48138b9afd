"""The receiving side of paho's client, past its general parser: one read for many packets, one slice a payload.

The library reads byte by byte and makes a dozen objects a message; this takes a fifth of that time, and keeps what is
too long out of memory. All but PUBLISH goes the library's way.
"""

import socket
import ssl
import time
from collections.abc import Callable
from typing import override

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

from device_plugins.mqtt.network import Incoming

# So much is taken in at once, before others in the loop have their turn.
_CHUNK = 8192
_PUBLISH, _KIND, _QOS, _RETAINED = 0x30, 0xF0, 0x06, 0x01
_QOS_2 = 0x04
_MORE, _DIGITS = 0x80, 4
_OK, _LOST, _PROTOCOL = (
    MQTTErrorCode.MQTT_ERR_SUCCESS,
    MQTTErrorCode.MQTT_ERR_CONN_LOST,
    MQTTErrorCode.MQTT_ERR_PROTOCOL,
)
LARGEST = 1 << 20
"""A packet with more bytes is passed over."""


class QuickClient(paho.Client):
    """A client whose messages go to `incoming`; `too_long` is told the topic and the size of what is passed over.

    One that was made as a plain client becomes this one with `begin`.
    """

    incoming: Incoming
    too_long: Callable[[str, int], None]
    _rest = b""
    _skip = 0

    @staticmethod
    def begin(client: paho.Client, incoming: Incoming, too_long: Callable[[str, int], None]) -> None:
        """Make a client that is not connected yet a quick one."""
        client.__class__ = QuickClient
        assert isinstance(client, QuickClient)  # noqa: S101 - said above
        client.incoming, client.too_long = incoming, too_long

    @override
    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take what has come in."""
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        try:
            data = self._sock_recv(_CHUNK)
        except BlockingIOError:
            return _OK
        except OSError:
            data = b""
        if not data:
            return self._loop_rc_handle(_LOST)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        try:
            code = self._take(data)
        except (IndexError, UnicodeDecodeError, MalformedPacket):
            code = _PROTOCOL
        return code if code == _OK else self._loop_rc_handle(code)

    @override
    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """Encrypt; unlike the library, close what could not be."""
        if self._ssl_context is None:
            raise ValueError("a certificate was never asked for")
        encrypted = self._ssl_context.wrap_socket(tcp_sock, server_hostname=self._host, do_handshake_on_connect=False)
        try:
            encrypted.settimeout(self._connect_timeout)
            encrypted.do_handshake()
        except BaseException:
            encrypted.close()
            raise
        return encrypted

    def _take(self, data: bytes) -> MQTTErrorCode:
        """Handle all packets that are complete, and keep the rest."""
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        buffer, at = (self._rest + data if self._rest else data), 0
        while True:
            size, start = _length(buffer, at + 1)
            if not start:
                break
            stop = start + size
            if stop > len(buffer):
                if size > LARGEST and (skipping := self._pass_over(buffer, at, start, stop)):
                    self._skip, at = skipping, len(buffer)
                break
            code = self._packet(buffer, at, start, stop)
            if code != _OK or self._sock is None:
                return code
            at = stop
        self._rest = buffer[at:]
        return _OK

    def _packet(self, buffer: bytes, at: int, start: int, stop: int) -> MQTTErrorCode:
        command = buffer[at]
        if command & _KIND == _PUBLISH and not command & _QOS_2:
            topic, mid, at = self._head(buffer, command, start)
            if stop - start > LARGEST:
                self.too_long(topic, stop - start)
            else:
                self.incoming(topic, buffer[self._behind_properties(buffer, at) : stop], bool(command & _RETAINED))
            return self._send_puback(mid) if command & _QOS else _OK
        self._in_packet = {
            "command": command,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": stop - start,
            "packet": bytearray(buffer[start:stop]),
            "to_process": 0,
            "pos": 0,
        }
        return self._packet_handle()

    def _pass_over(self, buffer: bytes, at: int, start: int, stop: int) -> int:
        """How many bytes of a packet that is too long are still to come; 0 while its head is not there, or needed."""
        command = buffer[at]
        if command & _KIND != _PUBLISH or command & _QOS_2:
            return 0
        if len(buffer) < start + 2 or len(buffer) < start + 4 + (buffer[start] << 8 | buffer[start + 1]):
            return 0
        topic, mid, _ = self._head(buffer, command, start)
        self.too_long(topic, stop - start)
        if command & _QOS:
            self._send_puback(mid)
        return stop - len(buffer)

    @staticmethod
    def _head(buffer: bytes, command: int, start: int) -> tuple[str, int, int]:
        """The topic of a PUBLISH, its message id, and what is behind them."""
        behind = start + 2 + (buffer[start] << 8 | buffer[start + 1])
        topic = str(buffer[start + 2 : behind], "utf-8")
        if not command & _QOS:
            return topic, 0, behind
        return topic, buffer[behind] << 8 | buffer[behind + 1], behind + 2

    def _behind_properties(self, buffer: bytes, at: int) -> int:
        if self._protocol != paho.MQTTv5:
            return at
        if not buffer[at]:
            return at + 1
        size, start = _length(buffer, at)
        return start + size


def _length(buffer: bytes, at: int) -> tuple[int, int]:
    """A length of one to four digits, and what is behind it; 0 behind it while there is not all of it.

    Raises IndexError for one that does not end.
    """
    size = 0
    for number, digit in enumerate(buffer[at : at + _DIGITS]):
        size |= (digit & ~_MORE) << 7 * number
        if not digit & _MORE:
            return size, at + number + 1
    if len(buffer) >= at + _DIGITS:
        raise IndexError("a length of more than four digits")
    return 0, 0
