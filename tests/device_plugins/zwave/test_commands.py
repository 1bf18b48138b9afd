"""`hub zwave` and `hub devices pair`, as an owner types them, with the real driver and a mock stick."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from device_plugins.zwave.keys import load_or_make
from hub.cli import main
from hub.testing import running
from plugins.api_gateway.plugin import ApiGateway
from plugins.devices.plugin import Devices
from tests.device_plugins.zwave.bench import DIMMER, SWITCH, Bench, id_of
from tests.device_plugins.zwave.mock import Mock

pytestmark = pytest.mark.zwave_js

NEW = 11


class Home(Bench):
    """A hub with the registry and the API, whose `hub` command can be run."""

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Run a command in a thread, turning the clock meanwhile; its code, output and errors."""
        out, err = io.StringIO(), io.StringIO()

        def work() -> int:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                return main([*words])

        async with asyncio.TaskGroup() as group:
            command = group.create_task(asyncio.to_thread(work))
            await self.in_time(command.done, " ".join(words), 100.0)
        return command.result(), out.getvalue(), err.getvalue()

    async def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        code, out, err = await self.run("--json", *words)
        assert code == 0, err
        return json.loads(out)


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    for name, value in (("HUB_DATA_DIR", str(tmp_path)), ("COLUMNS", "100"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    async with running(Devices, ApiGateway, data_dir=tmp_path) as hub:
        folder = tmp_path / "plugins" / "zwave"
        folder.mkdir(parents=True, exist_ok=True)
        mock = Mock(tmp_path, hub._context.tasks, await asyncio.to_thread(load_or_make, folder))
        await mock.plug()
        try:
            made = Home(hub, mock)
            await made.start()
            await made.becomes(SWITCH, "availability", "online", 60.0)
            yield made
            assert hub.errors == []
        finally:
            await mock.unplug()


async def test_pairing_with_a_pin_is_told_step_by_step(home: Home) -> None:
    await home.mock.ask("pending", node=NEW, s2=[2, 1])

    async def bring_the_pin() -> None:
        await home.in_time(lambda: home.plugin.session and home.plugin.inclusion.asks_pin, "it asks for the PIN", 90.0)
        pin = (await home.mock.ask("joining"))["pin"]
        await home.hub.call("devices.pair_input", timeout=30.0, session=home.plugin.session, values={"pin": pin})

    bringing = home.hub._context.tasks.start("brings the PIN", bring_the_pin())
    words = ("devices", "pair", "--protocol", "zwave", "--count", "1", "--duration", "600")
    code, out, err = await home.run("--json", *words)
    await bringing
    assert code == 0, err
    steps = [json.loads(line) for line in out.splitlines()]
    told = [one["step"] for one in steps if one["step"] in {"joined", "needs_input", "configured"}]
    assert told == ["joined", "needs_input", "configured"]
    assert id_of(NEW) in [one["id"] for one in await home.json("devices", "list")]


async def test_the_commands_say_how_things_are(home: Home) -> None:
    code, out, err = await home.run("zwave", "info")
    assert (code, err) == (0, "")
    assert "7e570001" in out
    device = id_of(SWITCH)
    code, out, _ = await home.run("zwave", "ping", device)
    assert code == 0
    assert "answered after" in out
    assert (await home.json("zwave", "ping", device))["answered"] is True
    assert "no device is expected" in (await home.run("zwave", "smart-start", "list"))[1]
    assert await home.json("zwave", "parameters", "list", device) == []
    assert "No device is being updated" in (await home.run("zwave", "firmware", "progress"))[1]
    code, _, err = await home.run("zwave", "associations", "list", device)
    assert code == 1
    assert "does not support associations" in err
    code, _, err = await home.run("zwave", "backup", str(home.hub._context.data_dir / "stick.bin"))
    assert code == 1
    assert "cannot be read out" in err
    content = home.hub._context.data_dir.parents[1] / "old.bin"
    content.write_bytes(bytes(64))
    code, _, err = await home.run("--json", "zwave", "restore", str(content))
    assert code != 0
    assert "nothing was done; --yes" in err


async def test_a_new_device_under_the_number_of_one_that_left_has_neither_its_name_nor_its_room(home: Home) -> None:
    old = id_of(DIMMER)
    await home.becomes(DIMMER, "availability", "online", 60.0)
    await home.hub.call("devices.rename", timeout=30.0, device=old, name="Night lamp")
    await home.hub.call("devices.assign", timeout=30.0, device=old, area="Bedroom")
    begun = home.hub._context.tasks.start(
        "leaves", home.plugin.ready_network().ask("controller.begin_exclusion", options={"strategy": 2})
    )
    assert (await begun)["success"]
    await home.mock.ask("exclude", node=DIMMER)
    await home.becomes(DIMMER, "availability", "offline")
    assert "no longer in the network" in home.value(DIMMER, "availability_reason")

    await home.mock.ask("pending", node=DIMMER)
    await home.hub.call("devices.pair", timeout=60.0, protocol="zwave", duration=600.0)
    await home.becomes(DIMMER, "availability", "online", 90.0)
    await home.becomes(DIMMER, "on_off", False)
    (found,) = [one for one in await home.hub.call("devices.list", timeout=30.0) if one.id == old]
    assert found.model == "Binary Power Switch"
    assert found.name != "Night lamp"
    assert not found.area


async def test_a_dead_device_is_removed_and_another_one_takes_the_place_of_one_with_its_name(home: Home) -> None:
    await home.becomes(DIMMER, "availability", "online", 60.0)
    for node in (SWITCH, DIMMER):
        await home.mock.ask("dead", node=node, dead=True)
        await home.run("zwave", "ping", id_of(node))
        await home.becomes(node, "availability", "offline")
    code, _, err = await home.run("devices", "remove", id_of(SWITCH))
    assert (code, err) == (0, "")
    assert SWITCH not in await home.mock.ask("nodes")

    await home.hub.call("devices.rename", timeout=30.0, device=id_of(DIMMER), name="Night lamp")
    await home.mock.ask("pending", node=DIMMER)
    arguments: dict[str, Any] = {"protocol": "zwave", "duration": 600.0, "inputs": {"replace": "Night lamp"}}
    arguments["inputs"]["security"] = "none"
    await home.hub.call("devices.pair", timeout=60.0, **arguments)
    model = "Binary Power Switch"
    await home.in_time(lambda: home.plugin.devices[id_of(DIMMER)].model == model, "the new one is known", 90.0)
    await home.becomes(DIMMER, "availability", "online")
    (found,) = [one for one in await home.json("devices", "list") if one["id"] == id_of(DIMMER)]
    assert (found["name"], found["model"]) == ("Night lamp", model)
