"""A line that moves while the hub works: what happens now, and the time that is left."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self


class Progress:
    """Shows one line with a spinner on a terminal, and nothing where there is none."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._until = 0.0
        self._text = ""
        self._done = 0.0
        self._pauses = 0
        self._status: Any = None

    def begin(self, duration: float) -> None:
        """Begin to count down."""
        self._until = time.monotonic() + duration
        if self._shown:
            from rich.console import Console  # noqa: PLC0415 - loaded only where something is drawn

            self._status = Console(highlight=False).status(self._line())
            self._status.start()

    def work(self, text: str, done: float) -> None:
        """Say what happens now, and which part of it is done; an empty text is waiting."""
        self._text, self._done = text, done
        self.tick()

    def tick(self) -> None:
        """Show the present moment."""
        if self._status is not None:
            self._status.update(self._line())

    def end(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to others for a while."""
        if self._status is None:
            yield
            return
        self._pauses += 1
        self._status.stop()
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._status.start()

    def _line(self) -> Any:  # noqa: ANN401 - rich is not loaded yet where this is declared
        from rich.text import Text  # noqa: PLC0415 - see above

        left = max(0, round(self._until - time.monotonic()))
        part = f" {self._done:.0%}" if self._done else ""
        return Text(f"{self._text or 'waiting for devices'}{part} - {left} s left, Ctrl-C ends", overflow="ellipsis")


class Steps:
    """Shows one line with what is done now, and which part of it is; on a terminal, and nothing where there is none."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._status: Any = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console  # noqa: PLC0415 - loaded only where something is drawn

            self._status = Console(stderr=True, highlight=False).status("beginning")
            self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, text: str, done: float) -> None:
        """Say what happens now, and which part of it is done, 0 to 1."""
        if self._status is not None:
            from rich.text import Text  # noqa: PLC0415 - see above

            self._status.update(Text(f"{text} {done:.0%}" if done else text, overflow="ellipsis"))
