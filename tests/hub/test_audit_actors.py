"""Who touched something: a watched plugin is held to its bounds wherever its code is at work, and nobody else is."""

import asyncio
import importlib
import socket
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.api import NotPermittedError, Plugin
from hub.bus import EventBus
from hub.hosts import audit
from hub.hosts.audit import Bounds, watch
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.manifest import load as load_manifest
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock
from tests.harness.process import ROOT
from tests.hub.house import House, Watched, about, code_in, connect, make, opened, refuses, watching

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


@pytest.fixture
async def core(house: House) -> Core:
    bus = EventBus()
    storage = MemoryEngine()
    await storage.open()
    return Core(bus, ServiceRegistry(), StateEngine(bus), storage, ManualClock(), house.data)


async def test_work_in_threads_is_the_plugins(house: House, watched: Watched) -> None:
    plugin = watched()
    secret = house.outside / "secret"
    with refuses("doorbell may not read"):
        await plugin.wait(asyncio.to_thread, secret.read_text)
    with ThreadPoolExecutor(1) as pool, refuses("doorbell may not read"):
        await plugin.do(asyncio.get_running_loop().run_in_executor, pool, secret.read_text)
    assert await plugin.wait(asyncio.to_thread, max, 1, 2) == 2

    caught: list[BaseException | None] = []
    work = code_in(house.doorbell / "work.py", f"def read():\n    open({str(secret)!r})")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", lambda args: caught.append(args.exc_value))
        thread = threading.Thread(target=work.read)
        thread.start()
        await asyncio.to_thread(thread.join)
    assert [isinstance(one, NotPermittedError) for one in caught] == [True]
    assert await asyncio.to_thread(secret.read_text) == "secret"  # and ours is ours


async def test_what_a_library_does_in_a_plugins_task_is_the_plugins(
    core: Core, house: House, listener: tuple[str, int]
) -> None:
    host = InsideHost(core, about(house.doorbell), {}, cls=Plugin)
    await host.start()
    assert host.context is not None
    with refuses("doorbell may not use the network"):
        await host.context.tasks.start("connects", opened(listener))
    await host.stop()


async def test_the_hub_and_bundled_plugins_act_for_themselves(house: House, watched: Watched) -> None:
    plugin = watched()
    (house.outside / "plugin.toml").write_text('id = "a"\nversion = "1"\napi = "1"\nentry = "a:A"\n')
    assert plugin.do(load_manifest, house.outside).id == "a"
    bundled = code_in(ROOT / "plugins" / "debug" / "__init__.py")
    assert plugin.do(bundled.do, (house.outside / "secret").read_text) == "secret"
    with refuses("doorbell may not read"):
        bundled.do(plugin.do, (house.outside / "secret").read_text)


async def test_of_two_plugins_the_innermost_did_it(house: House, watched: Watched, listener: tuple[str, int]) -> None:
    doorbell, chime = watched(), watched("chime", network=True)
    doorbell.do(chime.do, connect, listener)
    with refuses("doorbell may not use the network"):
        chime.do(doorbell.do, connect, listener)
    within = code_in(house.doorbell / "inner" / "plugin.py")
    undo = watch(Bounds(about(house.doorbell / "inner", network=True), house.data))
    within.do(connect, listener)
    undo()
    with refuses("doorbell may not use the network"):
        within.do(connect, listener)


async def test_code_is_watched_that_ran_before_it_was(house: House, watched: Watched) -> None:
    watched()
    chime = code_in(house.chime / "plugin.py")
    assert chime.do((house.outside / "secret").read_text) == "secret"
    watched("chime")
    with refuses("chime may not read"):
        chime.do((house.outside / "secret").read_text)


async def test_importing_and_tracebacks_read_code_wherever_it_lies(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = watched()
    name = "audited_module"
    (house.outside / f"{name}.py").write_text("def fail():\n    raise ValueError('off key')\n")
    monkeypatch.syspath_prepend(house.outside)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    module = plugin.do(importlib.import_module, name)
    monkeypatch.delitem(sys.modules, name)
    try:
        plugin.do(module.fail)
    except ValueError:
        assert "raise ValueError('off key')" in plugin.do(traceback.format_exc)


async def test_nobody_else_is_hindered(house: House, watched: Watched, listener: tuple[str, int]) -> None:
    watched()
    assert (house.outside / "secret").read_text() == "secret"
    connect(listener)
    await opened(listener)
    beside = code_in(house.doorbell.with_name("doorbell2") / "plugin.py")
    assert beside.do((house.outside / "secret").read_text) == "secret"


async def test_when_a_plugin_goes_it_is_forgotten(
    core: Core, house: House, listener: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    module = code_in(house.doorbell / "plugin.py")
    first = InsideHost(core, about(house.doorbell), {}, cls=Plugin)
    second = InsideHost(core, about(house.chime), {}, cls=Plugin)
    await first.start()
    await second.start()
    with refuses("may not use the network"):
        await module.wait(opened, listener)
    await second.stop()
    with refuses("may not use the network"):
        await module.wait(opened, listener)
    await first.stop()

    monkeypatch.setattr(audit, "_acting", lambda _frame: pytest.fail("looked although nobody is watched"))
    await module.wait(opened, listener)
    assert module.do((house.outside / "secret").read_text) == "secret"
    assert not {"create_connection", "subprocess_exec", "run_in_executor"} & vars(loop).keys()
