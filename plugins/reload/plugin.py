"""Takes up what was edited: the configuration's files always, the user's plugins if wanted."""

import asyncio
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, override

import msgspec

from hub.api import ConfigError, Context, Event, HubError, Plugin, PluginInfo, on

_MANIFEST = "plugin.toml"

type Stamps = dict[Path, tuple[int, int]]


class ReloadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files are looked at `every` so many seconds. With `plugins` an edited plugin of the user's is loaded anew."""

    every: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 5.0
    plugins: bool = False


class Reload(Plugin):
    """It only notices; the hub reads, checks and changes."""

    Config: ClassVar[type[msgspec.Struct] | None] = ReloadConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._files: tuple[Path, list[Path]] | None = None

    @override
    async def start(self) -> None:
        """Begin to watch."""
        settings: ReloadConfig = self.ctx.config
        if settings.plugins:
            self.ctx.tasks.start("watches plugins", self._watch_plugins(_watchfiles()))
        self.ctx.tasks.start("watches files", self._watch_files(settings.every))

    @on("hub.config_reloaded")
    def _other_files(self, _event: Event) -> None:
        self._files = None

    async def _watch_files(self, every: float) -> None:
        known: Stamps | None = None
        while True:
            if self._files is None:
                read: dict[str, Any] = await self.ctx.services.call("hub.config")
                self._files = Path(read["file"]), [*map(Path, read["files"])]
            stamps = await asyncio.to_thread(_stamps, *self._files)
            if known is not None and stamps != known:
                try:
                    await self.ctx.services.call("hub.reload_config", timeout=60)
                except HubError as error:
                    self.ctx.log.debug("The edited configuration was refused: %s", error)  # the hub has told it
            known = stamps
            await self.ctx.clock.sleep(every)

    async def _watch_plugins(self, watchfiles: Any) -> None:  # noqa: ANN401 - a module
        folders = await asyncio.to_thread(_folders, await self.ctx.services.call("hub.config"))
        if not folders:
            self.ctx.log.warning("There is no folder of plugins to watch; name one in [hub] plugin_dirs")
            return
        self.ctx.log.info("Plugins are loaded anew when a file changes below %s", ", ".join(map(str, folders)))
        async for changes in watchfiles.awatch(*folders):
            touched = await asyncio.to_thread(_plugins, folders, [Path(path) for _, path in changes])
            for name in touched:
                await self._take_up(name)

    async def _take_up(self, name: str) -> None:
        infos: list[PluginInfo] = await self.ctx.services.call("hub.plugins")
        status = next((one.status for one in infos if one.id == name), "")
        if status == "disabled":
            return
        what = "reload" if status else "load"
        try:
            info: PluginInfo = await self.ctx.services.call(f"hub.{what}_plugin", plugin=name, timeout=60)
        except HubError as error:
            self.ctx.log.warning("%s was edited and cannot be taken up: %s", name, error)
        else:
            self.ctx.log.info("%s was edited; now it is %s", name, info.status)


def _watchfiles() -> Any:  # noqa: ANN401 - a module
    try:
        import watchfiles  # noqa: PLC0415 - for authors of plugins only
    except ImportError as error:
        raise ConfigError(
            "plugins = true needs the package watchfiles; install it with: pip install 'domovoi[reload]'",
            where="plugin.reload.plugins",
        ) from error
    return watchfiles


def _folders(config: Mapping[str, Any]) -> list[Path]:
    """Where the user's plugins lie, as far as these folders are there."""
    beside = Path(config["file"]).parent
    named = [beside / Path(one).expanduser() for one in config["hub"]["plugin_dirs"]]
    return [one for one in (*named, Path(config["data_dir"]) / "user_plugins") if one.is_dir()]


def _stamps(main: Path, files: Iterable[Path]) -> Stamps:
    """When each file was changed, and its size; a new drop-in counts, too."""
    found: Stamps = {}
    for path in {main, *main.with_suffix(".d").glob("*.toml"), *files}:
        try:
            about = path.stat()
        except OSError:
            continue
        found[path] = about.st_mtime_ns, about.st_size
    return found


def _plugins(folders: Iterable[Path], changed: Iterable[Path]) -> list[str]:
    """The ids of the plugins that these files belong to."""
    found = set()
    for path in changed:
        for parent in folders:
            if path != parent and path.is_relative_to(parent):
                folder = parent / path.relative_to(parent).parts[0]
                try:
                    about = tomllib.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
                except OSError:
                    continue  # no plugin, or none any more
                except ValueError:
                    about = {}
                found.add(str(about.get("id", folder.name)))
    return sorted(found)
