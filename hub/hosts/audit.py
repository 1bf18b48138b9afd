"""What a plugin that does not come with the hub may touch beside its Context: network, serial ports, files, programs.

Inside one process this holds against mistakes, not against malice. Python tells of what it opens through audit events
(PEP 578); the innermost frame of a watched plugin, of the hub or of a bundled plugin says who did it. uvloop connects
and starts programs without telling, so the loop's own methods are watched too, and work that a plugin hands to a
thread or to its tasks carries its name along.
"""

import asyncio
import errno
import json
import linecache
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache, cached_property, partial
from pathlib import Path
from types import FrameType
from typing import Any, override

from hub.errors import NotPermittedError
from hub.manifest import FILE_NAME, Manifest
from hub.types import Undo

# What an event's first arguments are: paths that are read (r), written (w) or of no concern (-).
_KINDS = {
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), "network"),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), "network"),
    "socket.getnameinfo": "network",
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"), "programs"),
    **dict.fromkeys(("os.fork", "os.forkpty", "pty.spawn"), "programs"),
    "open": "open",
    **dict.fromkeys(("os.listdir", "os.scandir", "os.getxattr", "os.listxattr"), "r"),
    **dict.fromkeys(("glob.glob", "pathlib.Path.glob", "pathlib.Path.rglob"), "r"),
    **dict.fromkeys(("os.mkdir", "os.rmdir", "os.remove", "os.truncate", "os.chmod", "os.chown"), "w"),
    **dict.fromkeys(("os.utime", "os.setxattr", "os.removexattr", "os.chdir", "shutil.rmtree", "sqlite3.connect"), "w"),
    **dict.fromkeys(("os.rename", "os.link", "shutil.move"), "ww"),
    **dict.fromkeys(("shutil.copyfile", "shutil.copytree"), "rw"),
    "os.symlink": "-w",
}
_LISTS = frozenset({"os.listdir", "os.scandir", "os.chdir", "pathlib.Path.glob", "pathlib.Path.rglob"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NETWORK = (
    *("create_connection", "create_server", "create_datagram_endpoint", "create_unix_connection"),
    *("create_unix_server", "getaddrinfo", "getnameinfo"),
)
_PROGRAMS = ("subprocess_exec", "subprocess_shell")
_SERIAL = ("/dev/tty", "/dev/serial")
_HARMLESS = frozenset({"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "", ":memory:"})
_HUB = Path(__file__).parents[1]
_TRUSTED = tuple(f"{_HUB.with_name(name)}/" for name in ("hub", "plugins", "device_plugins"))
# These read code, on behalf of whoever imports it or shows a traceback.
_READERS = frozenset(
    {*(f"<frozen {name}>" for name in ("importlib._bootstrap", "importlib._bootstrap_external")), linecache.__file__}
)


class OutOfBoundsError(NotPermittedError, PermissionError):
    """A plugin may not open something; to the libraries it uses, the system forbade it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errno, self.strerror = errno.EACCES, message

    @override
    def __str__(self) -> str:
        return str(self.strerror)


class Bounds:
    """What one plugin may touch. Its checks raise OutOfBoundsError with the line to add to its manifest."""

    def __init__(self, manifest: Manifest, data_dir: Path) -> None:
        self.folder = str(manifest.folder.absolute())  # as its code names it, links and all
        self._manifest = manifest
        self._permissions = manifest.permissions
        self._data_dir = data_dir

    def refusal(self, what: str, line: str) -> str:
        """The sentence that says what it may not do, and what to write in its manifest."""
        about = self._manifest
        return f"{about.id} may not {what}; {line} [permissions] of {about.folder / FILE_NAME}"

    def check_network(self) -> None:
        """Refuse to speak to anything outside."""
        if not self._permissions.network:
            raise OutOfBoundsError(self.refusal("use the network", "write network = true in"))

    def check_programs(self) -> None:
        """Refuse to start a program, except to whoever may touch every file."""
        if "/" not in self._permissions.files:
            raise OutOfBoundsError(self.refusal("start a program", 'add "/" to files in'))

    def check_path(self, text: str, mode: str, *, is_list: bool = False) -> None:
        """Refuse to read (r) or write (w) outside of its folders."""
        if text in _HARMLESS:
            return
        path = os.path.realpath(text)
        if path.startswith(_SERIAL):
            if not self._permissions.serial:
                raise OutOfBoundsError(self.refusal(f"open {text}", "write serial = true in"))
        elif not _is_below(path, self._own) and not (mode == "r" and self._is_readable(path)):
            folder = path if is_list or path.count("/") == 1 else path.rpartition("/")[0]
            line = f"add {json.dumps(folder, ensure_ascii=False)} to files in"
            raise OutOfBoundsError(self.refusal(f"{'read' if mode == 'r' else 'write'} {text}", line))

    def _is_readable(self, path: str) -> bool:
        is_port_lookup = path == "/dev" or _is_below(path, ("/sys",))
        return _is_below(path, _libraries()) or (is_port_lookup and self._permissions.serial)

    @cached_property
    def _own(self) -> tuple[str, ...]:
        named = (os.path.join(self.folder, os.path.expanduser(one)) for one in self._permissions.files)  # noqa: PTH111, PTH118
        return _resolved(self.folder, str(self._data_dir), tempfile.gettempdir(), *named)


def watch(bounds: Bounds) -> Undo:
    """Hold the code in a plugin's folder to its bounds, in this process and its running loop, until undone."""
    _install()
    loop = asyncio.get_running_loop()
    _watched[bounds] = loop
    _whose.clear()
    if "run_in_executor" not in vars(loop):
        _watch_loop(loop)

    def undo() -> None:
        if _watched.pop(bounds, None) is not None:
            _whose.clear()
            if loop not in _watched.values():
                for name in (*_NETWORK, *_PROGRAMS, "run_in_executor"):
                    delattr(loop, name)

    return undo


async def carried[T](bounds: Bounds, work: Awaitable[T]) -> T:  # noqa: ARG001 - read from the frame
    """Do some work in a plugin's name."""
    return await work


def _carried[T](bounds: Bounds, function: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401, ARG001
    return function(*arguments)


_IN_TASK, _IN_THREAD = carried.__code__, _carried.__code__


class _Whose(dict[str, Bounds | bool]):
    """Whose code a file holds: a watched plugin's, one's that is trusted (True), or neither's (False)."""

    def __missing__(self, file: str) -> Bounds | bool:
        places: dict[str, Bounds | bool] = dict.fromkeys(_TRUSTED, True)
        places |= {f"{one.folder}/": one for one in [*_watched]}
        innermost = max((place for place in places if file.startswith(place)), key=len, default="")
        found = self[file] = file in _READERS or places.get(innermost, False)
        return found


_watched: dict[Bounds, asyncio.AbstractEventLoop] = {}
_whose = _Whose()


def _acting(frame: FrameType | None) -> Bounds | None:
    """The watched plugin that a frame works for, if it does."""
    while frame is not None:
        code = frame.f_code
        if code is _IN_TASK or code is _IN_THREAD:  # by identity: hashing code is slow
            bounds: Bounds = frame.f_locals["bounds"]
            return bounds
        whose = _whose[code.co_filename]
        if whose is not False:
            return None if whose is True else whose
        frame = frame.f_back
    return None


@cache
def _install() -> None:
    """Add the audit hook, which cannot be taken out again; it does nothing while no plugin is watched."""
    kinds, watched = _KINDS, _watched  # the module's names are gone before the process ends

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        kind = kinds.get(event)
        if kind is None or not watched:
            return
        frame = sys._getframe(1)  # noqa: SLF001 - documented, and the cheapest way to the caller
        if (bounds := _acting(frame)) is not None:
            _check(bounds, event, kind, arguments, frame)

    sys.addaudithook(hook)


def _check(bounds: Bounds, event: str, kind: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
    if kind == "network":
        bounds.check_network()
    elif kind == "programs":
        bounds.check_programs()
    else:
        modes = kind if kind != "open" else "w" if arguments[2] & _WRITING else "r"
        # Within a tree that it was given, and that was checked, shutil names files from a folder that it holds open.
        is_inner = frame.f_code.co_filename == shutil.__file__ and not event.startswith("shutil.")
        for path, mode in zip(arguments, modes, strict=False):
            if mode != "-" and not isinstance(path, int):
                text = os.fsdecode("." if path is None else path)
                if not is_inner or text.startswith("/"):
                    bounds.check_path(text, mode, is_list=event in _LISTS)


def _watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    hand_over = loop.run_in_executor

    def run_in_executor[T](
        executor: Executor | None,
        function: Callable[..., T],
        *arguments: Any,  # noqa: ANN401
    ) -> asyncio.Future[T]:
        bounds = _acting(sys._getframe(1)) if isinstance(executor, ThreadPoolExecutor | None) else None  # noqa: SLF001
        return hand_over(executor, function if bounds is None else partial(_carried, bounds, function), *arguments)

    setattr(loop, "run_in_executor", run_in_executor)  # noqa: B010 - a method of this loop alone
    for names, check in ((_NETWORK, Bounds.check_network), (_PROGRAMS, Bounds.check_programs)):
        for name in names:
            setattr(loop, name, _checked(getattr(loop, name), check))


def _checked(method: Callable[..., Any], check: Callable[[Bounds], None]) -> Callable[..., Any]:
    def checked(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        if (bounds := _acting(sys._getframe(1))) is not None:  # noqa: SLF001
            check(bounds)
        return method(*arguments, **named)

    return checked


@cache
def _libraries() -> tuple[str, ...]:
    """Where code and its data lie that anybody may read: Python's libraries, the hub, time zones."""
    named = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return _resolved(*named, *_TRUSTED, "/usr/share/zoneinfo")


def _resolved(*paths: str) -> tuple[str, ...]:
    return tuple(os.path.realpath(path).rstrip("/") for path in paths)


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)
