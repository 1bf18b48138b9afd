"""The log of a program: bounded, and never left open by somebody who was cancelled."""

import asyncio
import errno
import os
import select
import threading
from pathlib import Path

import pytest

from device_plugins.sdk.logfile import open_log
from hub.testing import settle
from tests.harness import eventually


@pytest.mark.parametrize(("held", "kept"), [("", ""), ("four", "four"), ("five!", "")])
async def test_a_log_goes_on_until_it_is_too_long(tmp_path: Path, held: str, kept: str) -> None:
    path = tmp_path / "log"
    if held:
        path.write_text(held)
    log = await open_log(path, mode=0o600, keep=4)
    os.write(log, b" more")
    os.close(log)
    assert path.read_text() == f"{kept} more"
    if not held:
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("times", [1, 2])
async def test_who_is_cancelled_while_it_opens_leaves_nothing_open(tmp_path: Path, times: int) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)  # it takes until somebody reads
    opening = asyncio.ensure_future(open_log(path))  # noqa: TID251 - a test's own
    await settle()
    for _ in range(times):
        opening.cancel()
        await settle()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        await eventually(lambda: poll.poll(0) == [(reader, select.POLLHUP)], what="a writer having come and gone")
        with pytest.raises(asyncio.CancelledError):
            await opening
    finally:
        os.close(reader)


async def test_who_is_cancelled_stays_so_when_it_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_fail, has_failed = threading.Event(), threading.Event()

    def fails(*_: object) -> int:
        may_fail.wait()
        has_failed.set()
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("device_plugins.sdk.logfile._open", fails)
    opening = asyncio.ensure_future(open_log(tmp_path / "log"))  # noqa: TID251 - a test's own
    await settle()
    opening.cancel()
    await settle()
    may_fail.set()
    await eventually(has_failed.is_set, what="the failure")
    with pytest.raises(asyncio.CancelledError):
        await opening
