"""Fixtures of several files: a hub in a process of its own, logs as configured, a plugin that does as told, state."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from hub import logs
from hub.bus import EventBus
from hub.cli.log_file import log_file as file_of
from hub.cli.log_lines import terminal as terminal_lines
from hub.clock import SystemClock
from hub.hosts.core import Core
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock
from hub.types import Undo
from tests.harness import Process
from tests.hub.bell import Bell, Step
from tests.hub.home import Home
from tests.hub.logged import Configure
from tests.hub.running_hub import Run


@pytest.fixture
def run(spawn: Callable[..., Process], tmp_path: Path) -> Iterator[Run]:
    """Start a hub on `tmp_path`, with a configuration; its output must never hold a traceback."""
    started: list[Process] = []

    def start(config: str = "", *options: str) -> Process:
        if config:
            (tmp_path / "hub.toml").write_text(config)
        process = spawn(sys.executable, "-m", "hub", "run", "--data", str(tmp_path), *options)
        started.append(process)
        return process

    yield start
    for process in started:
        assert "Traceback" not in process.output, process.output


@pytest.fixture
def configure() -> Iterator[Configure]:
    undos: list[Undo] = []

    def start(level: logs.Level, folder: Path | None, *, terminal: bool = False) -> Undo:
        writers = [file_of(folder)] if folder else []
        if terminal:
            writers.append(terminal_lines(folder / "hub.log" if folder else None))
        undos.append(logs.configure(level, {}, *writers))
        return undos[-1]

    yield start
    for undo in undos:
        undo()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[Step | None, Step | None], None]:
    monkeypatch.setattr(Bell, "heard", [])

    def put(on_start: Step | None, on_stop: Step | None = None) -> None:
        monkeypatch.setattr(Bell, "on_start", staticmethod(on_start) if on_start else None)
        monkeypatch.setattr(Bell, "on_stop", staticmethod(on_stop) if on_stop else None)

    return put


@pytest.fixture
async def core(tmp_path: Path) -> Core:
    bus = EventBus()
    for name in ("door.opened", "gate.opened"):
        bus.declare(name, None, "test")
    storage = MemoryEngine()
    await storage.open()
    return Core(bus, ServiceRegistry(), StateEngine(bus), storage, ManualClock(), tmp_path)


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StorageEngine]:
    tasks = TaskGroup("storage")
    engine: StorageEngine = MemoryEngine()
    if request.param == "sqlite":
        engine = SqliteEngine(tmp_path / "hub.db", tasks=tasks, clock=SystemClock(), commit_window=0.001)
    await engine.open()
    yield engine
    await engine.close()
    assert await tasks.cancel() == []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
