"""A whole template: texts, outputs, `set` and `if`."""

from typing import Any

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.jinja.lexer import tokens
from device_plugins.mqtt.conventions.homeassistant.jinja.parser import Names, Node, Parser, node
from device_plugins.mqtt.conventions.homeassistant.jinja.values import LONGEST, text_of

_MOST_OUTPUT = 2 * LONGEST
_DEEPEST_BLOCK = 12


class Compiled:
    """A template that was read; it can be run by any number of payloads, one after the other or side by side.

    `names` are the variables it speaks of; `path` is set where it is nothing but one constant path.
    """

    __slots__ = ("_parts", "_single", "names", "path")

    def __init__(self, text: str) -> None:
        parser = Parser(tokens(text))
        parts = _parts(parser, 0)
        if parser.next.kind:
            raise MalformedError("a template has an end of a block that it does not begin")
        self.names = frozenset(parser.names)
        self._parts = parts
        shown = [one for one in parts if one.path != _BLANK]
        self._single = shown[0] if len(shown) == 1 and shown[0].path[:1] == _OUTPUT else None
        self.path = self._single.path[1:] if self._single is not None else ()

    def value(self, names: Names) -> Any:  # noqa: ANN401 - JSON's types
        """What a template says that is one expression, as it is; any other's text, without the blanks around it.

        Raises LookupError, ValueError, TypeError or ArithmeticError when it does not go with the payload.
        """
        if self._single is not None:
            return self._single.run(names)
        return self.text(names)

    def text(self, names: Names) -> str:
        """What the template says, without the blanks around it; the errors of `value`."""
        return _run(self._parts, dict(names)).strip()


_OUTPUT = ("{{",)
_BLANK = (" ",)


def _run(parts: list[Node], names: Names) -> str:
    found = "".join([text_of(one.run(names)) for one in parts])
    if len(found) > _MOST_OUTPUT:
        raise ValueError(f"a template gives more than {_MOST_OUTPUT} characters")
    return found


def _parts(parser: Parser, depth: int) -> list[Node]:
    """Parts up to the end of the template, or to a block that belongs to what is around them."""
    if depth > _DEEPEST_BLOCK:
        raise MalformedError("a template is nested too deeply")
    found: list[Node] = []
    while parser.next.kind:
        kind, value = parser.next
        if kind == "data":
            parser.take()
            found.append(_data(value))
        elif kind == "open":
            parser.take()
            shown = parser.expression()
            parser.want("end")
            found.append(Node(shown.run, shown.depth, (*_OUTPUT, *shown.path)))
        else:
            parser.want("block")
            if parser.next.value in {"elif", "else", "endif"}:
                return found
            found.append(_block(parser, depth))
    return found


def _data(text: str) -> Node:
    return Node(lambda _: text, 1, () if text.strip() else _BLANK)


def _block(parser: Parser, depth: int) -> Node:
    word = parser.want("name")
    if word == "set":
        return _set(parser)
    if word == "if":
        return _if(parser, depth)
    raise MalformedError(f"templates have no block {word!r:.40} here")


def _set(parser: Parser) -> Node:
    name = parser.want("name")
    parser.want("sign", "=")
    value = parser.expression()
    parser.want("end")

    def run(names: Names) -> str:
        names[name] = value.run(names)
        return ""

    return node(run, value)


def _if(parser: Parser, depth: int) -> Node:
    branches: list[tuple[Node, list[Node]]] = []
    word = "if"
    while word != "endif":
        test = parser.expression() if word != "else" else Node(lambda _: True)
        parser.want("end")
        branches.append((test, _parts(parser, depth + 1)))
        if word == "else" and parser.next.value != "endif":
            raise MalformedError("a template has a block after its 'else'")
        word = parser.want("name")
        if word not in {"elif", "else", "endif"}:
            raise MalformedError("a template has an 'if' that does not end")
    parser.want("end")

    def run(names: Names) -> str:
        return next((_run(parts, names) for test, parts in branches if test.run(names)), "")

    return node(run, *[test for test, _ in branches], *[one for _, parts in branches for one in parts])
