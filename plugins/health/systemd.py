"""What systemd is told of the service it runs (sd_notify(3)): datagrams to the socket it names."""

import os
import socket
from collections.abc import Mapping


class Systemd:
    """The service manager, if one waits to be told; `watchdog` is how often it wants a sign of life (s; 0: never)."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self.watchdog = _watchdog(environ) if path else 0.0

    def tell(self, **facts: str) -> None:
        """Send facts like `READY="1"` at once; raises OSError when nobody takes them."""
        if not self._address:
            return
        text = "\n".join(f"{name}={' '.join(value.split())}" for name, value in facts.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            sender.sendto(text.encode(), self._address)


def _watchdog(environ: Mapping[str, str]) -> float:
    """Half of the time it allows, as sd_watchdog_enabled(3) asks for, if it is this process that is meant."""
    given, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    meant = pid in {"", str(os.getpid())}
    return int(given) / 2e6 if meant and given.isdecimal() else 0.0
