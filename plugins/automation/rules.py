"""Reading rules from TOML: one bad rule is told in one sentence and stops no other."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from device_plugins.sdk import slug
from hub.api import HubError
from plugins.automation import model
from plugins.automation.definition import Definition, broken, fit
from plugins.automation.words import did_you_mean

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HEADER = re.compile(r"^\s*\[\[\s*rule\s*\]\]", re.MULTILINE)
_WRONG_TYPE = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?(.*)`)?")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_PLACE = re.compile(r" ?\(at (line \d+, column \d+|end of document)\)")
_SUFFIX = re.compile(r" - at `[^`]*`$")
_KINDS = {
    "bool": "true or false",
    "str": "a text in quotes",
    "int": "a number",
    "float": "a number",
    "array": "a list",
    "object": "a table",
}
_LIST_LIMIT = 100
_DEPTH_LIMIT = 10

# The key that tells a part's kind; the first one found decides.
_TRIGGERS: dict[str, type[model.Trigger]] = {
    "event": model.EventTrigger,
    "device": model.DeviceTrigger,
    "state": model.StateTrigger,
    "time": model.TimeTrigger,
    "every": model.EveryTrigger,
}
_CONDITIONS: dict[str, type[model.DeviceCondition | model.StateCondition | model.TimeCondition]] = {
    "device": model.DeviceCondition,
    "state": model.StateCondition,
    "after": model.TimeCondition,
    "before": model.TimeCondition,
    "days": model.TimeCondition,
}
_GROUPS: dict[str, type[model.AnyCondition | model.AllCondition | model.NotCondition]] = {
    "any": model.AnyCondition,
    "all": model.AllCondition,
    "not": model.NotCondition,
}
_ACTIONS: dict[str, type[model.Action]] = {
    "set": model.SetAction,
    "command": model.CommandAction,
    "service": model.ServiceAction,
    "delay": model.DelayAction,
}
_PARTS = ("trigger", "condition", "action")


class _MistakeError(Exception):
    """A mistake in a rule: the sentence, the part it stands in, and the key by which to find its line."""

    def __init__(self, text: str, place: str = "", key: str = "") -> None:
        super().__init__(text)
        self.place = place
        self.key = key


def read(text: str, path: Path) -> list[Definition]:
    """The rules of one file, in its order; a mistake becomes a definition with an `error`."""
    try:
        document = tomllib.loads(text)
    except RecursionError:
        return [broken(path, f"{path.name}: its brackets are nested too deep")]
    except ValueError as error:  # TOMLDecodeError is one, and so is what Python says of a number with 5,000 digits
        return [broken(path, f"{path.name}{_position(str(error))}: this is not TOML: {_plain(str(error))}")]
    found: list[Definition] = []
    if other := [key for key in document if key != "rule"]:
        line = _line(text, re.compile(rf"^\s*\[*\s*{re.escape(other[0])}\b", re.MULTILINE), 0, len(text))
        found.append(broken(path, f"{path.name}{line}: unknown key {other[0]!r}; each rule begins with [[rule]]"))
    tables = document.get("rule", [])
    if not isinstance(tables, list):
        return [broken(path, f"{path.name}: a rule begins with [[rule]], in double brackets")]
    return found + [_definition(table, number, text, path) for number, table in enumerate(tables, 1)]


def _definition(table: Any, number: int, text: str, path: Path) -> Definition:  # noqa: ANN401 - from TOML
    fallback = f"{fit(slug(path.stem)) or 'rule'}-{number}"
    label = fallback
    if isinstance(table, dict):
        label = next((one for key in ("id", "name") if isinstance(one := table.get(key), str) and one), fallback)
    rule_id = fit(slug(label)) or fallback
    if isinstance(table, dict) and isinstance(given := table.get("id"), str) and _ID.fullmatch(given):
        rule_id = given
    try:
        rule = _rule(table, rule_id)
    except _MistakeError as error:
        place = f", {error.place}" if error.place else ""
        where = f"{path.name}{_line_of(text, number, error.key)}: rule {label[:60]!r}{place}"
        return Definition(id=rule_id, name=label, kind="rule", file=str(path), error=f"{where}: {error}")
    return Definition(id=rule.id, name=rule.name, kind="rule", file=str(path), enabled=rule.enabled, rule=rule)


def _rule(table: Any, rule_id: str) -> model.Rule:  # noqa: ANN401 - from TOML
    if not isinstance(table, dict):
        raise _MistakeError("a rule must be a table; begin it with [[rule]]")
    known = [*_keys(model.Heading), *_PARTS]
    heading = _convert({key: value for key, value in table.items() if key not in _PARTS}, model.Heading, known)
    if heading.id and not _ID.fullmatch(heading.id):
        raise _MistakeError("id may hold letters, digits, dots, dashes and underscores, 100 at most", key="id")
    for key in ("trigger", "action"):
        if not table.get(key):
            raise _MistakeError(f"it has no {key}; add {key} = [{{ ... }}]", key=key)
    return model.Rule(
        id=rule_id,
        name=heading.name or rule_id,
        enabled=heading.enabled,
        mode=heading.mode,
        triggers=tuple(_each(table, "trigger", lambda part: _part(part, _TRIGGERS, "a trigger"))),
        conditions=tuple(_each(table, "condition", _condition)),
        actions=tuple(_each(table, "action", lambda part: _part(part, _ACTIONS, "an action"))),
    )


def _each[P](table: Mapping[str, Any], key: str, read_one: Callable[[Any], P]) -> Iterator[P]:
    """The parts under `key`, which may be one table or a list of tables."""
    parts = table.get(key, [])
    parts = parts if isinstance(parts, list) else [parts]
    if len(parts) > _LIST_LIMIT:
        raise _MistakeError(f"at most {_LIST_LIMIT} of {key} fit into a rule; split it", key=key)
    for number, part in enumerate(parts, 1):
        try:
            yield read_one(part)
        except _MistakeError as error:
            place = f"{key} {number}" if len(parts) > 1 else key
            raise _MistakeError(str(error), place, error.key or key) from error


def _part[P: msgspec.Struct](part: Any, kinds: Mapping[str, type[P]], what: str) -> P:  # noqa: ANN401 - from TOML
    if not isinstance(part, dict):
        raise _MistakeError(f"{what} is a table, like {{ {next(iter(kinds))} = ... }}")
    for key, kind in kinds.items():
        if key in part:
            return _convert(part, kind, _keys(kind))
    hint = next((text for key in part if (text := did_you_mean(key, kinds))), "")
    raise _MistakeError(f"{what} needs one of the keys {', '.join(kinds)}{hint}", key=next(iter(part), ""))


def _condition(part: Any, depth: int = 0) -> model.Condition:  # noqa: ANN401 - from TOML
    group = next((key for key in _GROUPS if isinstance(part, dict) and key in part), "")
    if not group:
        kinds: dict[str, type[Any]] = {**_CONDITIONS, **_GROUPS}
        return _part(part, kinds, "a condition")  # type: ignore[no-any-return]
    if len(part) > 1:
        raise _MistakeError(f"{group} stands alone; put the other comparisons into a table of their own", key=group)
    if depth >= _DEPTH_LIMIT:
        raise _MistakeError(f"conditions may be nested {_DEPTH_LIMIT} deep", key=group)
    inner = part[group] if isinstance(part[group], list) else [part[group]]
    if not inner:
        raise _MistakeError(f"{group} holds no condition", key=group)
    return _GROUPS[group](tuple(_condition(one, depth + 1) for one in inner))


def _convert[P: msgspec.Struct](part: Mapping[str, Any], kind: type[P], known: list[str]) -> P:
    for key in part:
        if key not in known:
            hint = did_you_mean(key, known) or f"; it may hold {', '.join(known)}"
            raise _MistakeError(f"unknown key {key!r}{hint}", key=key)
    try:
        return msgspec.convert(part, kind)
    except msgspec.ValidationError as error:
        raise _mistake(str(error)) from error
    except HubError as error:
        raise _MistakeError(str(error)) from error


def _mistake(text: str) -> _MistakeError:
    if found := _MISSING.fullmatch(text):
        return _MistakeError(f"it has no {found[1]}; add {found[1]} = ...")
    if found := _WRONG_TYPE.fullmatch(text):
        wanted = " or ".join(dict.fromkeys(_KINDS.get(one, one) for one in found[1].split(" | ") if one != "null"))
        key = found[3] or ""
        return _MistakeError(f"{key} must be {wanted}, not {_KINDS.get(found[2], found[2])}", key=key.split("[")[0])
    key = found[1] if (found := re.search(r"at `\$\.(\w+)`$", text)) else ""
    text = _SUFFIX.sub("", text)
    if key == "mode":
        text = "mode must be 'restart', 'single' or 'parallel'"
    return _MistakeError(text, key=key)


def _keys(kind: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _line_of(text: str, number: int, key: str) -> str:
    """The line of `key` in the rule with this number, or of the rule; nothing where it cannot be told."""
    starts = [found.start() for found in _HEADER.finditer(text)]
    if number > len(starts):
        return ""
    start, end = starts[number - 1], [*starts, len(text)][number]
    named = re.compile(rf"(?<![\w\"'-]){re.escape(key)}[\"']?\s*=")
    return (_line(text, named, start, end) if key else "") or _line(text, _HEADER, start, end)


def _line(text: str, pattern: re.Pattern[str], start: int, end: int) -> str:
    found = pattern.search(text, start, end)
    if found is None:
        return ""
    first = found.start() + len(found[0]) - len(found[0].lstrip())
    return f", line {text.count(chr(10), 0, first) + 1}"


def _position(text: str) -> str:
    found = _PLACE.search(text)
    return f", {found[1]}" if found else ""


def _plain(text: str) -> str:
    text = _PLACE.sub("", text)
    return text[:1].lower() + text[1:]
