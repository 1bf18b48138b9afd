"""Templates say what Jinja2 would, within bounds that nobody gets out of."""

import contextlib
from collections.abc import Callable
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.jinja.blocks import Compiled
from device_plugins.mqtt.conventions.homeassistant.jinja.values import text_of
from device_plugins.mqtt.conventions.homeassistant.templates import command_template, value_template
from device_plugins.mqtt.description import NOTHING

JSON: dict[str, Any] = {
    "temperature": 21.53,
    "text": "21.5",
    "state": "ON",
    "none": None,
    "flag": True,
    "deep": {"list": [1, {"b": 2}], "key with space": 7},
    "count": 5,
    "comma": "on,204,0-255-128",
}

SAID = {
    "{{ value_json.temperature }}": 21.53,
    "{{value_json['temperature']}}": 21.53,
    '{{- value_json["deep"]["list"][1].b -}}': 2,
    "{{ value_json.deep.list.0 }}": 1,
    "{{ value_json.deep['key with space'] }}": 7,
    "{{ value_json.deep.list[-1]['b'] }}": 2,
    "{{ value_json.text | float }}": 21.5,
    "{{ value_json.text | float | round }}": 22,
    "{{ value_json.text | float * 2 + 1 }}": 44.0,
    "{{ (value_json.count | int - 1) / 2 }}": 2.0,
    "{{ value_json.temperature | round(1) }}": 21.5,
    "{{ value_json.temperature | round(0, 'ceil') }}": 22,
    "{{ value_json.temperature | round(1, 'floor') }}": 21.5,
    "{{ value_json.missing | default('x') }}": "x",
    "{{ value_json.none | default('x', true) }}": "x",
    "{{ value_json.missing | float(0) }}": NOTHING,
    "{{ value_json.state | lower }}": "on",
    "{{ value_json.state == 'ON' }}": True,
    "{{ 'a' if value_json.flag else 'b' }}": "a",
    "{{ 'a' if value_json.missing is defined else 'b' }}": "b",
    "{{ 'a' if not value_json.none }}": "a",
    "{{ value_json.flag and value_json.count > 3 or false }}": True,
    "{{ value_json.count in [1, 5] }}": True,
    "{{ value_json.state not in ['OFF'] }}": True,
    "{{ value_json.state in ('OFF', 'ON') }}": True,
    "{{ value_json.state in ('OFF',) }}": False,
    "{{ value_json.state in () }}": False,
    "{{ (value_json.count) in (1, 5,) }}": True,
    "{{ 'ON' in value_json.comma }}": False,
    "{{ value_json.comma.split(',')[2].split('-')[1] | int }}": 255,
    "{{ value_json.comma[:2] }}": "on",
    "{{ {'ON': 'heat', 'OFF': 'off'}[value_json.state] }}": "heat",
    "{% set m = {None: 'n', 'ON': 'heat'} %}{{ m[value_json.none] }}": "n",
    "{% if value_json.count > 7 %}many{% elif value_json.count > 3 -%} some {%- else %}few{% endif %}": "some",
    "{{ iif(value_json.flag, 'yes', 'no') }}": "yes",
    "{{ value_json.state ~ '-' ~ value_json.count }}": "ON-5",
    "a {# no #} {{ value_json.count }} b": "a  5 b",
    "{{ '%.1f' | format(value_json.temperature) }}": "21.5",
    "{{ '%02x' % value_json.count }}": "05",
    "{{ '0x1F' | int(base=16) }}": 31,
    "{{ [3, value_json.count, 4] | max }}": 5,
    "{{ value_json.count // 2 }}{{ value_json.count % 2 }}": "21",
    "{{ 2 ** 3 }}": 8,
    "{{ -2 ** 2 }}": 4,
    "{{ value_json.deep.list | length }}": 2,
    "{{ value_json.count is number }}": True,
    "{{ value_json.count is not string }}": True,
    "{{ value_json.count is divisibleby 5 }}": True,
    "{{ value_json.count is in [5] }}": True,
    "{{ {'a': [value_json.count, none]} | to_json }}": '{"a":[5,null]}',
    "{{ value_json.get('missing', 3) }}": 3,
    "{{ ['a', 'b'] | join('+') }}": "a+b",
    "{{ value_json.state.startswith('O') }}": True,
    "{{ value_json.deep.keys() | first }}": "list",
    "{{ value_json.temperature | is_defined }}": 21.53,
    "{{ 3 < value_json.count < 7 }}": True,
    "{{ 3 < value_json.count < 5 }}": False,
    "{{ value_json.count | bitwise_and(4) }}": 4,
    "{{ 1 if value_json.state == 'x' else 2 if value_json.flag else 3 }}": 2,
    "{{ 'a\\'b' }}": "a'b",
    "plain": "plain",
}


@pytest.mark.parametrize("template", SAID)
def test_what_a_template_says(template: str) -> None:
    taken = value_template(template).take(JSON)
    assert taken == SAID[template]
    assert type(taken) is type(SAID[template])


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.missing }}",
        "{{ value_json.missing.deeper }}",
        "{{ value_json.missing | is_defined }}",
        "{{ value_json.missing | int }}",
        "{{ value_json.missing + 1 }}",
        "{{ value_json.state.missing }}",
        "{{ value_json.deep.list[9] }}",
        "{{ {'a': 1}[value_json.state] }}",
    ],
)
def test_what_is_not_in_the_payload_says_nothing(template: str) -> None:
    assert value_template(template).take(JSON) is NOTHING


def test_the_text_of_a_payload() -> None:
    assert value_template("{{ value | int + 1 }}").take("41") == 42
    assert value_template("{{ value }}").encoding == value_template("").encoding == "text"
    both = value_template("{{ value_json.a if value_json is defined else value }}")
    assert both.encoding == "text"
    assert both.take('{"a": 3}') == 3
    assert both.take("plain") == "plain"


def test_a_command_is_always_a_text() -> None:
    assert command_template('{"brightness": {{ value }}{% if t is defined %}, "t": {{ t }}{% endif %}}')(value=3) == (
        '{"brightness": 3}'
    )
    assert command_template("{{ value | default('') }}")(value=21.0) == "21.0"
    with pytest.raises(ValueError, match="division"):
        command_template("{{ 1 / value }}")(value=0)


ODD = [None, True, "", "x", "nan", "inf", "1e400", " 7 ", [1], {"a": 1}, 10**30]
BOMBS = [
    "{{ range(10**9) }}",
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 10**10**10 }}",
    "{{ 9**9**9 }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ '%999999999s' % 'a' }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ '{:>1000000000}'.format('a') }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ lipsum(n=100000) }}",
    "{% for i in range(1000) %}{% for j in range(1000) %}x{% endfor %}{% endfor %}",
    "{% for a in value_json %}{{ a }}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ value_json.__class__.__init__.__globals__ }}",
    "{{ value_json['__class__']['__base__'] }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% set x = namespace(a=1) %}",
    "{{ now() }}",
    "{{ states('sensor.x') }}",
    "{{ value | regex_findall('(a+)+$') }}",
    "{{ value | regex_replace('(a+)+$', '') }}",
    "{{ value is match('(a+)+$') }}",
    "{{ " + "(" * 2000 + "1" + ")" * 1000 + " }}",
    "{{ " + "[" * 500 + "]" * 500 + " }}",
    "{{ " + "-" * 4000 + "1 }}",
    "{{ " + "not " * 900 + "true }}",
    "{{ " + "1+" * 1900 + "1 }}",
    "{{ a" + ".a" * 1900 + " }}",
    "{{ a" + "|abs" * 900 + " }}",
    "{{ 1 if " * 200 + "1" + " }}" * 200,
    "{% if 1 %}" * 200 + "{% endif %}" * 200,
    "{% set a = value ~ value %}" + "{% set a = a ~ a %}" * 100 + "{{ a }}",
    "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | to_json }}",
    "{% set a = [1, 1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == a }}{{ a | join }}",
    "{{ value" + " | replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')" * 50 + " }}",
    "{{ 99999999999999999999999999 }}",
    "{{ 1e999 }}",
    "{{ 0x" + "f" * 3000 + " }}",
    "x" * 5000,
    "{{",
    "{% if %}",
    "{{ 1 }",
    "{{ 'a }}",
    "{# never",
    "{% endif %}",
    "{{ a b }}",
    "{{ {1: } }}",
    "{{ x[ }}",
    "{{ }}",
    "{{ | int }}",
    "{{ value_json. }}",
    "{% else %}",
    "{% if a %}{% else %}{% else %}{% endif %}",
]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize(
    "payload", ["a" * 60_000, "a" * 4000, "12", '{"a": [[[[1]]]]}'], ids=["long", "a", "12", "json"]
)
def test_a_bomb_is_refused_or_comes_to_nothing_much(bomb: str, payload: str) -> None:
    try:
        template = value_template(bomb)
    except MalformedError:
        return
    given_ = payload if template.encoding == "text" else {"a": payload}
    try:
        found = template.take(given_)
        said = "" if found is NOTHING else text_of(found)
    except (ValueError, TypeError, LookupError, OverflowError):
        return
    assert len(said) <= 8192


def test_nothing_of_python_can_be_reached() -> None:
    for name in ("__class__", "items", "pop", "update", "append", "format", "encode", "__init__"):
        assert value_template(f"{{{{ value_json.{name} }}}}").take({"a": 1}) is NOTHING
        assert value_template(f"{{{{ value_json['{name}'] }}}}").take({"a": 1}) is NOTHING
    with pytest.raises(MalformedError, match="no method 'pop'"):
        value_template("{{ value_json.pop('a') }}")


def test_a_template_keeps_nothing_from_one_payload_to_the_next() -> None:
    template = value_template("{% if value_json.a is defined %}{% set seen = 1 %}{% endif %}{{ seen | default(0) }}")
    assert template.take({"a": 1}) == "1"
    assert template.take({}) == "0"


NUMBER_FORMS = [
    "{{ value_json.a | float }}",
    "{{ value_json['a']|int }}",
    "{{- value_json.a | round(1) -}}",
    "{{value_json.a|round}}",
    "{{ value_json.a | float | round(2) }}",
    "{{ value_json.a | int | round(1) }}",
    "{{ value_json.a | int | round() }}",
    "{{ value_json.deep.a | float }}",
]


@given(st.sampled_from(NUMBER_FORMS), st.integers(-(10**15), 10**15) | st.floats(-1e9, 1e9) | st.sampled_from(ODD))
@settings(max_examples=150, deadline=None)
def test_the_short_way_says_what_the_whole_way_does(text: str, number: object) -> None:
    for payload in ({"a": number, "deep": {"a": number}}, {"a": str(number), "deep": {}}, {}):
        short = outcome(value_template(text).take, payload)
        whole = outcome(Compiled(text).value, {"value_json": payload})
        assert (short is NOTHING and whole == "nothing") or (short == whole and type(short) is type(whole))


def outcome(run: Callable[[Any], Any], payload: object) -> object:
    try:
        return run(payload)
    except (ValueError, TypeError, LookupError, OverflowError):
        return "nothing"


WORDS = [
    "value", "value_json", ".", "a", "b", "[", "]", "'a'", "0", "1", "2.5", "|", "int", "float", "round", "(", ")", ",",
    "default", "is", "not", "defined", "in", "==", "<", "+", "-", "*", "/", "**", "~", "%", "if", "else", "and", "or",
    "{", "}", ":", "lower", "split", "string", "none", "true", "join", "to_json", "length", "{{", "}}", "{%", "%}",
    "set", "endif", "x", "=", "elif", "first", "replace", "format", "'%d'", "max",
]  # fmt: skip
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "x"]), inner, max_size=3),
    max_leaves=12,
)


def survives(text: str, payload: object) -> None:
    try:
        template = value_template(text)
        rendered = command_template(text)
    except MalformedError:
        return
    for run in (
        lambda: template.take(payload if template.encoding == "json" else str(payload)),
        lambda: rendered(value=payload, value_json=payload),
    ):
        with contextlib.suppress(ValueError, TypeError, LookupError, OverflowError):
            run()


@given(st.lists(st.sampled_from(WORDS), max_size=30), PAYLOADS)
@settings(max_examples=120, deadline=None)
def test_any_words_in_any_order_are_refused_or_run(words: list[str], payload: object) -> None:
    survives("{{ " + " ".join(words) + " }}", payload)
    survives(" ".join(words), payload)


@given(st.text(max_size=200), PAYLOADS)
@settings(max_examples=100, deadline=None)
def test_any_text_is_refused_or_runs(text: str, payload: object) -> None:
    survives(text, payload)
    survives("{{" + text + "}}", payload)


NUMBERS = st.integers(-1000, 1000) | st.sampled_from([0.5, 2.25, -7.125])
EXPRESSIONS = st.recursive(
    st.sampled_from(["value_json.a", "value_json.b", "value_json['s']", "value_json.none", "1", "2.5", "'on'"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "and", "or"]), inner)
        .map(" ".join),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"not {one}"),
        inner.map(lambda one: f"-({one})"),
        st.tuples(inner, inner, inner).map(lambda three: f"{three[0]} if {three[1]} else {three[2]}"),
        st.tuples(inner, st.sampled_from(["lower", "upper", "string", "default(3)", "abs", "length", "trim"]))
        .map(" | ".join),
        st.tuples(inner, st.sampled_from(["is defined", "is none", "is number", "is string", "is not defined"]))
        .map(" ".join),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} in [{two[1]}, 1]"),
    ),
    max_leaves=8,
)  # fmt: skip


JINJA = jinja2.Environment(autoescape=False)  # noqa: S701 - nothing of it is shown in a browser


@given(EXPRESSIONS, NUMBERS, NUMBERS, st.sampled_from(["on", "OFF", "", "12"]))
@settings(max_examples=80, deadline=None)
def test_an_expression_says_what_jinja_makes_of_it(expression: str, a: float, b: float, s: str) -> None:
    document = {"a": a, "b": b, "s": s, "none": None}
    text = "{{ " + expression + " }}"
    try:
        expected = JINJA.from_string(text).render(value_json=document)
    except (jinja2.TemplateError, TypeError, ArithmeticError):
        return
    try:
        found = command_template(text)(value_json=document)
    except (ValueError, TypeError):
        # What Python allows and values never need: a text by a number, a bool as a list.
        return
    assert found == expected.strip()
