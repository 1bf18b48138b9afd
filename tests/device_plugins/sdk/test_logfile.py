"""The log of a program: bounded, and never left open by somebody who was cancelled."""

import asyncio
import os
from pathlib import Path

import pytest

from device_plugins.sdk.logfile import open_log
from hub.testing import settle


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


async def test_who_is_cancelled_while_it_opens_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)  # it takes until somebody reads
    opening = asyncio.ensure_future(open_log(path))  # noqa: TID251 - a test's own
    await settle()
    opening.cancel()
    await settle()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert os.read(reader, 1) == b""  # nobody can write to it any more
    finally:
        os.close(reader)
