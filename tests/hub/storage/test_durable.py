"""Whatever is written durably is on the disk when the call returns, and only that is waited for."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hub.storage import Namespace
from hub.testing import ManualClock
from tests.hub.storage.engines import opened, sqlite
from tests.hub.storage.test_sqlite import commits

type Write = Callable[..., Awaitable[object]]


async def exchange(space: Namespace, **terms: bool) -> None:
    async with space.transaction(**terms) as both:
        both.delete("key")
        both.set("new", 1)


WRITES: dict[str, Write] = {
    "set": lambda space, **terms: space.set("key", 2, **terms),
    "set_many": lambda space, **terms: space.set_many({"key": 2, "new": 3}, **terms),
    "delete": lambda space, **terms: space.delete("key", **terms),
    "compare_and_set": lambda space, **terms: space.compare_and_set("key", 1, 2, **terms),
    "transaction": exchange,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize(("terms", "expected"), [({}, []), ({"durable": False}, []), ({"durable": True}, ["COMMIT"])])
async def test_a_write_is_committed_when_it_returns_if_it_is_durable(
    tmp_path: Path, write: Write, terms: dict[str, bool], expected: list[str]
) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        space = engine.namespace("a")
        await space.set("key", 1, durable=True)
        seen = commits(engine)
        await write(space, **terms)
        assert seen == expected
