"""One plugin's life: tried, running, taken back; and what is remembered of it from one time to the next.

A failed start is to be tried again after a growing pause and ends in quarantine, with the reason shown; a mistake
that only a person can mend (configuration, manifest, permissions) is not tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from hub import logs
from hub.errors import ConfigError, HubError, ManifestError, NotPermittedError, PluginError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.hosts.loading import forget_modules, load_class
from hub.hosts.parts import Tally
from hub.manifest import Manifest
from hub.manifest import load as load_manifest
from hub.stats import PluginStats, ServiceStats, SubscriberStats
from hub.tasks import ENDS, as_fault
from hub.types import PluginInfo, Undo

type ConfigOf = Callable[[Manifest, type | None], Any]

_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
_START_LIMIT = 30.0
_SLOW = 5.0
_LINE = 300
_FOR_A_PERSON = (ConfigError, ManifestError, NotPermittedError, PluginError)
"""What trying again does not mend."""
_LOG = logging.getLogger("hub.plugins")


class _Used(NamedTuple):
    busy_s: float = 0.0
    heard: int = 0
    dropped: int = 0


class Life:
    """A plugin and how it fares. `is_ready` says that nothing of its own keeps it from being started.

    `starting` is the task that starts it, or has.
    """

    def __init__(self, core: Core, manifest: Manifest) -> None:
        self.manifest = manifest
        self.status = "stopped"
        self.is_ready = True
        self.is_unloaded = False
        self.retry: Undo | None = None
        self.starting: asyncio.Task[None] | None = None
        self._core = core
        self._failures = 0
        self._host: InsideHost | None = None
        self._reason = self._trouble = ""
        self._begun = self._errors = self._blocked = 0
        self._tally = Tally()
        self._past = _Used()

    @property
    def is_up(self) -> bool:
        """Whether it has been started, or is being, and not taken back yet."""
        return self._host is not None or (self.starting is not None and not self.starting.done())

    def info(self) -> PluginInfo:
        """How it fares, for people."""
        about = self.manifest
        lost = logs.left_out(about.id)
        return PluginInfo(
            id=about.id,
            version=about.version,
            status=self.status,
            description=about.description,
            reason=self._reason,
            restarts=max(self._begun - 1, 0),
            errors=self._errors,
            trouble=self._trouble or (f"it logs too much: {lost} records were left out" if lost else ""),
            origin=about.origin,
        )

    def stats(self, heard: Iterable[SubscriberStats], offered: Iterable[ServiceStats]) -> PluginStats:
        """What it costs, given everybody's subscriptions and services."""
        heard = [one for one in heard if one.owner == self.manifest.id]
        offered = [one for one in offered if one.owner == self.manifest.id]
        used = self._used(heard, offered)
        ctx = self._host.context if self._host else None
        return PluginStats(
            id=self.manifest.id,
            status=self.status,
            busy_s=used.busy_s,
            published=self._tally.published,
            heard=used.heard,
            waiting=sum(one.waiting for one in heard),
            dropped=used.dropped,
            errors=self._errors,
            restarts=max(self._begun - 1, 0),
            subscriptions=len(heard),
            services=len(offered),
            tasks=len(ctx.group.names) if ctx else 0,
            written_bytes=self._core.storage.namespace(self.manifest.id).written,
            blocked=self._blocked,
        )

    async def begin(self, config_of: ConfigOf) -> float:
        """Try to start it; returns after how many seconds it should be tried again, or 0."""
        name = self.manifest.id
        self.forget_retry()
        self._begun += 1
        self.is_ready = False
        self.note("starting")
        slow = self._core.clock.call_later(
            _SLOW, lambda: _LOG.warning("Plugin %s is still starting after %g s", name, _SLOW)
        )
        try:
            await _within(_START_LIMIT, self._bring_up(config_of), name)
        except _FOR_A_PERSON as error:
            self.note("failed", str(error))
            return 0.0
        except ENDS:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the plugin's
            fault = as_fault(error)
            self._count(_text(fault))
            self.note("failed", _text(fault), None if isinstance(fault, HubError) else fault)
            if self._failures == len(_PAUSES):
                self.note("quarantined", self._reason)
                return 0.0
            self._failures += 1
            return _PAUSES[self._failures - 1]
        finally:
            slow()
        self._failures = 0
        self.note("running")
        return 0.0

    async def end(self) -> None:
        """Take it back if it is up; it may be started again."""
        if self.starting is not None:
            self.starting.cancel()
            await asyncio.wait([self.starting])
        self.forget_retry()
        self._failures = 0
        self.is_ready = True
        host, name = self._host, self.manifest.id
        if host is not None:
            used = self.stats(self._core.bus.stats(), self._core.services.stats())
            self._past = _Used(used.busy_s, used.heard, used.dropped)
            self._host = None
            if problem := await host.stop():
                self._count(problem)
                _LOG.warning("Plugin %s: %s", name, problem)
        if self.status in {"running", "starting"}:
            self.note("stopped")

    def note(self, status: str, reason: str = "", error: Exception | None = None) -> None:
        """Take on a status, and tell of it if it is news."""
        reason = logs.redact(reason)
        if (status, reason) == (self.status, self._reason):
            return
        self.status, self._reason = status, reason
        about = self.manifest
        if status in {"failed", "quarantined"}:
            what = "failed to start" if status == "failed" else "is quarantined"
            _LOG.error("Plugin %s %s: %s", about.id, what, reason, exc_info=error)
        elif status == "running":
            _LOG.info("Plugin %s %s is running", about.id, about.version)
        self._core.bus.publish("plugin.status", f"plugin/{about.id}", self.info())

    def stay_down(self, refusal: str, *, by_configuration: bool) -> None:
        """Note why it is not to run: it cannot, it was unloaded, or it is disabled, by the configuration or by hand."""
        if refusal:
            self.note("failed", refusal)
        elif self.is_unloaded:
            self.note("stopped", f"it was unloaded; `hub plugins load {self.manifest.id}` loads it")
        elif by_configuration:
            self.note("disabled", "[plugins] disable in the configuration names it")
        else:
            self.note("disabled", f"`hub plugins enable {self.manifest.id}` enables it")

    async def reread(self) -> None:
        """Read its manifest anew, and its code when it starts again. A mistake in the manifest keeps it down."""
        old = self.manifest
        await asyncio.to_thread(forget_modules, old.folder)
        try:
            new = await asyncio.to_thread(load_manifest, old.folder, old.origin)
            if new.id != old.id:
                raise PluginError(f"{old.id} is called {new.id} now; load that", plugin=old.id)
        except HubError as error:
            self.is_ready = False
            self.note("failed", str(error))
        else:
            self.manifest = new

    async def unload(self) -> None:
        """Forget its code, and stay down until it is loaded or enabled."""
        self.is_unloaded = True
        await asyncio.to_thread(forget_modules, self.manifest.folder)

    def failed(self, what: str, error: BaseException) -> None:
        """Count and log a fault of what it runs."""
        self._count(f"{what} failed: {_text(error)}")
        name = self.manifest.id
        _LOG.error("%s: %s failed: %s: %s", name, what, type(error).__name__, error, exc_info=error)

    def blocked(self, where: str, seconds: float) -> None:
        """Count that it held up the whole hub; the watchdog has logged it."""
        self._blocked += 1
        self._count(f"it held up the whole hub for {seconds:.1f} s at {where}")

    def forget_retry(self) -> None:
        """Do not start it again by itself."""
        if self.retry is not None:
            self.retry()
            self.retry = None

    async def _bring_up(self, config_of: ConfigOf) -> None:
        cls = await asyncio.to_thread(load_class, self.manifest)
        config = config_of(self.manifest, cls.Config)
        host = InsideHost(self._core, self.manifest, config, self._task_failed, cls, self._tally)
        await host.start()
        self._host = host

    def _task_failed(self, task: str, error: BaseException) -> None:
        self.failed(f"task {task}", error)

    def _count(self, trouble: str) -> None:
        self._errors += 1
        self._trouble = " ".join(logs.redact(trouble).split())[:_LINE]

    def _used(self, heard: list[SubscriberStats], offered: list[ServiceStats]) -> _Used:
        past, ctx = self._past, self._host.context if self._host else None
        return _Used(
            past.busy_s
            + sum(one.busy_s for one in heard)
            + sum(one.busy_s for one in offered)
            + (ctx.group.meter.ns / 1e9 if ctx else 0.0),
            past.heard + sum(one.events for one in heard),
            past.dropped + sum(one.dropped for one in heard),
        )


def _text(error: BaseException) -> str:
    return str(error) if isinstance(error, HubError) else f"{type(error).__name__}: {error}"


async def _within(seconds: float, start: Awaitable[None], name: str) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await start
    except TimeoutError as error:
        if limit.expired():
            raise HubError(f"{name} did not start within {seconds:g} s") from error
        raise
