"""The client of a hub's local API over its Unix socket. HTTP and WebSocket libraries are loaded on first use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from hub.cli.errors import CommandError, RefusedError, UnreachableHubError, WrongUsageError
from hub.cli.feed import Feed

_CALL_S = 10.0
_MARGIN_S = 5.0


class Client:
    """Talks to the hub that listens on `socket`."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def get(self, path: str, *, patience: float = _CALL_S, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Read `/api/v1/<path>`.

        Raises RefusedError, UnreachableHubError.
        """
        target = f"/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        return self._ask("GET", target, None, patience)

    def call(self, service: str, /, arguments: dict[str, Any], *, limit: float = _CALL_S) -> Any:  # noqa: ANN401 - JSON
        """Call a service, which may take `limit` seconds to answer.

        Raises RefusedError, UnreachableHubError, WrongUsageError.
        """
        target, body = _asked(service, arguments, limit)
        return self._ask("POST", target, body, limit + _MARGIN_S)["result"]

    def stream(self, service: str, /, arguments: dict[str, Any], *, limit: float = _CALL_S) -> Iterator[Any]:
        """Call a service that gives items, each of which may take `limit` seconds; close the iterator to end it.

        Raises as `call` does, also between two items.
        """
        from hub.cli import unix_http  # noqa: PLC0415 - as below

        target, body = _asked(service, arguments, limit)
        for status, line in unix_http.lines(self.socket, "POST", target, body, limit + _MARGIN_S):
            item = self._read(status, line)
            match item:
                case {"error": {"code": _, "message": _}} if len(item) == 1:
                    raise refused(item)
            yield item

    def events(self, kind: str = "**", subject: str = "#") -> Feed:
        """Live events by type and subject pattern; enter it as a context."""
        query = urlencode({"type": kind, "subject": subject})
        return Feed(self.socket, f"ws://localhost/api/v1/events?{query}")

    def _ask(self, method: str, target: str, body: bytes | None, patience: float) -> Any:  # noqa: ANN401 - JSON
        from hub.cli import unix_http  # noqa: PLC0415 - http.client costs 20 ms that `hub run` need not pay

        return self._read(*unix_http.exchange(self.socket, method, target, body, patience))

    def _read(self, status: int, text: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = json.loads(text)
        except ValueError:
            raise UnreachableHubError(f"what answers on {self.socket} is not a hub") from None
        if status >= 400:  # noqa: PLR2004 - HTTP's first error
            raise refused(answer)
        return answer


def _asked(service: str, arguments: dict[str, Any], limit: float) -> tuple[str, bytes]:
    """Where and with which body a service is called."""
    try:
        body = json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise WrongUsageError("an argument is no UTF-8, or no finite number; neither can be sent") from error
    return f"/api/v1/services/{quote(service, safe='')}?timeout={limit:g}", body


def refused(answer: Any) -> CommandError:  # noqa: ANN401 - JSON
    """The error that the API tells."""
    error = answer.get("error", {}) if isinstance(answer, dict) else {}
    return RefusedError(error.get("message", "the hub refused without a reason"), reason=error.get("code", "error"))
