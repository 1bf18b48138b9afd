"""What a function's annotations become: a check, an order of arguments, and JSON Schemas."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
import pytest

from hub.schema import SchemaError, Signature, json_schema
from hub.types import Call


class Tone(msgspec.Struct):
    name: str
    volume: Annotated[int, msgspec.Meta(ge=0, le=10)] = 5


class Tree(msgspec.Struct):
    children: list["Tree"] = []


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: list[str]


async def everything(  # noqa: PLR0913, PLR0917
    tone: Tone,
    pets: list[Cat | Dog],
    call: Call,
    room: str | None = None,
    labels: list[str] = ["hall"],  # noqa: B006
    options: dict[str, float] = {},  # noqa: B006
    mode: Literal["once", "loop"] = "once",
) -> list[Tone] | None:
    raise AssertionError(tone, pets, call, room, labels, options, mode)


def test_arguments_become_a_closed_object_without_the_call() -> None:
    arguments, result = Signature(everything, "service x").schemas()

    assert arguments["type"] == "object"
    assert arguments["additionalProperties"] is False
    assert arguments["required"] == ["tone", "pets"]
    properties = arguments["properties"]
    assert [*properties] == ["tone", "pets", "room", "labels", "options", "mode"]
    assert properties["tone"] == {"$ref": "#/$defs/Tone"}
    assert properties["room"] == {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    assert properties["labels"] == {"type": "array", "items": {"type": "string"}}
    assert properties["options"] == {"type": "object", "additionalProperties": {"type": "number"}, "default": {}}
    assert properties["mode"] == {"enum": ["loop", "once"], "default": "once"}
    assert properties["pets"]["items"]["anyOf"] == [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]
    assert {*arguments["$defs"]} == {"Tone", "Cat", "Dog"}
    assert result["anyOf"][0] == {"type": "array", "items": {"$ref": "#/$defs/Tone"}}
    assert {*result["$defs"]} == {"Tone"}


def test_schemas_of_single_types() -> None:
    assert json_schema(None) == {"type": "null"}
    assert json_schema(type(None)) == {"type": "null"}
    assert json_schema(int | None) == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert json_schema(Any) == {}
    tone = json_schema(Tone)
    assert (tone["title"], "$defs" in tone) == ("Tone", False)
    assert tone["properties"]["volume"] == {"type": "integer", "minimum": 0, "maximum": 10, "default": 5}


def test_a_type_that_holds_itself_keeps_its_definition() -> None:
    tree = json_schema(Tree)

    assert tree["$ref"] == "#/$defs/Tree"
    assert tree["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_a_function_without_result_annotation_gives_anything() -> None:
    async def f(): ...  # type: ignore[no-untyped-def]  # noqa: ANN202

    assert Signature(f, "f").schemas()[1] == {}


def test_bind_orders_converts_and_fills_in() -> None:
    signature = Signature(everything, "service x")
    bound = signature.bind({"pets": [{"type": "Cat", "lives": 9}], "tone": {"name": "gong"}, "options": {"a": 1}})

    assert signature.call_index == 2
    assert signature.names == ("tone", "pets", "room", "labels", "options", "mode")
    assert bound == (Tone("gong"), [Cat(9)], None, ["hall"], {"a": 1.0}, "once")


def test_mutable_defaults_are_fresh_for_every_call() -> None:
    signature = Signature(everything, "service x")
    given = {"tone": {"name": "gong"}, "pets": []}
    first = signature.bind(given)
    first[3].append("attic")
    first[4]["a"] = 1.0

    assert signature.bind(given)[3:5] == (["hall"], {})


@pytest.mark.parametrize("count", [1, 3])
def test_parameters_by_name_only_are_given_by_name(count: int) -> None:
    def f(a: int, *, b: int = 2, c: int) -> tuple[int, int, int]:
        return (a, b, c)

    signature = Signature(f, "f")

    assert signature.function(*signature.bind({"a": count, "c": 3})) == (count, 2, 3)


def test_a_function_with_plain_parameters_is_called_as_it_is() -> None:
    assert Signature(everything, "x").function is everything


def test_a_generator_streams_and_its_result_is_an_item() -> None:
    async def ticks() -> AsyncIterator[Tone]:
        yield Tone("gong")

    async def tocks() -> AsyncGenerator[int]:
        yield 1

    async def told() -> AsyncIterator[int]:
        return tocks()

    assert Signature(ticks, "x").streams
    assert Signature(ticks, "x").schemas()[1]["title"] == "Tone"
    assert Signature(tocks, "x").schemas()[1] == {"type": "integer"}
    assert not Signature(everything, "x").streams
    with pytest.raises(SchemaError, match="AsyncIterator"):
        Signature(told, "x")


def test_what_makes_no_schema_is_refused_with_where_and_why() -> None:  # noqa: C901 - one small function a case
    async def many(*tones: str) -> None: ...

    async def named(**tones: str) -> None: ...

    async def only(tone: str, /) -> None: ...

    async def untyped(tone) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    async def timed(timeout: float) -> None: ...  # noqa: ASYNC109

    async def lost(tone: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    async def gone(tone: "msgspec.Nowhere") -> None: ...  # type: ignore[name-defined]

    async def strange(tone: complex) -> None: ...

    async def vague(pet: Tone | Tree) -> None: ...

    async def returns() -> complex: ...  # type: ignore[empty-body]

    async def default(tone: Any = object()) -> None: ...  # noqa: ANN401, B008

    async def bare() -> AsyncIterator:  # type: ignore[type-arg]
        yield 1

    async def unsaid():  # type: ignore[no-untyped-def]  # noqa: ANN202
        yield 1

    async def listed() -> list[int]:  # type: ignore[misc]
        yield 1

    async def odd() -> AsyncIterator[complex]:
        yield 1j

    for function, why in (
        (bare, "it yields items, so it must say of which type: -> AsyncIterator[type]"),
        (unsaid, "it yields items, so it must say of which type: -> AsyncIterator[type]"),
        (listed, "it yields items, so it must say of which type: -> AsyncIterator[type]"),
        (odd, "type <class 'complex'> is not supported"),
        (many, "parameter 'tones' must be a plain, named one"),
        (named, "parameter 'tones' must be a plain, named one"),
        (only, "parameter 'tone' must be a plain, named one"),
        (untyped, "parameter 'tone' has no type annotation; add one"),
        (timed, "no parameter may be called 'timeout'"),
        (lost, "an annotation cannot be read: name 'Nowhere' is not defined"),
        (gone, "an annotation cannot be read: module 'msgspec' has no attribute 'Nowhere'"),
        (strange, "type <class 'complex'> is not supported"),
        (vague, "must be tagged"),
        (returns, "type <class 'complex'> is not supported"),
        (default, "unsupported"),
    ):
        with pytest.raises(SchemaError) as caught:
            Signature(function, "service bell.play")
        said = str(caught.value)
        assert said.startswith("service bell.play: ")
        assert why in said
