"""Live events from a hub, as they come over its WebSocket."""

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hub.cli.errors import CommandError, RefusedError, UnreachableHubError
from hub.cli.trouble import unreachable

_OPEN_S = 10.0
_CLOSE_S = 1.0
_MESSAGE_LIMIT = 16 * 1024 * 1024
_MUTE = logging.getLogger(f"{__name__}.mute")
_MUTE.setLevel(logging.CRITICAL + 1)  # what goes wrong is raised, and told in one sentence


class Feed:
    """A context that is subscribed from the moment it is entered.

    Each message is an event, or `{"dropped": n}` when this client was too slow.
    """

    def __init__(self, socket: Path, address: str) -> None:
        self._socket = socket
        self._address = address
        self._stack = ExitStack()
        self._connection: Any = None

    def __enter__(self) -> Self:
        """Subscribe.

        Raises RefusedError for a malformed pattern, UnreachableHubError.
        """
        # Loaded here: it costs 100 ms that commands without live events need not pay.
        from websockets.exceptions import InvalidStatus, WebSocketException  # noqa: PLC0415
        from websockets.sync.client import unix_connect  # noqa: PLC0415

        try:
            opened = unix_connect(
                str(self._socket),
                self._address,
                compression=None,
                open_timeout=_OPEN_S,
                close_timeout=_CLOSE_S,
                max_size=_MESSAGE_LIMIT,
                logger=_MUTE,
            )
            self._connection = self._stack.enter_context(opened)
        except InvalidStatus as error:
            raise _refused(bytes(error.response.body or b"")) from error
        except OSError as error:
            raise unreachable(self._socket, error) from error
        except WebSocketException as error:
            raise UnreachableHubError(f"what answers on {self._socket} is not a hub") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hear no more."""
        self._stack.close()

    def next(self, within: float | None = None) -> dict[str, Any] | None:
        """The next message; `None` when none came `within` these seconds.

        Raises UnreachableHubError when the hub closes the connection.
        """
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - loaded already

        try:
            message: dict[str, Any] = json.loads(self._connection.recv(within))
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise UnreachableHubError(f"the hub on {self._socket} closed the connection; it may be stopping") from error
        return message

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All messages, until the hub closes the connection."""
        while True:
            message = self.next()
            if message is not None:
                yield message


def _refused(body: bytes) -> CommandError:
    try:
        error = json.loads(body)["error"]
        return RefusedError(error["message"], reason=error["code"])
    except (ValueError, KeyError, TypeError):
        return UnreachableHubError("the hub refused to tell its events")
