import socket
import stat
from pathlib import Path

import pytest

from hub.api import ConfigError, PluginError
from hub.testing import running
from plugins.api_gateway.plugin import ApiGateway
from plugins.api_gateway.sockets import bind_tcp, bind_unix, parse_listen, remove_unix
from tests.harness import free_port


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    old = socket.socket(socket.AF_UNIX)
    old.bind(str(path))
    old.close()
    with bind_unix(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_running_hub_is_not_pushed_aside(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(PluginError, match=f"another hub is running on {path}"):
            bind_unix(path)
        assert path.exists()


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="no socket"):
        bind_unix(path)
    assert path.read_text() == "mine"


def test_a_path_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        bind_unix(tmp_path / "missing" / "hub.sock")
    with pytest.raises(ConfigError, match="longer than"):
        bind_unix(tmp_path / ("x" * 108))


def test_only_our_own_socket_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "hub.sock"
    path.write_text("somebody else's")
    remove_unix(path, path.stat().st_ino + 1)
    assert path.exists()
    remove_unix(path, path.stat().st_ino)
    assert not path.exists()
    remove_unix(path, 1)


@pytest.mark.parametrize("listen", ["0.0.0.0:8123", "192.0.2.1:8123", "[::]:8123"])
def test_an_address_others_reach_must_be_allowed(listen: str) -> None:
    with pytest.raises(ConfigError, match="allow_remote = true"):
        bind_tcp(listen, allow_remote=False)


def test_an_address_others_reach_can_be_allowed() -> None:
    bind_tcp(f"0.0.0.0:{free_port()}", allow_remote=True).close()


@pytest.mark.parametrize("listen", ["8123", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "home:80", "127.0.0.1:x"])
def test_nonsense_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="an address and a port"):
        parse_listen(listen)


def test_addresses_are_understood() -> None:
    assert [str(parse_listen(one)[0]) for one in ("localhost:1", "127.0.0.1:1", "[::1]:1")] == [
        "127.0.0.1",
        "127.0.0.1",
        "::1",
    ]


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ConfigError, match="in use"):
            bind_tcp(f"127.0.0.1:{other.getsockname()[1]}", allow_remote=False)


async def test_a_refused_start_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        with pytest.raises(ConfigError, match="allow_remote"):
            await hub.run(ApiGateway, {"listen": "0.0.0.0:8123"})
        assert not (tmp_path / "hub.sock").exists()
