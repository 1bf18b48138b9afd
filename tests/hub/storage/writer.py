"""A child process that writes durably and says what was acknowledged: `writer.py FOLDER forever|limited`."""

import asyncio
import resource
import signal
import sys
from pathlib import Path

from hub.errors import StorageError
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def forever(engine: SqliteEngine) -> None:
    space = engine.namespace("a")
    number = await space.get("next", 0)

    async def write(mine: int) -> None:
        await space.set_many({f"left/{mine}": mine, f"right/{mine}": mine, "next": mine + 1}, durable=True)
        say(f"ack {mine}")

    while True:
        await asyncio.gather(*(write(number + mine) for mine in range(4)))
        number += 4


async def limited(engine: SqliteEngine) -> None:
    """Let the kernel refuse to grow files, as a full disk does, then mend it."""
    space = engine.namespace("a")
    await space.set("before", 1, durable=True)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        await space.set("big", b"x" * 500_000, durable=True)
    except StorageError as error:
        say(f"refused: {error}")
    say(f"read: {await space.get('before')} {len(await space.get('big'))}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    await space.set("after", 2, durable=True)
    say(f"mended: {[key for key, _ in await space.list()]}")


async def main(folder: str, task: str) -> None:
    engine = SqliteEngine(Path(folder) / "hub.db", tasks=TaskGroup("hub"))
    await engine.open()
    try:
        await {"forever": forever, "limited": limited}[task](engine)
    finally:
        await engine.close()


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    asyncio.run(main(*sys.argv[1:]))
