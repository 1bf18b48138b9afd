"""Fixtures of several files: a hub in a process of its own, and logs as configured."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub import logs
from hub.cli.log_file import log_file as file_of
from hub.cli.log_lines import terminal as terminal_lines
from hub.types import Undo
from tests.harness import Process
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
