"""What a watched plugin may touch beside its Context is what its manifest says."""

import asyncio
import errno
import glob
import os
import shutil
import socket
import sqlite3
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from hub.api import NotPermittedError
from hub.hosts import audit
from hub.hosts.audit import Bounds
from tests.harness.process import ROOT
from tests.hub.house import House, Watched, about, connect, make, opened, refuses, watching

pytestmark = pytest.mark.allow_blocking  # the plugins here open files in the loop, as a careless one would


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return make(tmp_path, monkeypatch)


@pytest.fixture
async def watched(house: House) -> AsyncIterator[Watched]:
    with watching(house) as begin:
        yield begin


@pytest.fixture
def listener() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


# Files


async def test_a_refusal_names_the_line_to_add(house: House, watched: Watched) -> None:
    plugin = watched()
    for look, mode in ((plugin.do, "r"), (plugin.do, "w")):
        with pytest.raises(NotPermittedError) as caught:
            look(open, house.outside / "secret", mode)
        verb = "read" if mode == "r" else "write"
        assert str(caught.value) == (
            f'doorbell may not {verb} {house.outside}/secret; add "{house.outside}" to files in [permissions] of'
            f" {house.doorbell}/plugin.toml"
        )
        assert isinstance(caught.value, PermissionError)  # so a library that need not have it goes on without
        assert (caught.value.errno, caught.value.code) == (errno.EACCES, "not_permitted")
    assert (house.outside / "secret").read_text() == "secret"
    with refuses(f'may not read {house.outside}; add "{house.outside}" to files'):
        plugin.do(os.listdir, house.outside)
    with refuses('add "/é" to files'):
        plugin.do(os.listdir, "/é")
    with refuses('may not read /secret; add "/secret" to files'):
        plugin.do(open, "/secret")


async def test_its_own_folders_are_free(house: House, watched: Watched) -> None:
    plugin = watched(files=[str(house.outside / "music"), "~/tones", "sub"])
    (house.outside / "music").mkdir()
    for folder in (house.doorbell, house.data, house.temp, house.outside / "music"):
        plugin.do((folder / "a").write_text, "x")
        plugin.do(os.mkdir, folder / "tree")
        plugin.do((folder / "tree" / "b").write_text, "x")
        assert plugin.do(os.listdir, folder / "tree") == ["b"]
        plugin.do(shutil.copytree, folder / "tree", folder / "copy")
        plugin.do(shutil.rmtree, folder / "copy")
        plugin.do(os.replace, folder / "tree" / "b", folder / "a")
        assert plugin.do(bytes, (folder / "a").read_bytes()) == b"x"
    with suppress(FileNotFoundError):
        plugin.do(open, Path("~/tones/none").expanduser())
    with refuses("write"):  # a folder beside, whose name begins alike
        plugin.do(os.mkdir, house.outside / "musical")


async def test_a_file_of_its_own_may_be_named_alone(house: House, watched: Watched) -> None:
    plugin = watched(files=[str(house.outside / "secret")])
    with plugin.do(open, house.outside / "secret") as file:
        assert file.read() == "secret"


TOUCHES: dict[str, Callable[[Path], object]] = {
    "write_text": lambda there: (there / "new").write_text("x"),
    "append": lambda there: (there / "secret").open("a"),
    "update": lambda there: (there / "secret").open("r+"),
    "os.open": lambda there: os.open(there / "secret", os.O_RDONLY),
    "bytes": lambda there: os.open(os.fsencode(there / "secret"), os.O_WRONLY),
    "read_bytes": lambda there: (there / "secret").read_bytes(),
    "iterdir": lambda there: [*there.iterdir()],
    "scandir": os.scandir,
    "Path.glob": lambda there: [*there.glob("*")],
    "Path.rglob": lambda there: [*there.rglob("*")],
    "glob": lambda there: glob.glob(f"{there}/*"),  # noqa: PTH207
    "mkdir": lambda there: (there / "new").mkdir(),
    "rmdir": Path.rmdir,
    "remove": lambda there: (there / "secret").unlink(),
    "truncate": lambda there: os.truncate(there / "secret", 0),
    "chmod": lambda there: (there / "secret").chmod(0o600),
    "chown": lambda there: os.chown(there / "secret", -1, -1),
    "utime": lambda there: os.utime(there / "secret"),
    "rename": lambda there: (there / "secret").rename("new"),
    "rename to": lambda there: Path("mine").rename(there / "new"),
    "link": lambda there: Path("new").hardlink_to(there / "secret"),
    "symlink": lambda there: (there / "new").symlink_to("mine"),
    "chdir": os.chdir,
    "getxattr": lambda there: os.getxattr(there / "secret", "user.a"),
    "setxattr": lambda there: os.setxattr(there / "secret", "user.a", b"b"),
    "removexattr": lambda there: os.removexattr(there / "secret", "user.a"),
    "listxattr": lambda there: os.listxattr(there / "secret"),
    "copyfile": lambda there: shutil.copyfile(there / "secret", "new"),
    "copyfile to": lambda there: shutil.copyfile("mine", there / "secret"),
    "copytree": lambda there: shutil.copytree(there, "new"),
    "move": lambda there: shutil.move(there / "secret", "new"),
    "rmtree": shutil.rmtree,
    "sqlite": lambda there: sqlite3.connect(there / "new.db"),
}


@pytest.mark.parametrize("how", TOUCHES)
async def test_whatever_touches_a_file_elsewhere_is_refused(
    house: House, watched: Watched, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = watched()
    monkeypatch.chdir(house.doorbell)
    (house.doorbell / "mine").write_text("mine")

    with refuses("doorbell may not "):
        plugin.do(TOUCHES[how], house.outside)
    assert [one.name for one in house.outside.iterdir()] == ["secret"]
    assert (house.outside / "secret").read_text() == "secret"
    assert [one.name for one in house.doorbell.iterdir()] == ["mine"]
    assert (house.doorbell / "mine").read_text() == "mine"


async def test_neither_dots_nor_links_nor_relative_names_lead_outside(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = watched()
    (house.doorbell / "link").symlink_to(house.outside)
    monkeypatch.chdir(house.outside)
    for name in (house.doorbell / "link" / "secret", f"{house.doorbell}/../outside/secret", "secret", b"secret"):
        with refuses("may not read"):
            plugin.do(open, name)
    with refuses("may not read ."):
        plugin.do(os.listdir)
    for relative in (lambda: shutil.rmtree("."), lambda: shutil.copyfile("secret", house.doorbell / "mine")):
        with refuses("doorbell may not"):
            plugin.do(relative)
    monkeypatch.chdir(house.doorbell)
    assert "link" in plugin.do(os.listdir)


async def test_a_file_that_is_open_already_may_be_used(house: House, watched: Watched) -> None:
    plugin = watched()
    with (house.outside / "secret").open() as file, plugin.do(open, os.dup(file.fileno())) as again:
        assert again.read() == "secret"


async def test_libraries_may_be_read_and_not_written(watched: Watched) -> None:
    plugin = watched()
    for file in (os.__file__, msgspec.__file__, audit.__file__):
        plugin.do(open, file).close()
        for spoil in (lambda: open(file, "a"), lambda: os.utime(file), lambda: os.open(file, os.O_WRONLY)):  # noqa: B023, PTH123, SIM115
            with refuses("may not write"):
                plugin.do(spoil)
        assert plugin.do(glob.glob, file) == [file]
    plugin.do(open, "/dev/null", "w").close()
    plugin.do(sqlite3.connect, ":memory:").close()
    assert plugin.do(os.listdir, sysconfig.get_path("purelib"))


async def test_a_serial_port_needs_its_permission(watched: Watched) -> None:
    plugin = watched(files=["/dev"])
    with refuses("doorbell may not open /dev/ttyNone9; write serial = true in [permissions] of"):
        plugin.do(open, "/dev/ttyNone9")
    with refuses("serial = true"):
        plugin.do(os.open, "/dev/serial/by-id/usb-none", os.O_RDWR)
    with refuses("serial = true"):
        plugin.do(glob.glob, "/dev/ttyNone*")
    free = watched("chime", serial=True)
    with pytest.raises(FileNotFoundError):
        free.do(open, "/dev/ttyNone9")
    assert free.do(glob.glob, "/dev/ttyNone*") == []
    assert free.do(os.listdir, "/sys/class")
    with refuses('may not write /dev/none; add "/dev" to files'):
        free.do(open, "/dev/none", "w")
    with refuses("may not read /dev/none"):
        free.do(open, "/dev/none")


async def test_the_refusals_of_the_page_are_what_the_hub_says(house: House) -> None:
    page = (ROOT / "docs" / "permissions.md").read_text()
    bounds = Bounds(about(Path("my-plugins/doorbell")), house.data)
    for check in (
        bounds.check_network,
        bounds.check_programs,
        lambda: bounds.check_path("/dev/ttyUSB0", "w"),
        lambda: bounds.check_path("/srv/music/a.ogg", "r"),
    ):
        with pytest.raises(NotPermittedError) as caught:
            check()
        assert str(caught.value) in page


# Network


def send(address: tuple[str, int]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendto(b"x", address)


def bind() -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))


def send_message(address: tuple[str, int]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.sendmsg([b"x"], [], 0, address)


async def test_the_network_needs_its_permission(watched: Watched, listener: tuple[str, int]) -> None:
    plugin = watched()
    sentence = "doorbell may not use the network; write network = true in [permissions] of"
    for use, arguments in (
        (connect, (listener,)),
        (bind, ()),
        (send, (listener,)),
        (send_message, (listener,)),
        (socket.getaddrinfo, ("localhost", 80)),
        (socket.gethostbyname, ("localhost",)),
        (socket.gethostbyaddr, ("127.0.0.1",)),
        (socket.getnameinfo, (listener, 0)),
    ):
        with refuses(sentence):
            plugin.do(use, *arguments)
    with refuses(sentence):
        await plugin.wait(opened, listener)
    loop = asyncio.get_running_loop()
    unix = str(Path(tempfile.gettempdir()) / "s")
    for method, given in (
        (loop.create_server, (asyncio.Protocol, "127.0.0.1", 0)),
        (loop.create_datagram_endpoint, (asyncio.DatagramProtocol, ("127.0.0.1", 0))),
        (loop.create_unix_server, (asyncio.Protocol, unix)),
        (loop.create_unix_connection, (asyncio.Protocol, unix)),
        (loop.getaddrinfo, ("localhost", 80)),
        (loop.getnameinfo, (listener, 0)),
    ):
        with refuses(sentence):
            await plugin.wait(method, *given)


async def test_with_its_permission_the_network_is_open(watched: Watched, listener: tuple[str, int]) -> None:
    plugin = watched(network=True)
    plugin.do(connect, listener)
    plugin.do(send, listener)
    await plugin.wait(opened, listener)
    loop = asyncio.get_running_loop()
    assert await plugin.wait(loop.getaddrinfo, "127.0.0.1", 80)
    server = await plugin.wait(loop.create_server, asyncio.Protocol, "127.0.0.1", port=0)
    server.close()
    await server.wait_closed()


# Programs


TRUE = shutil.which("true") or ""


STARTS: dict[str, Callable[[], object]] = {
    "subprocess": lambda: subprocess.run([TRUE], check=True),
    "system": lambda: os.system("true"),  # noqa: S605, S607
    "exec": lambda: os.execv("/none/true", ["true"]),  # noqa: S606
    "posix_spawn": lambda: os.posix_spawn(TRUE, [TRUE], {}),
    "fork": lambda: os.fork() or os._exit(0),
    "forkpty": lambda: os.forkpty()[0] or os._exit(0),
}


@pytest.mark.parametrize("how", STARTS)
async def test_a_program_is_started_only_by_whoever_may_touch_every_file(watched: Watched, how: str) -> None:
    plugin = watched(files=["/usr"], network=True, serial=True)
    with refuses('doorbell may not start a program; add "/" to files in [permissions] of'):
        plugin.do(STARTS[how])


async def test_asyncio_starts_a_program_only_with_the_permission(house: House, watched: Watched) -> None:
    plugin = watched()
    for begin in (asyncio.create_subprocess_exec, asyncio.create_subprocess_shell):
        with refuses("doorbell may not start a program"):
            await plugin.wait(begin, TRUE)

    free = watched("chime", files=["/"])
    process = await free.wait(asyncio.create_subprocess_exec, TRUE)
    assert await process.wait() == 0
    assert free.do(subprocess.run, [TRUE], check=True).returncode == 0
    assert free.do((house.outside / "secret").read_text) == "secret"
