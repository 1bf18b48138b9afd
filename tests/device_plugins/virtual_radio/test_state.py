"""What is remembered: the whole home, in one file, at every moment."""

import json
from pathlib import Path

import pytest

from device_plugins.virtual_radio import RadioError, VirtualRadio
from device_plugins.virtual_radio.nvm import FRAME_COUNTER_SKIP
from tests.device_plugins.virtual_radio.host import hosted
from tests.harness import eventually

pytestmark = pytest.mark.allow_blocking  # the radio writes its state file


async def test_a_home_is_as_it_was_even_without_a_last_save(tmp_path: Path) -> None:
    state = tmp_path / "radio.json"
    radio = VirtualRadio(state=state, latency=0.0)
    shelved = radio.add("plug", "Heater")
    async with hosted(radio.open_pty()) as host:
        lamp = await host.pair(radio, "lamp-white")
        cluster = host.cluster(lamp, "on_off")
        await cluster.bind()
        await cluster.configure_reporting(0, 0, 300, 1)
        await host.device(lamp).endpoints[1].groups.add(7, "all")
        await cluster.command(1)
        radio.rejoin(lamp)
        await eventually(lambda: host.device(lamp).nwk == lamp.short)
        killed = state.read_bytes()
        network = radio.network
        counter = radio.ncp.core.nvm.frame_counter
    await radio.close()
    assert state.stat().st_mode & 0o777 == 0o600
    assert json.loads(state.read_text())["devices"][1]["values"] == {"1/0006/0000": True}

    state.write_bytes(killed)
    radio = VirtualRadio(state=state, latency=0.0)
    assert radio.network == network
    assert radio.ncp.core.nvm.frame_counter > counter - FRAME_COUNTER_SKIP
    again = radio.device(lamp.ieee)
    assert [device.name for device in radio.devices] == [shelved.name, lamp.name]
    assert (again.short, again.bindings, again.groups) == (lamp.short, lamp.bindings, {(1, 7)})
    assert radio.is_joined(again)
    assert not radio.is_joined("Heater")
    async with hosted(radio.open_pty()) as host:
        assert host.app.state.network_info.pan_id == (network or {})["pan_id"]
        radio.rejoin(again)
        await eventually(lambda: again.ieee in host.heard.initialized)
        cluster = host.cluster(again, "on_off")
        radio.act(again, "on_off", not again.value("on_off"))
        await eventually(lambda: cluster.get(0) == again.value("on_off"))
    new = radio.add("plug")
    assert new.ieee not in {shelved.ieee, lamp.ieee}
    await radio.close()


async def test_small_changes_are_saved_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_plugins.virtual_radio.radio.SAVE_AFTER", 0.01)
    state = tmp_path / "radio.json"
    radio = VirtualRadio(state=state)
    lamp = radio.add("lamp-white")
    radio.act(lamp, "on_off", True)
    assert "0006/0000" not in state.read_text()
    await eventually(lambda: "0006/0000" in state.read_text())
    await radio.close()


async def test_devices_of_another_network_are_not_on_this_one(tmp_path: Path) -> None:
    state = tmp_path / "radio.json"
    radio = VirtualRadio(state=state, latency=0.0)
    async with hosted(radio.open_pty()) as host:
        lamp = await host.pair(radio, "lamp-white")
        await host.app.form_network()
        assert not radio.is_joined(lamp)
        assert radio.joined() == []
        await host.app.permit(60)
        await eventually(lambda: radio.permits)
        radio.join(lamp)
        await eventually(lambda: radio.mesh.at(lamp.short) is lamp)
        await eventually(lambda: len(host.heard.initialized) >= 1)
        radio.remove(lamp)
        await eventually(lambda: lamp.ieee in host.heard.left)
        with pytest.raises(RadioError, match="There is no device"):
            radio.device(lamp)
    await radio.close()


@pytest.mark.parametrize("content", ["", "[]", '{"format":2}', '{"format":1}', '{"format":1,"made":1,"devices":[{}]}'])
def test_a_file_that_is_not_ours_is_told_and_left_alone(content: str, tmp_path: Path) -> None:
    state = tmp_path / "radio.json"
    state.write_text(content)
    with pytest.raises(RadioError, match="not one of a virtual radio: move it away"):
        VirtualRadio(state=state)
    assert state.read_text() == content


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(RadioError, match="cannot be read"):
        VirtualRadio(state=tmp_path)
    radio = VirtualRadio(state=tmp_path / "no-folder" / "radio.json")
    with pytest.raises(RadioError, match="cannot be written"):
        radio.add("plug")


def test_addresses_come_from_the_seed() -> None:
    first, second, other = VirtualRadio(seed=3), VirtualRadio(seed=3), VirtualRadio(seed=4)
    assert first.add("plug").ieee == second.add("plug").ieee != other.add("plug").ieee
    assert first.coordinator == second.coordinator == "02:44:6f:6d:00:03:00:00"


def test_the_shelf_knows_its_devices_by_name_and_address() -> None:
    radio = VirtualRadio()
    lamp = radio.add("lamp-white", "Hall lamp")
    assert radio.device("Hall lamp") is radio.device(lamp.ieee.upper()) is lamp
    for wrong, words in (
        (lambda: radio.add("lamp-white", "Hall lamp"), "named 'Hall lamp' already"),
        (lambda: radio.add("toaster"), "no model 'toaster': choose from lamp-white"),
        (lambda: radio.device("Nobody"), "no device 'Nobody'"),
        (lambda: radio.act(lamp, "motion", True), "Nothing called 'motion' can happen to 'Hall lamp'"),
        (lambda: radio.act(lamp, "on_off", 3), "'on_off' cannot happen to 'Hall lamp': It takes true or false"),
        (lambda: setattr(radio, "latency", -1), "latency"),
    ):
        with pytest.raises(RadioError, match=words):
            wrong()
    assert radio.stimuli(lamp).keys() == {"on_off", "level", "check_update"}
