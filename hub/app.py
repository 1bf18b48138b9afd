"""The process: from a command line to a running hub, and back to nothing.

SIGTERM and SIGINT stop the hub in order, a second one ends it at once. SIGHUP has it read its configuration again,
unless its terminal has gone: then it stops it. Who is asked to stop and lives on for 30 s is killed by SIGALRM.
Exit codes: 0 stopped as asked; 1 something failed; 2 the configuration is wrong; 4 the data folder cannot be used
(unreadable, damaged, full when the hub stopped, or another hub runs on it); 130 interrupted before it began, or ended
at once by a second signal.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from hub import logs
from hub.assembly import Hub
from hub.backup.rescue import Rescue
from hub.backup.restoring import finish, is_unfinished
from hub.clock import SystemClock
from hub.config import Config
from hub.config import load as load_config
from hub.errors import ConfigError, HubError, PluginError, StorageError
from hub.hosts.discovery import find_plugins
from hub.hosts.loading import load_ahead
from hub.storage.file import open_file
from hub.storage.folder import lock
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup

_STOP_LIMIT = 20
_END_LIMIT = 30
_LOG = logging.getLogger("hub")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of a hub.

    `overrides` wins over all else. The plugin `foreground` has the terminal for itself, and without it the hub ends.
    `writers` makes what writes the log.
    """

    config: Path | None = None
    data: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    foreground: str = ""
    writers: Callable[[Config], Iterable[logging.Handler]] = lambda _settings: ()

    def load(self) -> Config:
        """Read and check the configuration, see `hub.config.load`."""
        return load_config(self.config, self.overrides, data=self.data)


def run(options: RunOptions) -> int:
    """Run a hub until it is asked to stop; returns the exit code (see above). The process is to end with it."""
    try:
        settings = _settings(options)
        with ExitStack() as held:
            held.enter_context(lock(settings.data_dir))
            if finish(settings.data_dir):
                settings = options.load()
            held.callback(logs.configure(settings.hub.log_level, settings.log.levels, *options.writers(settings)))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop if settings.hub.uvloop else None) as runner:
                return runner.run(_main(settings, options))
    except HubError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return 130


def _settings(options: RunOptions) -> Config:
    """The configuration; it may be half there when a power cut came into a restore, which is finished then."""
    try:
        return options.load()
    except ConfigError:
        data = Path(options.data or os.environ.get("HUB_DATA_DIR") or "").absolute()
        if not is_unfinished(data):
            raise
        with lock(data):
            finish(data)
        return options.load()


async def _main(settings: Config, options: RunOptions) -> int:
    clock = SystemClock()
    tasks = TaskGroup("hub")
    rescue = Rescue(settings.data_dir)
    storage = SqliteEngine(
        settings.database,
        tasks=tasks,
        clock=clock,
        commit_window=settings.storage.commit_window,
        opener=partial(open_file, before_upgrade=rescue.keep),
        repair=rescue.repair,
    )
    discovered = find_plugins(settings)
    for mistake in discovered[1]:
        _LOG.error("%s", mistake)
    tasks.start("loads plugins", asyncio.to_thread(load_ahead, discovered[0], settings))  # while the disk is waited for
    hub = Hub(settings, discovered, storage, tasks, clock, options.load)
    _catch_signals(hub)
    code = await _told(_until_asked(hub, options.foreground))
    signal.alarm(_END_LIMIT)  # a thread that a plugin blocks for ever must not keep the process
    problem = await _told(_closed(hub))
    return code or problem


async def _until_asked(hub: Hub, foreground: str) -> int:
    life = TaskGroup("hub", lambda _name, _error: None)  # who waits here tells what went wrong
    starting = life.start("starts", hub.start())
    asked = life.start("waits", hub.wait())
    try:
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            for one in hub.plugins.infos():
                if one.id == foreground and one.status != "running":
                    raise PluginError(f"{one.id} is {one.status}: {one.reason}", plugin=one.id)
        return await asked
    finally:
        await life.cancel()


async def _closed(hub: Hub) -> int:
    try:
        async with asyncio.timeout(_STOP_LIMIT):
            await hub.close()
    except TimeoutError:
        raise HubError(f"the hub did not stop within {_STOP_LIMIT} s and was ended") from None
    return 0


def _catch_signals(hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    had_terminal = _has_terminal()
    caught: list[int] = []

    def stop(number: int, _frame: object = None) -> None:
        if caught and number != signal.SIGHUP:  # a closing terminal may send two
            os._exit(130)
        caught.append(number)
        signal.alarm(_END_LIMIT)
        with suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(ask, signal.Signals(number).name)

    def ask(name: str) -> None:
        _LOG.info("Stopping (%s); once more to stop at once", name)
        hub.ask_to_stop()

    def hang_up() -> None:
        if had_terminal and not _has_terminal():
            stop(signal.SIGHUP)
        else:
            hub.tasks.start("reads the configuration", hub.reload())

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)  # not the loop's: it must be heeded even when a plugin blocks that
    loop.add_signal_handler(signal.SIGHUP, hang_up)


def _has_terminal() -> bool:
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return True
    return False


async def _told(work: Coroutine[Any, Any, int]) -> int:
    """The exit code of a part of the hub's life; whatever goes wrong in it is told and logged."""
    try:
        return await work
    except HubError as error:
        _LOG.error("%s", error, extra=logs.NOT_ON_TERMINAL)
        return _refused(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the hub must end in order
        _LOG.exception("The hub failed", extra=logs.NOT_ON_TERMINAL)
        return _refused(HubError(f"the hub failed ({type(error).__name__}: {error}); report it with its log"))


def _refused(error: HubError) -> int:
    sys.stderr.write(f"hub: {logs.redact(str(error))}\n")
    return 2 if isinstance(error, ConfigError) else 4 if isinstance(error, StorageError) else 1
