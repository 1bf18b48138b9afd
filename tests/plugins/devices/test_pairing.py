import asyncio

import pytest

from device_plugins.sdk import InvalidValueError, PairingError
from hub.api import PluginInfo, ServiceTimeoutError
from hub.testing import running, settle
from plugins.devices import pairing
from plugins.devices.plugin import Devices
from tests.harness import eventually
from tests.plugins.devices.radio import LAMP, Absent, Home, Wave, home


async def test_a_session_is_told_step_by_step_and_ends_after_its_time() -> None:
    async with home() as here:
        session = await here.call("devices.pair", protocol="radio", duration=60)
        assert session.protocols == ("radio",)
        await here.hub.clock.advance(20)
        here.radio.pairing_step("joined", LAMP, progress=0.2)
        await here.radio.announce(LAMP)
        here.radio.pairing_step("configured", LAMP, progress=1.0)
        status = await here.call("devices.pair_status", session=session.session)
        assert (status.open, status.protocols, status.remaining) == (True, ("radio",), 40.0)
        await here.hub.clock.advance(40)
        assert here.steps() == [("waiting", "radio"), ("joined", "radio"), ("configured", "radio"), ("ended", "")]
        steps = [event.data for event in here.hub.events_of("devices.pairing")]
        assert {event.subject for event in here.hub.events_of("devices.pairing")} == {f"pairing/{session.session}"}
        assert (steps[0].progress, steps[1].device, steps[1].model) == (0.0, "radio-1", "V-Lamp White")
        assert (steps[-1].reason, steps[-1].progress) == ("the time is over", 1.0)
        status = await here.call("devices.pair_status", session=session.session)
        assert (status.open, status.protocols, status.remaining) == (False, (), 0.0)
        assert list(status.steps) == steps
        assert here.radio.done == [("open", 60.0), ("close",)]
        here.radio.pairing_step("joined", LAMP)
        assert here.steps()[-1] == ("ended", "")


@pytest.mark.parametrize("jump", [1.8e9, -3600.0], ids=["from 1970", "an hour back"])
async def test_a_session_lasts_as_long_when_somebody_sets_the_clock(jump: float) -> None:
    async with home() as here:
        session = await here.call("devices.pair", protocol="radio", duration=60)
        here.hub.clock.jump(jump)
        await here.hub.clock.advance(59)
        status = await here.call("devices.pair_status", session=session.session)
        assert (status.open, status.remaining) == (True, 1.0)
        await here.hub.clock.advance(1)
        assert here.steps()[-1] == ("ended", "")


async def test_waiting_is_told_before_the_radio_opens() -> None:
    async with home() as here:
        here.radio.hang = True
        opening = asyncio.ensure_future(here.call("devices.pair"))  # noqa: TID251 - a caller of its own
        await eventually(lambda: here.radio.done)
        assert here.steps() == [("waiting", "radio")]
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        here.radio.hang = False
        await eventually(lambda: here.steps()[-1] == ("ended", ""))
        await here.call("devices.pair")


async def test_any_opens_every_protocol_that_is_ready() -> None:
    async with home(Wave, Absent) as here:
        session = await here.call("devices.pair")
        assert session.protocols == ("radio", "wave")
        await here.call("devices.pair_cancel", session=session.session)
        assert here.steps() == [("waiting", "radio"), ("waiting", "wave"), ("ended", "")]
        assert here.radio.done == here.wave.done == [("open", 120.0), ("close",)]
        await here.call("devices.pair_cancel", session=session.session)
        assert len(here.steps()) == 3
        await here.hub.clock.advance(700)
        assert len(here.steps()) == 3


async def test_one_session_at_a_time_for_each_protocol() -> None:
    async with home(Wave) as here:
        first = await here.call("devices.pair", protocol="radio", duration=90)
        error = await here.fails("devices.pair", protocol="radio")
        assert isinstance(error, PairingError)
        assert str(error) == (f"radio is pairing already, in session {first.session} for 90 s more; cancel it or wait")
        second = await here.call("devices.pair")
        assert second.protocols == ("wave",)
        error = await here.fails("devices.pair")
        assert "is pairing already, in session" in str(error)
        here.radio.pairing_step("joined", LAMP)
        steps = (await here.call("devices.pair_status", session=second.session)).steps
        assert [step.step for step in steps] == ["waiting"]
        await here.call("devices.pair_cancel", session=first.session)
        await here.call("devices.pair", protocol="radio")


async def test_when_one_protocol_fails_to_open_the_others_go_on() -> None:
    async with home(Wave) as here:
        here.radio.fault = PairingError("the network is full")
        session = await here.call("devices.pair")
        assert session.protocols == ("wave",)
        assert here.steps() == [("waiting", "radio"), ("waiting", "wave"), ("failed", "radio")]
        assert here.hub.events_of("devices.pairing")[-1].data.reason == "the network is full"


async def test_when_no_protocol_opens_the_session_ends_and_the_caller_learns_why() -> None:
    async with home() as here:
        here.radio.fault = PairingError("the network is full")
        error = await here.fails("devices.pair")
        assert isinstance(error, PairingError)
        assert str(error) == "pairing could not be opened: radio: the network is full"
        assert here.steps() == [("waiting", "radio"), ("failed", "radio"), ("ended", "")]
        here.radio.fault = None
        await here.call("devices.pair")


async def test_a_radio_that_hangs_while_opening_fails_alone() -> None:
    async with home(Wave) as here:
        here.radio.hang = True
        session = await here.call("devices.pair", timeout=0.2)
        assert session.protocols == ("wave",)
        assert "radio.pair gave no answer within" in here.hub.events_of("devices.pairing")[-1].data.reason
        assert here.radio.session == ""


async def test_a_radio_that_hangs_while_closing_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "CANCEL_LIMIT", 0.05)
    async with home(Wave) as here:
        session = await here.call("devices.pair")
        here.radio.hang = True
        await here.call("devices.pair_cancel", session=session.session)
        assert here.steps()[-1] == ("ended", "")
        assert here.wave.session == here.radio.session == ""


async def test_a_session_cancelled_while_it_opens_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async with home() as here:
        gate = asyncio.Event()

        async def slow(*what: object) -> None:
            here.radio.done.append(what)
            if what[0] == "open":
                await gate.wait()

        monkeypatch.setattr(here.radio, "_act", slow)
        opening = asyncio.ensure_future(here.fails("devices.pair"))  # noqa: TID251 - a caller of its own
        await eventually(here.steps)
        session = here.hub.events_of("devices.pairing")[0].data.session
        await here.call("devices.pair_cancel", session=session)
        gate.set()
        assert str(await opening) == "pairing could not be opened: it was cancelled"
        assert here.steps()[-1] == ("ended", "")
        assert here.radio.done[-1] == ("close",)
        assert here.radio.session == ""


async def test_a_protocol_that_goes_down_leaves_its_session() -> None:
    async with home(Wave) as here:
        session = await here.call("devices.pair")
        here.radio.ready(down="the radio was unplugged")
        assert (await here.call("devices.pair_status", session=session.session)).protocols == ("wave",)
        last = here.hub.events_of("devices.pairing")[-1].data
        assert (last.step, last.protocol, last.reason) == ("failed", "radio", "the radio was unplugged")
        here.hub.publish("plugin.status", "plugin/wave", PluginInfo("wave", "1", "failed", reason="it broke"))
        await settle()
        assert here.steps()[-2:] == [("failed", "wave"), ("ended", "")]
        assert here.hub.events_of("devices.pairing")[-1].data.reason == "plugin wave failed: it broke"


async def test_a_protocol_that_vanishes_leaves_its_session() -> None:
    async with home() as here:
        await here.call("devices.pair")
        here.state.delete("protocol/radio")
        await settle()
        assert here.steps()[-2:] == [("failed", "radio"), ("ended", "")]


async def test_input_goes_to_the_protocol_that_asked() -> None:
    async with home(Wave) as here:
        session = (await here.call("devices.pair")).session
        error = await here.fails("devices.pair_input", session=session, values={"pin": "12345"})
        assert str(error) == f"pairing session {session} asks for no input"
        here.wave.pairing_step("needs_input", reason="the pin on the device", inputs={"pin": {"type": "string"}})
        await here.call("devices.pair_input", session=session, values={"pin": "12345"})
        assert here.wave.done[-1] == ("input", {"pin": "12345"})
        error = await here.fails("devices.pair_input", session=session, values={str(n): n for n in range(33)})
        assert "takes 32 inputs at most, not 33" in str(error)
        here.radio.pairing_step("needs_input")
        error = await here.fails("devices.pair_input", session=session, values={"pin": "1"})
        assert str(error) == "radio pairing asks for no input"
        await here.call("devices.pair_cancel", session=session)
        error = await here.fails("devices.pair_input", session=session, values={"pin": "1"})
        assert isinstance(error, PairingError)


async def test_inputs_may_be_given_beforehand_and_open_only_what_takes_them() -> None:
    async with home(Wave) as here:
        session = await here.call("devices.pair", inputs={"pin": "12345"})
        assert session.protocols == ("wave",)
        assert ("failed", "radio") in here.steps()
        assert [one[0] for one in here.wave.done[-2:]] == ["input", "open"]
        assert here.radio.done == []
        await here.call("devices.pair_cancel", session=session.session)
        error = await here.fails("devices.pair", inputs={str(n): n for n in range(33)})
        assert "takes 32 inputs at most, not 33" in str(error)
        again = await here.call("devices.pair", protocol="radio")
        assert again.protocols == ("radio",)


@pytest.mark.parametrize("duration", [0, 0.5, 601, -1, float("nan"), float("inf")])
async def test_a_duration_outside_the_range_is_refused(duration: float) -> None:
    async with home() as here:
        error = await here.fails("devices.pair", duration=duration)
        assert isinstance(error, InvalidValueError)
        assert str(error) == f"pairing lasts 1 to 600 seconds, not {duration:g}"
        assert here.steps() == []


async def test_what_cannot_pair_says_why() -> None:
    async with home(Absent) as here:
        error = await here.fails("devices.pair", protocol="absent")
        assert str(error) == "absent is not ready: the stick is not plugged in"
        assert str(await here.fails("devices.pair", protocol="radoi")) == (
            "there is no protocol 'radoi', did you mean 'radio'?"
        )
        assert str(await here.fails("devices.pair", protocol="x")) == "there is no protocol 'x'; there is absent, radio"
        here.radio.ready(down="the radio was unplugged")
        assert str(await here.fails("devices.pair")) == (
            "no protocol is ready: absent: the stick is not plugged in; radio: the radio was unplugged"
        )
        for service in ("devices.pair_cancel", "devices.pair_status"):
            assert str(await here.fails(service, session="nope")) == "there is no pairing session 'nope'"


async def test_without_any_device_plugin_pairing_says_what_to_do() -> None:
    async with running(Devices) as hub:
        here = Home(hub)
        for protocol in ("any", "zigbee"):
            error = await here.fails("devices.pair", protocol=protocol)
            assert "enable a device plugin, such as zigbee" in str(error)


async def test_stopping_the_registry_ends_its_sessions() -> None:
    async with home(Wave) as here:
        await here.call("devices.pair")
        assert not await here.hub.stop("devices")
        assert here.steps()[-1] == ("ended", "")
        assert here.radio.done[-1] == here.wave.done[-1] == ("close",)


async def test_what_is_remembered_of_sessions_is_bounded() -> None:
    async with home() as here:
        sessions = []
        for _ in range(25):
            session = (await here.call("devices.pair")).session
            sessions.append(session)
            await here.call("devices.pair_cancel", session=session)
        await here.fails("devices.pair_status", session=sessions[0])
        assert (await here.call("devices.pair_status", session=sessions[-1])).open is False
        session = (await here.call("devices.pair")).session
        for _ in range(300):
            here.radio.pairing_step("joined", LAMP)
        assert len((await here.call("devices.pair_status", session=session)).steps) == 200


async def test_a_caller_without_patience_learns_of_it_and_the_session_ends() -> None:
    async with home() as here:
        here.radio.hang = True
        error = await here.fails("devices.pair", timeout=0.1)
        assert isinstance(error, PairingError | ServiceTimeoutError)
        await eventually(lambda: here.steps()[-1] == ("ended", ""))
