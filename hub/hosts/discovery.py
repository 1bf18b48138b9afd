"""Where plugins are found: those that come with the hub, those in the user's folders, and installed packages."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from hub.config import Config, check_plugins
from hub.errors import ManifestError
from hub.logs import redact
from hub.manifest import FILE_NAME, Manifest, Origin, load

GROUP = "domovoi.plugins"
"""The entry point group of installed plugins; a value is a package whose folder holds the manifest."""

_ID = re.compile(r"""^\s*id\s*=\s*["']([a-z][a-z0-9_]*)["']""", re.MULTILINE)

type Found = dict[str, Manifest]
type Mistakes = list[ManifestError]
type Discovered = tuple[Found, Mistakes]


def find_plugins(settings: Config) -> Discovered:
    """All plugins by id, ready to be imported, and what is wrong with others.

    Folders of plugins lie in `[hub] plugin_dirs` and, if it is there, in `user_plugins` of the data folder.
    """
    own = settings.data_dir / "user_plugins"
    user = [*settings.plugin_dirs, *([own] if own.is_dir() else [])]
    sys.path += [str(parent) for parent in user if str(parent) not in sys.path]
    found: Found = {}
    mistakes: Mistakes = []
    _collect(bundled(), "bundled", found, mistakes)
    for parent in user:
        _collect(_inside(parent, mistakes), "user", found, mistakes)
    _collect(_installed(mistakes), "installed", found, mistakes)
    return dict(sorted(found.items())), mistakes


def by_name(mistakes: Mistakes) -> dict[str, str]:
    """What is wrong with plugins, for people, by their ids, or where these cannot be told by their folders' names."""
    return {redact(_name(one)): redact(str(one)) for one in _wrong(mistakes)}


def check_names(settings: Config, discovered: Discovered) -> None:
    """Refuse a configuration that names a plugin which is not there. Raises ConfigError.

    While there are places that could not be looked into, nobody can know that.
    """
    found, mistakes = discovered
    if len(_wrong(mistakes)) == len(mistakes):
        check_plugins(settings, {*found, *by_name(mistakes)})


def _wrong(mistakes: Mistakes) -> Mistakes:
    """Those that are in a manifest."""
    return [one for one in mistakes if f"/{FILE_NAME}" in one.where]


def _name(mistake: ManifestError) -> str:
    folder = Path(mistake.where.partition(f"/{FILE_NAME}")[0])
    if not mistake.where.endswith(": id"):
        with suppress(OSError):
            if written := _ID.search((folder / FILE_NAME).read_text("utf-8", "replace")):
                return written[1]
    return folder.name


def bundled() -> Iterator[Path]:
    """The folders of the plugins that come with the hub."""
    for package in ("plugins", "device_plugins"):
        spec = find_spec(package)
        for parent in (spec.submodule_search_locations or ()) if spec else ():
            yield from _inside(Path(parent), [])


def folders() -> Iterator[Path]:
    """The folders of the plugins that come with the hub, and of those that are installed."""
    yield from bundled()
    yield from _installed([])


def _collect(folders: Iterator[Path], origin: Origin, found: Found, mistakes: Mistakes) -> None:
    """Add the plugins of `folders` by id; of two with one id the first found counts, and the other is a mistake."""
    for folder in folders:
        try:
            manifest = load(folder, origin)
        except ManifestError as error:
            mistakes.append(error)
            continue
        first = found.setdefault(manifest.id, manifest)
        if first.folder.resolve() != folder.resolve():
            mistakes.append(
                ManifestError(
                    f"plugin {manifest.id!r} is there twice, in {first.folder} and in {folder};"
                    " the first runs: take one away or rename it",
                    where=f"{folder / FILE_NAME}: id",
                )
            )


def _inside(parent: Path, mistakes: Mistakes) -> Iterator[Path]:
    try:
        folders = sorted(parent.iterdir())
    except OSError as error:
        mistakes.append(
            ManifestError(f"no plugins can be read here: {error.strerror}; mend [hub] plugin_dirs", where=str(parent))
        )
        return
    for folder in folders:
        try:
            is_plugin = (folder / FILE_NAME).is_file()
        except OSError:
            is_plugin = True  # reading it says why it cannot be read
        if is_plugin:
            yield folder


def _installed(mistakes: Mistakes) -> Iterator[Path]:
    """The folders of the packages that installed distributions name; none of these packages is imported."""
    if not any(GROUP in text for parent in sys.path for text in _entry_points(Path(parent))):
        return
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs a tenth of the start, and few have need of it

    for entry in entry_points(group=GROUP):
        package, *inner = entry.value.partition(":")[0].strip().split(".")
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):
            spec = None
        folders = [Path(one, *inner) for one in (spec.submodule_search_locations or ())] if spec else []
        if folder := next((one for one in folders if (one / FILE_NAME).is_file()), None):
            yield folder
        else:
            whose = entry.dist.name if entry.dist else "an unknown distribution"
            mistakes.append(
                ManifestError(
                    f"package {entry.value} has no {FILE_NAME} in its folder; update or remove {whose}",
                    where=f"installed plugin {entry.name}",
                )
            )


def _entry_points(parent: Path) -> Iterator[str]:
    """The texts that declare entry points in a folder of modules."""
    for file in (*parent.glob("*.dist-info/entry_points.txt"), *parent.glob("*.egg-info/entry_points.txt")):
        try:
            yield file.read_text("utf-8", "replace")
        except OSError:
            continue
