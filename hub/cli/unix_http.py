"""One HTTP request over a Unix socket."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import override

from hub.cli.errors import UnreachableHubError
from hub.cli.trouble import unreachable


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = str(path)

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def exchange(path: Path, method: str, target: str, body: bytes | None, patience: float) -> tuple[int, bytes]:
    """The status and body of the answer, waiting at most `patience` seconds for each piece.

    Raises UnreachableHubError.
    """
    with _asked(path, method, target, body, patience) as response:
        return response.status, response.read()


def lines(path: Path, method: str, target: str, body: bytes | None, patience: float) -> Iterator[tuple[int, bytes]]:
    """The status with each line of the answer as it comes, waiting at most `patience` seconds for each.

    Raises UnreachableHubError.
    """
    rest = b""
    with _asked(path, method, target, body, patience) as response:
        while piece := response.read1():  # readline() takes an answer that was broken off for one that has ended
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield response.status, line
        if rest:
            yield response.status, rest


@contextmanager
def _asked(
    path: Path, method: str, target: str, body: bytes | None, patience: float
) -> Iterator[http.client.HTTPResponse]:
    connection = _UnixConnection(path, patience)
    headers = {"content-type": "application/json"} if body is not None else {}
    try:
        connection.request(method, target, body, headers)
        yield connection.getresponse()
    except OSError as error:
        raise unreachable(path, error) from error
    except http.client.HTTPException as error:
        raise UnreachableHubError(f"the hub on {path} broke off its answer") from error
    finally:
        connection.close()
