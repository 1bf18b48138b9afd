"""The plugin manager: who runs, in the order of their needs, and what of it changes while the hub runs.

A failed start is tried again (see `hub.hosts.life`). Who requires a plugin waits until it runs. The rest of the hub
goes on in every case. Changes are made one after the other, but none waits long for a start that another one began.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

from hub.errors import HubError, PluginError
from hub.hosts.core import Core
from hub.hosts.discovery import Discovered, by_name
from hub.hosts.life import ConfigOf, Life
from hub.hosts.order import choose, start_order
from hub.stats import PluginStats
from hub.suggest import did_you_mean
from hub.tasks import TaskGroup
from hub.types import Event, LoopBlocked, PluginInfo

type Rediscover = Callable[[], Discovered]
type Step = Callable[[], Awaitable[None]]
type Starts = Collection[asyncio.Task[None]]

_PATIENCE = 5.0
_LOG = logging.getLogger("hub.plugins")


class PluginManager:
    """All plugins of one hub, those that do not run too, and those whose manifests are wrong.

    `config_of(manifest, Config struct or None)` gives a plugin's configuration; `rediscover` finds all plugins again.
    What was enabled and disabled by hand is remembered in the storage.
    """

    def __init__(
        self, core: Core, discovered: Discovered, config_of: ConfigOf, *, rediscover: Rediscover | None = None
    ) -> None:
        found, mistakes = discovered
        self._core = core
        self._config_of = config_of
        self._rediscover = rediscover or (lambda: discovered)
        self._broken = by_name(mistakes)
        self._lives = {name: Life(core, found[name]) for name in sorted(found)}
        self._by_hand = core.storage.namespace("_plugins")
        self._configured: dict[str, bool] = {}
        self._tasks = TaskGroup("plugins", _tell)
        self._order: list[str] = []
        self._lock = asyncio.Lock()
        self._is_over = False
        core.bus.declare("plugin.status", PluginInfo, "hub")

    # What there is

    def infos(self) -> list[PluginInfo]:
        """Every plugin, by id."""
        unknown = self._broken.keys() - self._lives
        broken = [PluginInfo(name, "", "failed", reason=self._broken[name]) for name in unknown]
        return sorted([*broken, *(life.info() for life in self._lives.values())], key=lambda one: one.id)

    def stats(self) -> list[PluginStats]:
        """What every plugin costs, by id."""
        heard, offered = self._core.bus.stats(), self._core.services.stats()
        return [self._lives[name].stats(heard, offered) for name in sorted(self._lives)]

    def folders(self) -> Mapping[str, str]:
        """The plugins' folders and whose they are; may be asked from any thread."""
        return {str(life.manifest.folder): name for name, life in [*self._lives.items()]}

    # From start to stop

    async def start(self, enable: Collection[str], disable: Collection[str]) -> None:
        """Start all that should run, independent ones side by side; the configuration enables and disables some."""
        async with self._lock:
            self._configured = dict.fromkeys(enable, True) | dict.fromkeys(disable, False)
            begun = await self._settle()
        await _ended(begun)

    async def stop(self) -> None:
        """Stop all plugins in reverse order; a plugin that will not stop is left behind, and named in the log."""
        self._is_over = True
        for life in self._lives.values():
            life.forget_retry()
        await self._tasks.cancel()  # a start that hangs must not hold up the end
        async with self._lock:
            await self._take_down(self._lives)

    # Changes at run time. Each answers how the plugin fares then, and raises PluginError for an id that is not there.

    async def restart(self, plugin: str) -> PluginInfo:
        """Stop and start a plugin and those that require it."""
        return await self._change("restarts", self._life(plugin), again=True)

    async def reload(self, plugin: str) -> PluginInfo:
        """Stop a plugin, read its manifest and its code anew, and start it and those that require it."""
        life = self._life(plugin)
        return await self._change("reloads", life, life.reread, again=True)

    async def load(self, plugin: str) -> PluginInfo:
        """Look for plugins again, and start one that is new, was unloaded, or does not run."""
        await self._alone(f"loads {plugin}", (), partial(self._find, plugin))
        return self._life(plugin).info()

    async def unload(self, plugin: str) -> PluginInfo:
        """Stop a plugin and those that require it, and forget its code until it is loaded or enabled."""
        life = self._life(plugin)
        return await self._change("unloads", life, life.unload, again=True)

    async def enable(self, plugin: str) -> PluginInfo:
        """Let a plugin run, now and after the next start of the hub.

        Raises PluginError when the configuration disables it.
        """
        life = self._life(plugin)
        if self._configured.get(plugin) is False:
            raise PluginError(
                f"the configuration disables {plugin}; take it out of [plugins] disable there", plugin=plugin
            )

        async def remember() -> None:
            await self._by_hand.set(plugin, True, durable=True)
            life.is_unloaded = False

        return await self._change("enables", life, remember, again=not life.is_up)

    async def disable(self, plugin: str) -> PluginInfo:
        """Stop a plugin and those that require it, and let it not run after the next start of the hub either.

        Raises PluginError when the configuration enables it.
        """
        life = self._life(plugin)
        if self._configured.get(plugin):
            raise PluginError(
                f"the configuration enables {plugin}; take it out of [plugins] enable there, and its section"
                f" [plugin.{plugin}] if it has one",
                plugin=plugin,
            )
        return await self._change("disables", life, lambda: self._by_hand.set(plugin, False, durable=True))

    async def reconfigure(
        self, config_of: ConfigOf, changed: Collection[str], enable: Collection[str], disable: Collection[str]
    ) -> None:
        """Go on with another configuration: restart the `changed` plugins, start and stop what it says."""

        async def take_on() -> None:
            self._config_of = config_of
            self._configured = dict.fromkeys(enable, True) | dict.fromkeys(disable, False)

        await self._alone("takes on a configuration", changed, take_on)

    # Faults

    def handler_failed(self, owner: str, event: Event, error: Exception) -> None:
        """Count and log a subscriber's failure against its plugin."""
        what = f"handler of {event.type} {event.subject}"
        if (life := self._lives.get(owner)) is not None:
            life.failed(what, error)
        else:
            _LOG.error("%s: %s failed: %s: %s", owner, what, type(error).__name__, error, exc_info=error)

    def blocked(self, report: LoopBlocked) -> None:
        """Count against a plugin that it held up the whole hub."""
        if (life := self._lives.get(report.plugin)) is not None:
            life.blocked(report.where, report.seconds)

    # How a change is made

    def _life(self, plugin: str) -> Life:
        if (life := self._lives.get(plugin)) is None:
            raise self._missing(plugin, self._lives)
        return life

    def _missing(self, plugin: str, known: Collection[str]) -> PluginError:
        if (mistake := self._broken.get(plugin)) is not None:
            return PluginError(mistake, plugin=plugin)
        return PluginError(
            f"there is no plugin {plugin!r}{did_you_mean(plugin, known)}; `hub plugins list --all` shows all",
            plugin=plugin,
        )

    async def _change(self, what: str, life: Life, step: Step | None = None, *, again: bool = False) -> PluginInfo:
        name = life.manifest.id
        await self._alone(f"{what} {name}", (name,) if again else (), step)
        return life.info()

    async def _alone(self, name: str, again: Collection[str], step: Step | None) -> None:
        if self._is_over:
            raise HubError("the hub is stopping; it starts and stops no plugin any more")
        # In a task of the manager's own: the caller may be a task of the plugin that goes down.
        await asyncio.shield(self._tasks.start(name, self._changed(again, step)))

    async def _changed(self, again: Collection[str], step: Step | None) -> None:
        """Take down `again` and what requires them, take a step, and let everything be as it should."""
        begun: Starts = ()
        async with self._lock:
            await self._take_down(again)
            try:
                if step is not None:
                    await step()
            finally:
                if not self._is_over:
                    begun = await self._settle()
        await _ended(begun)

    async def _find(self, plugin: str) -> None:
        found, mistakes = await asyncio.to_thread(self._rediscover)
        self._broken = by_name(mistakes)
        if plugin not in found:
            raise self._missing(plugin, found)
        wanted = [plugin, *found[plugin].requires]
        for name in wanted:
            if name in found and name not in self._lives:
                self._lives[name] = Life(self._core, found[name])
                wanted += found[name].requires
        life = self._lives[plugin]
        if not life.is_up:
            life.manifest, life.is_unloaded = found[plugin], False
            await life.end()

    async def _settle(self) -> Starts:
        """Stop what should not run any more, begin to start what should and is ready to; say of the others why not."""
        found = {name: life.manifest for name, life in self._lives.items()}
        choices = await self._by_hand.get_many([*found]) | self._configured
        choices |= {name: False for name, life in self._lives.items() if life.is_unloaded}
        enabled = {name for name, is_enabled in choices.items() if is_enabled}
        chosen = choose(found, enabled, choices.keys() - enabled)
        order, refused = start_order({one.id: one for one in chosen}, found)
        idle = found.keys() - {*order}
        await self._take_down(idle)
        self._order = order
        for name in idle:
            by_configuration = self._configured.get(name) is False
            self._lives[name].stay_down(refused.get(name, ""), by_configuration=by_configuration)
        return await self._start_ready()

    async def _take_down(self, names: Collection[str]) -> None:
        """Stop plugins and those that require them, in reverse order."""
        affected = {*names}
        for name in self._order:
            if affected & self._lives[name].manifest.requires.keys():
                affected.add(name)
        for name in reversed(self._order):
            if name in affected:
                await self._lives[name].end()

    async def _start_ready(self) -> Starts:
        """Begin to start what is ready, and give others their turn when that is done, or hangs."""
        begun: list[asyncio.Task[None]] = []
        for name in self._order:
            life = self._lives[name]
            if life.is_ready and not life.is_up:
                about = life.manifest
                needs = [self._lives[need] for need in (*about.requires, *about.after) if need in self._lives]
                first = [need.starting for need in needs if need.starting is not None]
                life.starting = self._tasks.start(f"starts {name}", self._start(life, first))
                begun.append(life.starting)
        await _ended(begun, _PATIENCE)
        return begun

    async def _start(self, life: Life, first: Starts) -> None:
        await _ended(first)
        name = life.manifest.id
        down = [need for need in life.manifest.requires if self._lives[need].status != "running"]
        if down:
            life.note("failed", f"{name} requires {down[0]}, which is not running")
        elif pause := await life.begin(self._config_of):
            life.retry = self._core.clock.call_later(
                pause, lambda: self._tasks.start(f"restarts {name}", self._try_again(life))
            )

    async def _try_again(self, life: Life) -> None:
        async with self._lock:
            if life.status == "failed":
                life.is_ready = True
                await self._start_ready()


async def _ended(begun: Starts, limit: float | None = None) -> None:
    """Wait until starts are over, however; what they raised is told by their group."""
    if begun:
        await asyncio.wait(begun, timeout=limit)


def _tell(name: str, error: BaseException) -> None:
    # Who asked is told as well, if it is still there.
    _LOG.error("%s: %s", name, error, exc_info=None if isinstance(error, HubError) else error)
