"""Records for systemd's journal, by its native protocol: a datagram of fields to a socket."""

import logging
import socket
import struct
from errno import EMSGSIZE
from typing import override

from hub.logs import owner, redact

SOCKET = "/run/systemd/journal/socket"
_PATIENCE_S = 0.2
_CUTS = (1 << 20, 1 << 15, 1 << 10)  # bytes of a value; what a datagram may hold depends on the system
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class JournalHandler(logging.Handler):
    """Writes to the journal; while it is away or does not follow, records are lost to it."""

    def __init__(self, path: str = SOCKET) -> None:
        super().__init__()
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(_PATIENCE_S)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        fields = {
            "MESSAGE": record.getMessage(),
            "PRIORITY": str(next((number for level, number in _PRIORITIES if record.levelno >= level), 7)),
            "SYSLOG_IDENTIFIER": "hub",
            "HUB_OWNER": owner(record.name),
            "HUB_TRACE": str(getattr(record, "trace", "")),
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName or "",
            "TRACEBACK": logging.Formatter().formatException(record.exc_info) if record.exc_info else "",
        }
        for limit in _CUTS:
            try:
                self._socket.sendto(b"".join(_field(*one, limit) for one in fields.items() if one[1]), self._path)
            except OSError as error:
                if error.errno == EMSGSIZE:
                    continue
                self._socket.settimeout(0.0)  # nobody waits for it again until it follows
            else:
                self._socket.settimeout(_PATIENCE_S)
            return

    @override
    def close(self) -> None:
        self._socket.close()
        super().close()


def _field(name: str, text: str, limit: int) -> bytes:
    value = redact(text).encode("utf-8", "backslashreplace")[:limit]
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(value)), value)
