"""Every fault, and that ASH's retransmission hides those of the line from an unmodified host."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.virtual_radio import Faults, RadioError, VirtualRadio
from device_plugins.virtual_radio.link import LinkState
from tests.device_plugins.virtual_radio.host import home, hosted
from tests.harness import eventually


@pytest.mark.parametrize(
    "faults", [{"corrupt": 0.1}, {"drop_acks": 0.3}, {"duplicate": 0.2}, {"drop": 0.03}], ids=lambda f: next(iter(f))
)
async def test_an_interview_succeeds_on_a_bad_line(faults: dict[str, float]) -> None:
    async with home() as (radio, host):
        radio.faults.change(**faults)
        lamp = await host.pair(radio, "lamp-white", within=40)
        radio.faults.clear()
        assert radio.faults.struck > 0
        assert host.device(lamp).model == "V-Lamp White"
        assert (await host.cluster(lamp, "on_off").command(1)).status == 0


async def test_after_a_spontaneous_reset_the_network_can_be_resumed() -> None:
    async with home() as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        radio.reset()
        await asyncio.wait_for(host.heard.lost.wait(), 5)
        assert not radio.permits
    # `home` has closed the radio: what follows is a radio of its own.
    assert radio.is_joined(lamp)


async def test_after_a_crash_nothing_is_answered_until_a_reset() -> None:
    radio = VirtualRadio(latency=0.0)
    path = radio.open_pty()
    async with hosted(path) as host:
        lamp = await host.pair(radio, "lamp-white")
        radio.crash()
        await asyncio.wait_for(host.heard.lost.wait(), 5)
        assert radio.ncp.link.state is LinkState.FAILED
    async with hosted(path) as host:
        radio.rejoin(lamp)
        await eventually(lambda: lamp.ieee in host.heard.initialized)
        assert (await host.cluster(lamp, "on_off").command(1)).status == 0
    await radio.close()


async def test_a_host_waits_for_an_ncp_that_hangs_for_a_moment() -> None:
    async with home() as (radio, host):
        lamp = await host.pair(radio, "lamp-white")
        radio.hang()
        asking = asyncio.ensure_future(host.cluster(lamp, "on_off").command(1))  # noqa: TID251 - a test of its own
        received = radio.ncp.link.stats["received"]
        await asyncio.sleep(0.1)
        assert not asking.done()
        assert radio.ncp.link.stats["received"] == received
        radio.hang(on=False)
        assert (await asking).status == 0


async def test_pulling_the_plug_loses_the_host_and_plugging_in_lets_it_resume() -> None:
    radio = VirtualRadio(latency=0.0)
    radio.open_pty()
    async with hosted(radio.address) as host:
        lamp = await host.pair(radio, "lamp-white")
        pan_id = host.app.state.network_info.pan_id
        radio.unplug()
        radio.unplug()
        await asyncio.wait_for(host.heard.lost.wait(), 5)
        assert not radio.host_attached
    radio.replug()
    radio.replug()
    async with hosted(radio.address) as host:
        assert host.app.state.network_info.pan_id == pan_id
        radio.rejoin(lamp)
        await eventually(lambda: lamp.ieee in host.heard.initialized)
    await radio.close()


@given(st.binary(min_size=1, max_size=60), st.integers())
def test_corruption_changes_exactly_one_byte(frame: bytes, seed: int) -> None:
    (arrived,) = Faults(corrupt=1.0, seed=seed).befall(frame)
    assert len(arrived) == len(frame)
    assert sum(a != b for a, b in zip(arrived, frame, strict=True)) == 1


def test_faults_do_what_they_say() -> None:
    assert Faults().befall(b"frame") == [b"frame"]
    assert Faults(drop=1.0).befall(b"frame") == []
    assert Faults(duplicate=1.0).befall(b"frame") == [b"frame", b"frame"]
    assert Faults(drop_acks=1.0).befall(b"frame") == [b"frame"]
    assert Faults(drop_acks=1.0).befall(b"ack", is_ack=True) == []


def test_the_same_seed_gives_the_same_misfortunes() -> None:
    first, second = Faults(corrupt=0.5, drop=0.3, seed=7), Faults(corrupt=0.5, drop=0.3, seed=7)
    assert [first.befall(b"some frame") for _ in range(50)] == [second.befall(b"some frame") for _ in range(50)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"corrupt": 1.5}, "probability"),
        ({"corrupt": True}, "probability"),
        ({"hang": 1}, "true or false"),
        ({"bite": 0.5}, "no fault 'bite'"),
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(settings: dict[str, object], words: str) -> None:
    faults = Faults()
    with pytest.raises(RadioError, match=words):
        faults.change(drop=0.5, **settings)
    assert faults == Faults()
