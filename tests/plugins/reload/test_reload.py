"""Edited files: the configuration's, and those of plugins."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.api import ConfigError, HubError, PluginInfo
from hub.testing import HubInMemory, running
from plugins.reload.plugin import Reload
from tests.harness import eventually

pytestmark = pytest.mark.allow_blocking  # the tests write files


@asynccontextmanager
async def house(tmp_path: Path, *, plugins: bool = False) -> AsyncIterator[HubInMemory]:
    """A hub that reads `hub.toml` here, with `mine` as its folder of plugins."""
    main = tmp_path / "hub.toml"
    main.touch()
    async with running() as hub:
        about: dict[str, Any] = {"file": str(main), "files": [str(main)], "data_dir": str(tmp_path)}
        hub.stand_in("hub.config", {**about, "hub": {"plugin_dirs": ["mine"]}})
        hub.stand_in("hub.reload_config")
        hub.stand_in("hub.plugins", [PluginInfo("bell", "1", "running"), PluginInfo("quiet", "1", "disabled")])
        for what in ("load", "reload"):
            hub.stand_in(f"hub.{what}_plugin", lambda plugin: PluginInfo(plugin, "1", "running"))
        await hub.run(Reload, {"plugins": plugins})
        await eventually(lambda: hub.calls_of("hub.config"))
        yield hub


async def turned(hub: HubInMemory) -> None:
    """Let it look at the files a few times more."""
    for _ in range(10):
        await hub.clock.advance(2)
        await asyncio.to_thread(time.sleep, 0.001)


async def reloads(hub: HubInMemory, count: int) -> None:
    """Fail unless the configuration has been read again `count` times."""
    await turned(hub)
    await eventually(lambda: len(hub.calls_of("hub.reload_config")) >= count)
    await turned(hub)
    assert len(hub.calls_of("hub.reload_config")) == count


@pytest.mark.parametrize("name", ["hub.toml", "hub.d/10-lamps.toml"])
async def test_an_edited_file_is_taken_up_once(name: str, tmp_path: Path) -> None:
    async with house(tmp_path) as hub:
        await reloads(hub, 0)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("[hub]\n")
        await reloads(hub, 1)
        (tmp_path / name).unlink()
        await reloads(hub, 2)


async def test_another_list_of_files_is_taken_up(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("old")
    async with house(tmp_path) as hub:
        await reloads(hub, 0)
        about = {"file": str(tmp_path / "hub.toml"), "files": [str(secret)], "data_dir": str(tmp_path)}
        hub.stand_in("hub.config", about)
        hub.publish("hub.config_reloaded", "hub", {})
        await turned(hub)
        before = len(hub.calls_of("hub.reload_config"))
        secret.write_text("new one")
        await reloads(hub, before + 1)


async def test_a_refused_file_is_not_tried_again_until_it_is_edited(tmp_path: Path) -> None:
    async with house(tmp_path) as hub:
        hub.stand_in("hub.reload_config", ConfigError("broken"))
        await reloads(hub, 0)
        (tmp_path / "hub.toml").write_text("[")
        await reloads(hub, 1)
        (tmp_path / "hub.toml").write_text("[[")
        await reloads(hub, 2)
        assert hub.errors == []


async def test_an_edited_plugin_is_loaded_anew_a_new_one_loaded_and_a_disabled_one_left(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for name in ("bell", "quiet"):
        (mine / name).mkdir(parents=True)
        (mine / name / "plugin.toml").write_text(f'id = "{name}"')
    async with house(tmp_path, plugins=True) as hub:
        numbers = itertools.count()

        def edited_until_noticed() -> list[dict[str, Any]]:
            for name in ("quiet", "bell"):
                (mine / name / "plugin.py").write_text(f"number = {next(numbers)}")
            return hub.calls_of("hub.reload_plugin")

        await eventually(edited_until_noticed, 20)
        assert {one["plugin"] for one in hub.calls_of("hub.reload_plugin")} == {"bell"}
        (mine / "chime_folder").mkdir()
        (mine / "chime_folder" / "plugin.toml").write_text('id = "chime"')
        await eventually(lambda: hub.calls_of("hub.load_plugin"), 20)
        assert hub.calls_of("hub.load_plugin")[0] == {"plugin": "chime"}
        hub.stand_in("hub.reload_plugin", HubError("it is broken"))
        (mine / "bell" / "plugin.toml").write_text("[")
        (mine / "notes.txt").write_text("no plugin")
        before = len(hub.calls_of("hub.reload_plugin"))
        await eventually(lambda: len(hub.calls_of("hub.reload_plugin")) > before, 20)
        assert hub.errors == []


async def test_without_a_folder_there_is_nothing_to_watch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with house(tmp_path, plugins=True):
        await eventually(lambda: "There is no folder of plugins to watch" in caplog.text)


async def test_a_missing_package_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(ConfigError, match=r"needs the package watchfiles; install it with: pip install"):
        async with house(tmp_path, plugins=True):
            pass
