"""Answers and refusals as JSON: `{"error": {"code", "message"}}` with the HTTP status that fits the code."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from hub.api import HubError
from plugins.api_gateway.asgi import Request, Response, TooLongError

BODY_LIMIT = 1024 * 1024

_STATUS = {
    "bad_request": 400,
    "pattern": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_permitted": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "invalid_argument": 422,
    "invalid_value": 422,
    "unsupported": 422,
    "busy": 429,
    "failed": 500,
    "storage": 500,
    "too_many": 503,
    "unavailable": 503,
    "unreachable": 503,
    "command_timeout": 504,
    "timeout": 504,
}
_REFUSED = 409
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_JSON = "application/json"


class BadRequestError(HubError):
    """The request cannot be understood."""

    code: ClassVar[str] = "bad_request"


class UnauthorizedError(HubError):
    """The request brings no valid token."""

    code: ClassVar[str] = "unauthorized"


class ForbiddenError(HubError):
    """The request may not come this way."""

    code: ClassVar[str] = "forbidden"


class NotFoundError(HubError):
    """What was asked for is not there."""

    code: ClassVar[str] = "not_found"


class WrongMethodError(HubError):
    """What is there is asked in another way."""

    code: ClassVar[str] = "method_not_allowed"


class TooLargeError(HubError):
    """The request's body is larger than the limit."""

    code: ClassVar[str] = "too_large"


class TooManyError(HubError):
    """As many clients as allowed are connected already."""

    code: ClassVar[str] = "too_many"


def encoded(value: Any) -> bytes:  # noqa: ANN401 - whatever services give
    """The value as JSON; bytes become base64, and what JSON does not know becomes its text."""
    return _ENCODER.encode(value)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """A JSON response."""
    return Response(encoded(value), status, _JSON, headers)


def failure(error: Exception, what: str, log: logging.Logger) -> tuple[str, str]:
    """The code and the message of an error; one that was not meant for the client is logged, and not told."""
    if isinstance(error, HubError):
        return error.code, str(error)
    log.error("%s failed", what, exc_info=error)
    return "failed", "the hub failed to answer; its log has the details"


def problem(code: str, message: str) -> dict[str, dict[str, str]]:
    """An error as a client reads it."""
    return {"error": {"code": code, "message": message}}


def refusal(code: str, message: str) -> Response:
    """A JSON response that says what went wrong."""
    status = 404 if code.startswith("unknown_") else _STATUS.get(code, _REFUSED)
    headers = {"www-authenticate": "Bearer"} if code == UnauthorizedError.code else None
    return answer(problem(code, message), status, headers)


async def arguments_of(request: Request) -> dict[str, Any]:
    """The request's body: a JSON object, or nothing.

    Raises TooLargeError, BadRequestError.
    """
    try:
        body = await request.body(BODY_LIMIT)
    except TooLongError:
        raise TooLargeError(f"the body is larger than {BODY_LIMIT} bytes; send less") from None
    if not body:
        return {}
    try:
        arguments = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise BadRequestError("the body must be a JSON object that names the arguments")
    return arguments
