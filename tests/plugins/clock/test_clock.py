"""Whether the wall clock can be trusted: what the machine says, what is remembered, and what a jump tells."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.testing import HubInMemory, running, settle
from plugins.clock import sources
from plugins.clock.plugin import ClockTrust
from tests.harness import eventually

YEAR = 365 * 86_400.0


class Machine:
    """What it says of its clock; the hub was made a year before the test's time."""

    synchronised = False
    battery = False
    made = 1_767_225_600 - YEAR


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    one = Machine()
    monkeypatch.setattr(sources, "is_synchronised", lambda: one.synchronised)
    monkeypatch.setattr(sources, "has_battery", lambda: one.battery)
    monkeypatch.setattr(sources, "released", lambda: one.made)
    return one


class House:
    def __init__(self, hub: HubInMemory) -> None:
        self.hub = hub

    @property
    def told(self) -> list[tuple[bool, str]]:
        return [(one.data.trusted, one.data.why) for one in self.hub.events_of("clock.trusted")]

    @property
    def jumps(self) -> list[float]:
        return [one.data.seconds for one in self.hub.events_of("clock.jumped")]

    def trusted(self) -> Any:  # noqa: ANN401
        return self.hub.core.state.get("clock/trusted")


@asynccontextmanager
async def house(**settings: str) -> AsyncIterator[House]:
    async with running() as hub:
        one = House(hub)
        await hub.run(ClockTrust, settings)
        await settle()
        yield one


async def test_a_machine_that_nobody_told_the_time_is_not_trusted_until_ntp_does(machine: Machine) -> None:
    async with house() as home:
        assert home.trusted() is False
        assert home.told == [(False, "nobody has set it since the machine began")]
        machine.synchronised = True
        await home.hub.clock.advance(60)
        await eventually(home.trusted)
        assert home.told[1:] == [(True, "it is kept right over the network")]
        assert home.jumps == []


async def test_a_clock_with_a_battery_is_trusted(machine: Machine) -> None:
    machine.battery = True
    async with house() as home:
        assert home.told == [(True, "it was set from a clock with a battery")]


@pytest.mark.usefixtures("machine")
async def test_a_person_who_sets_it_is_believed_and_the_jump_is_told() -> None:
    async with house() as home:
        home.hub.clock.jump(3 * YEAR)
        await home.hub.clock.advance(60)
        await eventually(lambda: home.jumps)
        assert home.told[-1] == (True, "it was set while the hub ran")
        assert home.jumps == [3 * YEAR]
        home.hub.clock.jump(-3600)
        await home.hub.clock.advance(60)
        await eventually(lambda: home.jumps == [3 * YEAR, -3600])
        assert home.trusted() is True


@pytest.mark.usefixtures("machine")
async def test_a_small_correction_is_no_jump() -> None:
    async with house() as home:
        home.hub.clock.jump(1.5)
        await home.hub.clock.advance(120)
        assert (home.jumps, len(home.told)) == ([], 1)


async def test_it_cannot_be_earlier_than_the_hub_was_made_or_than_it_was_before(machine: Machine) -> None:
    machine.synchronised = True
    async with house() as home:
        assert home.trusted() is True
        await home.hub.clock.advance(3600)
        await home.hub.stop("clock")
        home.hub.clock.jump(-YEAR / 2)
        await home.hub.run(ClockTrust, {})
        assert home.told[-1] == (False, "it is earlier than it was before")
        home.hub.clock.jump(YEAR / 2)
        await home.hub.clock.advance(60)
        await eventually(lambda: home.trusted() is True)
    machine.made = 1_767_225_600 + YEAR
    async with house() as home:
        assert home.trusted() is False


@pytest.mark.parametrize(("trust", "trusted"), [("always", True), ("never", False)])
async def test_the_configuration_has_the_last_word(machine: Machine, trust: str, trusted: bool) -> None:  # noqa: FBT001
    machine.synchronised = not trusted
    async with house(trust=trust) as home:
        assert home.told == [(trusted, "the configuration says so")]


@pytest.mark.usefixtures("machine")
async def test_the_kernel_tells_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(sources, "alarm_of_jumps", lambda: reader)
    armed: list[int] = []
    monkeypatch.setattr(sources, "arm", armed.append)
    try:
        async with house() as home:
            home.hub.clock.jump(YEAR)
            os.write(writer, b"12345678")
            await eventually(lambda: home.jumps == [YEAR])
            assert armed == [reader]
    finally:
        os.close(writer)


def test_this_machine_can_be_asked() -> None:
    assert sources.is_synchronised() in {True, False}
    assert sources.has_battery() in {True, False}
    assert sources.released() > 1_700_000_000
    number = sources.alarm_of_jumps()
    os.close(number)


def test_a_battery_is_found_by_what_the_kernel_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_RTC", tmp_path)
    assert not sources.has_battery()
    (tmp_path / "rtc0").mkdir()
    assert not sources.has_battery()
    (tmp_path / "rtc0" / "hctosys").write_text("0\n")
    assert not sources.has_battery()
    (tmp_path / "rtc1").mkdir()
    (tmp_path / "rtc1" / "hctosys").write_text("1\n")
    assert sources.has_battery()
