"""The text of a template in tokens."""

import re
from typing import NamedTuple

from device_plugins.mqtt.convention import MalformedError

LONGEST_TEMPLATE = 4096
MOST_TOKENS = 1500
_LONGEST_NUMBER = 18

_OPENING = re.compile(r"\{([{%#])([-+]?)")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<end>[-+]?(?:\}\}|%\}))
      | (?P<sign>\*\*|//|==|!=|<=|>=|[-+*/%~<>=|.,:()\[\]{}])
    )""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"{": "}}", "%": "%}"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Token(NamedTuple):
    """`kind` is number, name, text, sign or end; in a template also data, open ({{) and block ({%)."""

    kind: str
    value: str


def tokens(template: str) -> list[Token]:
    """The template as data, open … end and block … end.

    Raises MalformedError for what is no template, or too long.
    """
    if len(template) > LONGEST_TEMPLATE:
        raise MalformedError(f"a template is longer than {LONGEST_TEMPLATE} characters")
    found: list[Token] = []
    at, strip = 0, False
    while opening := _OPENING.search(template, at):
        data = template[at : opening.start()]
        data = data.lstrip() if strip else data
        found.append(Token("data", data.rstrip() if opening[2] == "-" else data))
        if opening[1] == "#":
            at, strip = _comment(template, opening.end())
        else:
            found.append(Token("open" if opening[1] == "{" else "block", ""))
            at, strip = _inside(template, opening.end(), _CLOSING[opening[1]], found)
    rest = template[at:]
    found.append(Token("data", rest.lstrip() if strip else rest))
    return [one for one in found if one.kind != "data" or one.value]


def _comment(template: str, at: int) -> tuple[int, bool]:
    end = template.find("#}", at)
    if end < 0:
        raise MalformedError("a comment in a template does not end")
    return end + 2, template[end - 1] == "-" and end > at


def _inside(template: str, at: int, closing: str, found: list[Token]) -> tuple[int, bool]:
    open_braces = 0
    while True:
        hit = _TOKEN.match(template, at)
        if hit is None:
            raise MalformedError(f"a template has {template[at : at + 12]!r} where it makes no sense")
        kind, value = str(hit.lastgroup), hit[str(hit.lastgroup)]
        if kind == "end" and value.endswith("}}") and open_braces:
            # An object's brace stands right before: `{{ {'a': 1}}}`.
            kind, value = "sign", "}"
            at = hit.start("end") + 1
            if hit["end"] != "}}":
                raise MalformedError("a template has a sign before a brace")
        else:
            at = hit.end()
        if kind == "end":
            if value[-2:] != closing:
                raise MalformedError(f"a template has {value!r} where {closing!r} should be")
            found.append(Token("end", ""))
            return at, value[0] == "-"
        open_braces += {"{": 1, "}": -1}.get(value, 0) if kind == "sign" else 0
        found.append(_token(kind, value))
        if len(found) > MOST_TOKENS:
            raise MalformedError(f"a template has more than {MOST_TOKENS} words")


def _token(kind: str, value: str) -> Token:
    if kind == "number" and len(value) > _LONGEST_NUMBER:
        raise MalformedError(f"a template has a number of more than {_LONGEST_NUMBER} digits")
    if kind == "text":
        return Token("text", _ESCAPE.sub(lambda hit: _ESCAPES.get(hit[1], hit[1]), value[1:-1]))
    return Token(kind, value)
