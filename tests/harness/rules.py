"""Fixtures every test runs under: uvloop, no leaked task, thread, descriptor, child or loop, no blocked loop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import blockbuster
import pytest
import uvloop

import device_plugins
import hub
import plugins
from tests.harness import leaks
from tests.harness.process import Process

# libuv opens a pipe for signals with the first loop and keeps it for the life of the process.
uvloop.new_event_loop().close()

# A shell that runs the tests in the background has it ignored, and then no child could be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)

_loops: list[asyncio.AbstractEventLoop] = []


def new_loop() -> asyncio.AbstractEventLoop:
    """Make the loop of a test, and remember it."""
    loop = uvloop.new_event_loop()
    _loops.append(loop)
    return loop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": new_loop}


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread, a descriptor, a child process or an open loop behind."""
    probes = (leaks.threads, leaks.children, leaks.descriptors)
    before = [probe() for probe in probes]
    _loops.clear()
    yield
    left = [f"event loop {loop!r}" for loop in _loops if not loop.is_closed()]
    for probe, known in zip(probes, before, strict=True):
        left += leaks.new_since(known, probe)
    if left:
        pytest.fail("the test left behind: " + "; ".join(left), pytrace=False)


@pytest.fixture
async def no_lost_tasks() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    lost = await leaks.unfinished_tasks(before)
    if lost:
        pytest.fail("the test left tasks running: " + "; ".join(map(repr, lost)), pytrace=False)


@pytest.fixture(autouse=True)
def no_lost_tasks_if_async(request: pytest.FixtureRequest, no_leaks: None) -> None:
    """Fail a coroutine test that leaves a task running; a plain test gets no loop for it."""
    del no_leaks  # it must be set up first, so that the loop is closed before it looks
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("no_lost_tasks")


@pytest.fixture(autouse=True)
def no_blocking(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which the product's code makes a blocking call while the loop runs."""
    if request.node.get_closest_marker("allow_blocking"):
        yield
        return
    with blockbuster.blockbuster_ctx([device_plugins, hub, plugins]) as watched:
        # Coverage takes its own lock when it meets a file for the first time, beside threads that may do so as well.
        watched.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield


@pytest.fixture
def spawn() -> Iterator[Callable[..., Process]]:
    """Start a `Process` with its arguments; it is killed when the test ends."""
    started: list[Process] = []

    def start(*argv: str, **options: object) -> Process:
        process = Process(*argv, **options)  # type: ignore[arg-type]
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.stop()
