"""The coordinator's backup: what is in it, who can read it, and onto which sticks it goes."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import VirtualRadio
from device_plugins.zigbee import backups, keeping
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.opening import COUNTER_MARGIN
from tests.device_plugins.zigbee.bench import Bench, bench, without_plugin
from tests.harness.waiting import eventually


def place(ready: Bench, content: bytes) -> Path:
    """Put a backup where a restore looks for it."""
    path = ready.hub.context("zigbee").data_dir / keeping.RESTORE
    path.write_bytes(content)
    return path


def counter(radio: VirtualRadio) -> int:
    return radio.ncp.core.nvm.frame_counter


async def backed_up(ready: Bench) -> bytes:
    kept = await ready.hub.call("zigbee.backup")
    return Path(kept.path).read_bytes()


async def test_a_backup_is_whole_and_private(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        await ready.pair("lamp-white")
        kept = await ready.hub.call("zigbee.backup")
        path, network = Path(kept.path), ready.radio.network
        assert path.stat().st_mode & 0o777 == 0o600
        content = json.loads(path.read_text())
        assert network is not None
        assert content["metadata"]["format"] == "zigpy/open-coordinator-backup"
        assert content["network_key"]["key"] == network["key"]
        assert content["channel"] == kept.backup.channel == network["channel"]
        assert kept.backup.coordinator == ready.radio.coordinator.replace(":", "")
        told = str(kept) + str(ready.hub.recorded)
        assert network["key"] not in told


async def test_a_backup_is_made_by_itself(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        path = ready.hub.context("zigbee").data_dir / keeping.BACKUP
        await ready.in_time(path.exists, "the backup")
        assert backups.read(path.read_bytes())[1].channel in {11, 15, 20, 25}


def swap(radio: VirtualRadio) -> None:
    """Put another stick in the place of this one: it has an address, a network and a counter of its own."""
    nvm = radio.ncp.core.nvm
    assert nvm.network is not None
    nvm.network = dataclasses.replace(nvm.network, extended_pan_id="11" * 8, key="22" * 16, pan_id=0x1234)
    nvm.ieee, nvm.frame_counter = "02:44:6f:6d:00:99:00:00", 0
    radio.reset()


@pytest.mark.parametrize("version", [13, 14, 18])
async def test_a_network_goes_onto_another_stick_and_its_devices_notice_nothing(tmp_path: Path, version: int) -> None:
    async with without_plugin(tmp_path, version) as ready:
        await ready.start(ready.radio.open_pty())
        lamp = await ready.pair("lamp-white")
        before, address = counter(ready.radio), ready.radio.coordinator
        content, formed = await backed_up(ready), ready.radio.network
        await ready.stop()
        swap(ready.radio)
        await ready.start(ready.radio.address)
        assert "another network" in ready.protocol["reason"]
        place(ready, content)

        found = await ready.hub.call("zigbee.restore_check", timeout=60.0)
        assert found.refusals == []
        assert found.other_network
        assert found.stick.coordinator == ready.radio.coordinator.replace(":", "")
        assert any("never switch" in one for one in found.warnings)

        await ready.hub.call("zigbee.restore", overwrite=True, timeout=60.0)
        await eventually(lambda: ready.protocol["status"] == "ready", 20.0, "the radio is back")
        assert ready.radio.network == formed
        assert ready.radio.coordinator == address
        assert counter(ready.radio) >= before + COUNTER_MARGIN
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_firmware_that_takes_an_address_once_only_is_refused(tmp_path: Path) -> None:
    async with without_plugin(tmp_path, 8) as ready:
        await ready.start(ready.radio.open_pty())
        content = await backed_up(ready)
        await ready.stop()
        swap(ready.radio)
        own = ready.radio.network
        await ready.start(ready.radio.address)
        place(ready, content)
        with pytest.raises(RadioError, match="once and never again"):
            await ready.hub.call("zigbee.restore", overwrite=True, timeout=60.0)
        assert ready.radio.network == own


async def test_a_stick_that_was_reset_gets_the_network_with_its_counter_far_ahead(tmp_path: Path) -> None:
    async with without_plugin(tmp_path) as ready:
        await ready.start(ready.radio.open_pty())
        await backed_up(ready)
        before, formed = counter(ready.radio), ready.radio.network
        await ready.stop()
        nvm = ready.radio.ncp.core.nvm
        nvm.network, nvm.frame_counter = None, 0
        ready.radio.reset()
        await ready.start(ready.radio.address)
        assert ready.protocol["status"] == "ready", ready.protocol
        assert ready.radio.network == formed
        assert counter(ready.radio) >= before + COUNTER_MARGIN


async def test_the_counter_goes_ahead_of_all_that_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        lamp = await ready.pair("lamp-white")
        content, formed = await backed_up(ready), ready.radio.network
        ready.radio.ncp.core.nvm.frame_counter += 500_000
        left = place(ready, content)
        found = await ready.hub.call("zigbee.restore", timeout=60.0)
        assert any("has this network already" in one for one in found.warnings)
        assert any("older" in one for one in found.warnings)
        assert not left.exists()
        assert ready.radio.network == formed
        assert counter(ready.radio) >= 500_000 + COUNTER_MARGIN
        await eventually(lambda: ready.protocol["status"] == "ready", 20.0, "the radio is back")
        await ready.command(lamp, "on_off", "on")
        await ready.becomes(lamp, "on_off", True)


async def test_a_stick_with_another_network_is_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with bench(tmp_path / "one") as former:
        lamp = await former.pair("lamp-white")
        content = await backed_up(former)
        formed = former.radio.network
        assert lamp.short
    async with bench(tmp_path / "two") as ready:
        own = ready.radio.network
        place(ready, content)
        found = await ready.hub.call("zigbee.restore_check", timeout=60.0)
        assert found.other_network
        assert any("another network" in one for one in found.warnings)
        with pytest.raises(RadioError, match="overwrite"):
            await ready.hub.call("zigbee.restore", timeout=60.0)
        assert ready.radio.network == own

        await ready.hub.call("zigbee.restore", overwrite=True, timeout=60.0)
        assert ready.radio.network is not None
        assert formed is not None
        assert {name: ready.radio.network[name] for name in ("key", "pan_id", "extended_pan_id", "channel")} == {
            name: formed[name] for name in ("key", "pan_id", "extended_pan_id", "channel")
        }
        await eventually(lambda: ready.protocol["status"] == "ready", 20.0, "the restored network is up")


async def test_a_backup_with_a_counter_that_is_used_up_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        content = json.loads(await backed_up(ready))
        content["network_key"]["frame_counter"] = (1 << 32) - 5
        place(ready, json.dumps(content).encode())
        before = counter(ready.radio)
        with pytest.raises(RadioError, match="used up"):
            await ready.hub.call("zigbee.restore", timeout=60.0)
        assert counter(ready.radio) - before < COUNTER_MARGIN


async def test_a_stick_that_cannot_take_an_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an old firmware answers: it has no token for another address, and the one that can be burned is burned."""

    async def cannot(_self: object) -> None:
        return None

    async def burned(_self: object) -> str:
        return "02:44:6f:6d:00:99:00:00"

    async with bench(tmp_path) as ready:
        content = json.loads(await backed_up(ready))
        content["coordinator_ieee"] = "0011223344556677"
        content["metadata"]["internal"]["node"]["ieee"] = "0011223344556677"
        place(ready, json.dumps(content).encode())
        formed = ready.radio.network
        monkeypatch.setattr("bellows.ezsp.EZSP._get_nv3_restored_eui64_key", cannot)
        monkeypatch.setattr("bellows.ezsp.EZSP._get_mfg_custom_eui_64", burned)
        found = await ready.hub.call("zigbee.restore_check", timeout=60.0)
        assert any("cannot take the former stick's address" in one for one in found.refusals)
        with pytest.raises(RadioError, match="nothing was restored"):
            await ready.hub.call("zigbee.restore", timeout=60.0)
        assert ready.radio.network == formed


async def test_what_is_no_backup_leaves_the_network_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as ready:
        with pytest.raises(RadioError, match="hub zigbee restore"):
            await ready.hub.call("zigbee.restore_check")
        place(ready, b"{}")
        with pytest.raises(RadioError, match="no coordinator backup"):
            await ready.hub.call("zigbee.restore_check", timeout=60.0)
        await eventually(lambda: ready.protocol["status"] == "ready", 20.0, "the radio is back")


GOOD: dict[str, Any] = {
    "metadata": {"format": "zigpy/open-coordinator-backup", "version": 1, "source": "test", "internal": {}},
    "coordinator_ieee": "00124b0001020304",
    "pan_id": "1a62",
    "extended_pan_id": "dddddddddddddddd",
    "nwk_update_id": 0,
    "security_level": 5,
    "channel": 15,
    "channel_mask": [11, 15],
    "network_key": {"key": "000102030405060708090a0b0c0d0e0f", "sequence_number": 0, "frame_counter": 1234},
    "devices": [{"ieee_address": "00158d0001020304", "nwk_address": "abc", "is_child": False}],
    "stack_specific": None,
}


def test_a_backup_of_another_program_is_read() -> None:
    tree, facts = backups.read(json.dumps(GOOD).encode())
    assert tree["pan_id"] == "1a62"
    assert (facts.frame_counter, facts.devices, facts.coordinator) == (1234, 1, "00124b0001020304")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": {"format": "other", "version": 1, "source": "x"}}, "format"),
        ({"metadata": {"format": "zigpy/open-coordinator-backup", "version": 9, "source": "x"}}, "version"),
        ({"channel": 27}, "channel"),
        ({"pan_id": "ffff"}, "not complete"),
        ({"network_key": {"key": "00" * 16, "sequence_number": 0, "frame_counter": 0}}, "not complete"),
        ({"network_key": {"key": "zz" * 16, "sequence_number": 0, "frame_counter": 0}}, "network_key.key"),
        ({"devices": [{"ieee_address": "1", "nwk_address": None}]}, "devices"),
    ],
)
def test_a_damaged_backup_says_where(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RadioError, match=reason):
        backups.read(json.dumps(GOOD | change).encode())


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda t: json.dumps(t).encode()))
def test_nothing_else_is_taken_for_a_backup(content: bytes) -> None:
    with pytest.raises(RadioError, match="no coordinator backup"):
        backups.read(content)
