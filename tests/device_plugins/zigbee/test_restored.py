"""A network that comes from a backup: on the stick it was on, on another one, and on one that forgot."""

from pathlib import Path
from typing import Any

import pytest

from device_plugins.virtual_radio import VirtualRadio
from device_plugins.zigbee.opening import COUNTER_MARGIN
from tests.device_plugins.zigbee.bench import Bench, without_plugin


def mark(ready: Bench, folder: Path) -> Path:
    found = folder / "plugins" / "zigbee" / "restored"
    found.parent.mkdir(parents=True, exist_ok=True)
    found.write_text('{"made":1}')
    assert ready.hub.context("zigbee").data_dir == found.parent
    return found


def counter(radio: VirtualRadio) -> int:
    return radio.ncp.core.nvm.frame_counter


async def remembered(ready: Bench) -> int:
    """The counter that zigbee.db holds, once it is that of now."""
    radio: Any = ready.plugin.radio
    await radio.remember()
    found: int = radio._app.backups.most_recent_backup().network_info.network_key.tx_counter
    return found


async def test_the_stick_that_was_always_there_counts_on(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        left = mark(ready, tmp_path)
        before = await remembered(ready)
        await ready.stop()
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready", ready.protocol
        assert before <= counter(ready.radio) < before + COUNTER_MARGIN
        assert not left.exists()
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


@pytest.mark.parametrize("version", [8, 13, 14, 18])
async def test_a_stick_that_forgot_gets_the_network_with_its_counter_far_ahead(tmp_path: Path, version: int) -> None:
    async with without_plugin(tmp_path, version) as ready:
        await ready.start(ready.radio.open_pty())
        formed = ready.radio.network
        lamp = await ready.pair("lamp-white")
        mark(ready, tmp_path)
        before = await remembered(ready)
        assert before > 0
        await ready.stop()
        nvm = ready.radio.ncp.core.nvm
        nvm.network, nvm.frame_counter = None, 0
        ready.radio.reset()
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready", ready.protocol
        assert ready.radio.network == formed
        assert counter(ready.radio) >= before + COUNTER_MARGIN
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_stick_that_has_counted_less_is_put_ahead(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        formed = ready.radio.network
        lamp = await ready.pair("lamp-white")
        mark(ready, tmp_path)
        before = await remembered(ready)
        await ready.stop()
        ready.radio.ncp.core.nvm.frame_counter = 1
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready", ready.protocol
        assert ready.radio.network == formed
        assert counter(ready.radio) >= before + COUNTER_MARGIN
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_what_a_backup_holds_of_the_counter_is_kept_fresh(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        radio: Any = ready.plugin.radio

        def known() -> int:
            found: int = radio._app.backups.most_recent_backup().network_info.network_key.tx_counter
            return found

        ready.radio.ncp.core.nvm.frame_counter += 1000
        await ready.in_time(lambda: known() >= 1000, "the counter is written")
