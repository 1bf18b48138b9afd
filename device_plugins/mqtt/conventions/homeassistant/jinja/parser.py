"""Expressions: tokens to nodes. A node runs in a time that its template bounds, for there is nothing that repeats.

Its grammar and what binds tighter are Jinja2's, from its documentation of expressions.
"""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.jinja.lexer import Token
from device_plugins.mqtt.conventions.homeassistant.jinja.values import (
    LARGEST,
    UNDEFINED,
    bounded,
    item,
    number_of,
    small,
    text_of,
    there,
)
from device_plugins.mqtt.conventions.homeassistant.jinja.words import (
    FILTERS,
    FUNCTIONS,
    METHODS,
    TESTS,
    Word,
    format_text,
    inside,
    same,
)

type Names = dict[str, Any]
type Run = Callable[[Names], Any]
type Binary = Callable[[Any, Any], Any]

DEEPEST_NODE = 60
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_RESERVED = frozenset({"and", "or", "not", "in", "is", "if", "else", "elif", "for", "set"})
_BIGGEST_POWER = 64


class Node(NamedTuple):
    """Something that can be worked out; `path` is a constant path from a name, where it is one."""

    run: Run
    depth: int = 1
    path: tuple[Any, ...] = ()


def node(run: Run, *below: Node) -> Node:
    """A node over others.

    Raises MalformedError when they are nested too deeply.
    """
    depth = 1 + max((one.depth for one in below), default=0)
    if depth > DEEPEST_NODE:
        raise MalformedError("a template is nested too deeply")
    return Node(run, depth)


def _number(change: Binary) -> Binary:
    return lambda left, right: bounded(change(number_of(left), number_of(right)))


def _plus(left: Any, right: Any) -> Any:  # noqa: ANN401 - JSON's types
    if isinstance(left, str) and isinstance(right, str):
        return text_of(text_of(left) + text_of(right))
    return bounded(number_of(left) + number_of(right))


def _modulo(left: Any, right: Any) -> Any:  # noqa: ANN401
    return format_text(left, right) if isinstance(left, str) else number_of(left) % number_of(right)


def _power(left: Any, right: Any) -> Any:  # noqa: ANN401
    base, exponent = number_of(left), number_of(right)
    if abs(exponent) > _BIGGEST_POWER:
        raise OverflowError("too high a power")
    found = float(base) ** float(exponent)
    if isinstance(found, complex):
        raise TypeError("not a real number")
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return int(bounded(found)) if whole else bounded(found)


def _ordered(compare: Binary) -> Binary:
    def run(left: Any, right: Any) -> bool:  # noqa: ANN401
        if isinstance(left, str) and isinstance(right, str):
            return bool(compare(text_of(left), text_of(right)))
        return bool(compare(number_of(left), number_of(right)))

    return run


_COMPARE: dict[str, Binary] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}
_SUM: dict[str, Binary] = {"+": _plus, "-": _number(operator.sub)}
_CONCAT: dict[str, Binary] = {"~": lambda left, right: text_of(text_of(left) + text_of(right))}
_PRODUCT: dict[str, Binary] = {
    "*": _number(operator.mul),
    "/": _number(operator.truediv),
    "//": _number(operator.floordiv),
    "%": _modulo,
}
_POWER: dict[str, Binary] = {"**": _power}
# From what binds loosest to what binds tightest.
_LEVELS = (_SUM, _CONCAT, _PRODUCT, _POWER)


class Parser:
    """Reads one expression after another from the tokens of a template."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = [*found, Token("", "")]
        self._at = 0
        self._inside = 0
        self.names: set[str] = set()

    @property
    def next(self) -> Token:
        """The token that comes next; its kind is empty at the end."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """The next token, which is then behind."""
        taken = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return taken

    def skip(self, kind: str, *values: str) -> str:
        """The next token's value if it is one of these, and then it is behind; otherwise empty."""
        token = self.next
        return self.take().value if token.kind == kind and token.value in values else ""

    def want(self, kind: str, value: str = "") -> str:
        """The next token's value, which is then behind.

        Raises MalformedError if it is another one.
        """
        token = self.take()
        if token.kind != kind or (value and token.value != value):
            raise MalformedError(f"a template has {token.value or token.kind or 'its end'!r:.40} in the wrong place")
        return token.value

    def expression(self) -> Node:
        """One whole expression."""
        self._inside += 1
        if self._inside > DEEPEST_NODE // 3:
            raise MalformedError("a template is nested too deeply")
        found = self._or()
        while self.skip("name", "if"):
            found = self._choice(found)
        self._inside -= 1
        return found

    def _choice(self, yes: Node) -> Node:
        test = self._or()
        no = self.expression() if self.skip("name", "else") else Node(lambda _: UNDEFINED)
        return node(lambda names: yes.run(names) if test.run(names) else no.run(names), yes, test, no)

    def _or(self) -> Node:
        left = self._and()
        while self.skip("name", "or"):
            left = self._either(left, self._and())
        return left

    def _either(self, left: Node, right: Node) -> Node:
        return node(lambda names: left.run(names) or right.run(names), left, right)

    def _and(self) -> Node:
        left = self._not()
        while self.skip("name", "and"):
            left = self._both(left, self._not())
        return left

    def _both(self, left: Node, right: Node) -> Node:
        return node(lambda names: left.run(names) and right.run(names), left, right)

    def _not(self) -> Node:
        times = 0
        while self.next == ("name", "not"):
            self.take()
            times += 1
        found = self._compare()
        if not times:
            return found
        return node(lambda names: bool(found.run(names)) == (times % 2 == 0), found)

    def _compare(self) -> Node:
        parts = [self._level(0)]
        signs: list[Binary] = []
        while (sign := self._comparison()) is not None:
            signs.append(sign)
            parts.append(self._level(0))
        if not signs:
            return parts[0]
        if len(signs) == 1:
            return self._binary(signs[0], parts[0], parts[1])

        def run(names: Names) -> bool:
            # As in Python, `1 < a < 3` asks both.
            left = parts[0].run(names)
            for compare, part in zip(signs, parts[1:], strict=True):
                right = part.run(names)
                if not compare(left, right):
                    return False
                left = right
            return True

        return node(run, *parts)

    def _comparison(self) -> Binary | None:
        if sign := self.skip("sign", *_COMPARE):
            return _COMPARE[sign]
        if self.skip("name", "in"):
            return inside
        if self.skip("name", "not"):
            self.want("name", "in")
            return lambda part, whole: not inside(part, whole)
        return None

    def _level(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while sign := self.skip("sign", *_LEVELS[level]):
            left = self._binary(_LEVELS[level][sign], left, self._level(level + 1))
        return left

    def _binary(self, change: Binary, left: Node, right: Node) -> Node:
        return node(lambda names: change(left.run(names), right.run(names)), left, right)

    def _unary(self) -> Node:
        sign, times = 1, 0
        while taken := self.skip("sign", "-", "+"):
            sign, times = (-sign if taken == "-" else sign), times + 1
        found = self._primary()
        while (more := self._postfix(found)) is not None:
            found = more
        if times:
            plain = found
            found = node(lambda names: sign * number_of(plain.run(names)), plain)
        while (more := self._filter(found)) is not None:
            found = more
        return found

    def _primary(self) -> Node:
        token = self.take()
        if token.kind == "name":
            return self._name(token.value)
        if token.kind == "number":
            number = _literal(token.value)
            return Node(lambda _: number)
        if token.kind == "text":
            return self._texts(token.value)
        if token.kind == "sign" and token.value in _HOLDERS:
            return _HOLDERS[token.value](self)
        raise MalformedError(f"a template has {token.value or 'its end'!r:.40} where a value should be")

    def _texts(self, text: str) -> Node:
        while self.next.kind == "text":
            text += self.take().value
        return Node(lambda _: text)

    def _name(self, name: str) -> Node:
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return Node(lambda _: constant)
        if name in _RESERVED:
            raise MalformedError(f"a template has {name!r} where a value should be")
        if self.next == ("sign", "("):
            if name not in FUNCTIONS:
                raise MalformedError(f"templates have no function {name!r:.40} here")
            return self._call(FUNCTIONS[name], None)
        self.names.add(name)
        return Node(lambda names: names.get(name, UNDEFINED), 1, (name,))

    def _group(self) -> Node:
        """Brackets around a value, or a tuple, which is a list here."""
        if self.next == ("sign", ")"):
            return self._list(")")
        found = self.expression()
        if self.skip("sign", ","):
            return self._list(")", found)
        self.want("sign", ")")
        return Node(found.run, found.depth)

    def _list(self, end: str = "]", *first: Node) -> Node:
        parts = [*first, *self._several(end)]
        return node(lambda names: [one.run(names) for one in parts], *parts)

    def _several(self, end: str) -> list[Node]:
        parts: list[Node] = []
        while not self.skip("sign", end):
            parts.append(self.expression())
            if self.next != ("sign", end):
                self.want("sign", ",")
        return parts

    def _object(self) -> Node:
        keys: list[Node] = []
        values: list[Node] = []
        while not self.skip("sign", "}"):
            keys.append(self.expression())
            self.want("sign", ":")
            values.append(self.expression())
            if self.next != ("sign", "}"):
                self.want("sign", ",")
        pairs = list(zip(keys, values, strict=True))
        return node(lambda names: {_key(key.run(names)): value.run(names) for key, value in pairs}, *keys, *values)

    def _postfix(self, holder: Node) -> Node | None:
        if self.skip("sign", "."):
            token = self.take()
            if token.kind not in {"name", "number"}:
                raise MalformedError("a template has a point with no name after it")
            if token.kind == "name" and self.next == ("sign", "("):
                if token.value not in METHODS:
                    raise MalformedError(f"templates have no method {token.value!r:.40} here")
                return self._call(METHODS[token.value], holder)
            return self._part(holder, token.value if token.kind == "name" else _literal(token.value))
        if self.skip("sign", "["):
            return self._subscript(holder)
        return None

    def _part(self, holder: Node, key: Any) -> Node:  # noqa: ANN401
        found = node(lambda names: item(holder.run(names), key), holder)
        return Node(found.run, found.depth, (*holder.path, key) if holder.path else ())

    def _subscript(self, holder: Node) -> Node:
        if self.next.kind in {"text", "number"} and self._tokens[self._at + 1] == ("sign", "]"):
            token = self.take()
            self.take()
            return self._part(holder, token.value if token.kind == "text" else _literal(token.value))
        start = Node(lambda _: None) if self.next == ("sign", ":") else self.expression()
        if not self.skip("sign", ":"):
            self.want("sign", "]")
            return node(lambda names: item(holder.run(names), _key(start.run(names))), holder, start)
        end = Node(lambda _: None) if self.next == ("sign", "]") else self.expression()
        self.want("sign", "]")
        return node(lambda names: _slice(holder.run(names), start.run(names), end.run(names)), holder, start, end)

    def _filter(self, value: Node) -> Node | None:
        if self.skip("sign", "|"):
            name = self.want("name")
            if name not in FILTERS:
                raise MalformedError(f"templates have no filter {name!r:.40} here")
            return self._call(FILTERS[name], value)
        if self.skip("name", "is"):
            return self._test(value)
        return None

    def _test(self, value: Node) -> Node:
        wrong = bool(self.skip("name", "not"))
        name = self.take().value
        if name not in TESTS:
            raise MalformedError(f"templates have no test {name!r:.40} here")
        word = TESTS[name]
        found = self._call(word, value) if self.next == ("sign", "(") else self._bare(word, value)
        return node(lambda names: bool(found.run(names)) != wrong, found)

    def _bare(self, word: Word, value: Node) -> Node:
        token = self.next
        if token.kind in {"number", "text"} or token in _OPENERS or (token.kind == "name" and not _ends(token.value)):
            other = self._primary()
            return node(lambda names: word(value.run(names), other.run(names)), value, other)
        return node(lambda names: word(value.run(names)), value)

    def _call(self, word: Word, first: Node | None) -> Node:
        parts = [first] if first is not None else []
        named: dict[str, Node] = {}
        if self.skip("sign", "("):
            while not self.skip("sign", ")"):
                self._argument(parts, named)
                if self.next != ("sign", ")"):
                    self.want("sign", ",")
        if not named and len(parts) == 1:
            only = parts[0]
            return node(lambda names: word(only.run(names)), only)

        def run(names: Names) -> Any:  # noqa: ANN401
            return word(*[one.run(names) for one in parts], **{name: one.run(names) for name, one in named.items()})

        return node(run, *parts, *named.values())

    def _argument(self, parts: list[Node], named: dict[str, Node]) -> None:
        if self.next.kind == "name" and self._tokens[self._at + 1] == ("sign", "="):
            name = self.take().value
            self.take()
            named[name] = self.expression()
        else:
            parts.append(self.expression())


_HOLDERS: dict[str, Callable[[Parser], Node]] = {
    "(": Parser._group,  # noqa: SLF001 - its own
    "[": Parser._list,  # noqa: SLF001
    "{": Parser._object,  # noqa: SLF001
}
_OPENERS = frozenset({("sign", "["), ("sign", "{")})


def _ends(name: str) -> bool:
    return name in {"and", "or", "else", "is", "if", "not", "in"}


def _literal(text: str) -> float:
    try:
        number = int(text) if text.replace("_", "").isdigit() else float(text)
    except ValueError:
        raise MalformedError(f"a template has the number {text!r:.40}") from None
    if not -LARGEST <= number <= LARGEST:
        raise MalformedError("a template has a number beyond all measure")
    return number


def _key(key: Any) -> Any:  # noqa: ANN401
    if isinstance(there(key), list | dict):
        raise TypeError("a list or an object is no key")
    return key


def _slice(holder: Any, start: Any, end: Any) -> Any:  # noqa: ANN401
    if isinstance(small(holder), dict):
        raise TypeError("an object has no slices")
    low, high = (None if one is None else int(number_of(one)) for one in (start, end))
    return holder[low:high]
