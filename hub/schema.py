"""From annotations to a validator and a JSON Schema: what a service takes and gives is written once, in Python."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from copy import copy
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from hub.errors import HubError
from hub.types import Call

_astuple, _convert = msgspec.structs.astuple, msgspec.convert


class SchemaError(HubError):
    """A function's annotations do not make a schema."""

    code = "schema"


class Signature:
    """The arguments and the result of one function, taken from its annotations.

    `bind` turns a mapping (as it came from JSON, or native values) into positional arguments for `function`, which is
    the given one with its keyword-only parameters taken by position. When it `streams`, the result is that of an item.
    Raises SchemaError for a parameter without annotation, `*args`, a type msgspec does not know, or a generator whose
    items have none.
    """

    __slots__ = ("_schemas", "_struct", "call_index", "function", "names", "streams")

    def __init__(self, function: Callable[..., Any], where: str) -> None:
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        self.call_index = -1
        try:
            hints = get_type_hints(function, include_extras=True)
        except (AttributeError, NameError, SyntaxError, TypeError) as error:
            raise SchemaError(f"{where}: an annotation cannot be read: {error}") from error
        parameters = inspect.signature(function).parameters
        for index, parameter in enumerate(parameters.values()):
            if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
                raise SchemaError(f"{where}: parameter {parameter.name!r} must be a plain, named one")
            if parameter.name not in hints:
                raise SchemaError(f"{where}: parameter {parameter.name!r} has no type annotation; add one")
            if parameter.name == "timeout":
                raise SchemaError(f"{where}: no parameter may be called 'timeout': that is the caller's deadline")
            if hints[parameter.name] is Call:
                self.call_index = index
                continue
            field = (parameter.name, hints[parameter.name])
            fields.append(field if parameter.default is parameter.empty else (*field, _default(parameter.default)))
        self.names = tuple(name for name, *_ in fields)
        self.function = _by_position(
            function, [one.name for one in parameters.values() if one.kind == one.KEYWORD_ONLY]
        )
        self.streams = inspect.isasyncgenfunction(function)
        result = hints.get("return", Any)
        try:
            self._struct = msgspec.defstruct(
                "Arguments", fields, kw_only=True, forbid_unknown_fields=True, gc=False, module=function.__module__
            )
            self._schemas = json_schema(self._struct), json_schema(_item(result, where) if self.streams else result)
        except (TypeError, msgspec.ValidationError) as error:
            raise SchemaError(f"{where}: {str(error).splitlines()[-1]}") from error

    def bind(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """Check `arguments` and order them.

        Raises msgspec.ValidationError.
        """
        return _astuple(_convert(arguments, self._struct))

    def schemas(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """JSON Schemas of the arguments (an object) and of the result."""
        return self._schemas


def _item(result: Any, where: str) -> Any:  # noqa: ANN401 - any annotation
    if get_origin(result) not in {AsyncGenerator, AsyncIterator} or not (kinds := get_args(result)):
        raise SchemaError(f"{where}: it yields items, so it must say of which type: -> AsyncIterator[type]")
    return kinds[0]


def json_schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    """The JSON Schema of a type, self-contained."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    if name and not _refers(components, name):
        schema = components.pop(name)
    return {**schema, "$defs": components} if components else schema


def _refers(components: dict[str, Any], name: str) -> bool:
    return f"#/$defs/{name}" in msgspec.json.encode(components).decode().replace("\\/", "/")


def _default(value: Any) -> Any:  # noqa: ANN401 - any default
    if value and isinstance(value, list | dict | set):
        return msgspec.field(default_factory=lambda: copy(value))
    return value


def _by_position(function: Callable[..., Any], keywords: list[str]) -> Callable[..., Any]:
    if not keywords:
        return function
    count = len(keywords)
    return lambda *given: function(*given[:-count], **dict(zip(keywords, given[-count:], strict=True)))
