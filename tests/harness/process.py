"""A child process whose output a test can read while it runs, and which never outlives the test."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.harness.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """Run `argv` in a session of its own; `lines` grows with its output (stderr joined to stdout).

    `env` is laid over this process's environment. `stop` (or leaving the `with` block) kills the whole session.
    In a coroutine use `await eventually(lambda: process.find(...))` rather than `wait_for`, which blocks.
    """

    def __init__(self, *argv: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
        self.argv = argv
        self.lines: list[str] = []
        self._child = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._child.stdout is not None
        self._output: IO[str] = self._child.stdout
        self._reader = threading.Thread(target=self._read, name=f"output of {argv[0]}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._child.poll()

    @property
    def output(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def find(self, pattern: str) -> re.Match[str] | None:
        """Return the first match of a regular expression in the lines heard so far."""
        return next((match for line in list(self.lines) if (match := re.search(pattern, line))), None)

    def wait_for(self, pattern: str, within: float = 20.0) -> re.Match[str]:
        """Return the first line's match of `pattern`; fail when the process ends or `within` seconds pass first."""

        def found() -> re.Match[str] | bool:
            return self.find(pattern) or (self.returncode is not None and not self._reader.is_alive())

        try:
            until(found, within, f"a line matching {pattern!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.argv} said:\n{self.output}") from None
        match = self.find(pattern)
        assert match, f"{self.argv} ended with {self.returncode} before a line matched {pattern!r}:\n{self.output}"
        return match

    def wait(self, within: float = 30.0) -> int:
        """Return the exit code; fail after `within` seconds."""
        try:
            code = self._child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv} still runs after {within} s; it said:\n{self.output}") from None
        self._reader.join(within)
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self._child.send_signal(number)

    def stop(self) -> None:
        """Kill what is left of the session and take back its pipe and thread."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        self._reader.join()
        self._output.close()

    def _read(self) -> None:
        for line in self._output:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
