"""A wall clock that a test sets while the hub runs: a page in a file, read by whatever process starts with it."""

import mmap
import struct
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

_PAGE = struct.Struct(
    "<qqq"
)  # what is added to the machine's wall time (ns), whether a time server keeps it, its start

# Python runs a module of this name before anything else; the real clock of the machine stays as it is.
_CUSTOM = """
import mmap
import struct
import time

with open({page!r}, "r+b") as file:
    page = mmap.mmap(file.fileno(), 0)
real = time.time_ns


def read():
    return struct.unpack_from("<qqq", page)


time.time_ns = lambda: real() + read()[0]
time.time = lambda: time.time_ns() / 1e9

from plugins.clock.machine import Evidence, Machine

Machine.read = lambda self: Evidence(synchronised=bool(read()[1]), boot=f"start {{read()[2]}}")
"""


class WallClock:
    """The wall time of processes that run with `env`; it begins at `start` (UTC), and no time server keeps it."""

    def __init__(self, folder: Path, start: str) -> None:
        page = folder / "page"
        page.write_bytes(bytes(_PAGE.size))
        (folder / "sitecustomize.py").write_text(textwrap.dedent(_CUSTOM.format(page=str(page))))
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 0)
        self.env = {"PYTHONPATH": str(folder), "TZ": "UTC"}
        self._offset = self._start = 0
        self.boot(start)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp((time.time_ns() + self._offset) / 1e9, UTC)  # noqa: TID251 - it is what is set

    def boot(self, at: str, *, synchronised: bool = False) -> None:
        """Begin a new start of the machine at a time."""
        self._start += 1
        self.set_to(at, synchronised=synchronised)

    def set_to(self, at: str, *, synchronised: bool) -> None:
        """Set the clock to a time in UTC."""
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
        self.move(moment - self.now.timestamp(), synchronised=synchronised)

    def move(self, seconds: float, *, synchronised: bool) -> None:
        """Set the clock forward, or backward if below 0."""
        self._offset += int(seconds * 1e9)
        _PAGE.pack_into(self._page, 0, self._offset, synchronised, self._start)

    def close(self) -> None:
        self._page.close()
