"""The folders of automations: which files there are, which changed, and what they define. `scan` and `read` block."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from hub.api import Clock
from plugins.automation import python_files, rules
from plugins.automation.definition import Definition, broken

type Stamps = dict[Path, tuple[int, int]]

SIZE_LIMIT = 1_048_576
TIME_LIMIT = 8.0
"""So long (s) may the code of a Python file take until it is loaded."""


def scan(folders: Iterable[Path]) -> Stamps:
    """The files of automations in order, with what changes when they are edited; hidden and `_` files are left out."""
    found: Stamps = {}
    for folder in folders:
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue
        for path in paths:
            if path.suffix in {".toml", ".py"} and not path.name.startswith((".", "_")):
                try:
                    about = path.stat()
                except OSError:
                    found[path] = (0, 0)
                else:
                    found[path] = (about.st_mtime_ns, about.st_size)
    return found


def read(path: Path) -> list[Definition]:
    """What one file defines; a file that cannot be read becomes one definition with an `error`."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            return [broken(path, f"{path.name}: it is larger than {SIZE_LIMIT // 1024} KiB; split it")]
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return [broken(path, f"{path.name}: it is not UTF-8 text; save it as UTF-8")]
    except OSError as error:
        return [broken(path, f"{path.name}: it cannot be read: {error.strerror}")]
    return python_files.read(path) if path.suffix == ".py" else rules.read(text, path)


async def load(path: Path, clock: Clock) -> list[Definition]:
    """`read` in a thread of its own, so that a file that never finishes holds up neither the others nor the end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Definition]] = loop.create_future()

    def deliver(found: list[Definition]) -> None:
        if not done.done():
            done.set_result(found)

    def work() -> None:
        found = read(path)
        with suppress(RuntimeError):  # the hub has ended meanwhile
            loop.call_soon_threadsafe(deliver, found)

    late = f"{path.name}: it is not loaded after {TIME_LIMIT:g} s; let it wait in a handler only, and restart the hub"
    undo = clock.call_later(TIME_LIMIT, lambda: deliver([broken(path, late)]))
    Thread(target=work, name=f"loads {path.name}", daemon=True).start()
    try:
        return await done
    finally:
        undo()
