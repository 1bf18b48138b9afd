"""Sockets to listen on, bound by ourselves: nobody else may connect for a moment, no running hub is pushed aside."""

import errno
import ipaddress
import socket
import stat
from pathlib import Path

from hub.api import ConfigError, PluginError

_PLUGIN = "api_gateway"
_WHERE = "[plugin.api_gateway]"
_PATH_LIMIT = 107  # bytes of sun_path on Linux, without the closing zero
_PROBE_S = 1.0
_PORT_LIMIT = 65535


def bind_unix(path: Path) -> socket.socket:
    """A socket bound to `path` with mode 0660; a socket file on which nobody answers is replaced. Blocks for a moment.

    Raises PluginError when another hub answers there, ConfigError when the path cannot be used.
    """
    where = f"{_WHERE} socket"
    if len(bytes(path)) > _PATH_LIMIT:
        raise ConfigError(
            f"{path} is longer than the {_PATH_LIMIT} bytes a socket's path may have; choose a shorter one", where=where
        )
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_way(path, where)
        bound.bind(str(path))
        path.chmod(0o660)  # before anybody listens: until then, connecting is refused
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"{path} cannot be listened on: {error.strerror}; choose another path", where=where
        ) from error
    except BaseException:
        bound.close()
        raise
    return bound


def remove_unix(path: Path, inode: int) -> None:
    """Remove the socket file, unless another one has taken its place."""
    try:
        if path.lstat().st_ino == inode:
            path.unlink()
    except FileNotFoundError:
        pass


def bind_tcp(listen: str, *, allow_remote: bool) -> socket.socket:
    """A socket bound to `address:port`; an address that other machines reach needs `allow_remote`.

    Raises ConfigError.
    """
    where = f"{_WHERE} listen"
    address, port = parse_listen(listen)
    if not address.is_loopback and not allow_remote:
        raise ConfigError(
            f"{address} can be reached by other machines; listen on 127.0.0.1, or set allow_remote = true", where=where
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - the protocol's number
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((str(address), port))
        # Two sockets may both be bound with SO_REUSEADDR; only listening tells that the port is taken.
        bound.listen()
    except OSError as error:
        bound.close()
        why = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigError(f"{listen} cannot be listened on: {why}; choose another port", where=where) from error
    return bound


def parse_listen(listen: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    """The address and port of `127.0.0.1:8123`, `[::1]:8123` or `localhost:8123`.

    Raises ConfigError.
    """
    host, _, port = listen.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        address, number = ipaddress.IPv4Address(0), 0
    if not 0 < number <= _PORT_LIMIT:
        raise ConfigError(f'{listen!r} is not like "127.0.0.1:8123": an address and a port', where=f"{_WHERE} listen")
    return address, number


def _make_way(path: Path, where: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is a file and no socket; remove it or choose another path", where=where)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except (TimeoutError, BlockingIOError):
            pass  # somebody listens there and is busy
    raise PluginError(f"another hub is running on {path}; stop it first, or choose another data folder", plugin=_PLUGIN)
