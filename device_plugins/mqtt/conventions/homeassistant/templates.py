"""Value templates and command templates: compiled once a text, and kept for the next that has the same."""

import contextlib
import functools
import re
from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.jinja.blocks import Compiled
from device_plugins.mqtt.conventions.homeassistant.jinja.values import UNDEFINED, MissingError, parsed
from device_plugins.mqtt.description import NOTHING, Encoding, Take

_KEPT = 2048

# The forms that most number sensors have.
_NUMBER = re.compile(
    r"""\{\{-?\s*(?P<path>value(?:_json(?:\.\w+|\[(?:'[^'\\]*'|"[^"\\]*")\])+)?)\s*
    (?:\|\s*(?P<kind>float|int)\s*)?(?:(?P<round>\|\s*round)\s*(?:\(\s*(?P<digits>\d)?\s*\)\s*)?)?-?\}\}""",
    re.VERBOSE,
)

type Render = Callable[..., str]


class ValueTemplate(msgspec.Struct, frozen=True):
    """`take` gives what the template says of a payload in this encoding, as JSON's types, or NOTHING."""

    encoding: Encoding
    take: Take


PLAIN = ValueTemplate("text", lambda payload: payload)
"""No template: the payload's own text."""


@functools.lru_cache(maxsize=_KEPT)
def value_template(text: str) -> ValueTemplate:
    """What reads the payloads of a topic; an empty text reads them as they are.

    Its `take` raises ValueError or TypeError for payloads that do not go with it, in a time that the template bounds.

    Raises MalformedError for a template that is wrong, or that uses what is not offered here.
    """
    if not text:
        return PLAIN
    compiled = _compiled(text)
    plain = _plain(compiled.path)
    if plain is not None:
        return plain
    if number := _NUMBER.fullmatch(text):
        plain = _plain(_compiled(f"{{{{ {number['path']} }}}}").path)
        if plain is not None:
            return _number(plain, number["kind"] or "float", int(number["digits"] or 0), rounds=bool(number["round"]))
    if "value" in compiled.names or "value_json" not in compiled.names:
        return ValueTemplate("text", _of_text(compiled))
    run = compiled.value
    return ValueTemplate("json", _told(lambda payload: run({"value_json": payload})))


@functools.lru_cache(maxsize=_KEPT)
def command_template(text: str) -> Render:
    """What makes a payload of a command: call it with the variables by name, gives the text.

    Raises MalformedError for a template that is wrong, or that uses what is not offered here; what it gives raises
    ValueError, TypeError or LookupError where the template does not go with the variables.
    """
    compiled = _compiled(text)

    def render(**names: Any) -> str:  # noqa: ANN401 - JSON's types
        try:
            return compiled.text(names)
        except ArithmeticError as exc:
            raise ValueError(str(exc)) from exc

    return render


def _plain(path: tuple[Any, ...]) -> ValueTemplate | None:
    """What reads a constant path, without running a template."""
    if path == ("value",):
        return PLAIN
    return ValueTemplate("json", _walk(path[1:])) if path[:1] == ("value_json",) else None


def _number(plain: ValueTemplate, kind: str, digits: int, *, rounds: bool) -> ValueTemplate:
    """What reads a number at a constant path: `| float`, `| int`, `| round(1)`, `| float | round(1)`."""
    take = plain.take

    def run(payload: Any) -> Any:  # noqa: ANN401
        raw = take(payload)
        if raw is NOTHING:
            return raw
        number = float(parsed(raw))
        if kind == "int":
            number = int(number)
        if not rounds:
            return number
        return round(float(number), digits) if digits else round(number)

    return ValueTemplate(plain.encoding, run)


def _compiled(text: str) -> Compiled:
    try:
        return Compiled(text)
    except RecursionError:
        raise MalformedError("a template is nested too deeply") from None


def _told(run: Take) -> Take:
    def take(payload: Any) -> Any:  # noqa: ANN401
        try:
            found = run(payload)
        except MissingError:
            return NOTHING
        except ArithmeticError as exc:
            raise ValueError(str(exc)) from exc
        return NOTHING if found is UNDEFINED else found

    return take


def _of_text(compiled: Compiled) -> Take:
    if "value_json" not in compiled.names:
        return _told(lambda payload: compiled.value({"value": payload}))

    def run(payload: str) -> Any:  # noqa: ANN401
        names = {"value": payload}
        with contextlib.suppress(msgspec.DecodeError):
            names["value_json"] = msgspec.json.decode(payload)
        return compiled.value(names)

    return _told(run)


def _walk(path: tuple[Any, ...]) -> Take:
    if len(path) == 1 and isinstance(path[0], str):
        return _entry(path[0])
    if path and all(isinstance(one, str) for one in path):
        return _entries(path)

    def take(payload: Any) -> Any:  # noqa: ANN401
        for key in path:
            try:
                payload = payload[key]
            except (LookupError, TypeError):
                return NOTHING
        return payload

    return take


def _entry(key: str) -> Take:
    def take(payload: Any) -> Any:  # noqa: ANN401
        return payload.get(key, NOTHING) if isinstance(payload, dict) else NOTHING

    return take


def _entries(path: tuple[str, ...]) -> Take:
    def take(payload: Any) -> Any:  # noqa: ANN401
        for key in path:
            if not isinstance(payload, dict):
                return NOTHING
            payload = payload.get(key, NOTHING)
        return payload

    return take
