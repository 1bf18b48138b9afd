"""What every storage engine promises: one suite, run on each."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import StorageError
from hub.stats import StorageStats
from hub.storage import StorageEngine
from hub.storage.rows import Row, Rows
from hub.storage.values import DEPTH_LIMIT, KEY_LIMIT, VALUE_LIMIT, behind, decode, encode
from tests.hub.storage.engines import Store

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Size(NamedTuple):
    """It would come back as a list."""

    width: int
    height: int


async def test_a_value_is_read_as_it_was_written(engine: StorageEngine) -> None:
    lamp = engine.namespace("devices")
    value = {"name": "Hall lamp", "on": True, "level": 0.5, "key": b"\x00\xff", "labels": ["a", None, 2**64 - 1]}
    await lamp.set("lamp", value)
    assert await lamp.get("lamp") == value
    assert await lamp.get("nothing") is None
    assert await lamp.get("nothing", 7) == 7


async def test_a_stored_none_is_there(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set("key", None)
    assert await space.get("key", "default") is None
    assert await space.list() == [("key", None)]


async def test_namespaces_do_not_see_each_other(engine: StorageEngine) -> None:
    one, other = engine.namespace("one"), engine.namespace("other")
    await one.set("key", 1)
    await other.set("key", 2)
    assert await one.delete("key")
    assert await other.list() == [("key", 2)]
    assert await one.list() == []


async def test_what_each_namespace_handed_in_is_counted(engine: StorageEngine) -> None:
    one, other = engine.namespace("one"), engine.namespace("other")
    await one.set("key", "1234")
    await one.delete("key")
    await other.set("key", "12345")
    await other.set("key", "12345")
    counts = engine.stats().written
    assert counts == {"one": one.written, "other": other.written}
    assert counts["other"] > counts["one"] > 4


@pytest.mark.parametrize("durable", [False, True])
async def test_writes_are_there_after_a_restart(store: Store, *, durable: bool) -> None:
    space = store.space()
    await space.set_many({"kept": 1, "gone": 2, "swapped": 3}, durable=durable)
    assert await space.delete("gone", durable=durable)
    assert await space.compare_and_set("swapped", 3, 4, durable=durable)
    async with space.transaction(durable=durable) as both:
        both.set("swapped", 5)
        both.set("new", 6)
    await store.restart()
    assert await store.space().list() == [("kept", 1), ("new", 6), ("swapped", 5)]


async def test_delete_says_whether_it_was_there(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set("pending", 1)
    assert await space.delete("pending")
    assert not await space.delete("pending")
    await space.set("committed", 1, durable=True)
    assert await space.delete("committed")
    assert not await space.delete("committed", durable=True)
    assert await space.get("committed") is None


async def test_many_are_read_at_once(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    items = {f"{number:04}": number for number in range(1200)}
    await space.set_many(items, durable=True)
    await space.set("0007", "new")
    assert await space.get_many([*items, "absent"]) == {**items, "0007": "new"}
    assert await space.get_many([]) == {}


async def test_keys_may_hold_any_character(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    items = {key: key for key in ("'", '"', "\\", "%_*?[", "\n", "\x01", "ä", "\ue000", "\U0001f600", "1", "null")}
    await space.set_many(items, durable=True)
    assert await space.get_many([*items, "01", "\\\\"]) == items
    assert await space.list() == sorted(items.items())
    for key in items:
        assert await space.list(key) == [(key, key)]
        assert await space.compare_and_set(key, key, 1)
    assert await space.get_many([*items]) == dict.fromkeys(items, 1)


async def test_keys_are_listed_page_by_page_in_order(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    names = ["b/1", "b/10", "b/2", "b/ä", "b/\U0001f600", "b/\uffff"]
    await space.set_many({name: name for name in [*names[:3], "a", "c", "b"]}, durable=True)
    await space.set_many({name: name for name in names[3:]})
    seen: list[str] = []
    while page := await space.list("b/", after=seen[-1] if seen else "", limit=2):
        assert len(page) <= 2
        assert all(key == value for key, value in page)
        seen += [key for key, _ in page]
    assert seen == sorted(names)
    assert await space.list("b/", limit=0) == []
    assert [key for key, _ in await space.list(after="b/ä")] == ["b/\uffff", "b/\U0001f600", "c"]


async def test_a_page_is_full_although_pending_deletes_hide_rows(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set_many({f"{number:02}": number for number in range(20)}, durable=True)
    for number in range(10):
        await space.delete(f"{number:02}")
    assert [value for _, value in await space.list(limit=5)] == [10, 11, 12, 13, 14]
    assert [value for _, value in await space.list(after="17")] == [18, 19]


async def test_compare_and_set_is_strict(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    assert not await space.compare_and_set("key", 1, 2)
    assert await space.compare_and_set("key", None, {"b": 1, "a": [1]})
    assert not await space.compare_and_set("key", None, 2)
    assert not await space.compare_and_set("key", {"a": [True], "b": 1}, 2)
    assert not await space.compare_and_set("key", {"a": [1.0], "b": 1}, 2)
    assert await space.compare_and_set("key", {"a": (1,), "b": 1}, 2, durable=True)
    assert await space.get("key") == 2


async def test_of_many_that_compare_and_set_at_once_each_step_is_won_by_one(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set("count", 0)

    async def add_one() -> None:
        while True:
            now = await space.get("count")
            if await space.compare_and_set("count", now, now + 1, durable=now % 3 == 0):
                return

    await asyncio.gather(*(add_one() for _ in range(25)))
    assert await space.get("count") == 25


async def test_readers_never_see_half_of_set_many(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set_many({"left": 0, "right": 0})
    is_over = False

    async def read() -> None:
        while not is_over:
            values = await space.get_many(["left", "right"])
            listed = dict(await space.list())
            assert values["left"] == values["right"]
            assert listed["left"] == listed["right"]
            await asyncio.sleep(0)

    async def write() -> None:
        nonlocal is_over
        for number in range(60):
            await space.set_many({"left": number, "right": number}, durable=number % 2 == 0)
            assert (await space.get_many(["right"])) == {"right": number}
        is_over = True

    await asyncio.gather(write(), read(), read())


@pytest.mark.parametrize(
    ("key", "what"),
    [("", "1 to 512"), ("x" * (KEY_LIMIT + 1), "1 to 512"), ("a\0b", "NUL"), ("\ud800", "surrogate"), (3, "text")],
)
async def test_what_is_no_key_is_refused(
    engine: StorageEngine,
    key: Any,  # noqa: ANN401 - wrong on purpose
    what: str,
) -> None:
    space = engine.namespace("devices")
    for refused in (
        space.get(key),
        space.set(key, 1),
        space.delete(key),
        space.get_many([key]),
        space.set_many({"fine": 1, key: 1}),
        space.compare_and_set(key, None, 1),
    ):
        with pytest.raises(StorageError, match=f"devices: .*{what}"):
            await refused
    assert await space.list() == []


async def test_a_key_and_a_value_may_be_as_long_as_the_limit(engine: StorageEngine) -> None:
    space = engine.namespace("a")
    await space.set("k" * KEY_LIMIT, b"x" * (VALUE_LIMIT - 5), durable=True)
    assert len(await space.get("k" * KEY_LIMIT)) == VALUE_LIMIT - 5
    with pytest.raises(StorageError, match=r"^a: the value of 'big' has 1048577 .* 1048576; keep it in a file of "):
        await space.set("big", b"x" * (VALUE_LIMIT - 4))


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1, tzinfo=UTC),
        {1, 2},
        {1: "a"},
        OrderedDict(a=1),
        Size(2, 3),
        object(),
        2**64,
        [{"a": 1j}],
        bytearray(b"a"),
        "\ud800",
    ],
)
async def test_what_would_not_come_back_is_refused_with_its_key(engine: StorageEngine, value: object) -> None:
    space = engine.namespace("devices")
    with pytest.raises(StorageError, match="devices: the value of 'lamp' cannot be stored: "):
        await space.set_many({"other": 1, "lamp": value})
    with pytest.raises(StorageError, match="'lamp'"):
        await space.compare_and_set("lamp", None, value)
    assert await space.list() == []


async def test_a_value_nested_to_the_limit_is_kept_and_a_deeper_or_endless_one_refused(engine: StorageEngine) -> None:
    endless: list[object] = []
    endless.append(endless)
    deepest: list[object] = []
    for _ in range(DEPTH_LIMIT - 1):
        deepest = [deepest]
    space = engine.namespace("a")
    await space.set("key", deepest, durable=True)
    assert await space.get("key") == deepest
    for refused in ([deepest], endless):
        with pytest.raises(StorageError, match="nested deeper than 64"):
            await space.set("key", refused)


@pytest.mark.parametrize("name", ["", "Devices", "a b", "a/b", "ä"])
def test_a_namespace_is_a_plain_name(closed: Store, name: str) -> None:
    with pytest.raises(StorageError, match="is not a name: use the letters a-z"):
        closed.space(name)


async def test_a_closed_engine_says_so(closed: Store) -> None:
    engine = closed.engine
    space = engine.namespace("a")
    with pytest.raises(StorageError, match="closed"):
        await space.get("key")
    await engine.open()
    await engine.flush()
    await engine.close()
    await engine.close()
    for refused in (
        space.get("k"),
        space.list(),
        space.set("k", 1),
        space.delete("k"),
        space.compare_and_set("k", None, 1),
        space.get_many(["k"]),
        space.set_many({"k": 1}),
        engine.flush(),
    ):
        with pytest.raises(StorageError, match="closed"):
            await refused


async def test_a_damaged_value_hides_no_other_and_is_told_once(
    engine: StorageEngine, caplog: pytest.LogCaptureFixture
) -> None:
    space = engine.namespace("devices")
    await space.set_many({"a": 1, "c": 3, "d": 4})
    damaged = {"b": Row(b"\xc1"), "bb": Row(b"\xc1")}
    assert await cast("Rows", engine).apply("devices", {}, damaged, durable=False)

    assert await space.list() == [("a", 1), ("c", 3), ("d", 4)]
    assert await space.list(limit=2) == [("a", 1), ("c", 3)]
    assert await space.list("b") == []
    assert await space.list(after="a", limit=1) == [("c", 3)]
    assert all(one.getMessage().endswith("; it is left out of lists") for one in caplog.records)
    assert [one.getMessage().partition(" is damaged")[0] for one in caplog.records] == [
        "devices: the stored value of 'b'",
        "devices: the stored value of 'bb'",
    ]
    for refused in (space.get("b"), space.get_many(["a", "b"])):
        with pytest.raises(StorageError, match=r"devices: the stored value of 'b' is damaged .*; restore a backup"):
            await refused
    caplog.clear()
    async with space.transaction() as mended:
        assert await mended.list() == [("a", 1), ("c", 3), ("d", 4)]
        mended.delete("b")
    assert caplog.messages == []
    assert await space.delete("bb")
    assert await space.get_many(["b", "bb"]) == {}


async def test_it_counts_what_it_was_given(store: Store) -> None:
    one, same, other = store.space("one"), store.space("one"), store.space("other")
    assert store.engine.stats() == StorageStats()
    await one.set("key", "four")
    await same.set_many({"a": 1, "ä": 2})
    await one.delete("a")
    with pytest.raises(StorageError):
        await one.set("key", object())
    assert not await one.compare_and_set("key", "wrong", "x" * 100)
    async with one.transaction() as both:
        both.set("c", 3)
        both.delete("ä")
    await store.engine.flush()

    assert one.written == same.written == len("key") + 5 + 2 + 3 + 2
    assert other.written == 0
    stats = store.engine.stats()
    assert (stats.waiting_bytes, stats.failure) == (0, "")
    assert stats.rows >= 4
    assert stats.bytes >= 10
    assert stats.commits >= 1
    before = stats
    await other.set_many({"x": 1, "yy": 2, "z": "abc"})
    await store.engine.flush()
    stats = store.engine.stats()
    assert (stats.rows - before.rows, stats.bytes - before.bytes, stats.commits - before.commits) == (
        3,
        4 + 1 + 1 + 4,
        1,
    )
    await other.delete("x")
    await store.engine.flush()
    await other.set_many({})
    await store.engine.flush()
    assert (store.engine.stats().rows, store.engine.stats().commits) == (stats.rows + 1, stats.commits + 1)


@given(JSON_LIKE)
def test_the_codec_gives_back_what_it_took(value: object) -> None:
    assert decode("a", "key", encode("a", "key", value)) == value


@given(st.binary(max_size=20))
def test_damaged_bytes_are_a_storage_error(row: bytes) -> None:
    try:
        decode("devices", "lamp", row)
    except StorageError as error:
        assert "devices: the stored value of 'lamp' is damaged" in str(error)  # noqa: PT017 - most bytes decode


NEIGHBOURS = st.text(st.sampled_from("abc\ud7ff\ue000\ue001\U0010ffff"), max_size=4)


@given(NEIGHBOURS, NEIGHBOURS | st.text(max_size=4))
def test_what_is_behind_a_prefix_is_the_first_text_that_begins_with_another(prefix: str, text: str) -> None:
    end = behind(prefix)
    assert end is None or (prefix + text < end and not end.startswith(prefix))
    assert text <= prefix or text.startswith(prefix) or (end is not None and end <= text)
