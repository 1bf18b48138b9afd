"""The routes below /api/v1, /metrics, and the guard that stands before them on TCP."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from hub.api import Context, HubError, InvalidArgumentError, UnknownServiceError
from plugins.api_gateway.answers import (
    BadRequestError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    answer,
    arguments_of,
    failure,
    refusal,
)
from plugins.api_gateway.lines import Lines
from plugins.api_gateway.streams import Streams
from plugins.api_gateway.tokens import Tokens

_CALL_S = 10.0
_CALL_LIMIT_S = 3600.0
_CLIENT_GONE = 499
_FILTERS = ("area", "protocol", "label")
_METRICS = "metrics.text"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Endpoint = Callable[[Request], Awaitable[Any]]


class Api:
    """The API of one listener; on a `remote` one nobody makes or revokes tokens."""

    def __init__(self, ctx: Context, streams: Streams, *, remote: bool) -> None:
        self._ctx = ctx
        self._streams = streams
        self._remote = remote

    def app(self) -> Starlette:
        """The ASGI application."""
        reads: dict[str, Endpoint] = {
            "health": self._health,
            "plugins": self._plugins,
            "devices": self._devices,
            "state": self._state,
            "services": self._services,
        }
        routes: list[Route | WebSocketRoute] = [
            Route(f"/api/v1/{name}", self._answering(read), methods=["GET"]) for name, read in reads.items()
        ]
        routes.append(Route("/api/v1/services/{name}", self._answering(self._call), methods=["POST"]))
        routes.append(Route("/metrics", self._answering(self._metrics), methods=["GET"]))
        routes.append(WebSocketRoute("/api/v1/events", self._events))
        return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})

    def _answering(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response | Lines]]:
        async def respond(request: Request) -> Response | Lines:
            try:
                given = await endpoint(request)
                return given if isinstance(given, Response | Lines) else answer(given)
            except ClientDisconnect:
                return Response(status_code=_CLIENT_GONE)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client is told
                return refusal(*failure(error, f"{request.method} {request.url.path}", self._ctx.log))

        return respond

    async def _health(self, _request: Request) -> Any:  # noqa: ANN401 - what the service gives
        return await self._ctx.services.call("hub.status")

    async def _plugins(self, _request: Request) -> Any:  # noqa: ANN401 - what the service gives
        return await self._ctx.services.call("hub.plugins")

    async def _devices(self, request: Request) -> Any:  # noqa: ANN401 - what the service gives
        wanted: dict[str, Any] = {name: request.query_params[name] for name in _FILTERS if name in request.query_params}
        return await self._ctx.services.call("devices.list", **wanted)

    async def _state(self, request: Request) -> Mapping[str, Any]:
        return self._ctx.state.list(request.query_params.get("prefix", ""))

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
        return Response(text, media_type=_METRICS_TYPE)

    async def _call(self, request: Request) -> dict[str, Any] | Lines:
        name: str = request.path_params["name"]
        if self._remote and name.startswith(f"{self._ctx.plugin}."):
            raise ForbiddenError(f"{name} can only be called on the hub's own machine, over its Unix socket")
        limit = _seconds(request.query_params.get("timeout"))
        arguments = await arguments_of(request)
        if "timeout" in arguments:
            raise InvalidArgumentError(f"{name}: no service takes 'timeout'; write ?timeout=seconds", service=name)
        services = self._ctx.services
        if any(one.streams for one in services.list() if one.name == name):
            items = services.stream(name, timeout=limit, **arguments)
            return Lines(name, items, self._streams, self._ctx.tasks, self._ctx.log)
        return {"result": await services.call(name, timeout=limit, **arguments)}

    async def _events(self, socket: WebSocket) -> None:
        try:
            await self._streams.serve(socket, token=socket.scope.get("token", ""))
        except HubError as error:
            await socket.send_denial_response(refusal(error.code, str(error)))
        except Exception:
            self._ctx.log.exception("An event stream failed")
            raise


class Guard:
    """Lets through only requests that bring a known bearer token (RFC 6750, 2.1)."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
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


async def _no_route(request: Request, error: Exception) -> Response:
    missing = not isinstance(error, HTTPException) or error.status_code == 404  # noqa: PLR2004
    if missing:
        return refusal("not_found", f"there is nothing at {request.url.path}; the API is below /api/v1")
    return refusal("method_not_allowed", f"{request.url.path} cannot be asked with {request.method}")
