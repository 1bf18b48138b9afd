"""The folders of automations: which files there are, which changed, and what they define. All of it blocks."""

from collections.abc import Iterable
from pathlib import Path

from plugins.automation import python_files, rules
from plugins.automation.definition import Definition, broken

type Stamps = dict[Path, tuple[int, int]]

SIZE_LIMIT = 1_048_576


def scan(folders: Iterable[Path]) -> Stamps:
    """The files of automations in order, with what changes when they are edited; hidden and `_` files are left out."""
    found: Stamps = {}
    for folder in folders:
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            continue
        for path in paths:
            if path.suffix in {".toml", ".py"} and not path.name.startswith((".", "_")):
                try:
                    about = path.stat()
                except OSError:
                    found[path] = (0, 0)
                else:
                    found[path] = (about.st_mtime_ns, about.st_size)
    return found


def read(path: Path) -> list[Definition]:
    """What one file defines; a file that cannot be read becomes one definition with an `error`."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            return [broken(path, f"{path.name}: it is larger than {SIZE_LIMIT // 1024} KiB; split it")]
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return [broken(path, f"{path.name}: it is not UTF-8 text; save it as UTF-8")]
    except OSError as error:
        return [broken(path, f"{path.name}: it cannot be read: {error.strerror}")]
    return python_files.read(path) if path.suffix == ".py" else rules.read(text, path)
