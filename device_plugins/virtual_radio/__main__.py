"""Run the virtual radio as a process: `python -m device_plugins.virtual_radio --help`."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import signal
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import uvloop

from device_plugins.virtual_radio.control import Control
from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.ezsp import VERSIONS
from device_plugins.virtual_radio.radio import VirtualRadio
from device_plugins.virtual_radio.transport import Stream

_IDLE_S = 30.0
_LOOK_EVERY_S = 0.5
_LOCK_S = 5.0
# Answers and events an owner may leave unread, in bytes; what is beyond is lost.
_MAX_UNREAD = 4 << 20

_EPILOG = """\
Unless --no-control is given, it reads requests from standard input, one JSON object a line, and ends when that closes:
  {"id": 1, "do": "add", "model": "lamp-white", "name": "Hall lamp"}
  {"id": 2, "do": "join", "device": "Hall lamp"}
  {"id": 3, "do": "act", "device": "Hall lamp", "stimulus": "on_off", "value": true}
and answers each on standard output: {"id": 1, "result": ...} or {"id": 1, "error": "a sentence"}. Events come between:
{"event": "ready" | "network" | "permit" | "joined" | "rejoined" | "left" | "command", ...}. A wrong verb is answered
with the list of verbs. With --no-control it runs until a signal, with whatever devices the state file holds.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to end; return the exit code: 0, or 1 with one sentence on standard error."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_run(options), loop_factory=uvloop.new_event_loop)
    except RadioError as error:
        print(f"virtual radio: {error}", file=sys.stderr)  # noqa: T201 - it is a program
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m device_plugins.virtual_radio",
        description="A Zigbee coordinator that exists only in software, with devices that exist only in software: "
        "a host opens its serial line as it would a real one's.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    line = parser.add_mutually_exclusive_group(required=True)
    line.add_argument("--pty-link", type=Path, metavar="PATH", help="be a serial port, with a symbolic link to it here")
    line.add_argument("--tcp", type=int, metavar="PORT", help="be a TCP port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="remember network and devices in this file")
    parser.add_argument("--ezsp", type=int, default=14, choices=VERSIONS, metavar="N",
                        help=f"EZSP version: {', '.join(map(str, VERSIONS))} (default 14)")  # fmt: skip
    parser.add_argument("--latency-ms", type=float, default=5.0, metavar="MS", help="a frame's way (default 5)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="makes addresses and faults (default 1)")
    parser.add_argument("--idle-exit", type=float, nargs="?", const=_IDLE_S, metavar="S",
                        help=f"end when no host had the line open for this long (default {_IDLE_S:g} s)")  # fmt: skip
    parser.add_argument("--hasty", action="store_true", help="let no device hold changes back for the least interval")
    parser.add_argument("--no-control", action="store_true", help="leave standard input alone and run until a signal")
    return parser


async def _run(options: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        if options.state is not None:
            stack.enter_context(await _alone(options.state))
        await _serve(options)


async def _alone(state: Path) -> BinaryIO:
    """Take the state file for this process; one that was just orphaned may need a moment to write its last."""
    lock = state.with_name(f".{state.name}.lock").open("ab")
    until = asyncio.get_running_loop().time() + _LOCK_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if asyncio.get_running_loop().time() > until:
                lock.close()
                raise RadioError(f"Another virtual radio uses the state file {state}: end it first.") from None
            await asyncio.sleep(_LOOK_EVERY_S / 10)
        else:
            return lock


async def _serve(options: argparse.Namespace) -> None:
    radio = VirtualRadio(options.ezsp, options.state, seed=options.seed)
    radio.latency = options.latency_ms / 1000
    radio.hasty = options.hasty
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    output = _Output()
    control = Control(radio, output.say)
    streams: list[Stream] = []
    try:
        if options.pty_link is None:
            await radio.open_tcp(options.tcp)
        else:
            radio.open_pty(options.pty_link)
        if not options.no_control:
            streams.append(_watch_input(control, ended))
        if options.idle_exit is not None:
            _end_when_idle(radio, options.idle_exit, ended)
        control.ready()
        await ended.wait()
    finally:
        for stream in streams:
            stream.close()
        control.close()
        await radio.close()
        output.close()


def _watch_input(control: Control, ended: asyncio.Event) -> Stream:
    descriptor = sys.stdin.fileno()
    # Not to wait for input is a setting of the open file, which a terminal shares with its shell: open it anew.
    own = os.open(os.ttyname(descriptor), os.O_RDONLY | os.O_NOCTTY) if os.isatty(descriptor) else os.dup(descriptor)
    stream = Stream(own, control.feed, ended.set)
    try:
        stream.start()
    except OSError:  # a regular file or /dev/null, which cannot be waited for
        stream.close()
        raise RadioError("Standard input cannot be listened to: give it a pipe, or run with --no-control.") from None
    return stream


def _end_when_idle(radio: VirtualRadio, seconds: float, ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    last = loop.time()

    def look() -> None:
        nonlocal last
        if radio.host_attached:
            last = loop.time()
        if loop.time() - last >= seconds:
            ended.set()
        else:
            radio.timers.after(_LOOK_EVERY_S, look)

    look()


class _Output:
    """Standard output. A pipe that nobody reads must not stop the radio; a terminal or file is written to as usual."""

    def __init__(self) -> None:
        descriptor = sys.stdout.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode) or stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        self._stream = Stream(os.dup(descriptor), lambda _: None, lambda: None, _MAX_UNREAD) if is_pipe else None

    def say(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line.encode() + b"\n")
        else:
            print(line, flush=True)  # noqa: T201 - it is a program

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


if __name__ == "__main__":
    sys.exit(main())
