"""Faults of an unusual kind, as a panic in a library's Rust: those of one plugin, and no end of the hub."""

from pathlib import Path

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import until
from tests.hub.running_hub import UP, Run, plugin, stopped

PANICS = """import asyncio
from hub.api import Plugin, on, service


class Panic(BaseException):
    pass


async def panics(self):
    await asyncio.sleep(0)
    raise Panic("out of bounds")


def panics_at_once():
    raise Panic("out of bounds")


class It(Plugin):
    async def start(self):
        self.ctx.clock.call_later(0.0, panics_at_once)
        self.ctx.tasks.start("works", panics(self))

    stop = panics

    @service
    async def count(self) -> None:
        await panics(self)

    @on("hub.started")
    async def heard(self, event):
        await panics(self)

    @on("hub.started")
    def heard_at_once(self, event):
        panics_at_once()
"""


def test_what_is_no_exception_is_still_a_fault_of_its_plugin_only(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    plugin(mine, "panics", PANICS)
    plugin(mine, "starter", PANICS.replace("async def start", "start = panics\n    async def begin"))
    in_init = PANICS.replace("async def start(self):", "def __init__(self, ctx):\n        panics_at_once()")
    plugin(mine, "maker", in_init)
    plugin(mine, "importer", "class Panic(BaseException): ...\nraise Panic\n")
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    with pytest.raises(CommandError, match=r"panics.count failed: HubError: it raised Panic: out of bounds"):
        client.call("panics.count", {})
    until(lambda: {one["id"]: one["errors"] for one in client.get("plugins")}["panics"] == 4, what="all is counted")
    plugins = {one["id"]: one for one in client.get("plugins")}
    assert plugins["panics"]["status"] == "running"
    assert plugins["starter"]["reason"] == "it raised Panic: out of bounds"
    assert "Panic" in plugins["maker"]["reason"]
    assert "Panic" in plugins["importer"]["reason"]
    assert client.call("hub.restart_plugin", {"plugin": "panics"})["trouble"].endswith("it raised Panic: out of bounds")
    assert "panics_at_once" in (tmp_path / "logs" / "hub.log").read_text()
    assert stopped(process) == 0


NAMELESS = """from hub.api import Plugin


class It(Plugin):
    async def start(self):
        self.ctx.tasks.start("works", self.work())
        if self.ctx.plugin == "early":
            await self.work()

    async def work(self):
        raise OSError("a\\udcff.wav is no sound")
"""


def test_a_fault_whose_text_is_no_utf_8_hides_no_other_plugin(run: Run, tmp_path: Path) -> None:
    plugin(tmp_path / "mine", "early", NAMELESS)
    plugin(tmp_path / "mine", "late", NAMELESS)
    process = run('[hub]\nplugin_dirs = ["mine"]\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    told = until(lambda: {one["id"]: one["reason"] for one in client.get("plugins")}["early"], what="it has failed")
    plugins = {one["id"]: one for one in client.get("plugins")}
    assert told == "OSError: a\\udcff.wav is no sound"
    assert plugins["late"]["trouble"] == "task late:works failed: OSError: a\\udcff.wav is no sound"
    assert client.call("health.check", {})["checks"]["early"]["status"] == "failing"
    assert stopped(process) == 0
