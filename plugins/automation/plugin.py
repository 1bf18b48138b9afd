"""The automation plugin: keeps what the files define in force, and offers it to people."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import cast, override
from zoneinfo import ZoneInfo

import msgspec

from hub.api import ConfigError, Context, Plugin, service
from plugins.automation import files, python_files
from plugins.automation.automation import Automation, House
from plugins.automation.definition import Definition
from plugins.automation.directory import Directory
from plugins.automation.messages import AutomationInfo, Failed, Ran, UnknownAutomationError
from plugins.automation.triggers import is_trusted
from plugins.automation.words import did_you_mean

_LOOK = 2.0
_OVERRIDES = "enabled"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the files are: `rules_dir` (by default `automations` in the hub's data folder) and `extra_dirs`.

    `watch` takes up edited files by itself. `timezone` is a name like `Europe/Madrid`; empty is the machine's own.
    """

    rules_dir: str = ""
    extra_dirs: list[str] = []
    watch: bool = True
    timezone: str = ""


class Automations(Plugin):
    """Reads automations from files and keeps them running."""

    Config = Config
    emits = (Ran, Failed)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        config: Config = ctx.config
        own = Path(config.rules_dir).expanduser() if config.rules_dir else ctx.data_dir.parent.parent / "automations"
        self._folders = [own, *(Path(extra).expanduser() for extra in config.extra_dirs)]
        self._stamps: files.Stamps = {}
        self._defined: dict[Path, list[Definition]] = {}
        self._automations: dict[str, Automation] = {}
        self._overrides: dict[str, bool] = {}
        self._house: House | None = None
        self._reading = asyncio.Lock()

    @override
    async def start(self) -> None:
        """Read the files, and begin to listen."""
        zone = await asyncio.to_thread(_zone, self.ctx.config.timezone)
        self._overrides = await self.ctx.storage.get(_OVERRIDES, {})
        self._house = House(self.ctx, Directory(self.ctx.state, self._devices_changed), zone)
        await asyncio.to_thread(_prepare, self._folders[0])
        await self._read(await asyncio.to_thread(files.scan, self._folders))
        for path in self.ctx.state.list("automation/"):
            if path.partition("/")[2] not in self._automations:
                self.ctx.state.delete(path)
        if self.ctx.config.watch:
            self._watching = self.ctx.tasks.start("watches files", self._watch())

    @override
    async def stop(self) -> None:
        """End every run and timer."""
        for one in self._automations.values():
            one.stop()
        for path in self._stamps:
            python_files.forget(path)

    @service
    async def trigger(self, id: str) -> None:  # noqa: A002 - the word people use
        """Run an automation now, whatever its conditions say; returns when it has begun."""
        self._known(id).run()

    @service
    async def enable(self, id: str) -> AutomationInfo:  # noqa: A002
        """Let an automation react; it is remembered."""
        return await self._enabled(id, wanted=True)

    @service
    async def disable(self, id: str) -> AutomationInfo:  # noqa: A002
        """Let an automation rest, whatever its file says; it is remembered."""
        return await self._enabled(id, wanted=False)

    @service
    async def reload(self) -> Sequence[AutomationInfo]:
        """Read all files again; automations that did not change go on undisturbed."""
        await self._read(await asyncio.to_thread(files.scan, self._folders), anew=True)
        return self._infos()

    @service
    async def list(self) -> Sequence[AutomationInfo]:
        """Every automation with its status: active, waiting, error or disabled, and why."""
        return self._infos()

    @service
    async def health(self) -> dict[str, str]:
        """How the automations fare, for the hub's health."""
        broken = [one for one in self._infos() if one.status == "error"]
        if broken:
            return {"status": "degraded", "reason": f"{len(broken)} broken; {broken[0].id}: {broken[0].reason}"}
        waiting = [name for name, one in self._automations.items() if one.goes_by_the_clock]
        if waiting and not is_trusted(self.ctx):
            return {"status": "degraded", "reason": f"{len(waiting)} wait for the right time: the clock is not trusted"}
        return {"status": "ok"}

    def _infos(self) -> Sequence[AutomationInfo]:
        return [self._automations[one].info() for one in sorted(self._automations)]

    def _known(self, automation: str) -> Automation:
        try:
            return self._automations[automation]
        except KeyError:
            hint = did_you_mean(automation, self._automations) or "; automation.list shows all"
            raise UnknownAutomationError(f"there is no automation {automation!r}{hint}") from None

    async def _enabled(self, automation: str, *, wanted: bool) -> AutomationInfo:
        one = self._known(automation)
        overrides = {**self._overrides, automation: wanted}
        await self.ctx.storage.set(_OVERRIDES, overrides, durable=True)
        self._overrides = overrides
        one.enabled = wanted
        one.refresh()
        return one.info()

    async def _watch(self) -> None:
        while True:
            await self.ctx.clock.sleep(_LOOK)
            stamps = await asyncio.to_thread(files.scan, self._folders)
            if stamps != self._stamps:
                await self._read(stamps)

    async def _read(self, stamps: files.Stamps, *, anew: bool = False) -> None:
        """Read the files whose stamps changed, or all `anew`, and put in force what they say."""
        async with self._reading:
            defined = {}
            for path, stamp in stamps.items():
                if self._stamps.get(path) == stamp and not anew:
                    defined[path] = self._defined[path]
                else:
                    defined[path] = await files.load(path, self.ctx.clock)
            for path in self._stamps.keys() - stamps.keys():
                python_files.forget(path)
            self._stamps, self._defined = stamps, defined
            self._put_in_force(_by_id(definition for found in defined.values() for definition in found))

    def _put_in_force(self, wanted: dict[str, Definition]) -> None:
        house = cast("House", self._house)
        for name in [*self._automations]:
            if self._automations[name].definition != wanted.get(name):
                self._automations.pop(name).stop()
                if name not in wanted:
                    self.ctx.state.delete(f"automation/{name}")
        for name, definition in wanted.items():
            if name not in self._automations:
                enabled = self._overrides.get(name, definition.enabled)
                one = self._automations[name] = Automation(house, definition, enabled=enabled)
                one.refresh()

    def _devices_changed(self, touched: frozenset[str]) -> None:
        for one in [*self._automations.values()]:
            if one.concerns(touched):
                one.refresh()


def _by_id(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """The definitions by id; of two with one id the later is an error that names both files."""
    found: dict[str, Definition] = {}
    for one in definitions:
        taken = found.get(one.id)
        if taken is None:
            found[one.id] = one
            continue
        name = next(name for number in range(2, len(found) + 3) if (name := f"{one.id}~{number}") not in found)
        error = one.error or (
            f"{Path(one.file).name}: the id {one.id!r} is already used in {Path(taken.file).name}; give it another id"
        )
        found[name] = msgspec.structs.replace(one, id=name, error=error, rule=None, handler=None)
    return found


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}", where="rules_dir") from error


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{name!r} is no time zone; write one like 'Europe/Madrid'", where="timezone") from error
