"""A hub in a process of its own: how a test starts it, gives it plugins, and stops it."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.harness import Process

type Run = Callable[..., Process]

UP = r"is up after"


def plugin(folder: Path, name: str, code: str, manifest: str = "") -> None:
    home = folder / name
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("")
    (home / "plugin.py").write_text(code)
    about = f'id = "{name}"\nversion = "1.0"\napi = "1"\nentry = "{name}.plugin:It"\n'
    about += f'[permissions]\noffer = ["{name}.*"]\nhear = ["hub.*"]\nread = ["mark/times"]\nwrite = ["mark/times"]\n'
    (home / "plugin.toml").write_text(manifest or about)


def stopped(process: Process) -> int:
    process.send(signal.SIGTERM)
    return process.wait()
