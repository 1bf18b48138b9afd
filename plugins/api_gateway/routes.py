"""The routes below /api/v1, /metrics, and the guard that stands before them on TCP."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hub.api import Context, HubError, InvalidArgumentError, UnknownServiceError
from plugins.api_gateway.answers import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    WrongMethodError,
    answer,
    arguments_of,
    failure,
    refusal,
)
from plugins.api_gateway.asgi import App, ClientGoneError, Receive, Request, Response, Scope, Send, Socket
from plugins.api_gateway.lines import Lines
from plugins.api_gateway.streams import Streams
from plugins.api_gateway.tokens import Tokens

_ROOT = "/api/v1"
_SERVICES = f"{_ROOT}/services/"
_EVENTS = f"{_ROOT}/events"
_READS = {"GET", "HEAD"}
_CALLS = {"POST"}
_CALL_S = 10.0
_CALL_LIMIT_S = 3600.0
_CLIENT_GONE = 499
_FILTERS = ("area", "protocol", "label")
_METRICS = "metrics.text"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Endpoint = Callable[[Request], Awaitable[Any]]


class Api:
    """The API of one listener as an ASGI application; on a `remote` one nobody makes or revokes tokens."""

    def __init__(self, ctx: Context, streams: Streams, *, remote: bool) -> None:
        self._ctx = ctx
        self._streams = streams
        self._remote = remote
        self._reads: dict[str, Endpoint] = {
            f"{_ROOT}/health": self._health,
            f"{_ROOT}/plugins": self._plugins,
            f"{_ROOT}/devices": self._devices,
            f"{_ROOT}/state": self._state,
            f"{_ROOT}/services": self._services,
            "/metrics": self._metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> App:
        try:
            given = await self._endpoint(request)(request)
            return given if isinstance(given, Response | Lines) else answer(given)
        except ClientGoneError:
            return Response(status=_CLIENT_GONE)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told
            return refusal(*failure(error, f"{request.method} {request.path}", self._ctx.log))

    def _endpoint(self, request: Request) -> Endpoint:
        path = request.path
        service = path.removeprefix(_SERVICES)
        is_call = path.startswith(_SERVICES) and service and "/" not in service
        if (endpoint := self._call if is_call else self._reads.get(path)) is None:
            raise NotFoundError(f"there is nothing at {path}; the API is below {_ROOT}")
        if request.method not in (_CALLS if is_call else _READS):
            raise WrongMethodError(f"{path} cannot be asked with {request.method}")
        return endpoint

    async def _health(self, _request: Request) -> Any:  # noqa: ANN401 - what the service gives
        return await self._ctx.services.call("hub.status")

    async def _plugins(self, _request: Request) -> Any:  # noqa: ANN401 - what the service gives
        return await self._ctx.services.call("hub.plugins")

    async def _devices(self, request: Request) -> Any:  # noqa: ANN401 - what the service gives
        wanted: dict[str, Any] = {name: request.query[name] for name in _FILTERS if name in request.query}
        return await self._ctx.services.call("devices.list", **wanted)

    async def _state(self, request: Request) -> Mapping[str, Any]:
        return self._ctx.state.list(request.query.get("prefix", ""))

    async def _services(self, _request: Request) -> Any:  # noqa: ANN401 - what the registry gives
        return self._ctx.services.list()

    async def _metrics(self, _request: Request) -> Response:
        try:
            text = await self._ctx.services.call(_METRICS)
        except UnknownServiceError as error:
            if error.service != _METRICS:
                raise
            message = "there are no metrics: the plugin metrics does not run; `hub plugins show metrics` says why"
            raise NotFoundError(message) from error
        return Response(text.encode(), media_type=_METRICS_TYPE)

    async def _call(self, request: Request) -> dict[str, Any] | Lines:
        name = request.path.removeprefix(_SERVICES)
        if self._remote and name.startswith(f"{self._ctx.plugin}."):
            raise ForbiddenError(f"{name} can only be called on the hub's own machine, over its Unix socket")
        limit = _seconds(request.query.get("timeout"))
        arguments = await arguments_of(request)
        if "timeout" in arguments:
            raise InvalidArgumentError(f"{name}: no service takes 'timeout'; write ?timeout=seconds", service=name)
        services = self._ctx.services
        if any(one.streams for one in services.list() if one.name == name):
            items = services.stream(name, timeout=limit, **arguments)
            return Lines(name, items, self._streams, self._ctx.tasks, self._ctx.log)
        return {"result": await services.call(name, timeout=limit, **arguments)}

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (path := scope["path"]) != _EVENTS:
            missing = f"there is no WebSocket at {path}; events are at {_EVENTS}"
            await refusal(NotFoundError.code, missing)(scope, receive, send)
            return
        try:
            await self._streams.serve(Socket(scope, receive, send), token=scope.get("token", ""))
        except HubError as error:
            await refusal(error.code, str(error))(scope, receive, send)
        except Exception:
            self._ctx.log.exception("An event stream failed")
            raise


class Guard:
    """Lets through only requests that bring a known bearer token (RFC 6750, 2.1)."""

    def __init__(self, app: App, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of an ASGI server."""
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, secret = given.partition(" ")
        owner = self._tokens.owner(secret.strip()) if scheme.lower() == "bearer" else ""
        if owner:
            await self._app({**scope, "token": owner}, receive, send)
            return
        message = "this needs the header 'Authorization: Bearer <token>'; make a token with `hub token create`"
        await refusal(UnauthorizedError.code, message)(scope, receive, send)


def _seconds(text: str | None) -> float:
    if text is None:
        return _CALL_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _CALL_LIMIT_S:
        raise BadRequestError(f"timeout must be a number of seconds, at most {_CALL_LIMIT_S:g}, not {text!r}")
    return seconds
