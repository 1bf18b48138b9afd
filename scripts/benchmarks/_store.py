"""One part of the benchmark `storage`, in a process of its own: prints what it found as one JSON object.

    python -m scripts.benchmarks._store PART FOLDER COUNT [RATE]

The hub is put together as for a house, only without plugins, on an empty FOLDER or on what a former part left there.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import uvloop

from hub import config
from hub.assembly import Hub, disk_bytes
from hub.clock import SystemClock
from hub.journal.file import JournalFile, Pending
from hub.journal.reading import CHANGED
from hub.journal.retention import Limits
from hub.state import StateEngine
from hub.storage.file import open_file
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event, StateChanged

KEYS = 200
WRITERS = 16
TAIL = 20_000
"""Changes behind the newest snapshot of 5,000 states: as many as the journal ever lets there be."""

_COMMIT = 1000
_TURN = 100  # changes without a pause, as when much arrives at once
_WARM_UP = 2000
_SECOND = 10**9

type Found = dict[str, float]
type Change = tuple[str, Any]


def changes(keys: int = KEYS, seed: int = 1) -> Iterator[Change]:
    """Paths and new values without end: temperatures, humidities, light and presence, as sensors report them."""
    dice = random.Random(seed)  # noqa: S311 - any values will do
    values: list[Any] = [21.0, 45.0, 300, False]
    now = [values[number % 4] for number in range(keys)]
    kinds = ("temperature", "humidity", "illuminance", "occupancy")
    paths = [f"device/zigbee-{0x00124B0014A00000 + n // 4 * 7919:016x}/{kinds[n % 4]}" for n in range(keys)]
    while True:
        for number in dice.sample(range(keys), keys):
            before = now[number]
            match number % 4:
                case 0 | 1:
                    now[number] = round(before + dice.choice((-0.3, -0.2, -0.1, 0.1, 0.2, 0.3)), 2)
                case 2:
                    now[number] = max(before + dice.choice((-25, -7, -1, 1, 9, 22)), 0) + (not before)
                case _:
                    now[number] = not before
            yield paths[number], now[number]


def assembled(folder: Path, **sections: Any) -> Hub:  # noqa: ANN401 - TOML
    """A hub as `hub run` puts it together, with its configuration's defaults beside `sections`, and without plugins."""
    settings = config.load(None, sections, {}, data=folder)
    tasks, clock = TaskGroup("hub"), SystemClock()
    storage = SqliteEngine(settings.database, tasks=tasks, clock=clock, commit_window=settings.storage.commit_window)
    return Hub(settings, ({}, []), storage, tasks, clock, lambda: settings)


@asynccontextmanager
async def hub(folder: Path) -> AsyncIterator[Hub]:
    """Such a hub, started."""
    one = assembled(folder)
    await one.start()
    try:
        yield one
    finally:
        await one.close()


async def burst(folder: Path, count: int, _rate: float) -> Found:
    """Change states as fast as it goes, until the last is durable."""
    stream = list(itertools.islice(changes(), _WARM_UP + count))
    async with hub(folder) as house:
        await _set_all(house.core.state, stream[:_WARM_UP])
        await house.journal.flush()
        begun, cpu = time.perf_counter(), time.process_time()
        await _set_all(house.core.state, stream[_WARM_UP:])
        await house.journal.flush()
        return {"changes": count, "s": time.perf_counter() - begun, "cpu_s": time.process_time() - cpu}


async def steady(folder: Path, count: int, rate: float) -> Found:
    """Change states at an even pace; everything written is counted, also for opening and closing the files."""
    begun, before = time.perf_counter(), disk_bytes()
    async with hub(folder) as house:
        for number, (path, value) in enumerate(itertools.islice(changes(), count)):
            await asyncio.sleep(max(begun + number / rate - time.perf_counter(), 0))
            house.core.state.set(path, value, "bench")
    return {"changes": count, "s": time.perf_counter() - begun, "bytes": disk_bytes() - before}


async def durable(folder: Path, count: int, _rate: float) -> Found:
    """Writers at once, each of which waits for its write to be durable."""
    async with hub(folder) as house:
        store = house.core.storage.namespace("bench")

        async def write(writer: int, times: int) -> None:
            for number in range(times):
                await store.set(f"{writer}/{number % KEYS}", {"n": number, "text": "x" * 40}, durable=True)

        await asyncio.gather(*(write(one, 20) for one in range(WRITERS)))
        begun = time.perf_counter()
        await asyncio.gather(*(write(one, count // WRITERS) for one in range(WRITERS)))
        return {"writes": count // WRITERS * WRITERS, "s": time.perf_counter() - begun}


async def bare(folder: Path, count: int, rate: float) -> Found:
    """Insert rows with nothing but sqlite3, `rate` to a commit, each commit an fsync."""

    def insert() -> Found:
        rows = [
            (number, path, json.dumps(value)) for number, (path, value) in enumerate(itertools.islice(changes(), count))
        ]
        with closing(open_file(folder / "bare.db")) as db:
            db.execute("CREATE TABLE row (seq INTEGER PRIMARY KEY, path TEXT, value TEXT)")
            db.commit()
            begun = time.perf_counter()
            for some in itertools.batched(rows, int(rate), strict=False):
                with db:
                    db.executemany("INSERT INTO row VALUES (?, ?, ?)", some)
            return {"rows": count, "s": time.perf_counter() - begun}

    return await asyncio.to_thread(insert)


async def fill(folder: Path, count: int, _rate: float) -> Found:
    """Leave a journal of `count` states, and behind their snapshot as many changes as there may be."""

    def write() -> None:
        stream = changes(count)
        now = time.time_ns()
        rows = [(path, value, 1, now) for path, value in itertools.islice(stream, count)]
        versions = dict.fromkeys((row[0] for row in rows), 1)
        with closing(JournalFile(folder / "telemetry.db", Limits(1 << 30))) as file:
            file.open()
            file.store(Pending([], rows, is_snapshot=True, now=now))
            for some in itertools.batched(itertools.islice(stream, TAIL), _COMMIT, strict=True):
                told = []
                for path, value in some:
                    versions[path] += 1
                    now += _SECOND // 100
                    data = StateChanged(value, None, versions[path])
                    told.append((1, Event(CHANGED, path, "bench", 0, now, data)))
                file.store(Pending(told, [], now=now))

    await asyncio.to_thread(write)
    return {"states": count}


async def restore(folder: Path, count: int, _rate: float) -> Found:
    """Open the journal that `fill` left, and bring its states back."""
    begun = time.perf_counter()
    async with hub(folder) as house:
        taken = time.perf_counter() - begun
        if (found := len(house.core.state)) != count:
            raise RuntimeError(f"{found} states came back of {count}")
        return {"s": taken}


PARTS: dict[str, Callable[[Path, int, float], Coroutine[Any, Any, Found]]] = {
    part.__name__: part for part in (burst, steady, durable, bare, fill, restore)
}


async def _set_all(state: StateEngine, stream: list[Change]) -> None:
    for number, (path, value) in enumerate(stream):
        state.set(path, value, "bench")
        if not number % _TURN:
            await asyncio.sleep(0)


def main() -> None:
    """Run the part that the command line names."""
    part, folder, count, *rate = sys.argv[1:]
    print(json.dumps(uvloop.run(PARTS[part](Path(folder), int(count), float(rate[0]) if rate else 0.0))))


if __name__ == "__main__":
    main()
