"""What is remembered of rows that were read: never more than its limit, and never stale."""

import random
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hub.storage.cache import Cache, Layers
from hub.storage.overlay import Overlay
from tests.hub.storage.engines import opened, sqlite


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000)), max_size=80))
def test_it_keeps_within_its_limit_and_what_was_asked_for_last(steps: list[tuple[int, int]]) -> None:
    cache = Cache(limit=10_000)
    for key, size in steps:
        cache.keep("a", str(key), (bytes(size), None))
        assert cache._size <= 10_000
        assert cache.find("a", str(key)) == (bytes(size), None)
    cache.clear()
    assert cache._size == 0


def test_what_it_holds_is_counted_with_keys_and_values_and_after_rows_changed() -> None:
    cache = Cache(limit=50_000)
    for number in range(400):
        key = f"{number:04}" * 100
        cache.keep("a", key, (bytes(1000), None) if number % 2 else None)
        cache.keep("a", f"{number}", None)
        if number % 3 == 0:
            cache.drop("a", [key])
    held = [(key, row) for (_, key), row in cache._rows.items()]
    assert 40_000 < sum(len(key) + (len(row[0]) if row else 0) + 200 for key, row in held) <= 50_000
    cache.drop("a", [key for key, _ in held])
    assert cache._size == 0


def test_what_changed_while_it_was_read_is_not_remembered_as_it_was() -> None:
    layers = Layers()
    layers.put("a", {"x": (b"new", None)})
    layers.keep("a", {"x": (b"old", None), "y": (b"1", None)})
    layers.overlay.lift()
    layers.overlay.land()
    assert layers.unknown("a", ["x", "y"]) == ["x"]


def test_what_waits_is_counted_while_a_commit_flies() -> None:
    overlay = Overlay()
    overlay.put("a", {"flies": (b"12345", None)})
    overlay.lift()
    for key in ("x", "y"):
        overlay.put("a", {key: (b"1234", None)})
    assert overlay.size == 10 + 2 * 5
    overlay.land()
    assert overlay.size == 2 * 5


def test_a_row_that_was_written_anew_does_not_expire_with_the_one_in_flight() -> None:
    overlay = Overlay()
    overlay.put("a", {"x": (b"1", 50), "y": (b"1", 60), "z": (b"1", 70)})
    overlay.lift()
    overlay.put("a", {"x": (b"2", None), "y": (b"2", 80)})
    overlay.put("b", {"z": (b"2", None)})
    assert sorted(overlay.expiring()) == [("a", "y", 80), ("a", "z", 70)]


def test_what_is_asked_for_often_stays() -> None:
    cache = Cache(limit=3000)
    cache.keep("a", "often", (b"x", None))
    for number in range(50):
        cache.keep("a", str(number), (bytes(300), None))
        assert cache.find("a", "often") == (b"x", None)
    assert not cache.has("a", "0")


def test_that_a_row_is_not_there_is_remembered_too() -> None:
    layers = Layers()
    layers.keep("a", {"x": None})
    assert layers.unknown("a", ["x", "y"]) == ["y"]
    assert layers.known("a", ["x"], {}, 0) == {}
    layers.put("a", {"x": (b"1", None)})
    assert layers.known("a", ["x"], {}, 0) == {"x": b"1"}


def test_an_expired_row_is_not_given() -> None:
    layers = Layers()
    layers.keep("a", {"x": (b"1", 50)})
    assert layers.known("a", ["x"], {}, 49) == {"x": b"1"}
    assert layers.known("a", ["x"], {}, 50) == {}


async def test_with_hardly_any_room_all_that_is_read_is_right(tmp_path: Path) -> None:
    dice, model = random.Random(4), dict[str, int]()
    async with opened(sqlite(tmp_path)) as engine:
        engine._rows.cache._limit = 700
        space = engine.namespace("a")
        for number in range(400):
            key = str(dice.randrange(12))
            match dice.randrange(4):
                case 0:
                    await space.set(key, number, durable=dice.random() < 0.3)
                    model[key] = number
                case 1:
                    assert await space.delete(key) == (model.pop(key, None) is not None)
                case 2:
                    assert await space.get(key) == model.get(key)
                case _:
                    keys = [str(one) for one in range(12)]
                    assert await space.get_many(keys) == model


async def test_a_second_read_does_not_ask_the_file(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        space = engine.namespace("a")
        await space.set("x", 1, durable=True)
        assert (await space.get("x"), await space.get("none")) == (1, None)
        asked: list[str] = []
        db = engine._file._file._db
        assert db is not None
        db.set_trace_callback(asked.append)
        assert (await space.get("x"), await space.get("none")) == (1, None)
        assert asked == []
        await space.set("x", 2, durable=True)
        assert await space.get("x") == 2
        assert any(text.startswith("SELECT") for text in asked)
