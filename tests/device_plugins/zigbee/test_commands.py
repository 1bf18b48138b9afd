"""`hub zigbee`: as an owner types it, against a hub with the plugin on a virtual radio."""

import asyncio
import contextlib
import io
import json
import stat
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from device_plugins.virtual_radio import VirtualRadio
from hub.cli import main
from hub.testing import running
from plugins.api_gateway.plugin import ApiGateway
from plugins.devices.plugin import Devices
from tests.device_plugins.zigbee.bench import Bench, id_of

CODE = "83FED3407A939723A5C639B26916D505C3B5"
IEEE = "f4ce36d88ab8b6fd"


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        assert self.code == 0, self.err
        return json.loads(self.out)


class Home(Bench):
    """A hub with the registry and the API, whose `hub` command can be run."""

    async def run(self, *words: str) -> Done:
        """Run a command in a thread, turning the clock meanwhile."""
        out, err = io.StringIO(), io.StringIO()

        def work() -> int:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                return main([*words])

        async with asyncio.TaskGroup() as group:
            command = group.create_task(asyncio.to_thread(work))
            await self.in_time(command.done, " ".join(words), 50.0)
        return Done(command.result(), out.getvalue(), err.getvalue())


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    for name, value in (("HUB_DATA_DIR", str(tmp_path)), ("COLUMNS", "100"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    radio = VirtualRadio(latency=0.0)
    try:
        async with running(Devices, ApiGateway, data_dir=tmp_path) as hub:
            made = Home(hub, radio)
            await made.start(radio.open_pty(), ota_dir=str(tmp_path / "images"))
            yield made
            assert hub.errors == []
    finally:
        await radio.close()


async def test_info_shows_the_radio_and_what_is_wrong_with_it(home: Home) -> None:
    done = await home.run("zigbee", "info")
    assert done.code == 0, done.err
    assert home.radio.address in done.out
    assert "ezsp" in done.out
    assert (await home.run("--json", "zigbee", "info")).json["network"]["problems"] == []


async def test_the_map_is_asked_for_shown_and_drawn(home: Home, tmp_path: Path) -> None:
    lamp = await home.pair("lamp-white")
    await home.hub.call("devices.rename", device=id_of(lamp), name="Hall <lamp>")
    done = await home.run("zigbee", "map")
    assert done.code == 0, done.err
    assert "Hall <lamp>" in done.out
    assert "coordinator" in done.out

    for name in ("map.svg", "map.dot", "map.json"):
        assert (await home.run("zigbee", "map", "--output", str(tmp_path / name))).code == 0
    picture = ET.fromstring((tmp_path / "map.svg").read_text())  # noqa: S314 - our own
    assert "Hall <lamp>" in [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "Hall <lamp>" in (tmp_path / "map.dot").read_text()
    assert len(json.loads((tmp_path / "map.json").read_text())["nodes"]) == 2

    again = await home.run("--json", "zigbee", "map", "--refresh", "--pause", "0.5")
    assert again.json["progress"]["status"] == "done"
    links = (await home.run("--json", "zigbee", "links")).json
    assert [one["device"] for one in links] == [id_of(lamp)]
    assert "Hall <lamp>" in (await home.run("zigbee", "links")).out
    refused = await home.run("zigbee", "map", "--output", str(tmp_path / "map.gif"))
    assert refused.code != 0
    assert ".png" in refused.err


async def test_a_png_comes_from_a_program_that_draws(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    picture = tmp_path / "map.png"
    without = await home.run("zigbee", "map", "--output", str(picture))
    assert without.code != 0
    assert "rsvg-convert" in without.err
    painter = programs / "rsvg-convert"
    painter.write_text('#!/bin/sh\n[ "$1 $2" = "--format png" ] || exit 1\nread -r line\nprintf "PNG of %s" "$line"\n')
    painter.chmod(0o755)
    assert (await home.run("zigbee", "map", "--output", str(picture))).code == 0
    assert picture.read_bytes().startswith(b"PNG of <svg ")


async def test_the_network_is_opened_and_closed(home: Home) -> None:
    lamp = await home.pair("lamp-white")
    await home.hub.call("zigbee.pair_cancel")
    opened = [(await home.run("zigbee", "permit", *options)).code for options in ((), ("--seconds", "0"))]
    assert opened == [0, 0]
    assert (await home.run("--json", "zigbee", "permit", "--via", "Hall")).code != 0
    through = await home.run("--json", "zigbee", "permit", "--via", id_of(lamp))
    assert through.json["via"] == id_of(lamp)
    admitted = await home.run("--json", "zigbee", "admit", CODE, "--ieee", IEEE)
    assert admitted.json["ieee"] == IEEE
    wrong = await home.run("zigbee", "admit", "00" + CODE[2:], "--ieee", IEEE)
    assert wrong.code != 0
    assert "check digits" in wrong.err


async def test_pairing_takes_inputs(home: Home) -> None:
    wrong = await home.run("devices", "pair", "--yes", "--duration", "300", "--input", "install_code=nonsense")
    assert wrong.code != 0
    assert "scan it again" in wrong.err
    done = await home.run("devices", "pair", "--yes", "--duration", "300", "--input", f"install_code={IEEE}|{CODE}")
    assert "Open for zigbee" in done.out
    assert home.radio.ncp.heard["importTransientKey"] >= 1


async def test_channels_are_shown_and_changed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for delay in ("CHANNEL_CHANGE_BROADCAST_DELAY_S", "CHANNEL_CHANGE_SETTINGS_RELOAD_DELAY_S"):
        monkeypatch.setattr(f"zigpy.application.{delay}", 0.01)
    assert len((await home.run("--json", "zigbee", "energy", "--scans", "2")).json) == 16
    assert "the network's" in (await home.run("zigbee", "energy", "--scans", "1")).out
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for asked in (["--json"], []):
        refused = await home.run(*asked, "zigbee", "channel", "24")
        assert refused.code != 0
        assert "nothing was done; --yes" in refused.err
    assert (await home.run("--json", "zigbee", "channel", "24", "--yes")).json["channel"] == 24
    assert "from channel 24 to 15" in (await home.run("zigbee", "channel", "15", "--yes")).out


async def test_a_backup_is_written_and_restored(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    done = await home.run("zigbee", "backup", str(file))
    assert done.code == 0, done.err
    assert "keep it to yourself" in done.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = await home.run("zigbee", "backup", str(file))
    assert "--force" in again.err
    assert (await home.run("--json", "zigbee", "backup", str(file), "--force")).json["devices"] == 0
    network = home.radio.network
    assert network is not None
    assert network["key"] not in done.out + again.err

    refused = await home.run("--json", "zigbee", "restore", str(file))
    assert refused.code != 0
    assert "nothing was done; --yes" in refused.err
    restored = await home.run("zigbee", "restore", str(file), "--yes")
    assert restored.code == 0, restored.err
    assert "has this network already" in restored.out
    assert home.radio.network == network

    file.chmod(0o600)
    file.write_text("{}")
    refused = await home.run("zigbee", "restore", str(file), "--yes")
    assert refused.code != 0
    assert "no coordinator backup" in refused.err
    assert not [*home.hub.context("zigbee").data_dir.glob("*restore*")]


async def test_radios_are_listed(home: Home) -> None:
    assert isinstance((await home.run("--json", "zigbee", "radios")).json, list)
    assert (await home.run("zigbee", "radios")).code == 0


async def test_an_update_is_told_of(home: Home) -> None:
    assert (await home.run("--json", "zigbee", "ota", "progress")).json["status"] == "idle"
    assert "No device is being updated" in (await home.run("zigbee", "ota", "progress")).out
    assert "no device is being updated" in (await home.run("zigbee", "ota", "cancel")).err
    assert "no version" in (await home.run("zigbee", "ota", "update", "lamp", "--version", "new")).err


async def test_newer_images_are_looked_for(home: Home, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    lamp = await home.pair("lamp-white")
    assert (await home.run("--json", "zigbee", "ota", "check", id_of(lamp))).json["images"] == []
    assert "no newer image" in (await home.run("zigbee", "ota", "check", id_of(lamp))).out
    refused = await home.run("zigbee", "ota", "update", id_of(lamp))
    assert "no newer image" in refused.err


async def test_a_lamp_of_another_network_is_found_and_freed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LISTEN_S", "_SHOWN_S"):
        monkeypatch.setattr(f"device_plugins.zigbee.touchlinking.{name}", 0.05)
    lamp = home.radio.add("lamp-white")
    home.radio.stray(lamp, 20)
    ieee = id_of(lamp).removeprefix("zigbee-")
    shown = await home.run("zigbee", "touchlink", "scan")
    assert shown.code == 0, shown.err
    assert ieee in shown.out
    found = (await home.run("--json", "zigbee", "touchlink", "scan", "--channel", "20", "--channel", "11")).json
    assert [(one["ieee"], one["channel"], one["own"]) for one in found] == [(ieee, 20, False)]
    empty = await home.run("zigbee", "touchlink", "scan", "--channel", "25")
    assert "nothing answered" in empty.out + empty.err
    assert (await home.run("zigbee", "touchlink", "identify", ieee, "20", "--seconds", "5")).code == 0
    assert lamp.value("identify_time") == 5

    refused = await home.run("--json", "zigbee", "touchlink", "reset", ieee, "20")
    assert refused.code != 0
    for typed, told in (("", "nobody answered, nothing was done; --yes"), ("n\n", "")):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        refused = await home.run("zigbee", "touchlink", "reset", ieee, "20")
        assert refused.code != 0
        assert told in refused.err
        assert len(refused.err.splitlines()) == bool(told)
        assert refused.out.endswith("\n") == bool(told)
    assert lamp.network is not None
    far = await home.run("zigbee", "touchlink", "reset", ieee, "21", "--yes")
    assert far.code != 0
    assert "does not answer on channel 21" in far.err
    done = await home.run("--json", "zigbee", "touchlink", "reset", ieee, "20", "--yes")
    assert done.json == {"ieee": ieee, "channel": 20}
    assert lamp.network is None
