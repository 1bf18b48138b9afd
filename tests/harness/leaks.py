"""What a test may leave behind: nothing. Each probe returns what is open now, keyed so that two moments compare."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path

GRACE_S = 1.0
SPINS = 5

# Opened once by a library or the test tools and kept for the life of the process.
BENIGN_FILES = ("/dev/null", "/dev/random", "/dev/urandom")
BENIGN_NAMES = (".coverage",)
# multiprocessing starts it on first use and keeps it.
BENIGN_CHILDREN = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")

type Probe = Callable[[], Mapping[Hashable, str]]


def threads() -> Mapping[Hashable, str]:
    """Live threads by identity."""
    return {id(thread): f"thread {thread.name!r}" for thread in threading.enumerate()}


def descriptors() -> Mapping[Hashable, str]:
    """Open sockets, pipes, terminals and files of this process by number and target; empty without /proc."""
    found: dict[Hashable, str] = {}
    for entry in _entries(Path("/proc/self/fd")):
        try:
            target = str(entry.readlink())
        except FileNotFoundError:  # the listing's own descriptor
            continue
        if target not in BENIGN_FILES and not Path(target).name.startswith(BENIGN_NAMES):
            found[entry.name, target] = f"descriptor {entry.name} ({target})"
    return found


def children() -> Mapping[Hashable, str]:
    """Child processes of every thread by id; empty where the kernel does not list them."""
    found: dict[Hashable, str] = {}
    for thread in _entries(Path("/proc/self/task")):
        try:
            pids = (thread / "children").read_text().split()
            commands = {pid: _command(pid) for pid in pids}
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            continue
        for pid, command in commands.items():
            if not any(benign in command for benign in BENIGN_CHILDREN):
                found[pid] = f"child process {pid} ({command.strip() or 'ended, never waited for'})"
    return found


def new_since(before: Mapping[Hashable, str], probe: Probe) -> list[str]:
    """Name what is open now and was not before, after a second's grace for what is just ending."""
    deadline = time.monotonic() + GRACE_S
    while leaked := [name for key, name in probe().items() if key not in before]:
        if time.monotonic() > deadline:
            return leaked
        gc.collect()
        time.sleep(0.01)
    return []


async def unfinished_tasks(before: set[asyncio.Task[object]]) -> list[asyncio.Task[object]]:
    """Return the tasks of this loop that are neither done nor in `before`, after a few turns of the loop."""
    for _ in range(SPINS):
        await asyncio.sleep(0)
    here = asyncio.current_task()
    return [task for task in asyncio.all_tasks() if task not in before and task is not here and not task.done()]


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder)]  # noqa: PTH208 - iterdir keeps its descriptor open
    except FileNotFoundError:
        return []


def _command(pid: str) -> str:
    return Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
