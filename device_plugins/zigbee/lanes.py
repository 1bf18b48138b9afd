"""Whose turn it is on the air: persons before background work, and not too much at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

# A stick takes about this many messages at a time; background work leaves room for persons.
_MOST, _MOST_BACKGROUND = 8, 4


class _Waiting(NamedTuple):
    device: str
    turn: asyncio.Future[None]


class Lanes:
    """Turns on the air: per device one command and one background read at a time, `most` in all.

    A command never waits for a read, unless the whole radio is busy; no read begins beside a command.
    """

    def __init__(self, most: int = _MOST, most_background: int = _MOST_BACKGROUND) -> None:
        self._most, self._most_background = most, most_background
        self._commands: set[str] = set()
        self._reads: set[str] = set()
        self._waiting_commands: list[_Waiting] = []
        self._waiting_reads: list[_Waiting] = []

    def take(self, device: str) -> bool:
        """Take the turn for a command if it is free; end it with `leave`."""
        if self._waiting_commands or not self._may_command(device):
            return False
        self._commands.add(device)
        return True

    async def enter(self, device: str) -> None:
        """Wait for the turn for a command; end it with `leave`."""
        await self._enter(device, self._waiting_commands, self._commands)

    def leave(self, device: str) -> None:
        """End a command's turn."""
        self._leave(device, self._commands)

    @asynccontextmanager
    async def background(self, device: str) -> AsyncIterator[None]:
        """A turn for what nobody waits for."""
        await self._enter(device, self._waiting_reads, self._reads)
        try:
            yield
        finally:
            self._leave(device, self._reads)

    async def _enter(self, device: str, line: list[_Waiting], running: set[str]) -> None:
        mine = _Waiting(device, asyncio.get_running_loop().create_future())
        line.append(mine)
        self._admit()
        try:
            await mine.turn
        except asyncio.CancelledError:
            if mine in line:
                line.remove(mine)
            elif not mine.turn.cancelled():
                self._leave(device, running)
            raise

    def _leave(self, device: str, running: set[str]) -> None:
        running.discard(device)
        if self._waiting_commands or self._waiting_reads:
            self._admit()

    def _admit(self) -> None:
        """Let in who may go; commands first."""
        for line, running, may in (
            (self._waiting_commands, self._commands, self._may_command),
            (self._waiting_reads, self._reads, self._may_read),
        ):
            for one in [*line]:
                if not one.turn.done() and may(one.device):
                    line.remove(one)
                    running.add(one.device)
                    one.turn.set_result(None)

    def _may_command(self, device: str) -> bool:
        return len(self._commands) + len(self._reads) < self._most and device not in self._commands

    def _may_read(self, device: str) -> bool:
        busy = device in self._commands or device in self._reads
        return not busy and len(self._reads) < self._most_background and self._may_command(device)
