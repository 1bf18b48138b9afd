"""Waiting for a fact with a deadline, never for a stretch of time."""

import asyncio
import socket
import time
from collections.abc import Callable

POLL_S = 0.01


async def eventually[T](predicate: Callable[[], T], within: float = 5.0, what: str = "the condition") -> T:
    """Return the first truthy result of `predicate`, polled while the loop runs; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not (result := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not hold within {within} s (last result: {result!r})")
        await asyncio.sleep(POLL_S)
    return result


def until[T](predicate: Callable[[], T], within: float = 5.0, what: str = "the condition") -> T:
    """`eventually` for a test without a loop."""
    deadline = time.monotonic() + within
    while not (result := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not hold within {within} s (last result: {result!r})")
        time.sleep(POLL_S)
    return result


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
