"""Real processes and a real kernel: killed while writing, and out of disk space."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.harness import Process, eventually
from tests.hub.storage.engines import opened, sqlite

ARGV = (sys.executable, "-m", "tests.hub.storage.writer")


async def test_a_kill_loses_nothing_that_was_acknowledged_and_tears_nothing(
    tmp_path: Path, spawn: Callable[..., Process]
) -> None:
    acknowledged: set[int] = set()
    for wanted in (5, 40, 90):
        writer = spawn(*ARGV, str(tmp_path), "forever")
        await eventually(
            lambda writer=writer, wanted=wanted: len(writer.lines) >= wanted or writer.returncode is not None,  # type: ignore[misc]
            within=20,
        )
        writer.send(signal.SIGKILL)
        assert await eventually(lambda writer=writer: writer.returncode) == -signal.SIGKILL, writer.output  # type: ignore[misc]
        writer.stop()
        acknowledged |= {int(line.split()[1]) for line in writer.lines if line.startswith("ack ")}
        assert acknowledged, writer.output
        async with opened(sqlite(tmp_path)) as engine:
            space = engine.namespace("a")
            left = {value for _, value in await space.list("left/", limit=100_000)}
            right = {value for _, value in await space.list("right/", limit=100_000)}
            assert acknowledged <= left
            assert left == right


async def test_a_disk_without_room_is_a_sentence_and_mends(tmp_path: Path, spawn: Callable[..., Process]) -> None:
    writer = spawn(*ARGV, str(tmp_path), "limited")
    await eventually(lambda: writer.returncode is not None, within=20)
    assert writer.wait() == 0, writer.output
    refused, read, mended = [line for line in writer.lines if line.startswith(("refused", "read", "mended"))]
    assert refused.startswith(f"refused: cannot write storage {tmp_path / 'hub.db'}: the disk")
    assert "look at its space" in refused or "free some space" in refused
    assert read == "read: 1 500000"
    assert mended == "mended: ['after', 'before', 'big']"
