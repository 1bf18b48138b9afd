"""Matching of event types (`devices.*`, `state.**`) and subjects (`device/+/on_off`, `device/#`).

Types are parted by dots: `*` stands for exactly one part, `**` for any number of parts, none included.
Subjects are parted by slashes with MQTT's wildcards: `+` one part, `#` (last part only) the rest, its parent
included (MQTT 5.0, 4.7.1).
"""

import re
from collections.abc import Callable

from hub.errors import HubError

type Matcher = Callable[[str], bool]

_LIMIT = 512
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_PART = re.compile(r"[^\s.*]+")
_ANY = r"(?:\.[^.]+)"


class PatternError(HubError):
    """A pattern is malformed."""

    code = "pattern"


def type_matcher(pattern: str) -> Matcher | None:
    """Compile a type pattern; `None` when it matches every type.

    Raises PatternError.
    """
    if pattern == "**":
        return None
    parts = _checked(pattern, "type").split(".")
    if "*" not in pattern:
        _plain(pattern, parts)
        return pattern.__eq__
    stretches = [""]
    for part in parts:
        if part == "**":
            stretches.append("")
        elif part == "*":
            stretches[-1] += r"\.[^.]+"
        elif _PART.fullmatch(part):
            stretches[-1] += r"\." + re.escape(part)
        else:
            raise PatternError(f"event type pattern {pattern!r}: {part!r} is not a name, * or **")
    matches = re.compile(_joined(stretches)).fullmatch
    return lambda text: matches("." + text) is not None


def subject_matcher(pattern: str) -> Matcher | None:
    """Compile a subject pattern; `None` when it matches every subject.

    Raises PatternError.
    """
    if pattern == "#":
        return None
    parts = _checked(pattern, "subject").split("/")
    if "#" in parts[:-1]:
        raise PatternError(f"subject pattern {pattern!r}: # may only be the last part")
    wild = [part for part in parts if ("+" in part or "#" in part) and len(part) > 1]
    if wild:
        raise PatternError(f"subject pattern {pattern!r}: + and # must stand alone between slashes, not as {wild[0]!r}")
    if "+" not in parts and parts[-1] != "#":
        return pattern.__eq__
    rest = parts[-1] == "#"
    named = parts[:-1] if rest else parts
    expression = "/".join("[^/]*" if part == "+" else re.escape(part) for part in named)
    matches = re.compile(expression + (r"(?:/.*)?" if rest else ""), re.DOTALL).fullmatch
    return lambda text: matches(text) is not None


def _joined(stretches: list[str]) -> str:
    """Join what stands between the `**`; the first fit of each inner stretch is final, so time stays linear."""
    first, *inner = stretches
    if not inner:
        return first
    held = "".join(rf"(?>{_ANY}*?{stretch}(?![^.]))" for stretch in inner[:-1] if stretch)
    return f"{first}{held}{_ANY}*{inner[-1]}"


def _checked(pattern: str, kind: str) -> str:
    if not pattern or len(pattern) > _LIMIT or _SURROGATE.search(pattern):
        raise PatternError(f"{kind} pattern must have 1 to {_LIMIT} characters of UTF-8, not {pattern[:80]!r}")
    return pattern


def _plain(pattern: str, parts: list[str]) -> None:
    if not all(_PART.fullmatch(part) for part in parts):
        raise PatternError(f"event type {pattern!r} must be names parted by single dots")
