"""What a hub may not have written, though its radio was reset again and again.

A fault is a record of level `error` or above, and any with a traceback, whoever wrote it; all that asyncio says; and a
traceback on the terminal. None is:

- a warning of zigpy or bellows: that the stick was reset, that a frame or an answer was not what they waited for, that
  a device could not be told: they tell it of a radio that fails in the middle of their work;
- what the watchdog says of a loop that stood still: on a machine with other work to do, that is the machine's doing, so
  it is counted apart (`stalls_in`);
- "never retrieved" of a task of bellows' own link: a frame that it still tries to send when the line is closed, and
  whoever wanted it sent waits no longer, as its time was over.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BAD = ("error", "critical")
_WATCHDOG = "watchdog"
_WIDTH = 200
_UNWANTED_FRAME = re.compile(r"never retrieved.*coro=<AshProtocol\._send_data_frame\(\)", re.DOTALL)


def faults_in(data: Path, terminal: Path) -> list[str]:
    """The faults in the log of a hub's data folder, and on its terminal; each once, with its number."""
    found: dict[str, int] = {}
    for record in _records(data / "logs"):
        if _is_fault(record):
            told = f"{record['level']} of {record['owner']}: {_numberless(record)}"[:_WIDTH]
            found[told] = found.get(told, 0) + 1
    for line in terminal.read_text(errors="replace").splitlines():
        if line.startswith(("Traceback", "Fatal Python error")):
            found[f"on the terminal: {line}"] = 1
    return [f"{told} ({count} times)" if count > 1 else told for told, count in found.items()]


def stalls_in(data: Path) -> int:
    """How often the watchdog found that nothing went on for a second or more."""
    return sum(record["owner"] == _WATCHDOG and record["level"] in _BAD for record in _records(data / "logs"))


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("hub.log*"), reverse=True):  # the oldest has the greatest number
        for line in file.read_text(errors="replace").splitlines():
            yield json.loads(line)


def _is_fault(record: dict[str, Any]) -> bool:
    is_bad = record["level"] in _BAD or "traceback" in record or record["owner"] == "asyncio"
    is_unwanted_frame = record["owner"] == "asyncio" and _UNWANTED_FRAME.search(record["message"])
    return is_bad and record["owner"] != _WATCHDOG and not is_unwanted_frame


def _numberless(record: dict[str, Any]) -> str:
    """The message and the last line of its traceback, the same for each of the devices and addresses it is told of."""
    last = record.get("traceback", "").strip().rpartition("\n")[2]
    told = f"{record['message']} {last}".replace("\n", " ").strip()
    return re.sub(r"\b(0x)?[0-9a-fA-F:]{4,}\b", "…", told)
