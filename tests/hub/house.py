"""A house with two users' plugins: their folders, and how their code is watched."""

import asyncio
import re
import socket
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from hub.api import NotPermittedError
from hub.hosts.audit import Bounds, watch
from hub.manifest import Manifest, Permissions
from hub.types import Undo

CODE = """
import asyncio

def do(function, *arguments, **named):
    return function(*arguments, **named)

async def wait(function, *arguments, **named):
    return await function(*arguments, **named)
"""


class House(NamedTuple):
    """Folders: two plugins' own, the hub's data, one for temporary files, one that is nobody's."""

    doorbell: Path
    chime: Path
    data: Path
    temp: Path
    outside: Path


def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    found = House(*(tmp_path / name for name in House._fields))
    for folder in found:
        folder.mkdir()
    (found.outside / "secret").write_text("secret")
    monkeypatch.setattr(tempfile, "tempdir", str(found.temp))
    return found


def code_in(file: Path, source: str = CODE) -> Any:  # noqa: ANN401 - a module
    """The code of a file that was imported from there."""
    module = types.ModuleType(file.stem)
    exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 - written above
    return module


def about(folder: Path, **permissions: object) -> Manifest:
    return Manifest(
        id=folder.name,
        version="1.0",
        api="1",
        entry="x:Y",
        folder=folder,
        origin="user",
        permissions=msgspec.convert(permissions, Permissions),
    )


type Watched = Callable[..., Any]


@contextmanager
def watching(house: House) -> Iterator[Watched]:
    """Watch plugins with some permissions: `begin(name, **permissions)` gives a plugin's module."""
    undos: list[Undo] = []

    def begin(name: str = "doorbell", **permissions: object) -> Any:  # noqa: ANN401
        folder: Path = getattr(house, name)
        undos.append(watch(Bounds(about(folder, **permissions), house.data)))
        return code_in(folder / "plugin.py")

    try:
        yield begin
    finally:
        for undo in undos:
            undo()
            undo()


def refuses(what: str) -> Any:  # noqa: ANN401 - what pytest gives
    return pytest.raises(NotPermittedError, match=re.escape(what))


def connect(address: tuple[str, int]) -> None:
    with socket.socket() as own:
        own.connect(address)


async def opened(address: tuple[str, int]) -> None:
    _, writer = await asyncio.open_connection(*address)
    writer.close()
    await writer.wait_closed()
