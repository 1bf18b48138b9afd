"""Commands take their turn: in order, the newest for those it makes needless, again what was lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from device_plugins.sdk import CommandTimeoutError, DeviceError, UnreachableError
from device_plugins.zigbee import queues as module
from device_plugins.zigbee.lanes import Lanes
from device_plugins.zigbee.network import BusyError
from device_plugins.zigbee.queues import BACK_OFF, EXPIRY, Job, Queues
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from tests.harness.waiting import eventually


class Air:
    """Where jobs are sent: it notes them, and lets them through when it is open."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failures: list[DeviceError] = []
        self.open = asyncio.Event()
        self.open.set()
        self.at_once = self.most = 0

    def send(self, what: str) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            self.sent.append(what)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            try:
                await self.open.wait()
            finally:
                self.at_once -= 1
            if self.failures:
                raise self.failures.pop(0)

        return send

    def set(self, value: object, key: str = "level", *, persists: bool = False) -> Job:
        return Job(key, "set", self.send(f"{key}={value}"), absolute=True, persists=persists)

    def toggle(self, name: str = "toggle") -> Job:
        return Job("on_off", "toggle", self.send(name))


class Rig:
    def __init__(self, most: int = 8) -> None:
        self.air = Air()
        self.clock = ManualClock()
        self.tasks = TaskGroup("test")
        self.lanes = Lanes(most, most)
        self.pauses: list[float] = []
        self.queues = Queues(self.lanes, self.clock, self.tasks, self.pause)
        self.waiting: dict[str, list[str]] = {}
        self.ended: list[tuple[str, str]] = []
        self.queues.told = lambda device, jobs: self.waiting.update({device: [job.key for job in jobs]})
        self.queues.ended = lambda _, job, error: self.ended.append((job.key, error.code if error else ""))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def do(self, job: Job, device: str = "lamp") -> asyncio.Task[None]:
        return self.tasks.start("a person", self.queues.do(device, job))


@asynccontextmanager
async def rig(most: int = 8) -> AsyncIterator[Rig]:
    made = Rig(most)
    yield made
    made.queues.close()
    await settle()
    assert made.tasks.names == []
    assert not made.queues._lines


async def test_a_command_to_an_idle_device_is_sent_in_its_callers_own_task() -> None:
    async with rig() as made:
        await made.queues.do("lamp", made.air.set(1))
        assert made.air.sent == ["level=1"]
        assert made.tasks.names == []


async def test_ten_steps_in_a_row_send_the_first_and_the_last() -> None:
    async with rig() as made:
        made.air.open.clear()
        people = [made.do(made.air.set(value)) for value in range(10)]
        await settle()
        assert made.air.sent == ["level=0"]
        made.air.open.set()
        await asyncio.gather(*people)
        assert made.air.sent == ["level=0", "level=9"]


async def test_who_was_replaced_gets_the_answer_of_what_replaced_it() -> None:
    async with rig() as made:
        made.air.open.clear()
        first, second, third = (made.do(made.air.set(value)) for value in range(3))
        await settle()
        made.air.failures = [DeviceError("one"), DeviceError("three")]
        made.air.open.set()
        told = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [str(one) for one in told] == ["one", "three", "three"]


async def test_the_last_word_has_the_last_word() -> None:
    """A newer command goes behind what was asked between it and the one it replaces."""
    async with rig() as made:
        made.air.open.clear()
        jobs = [made.air.set(0), made.air.set(10), made.air.set("off", "on_off"), made.air.set(20)]
        people = [made.do(job) for job in jobs]
        await settle()
        made.air.open.set()
        await asyncio.gather(*people)
        assert made.air.sent == ["level=0", "on_off=off", "level=20"]


async def test_what_builds_on_what_was_before_is_never_left_out() -> None:
    async with rig() as made:
        made.air.open.clear()
        people = [made.do(made.air.toggle(str(number))) for number in range(3)]
        await settle()
        made.air.open.set()
        await asyncio.gather(*people)
        assert made.air.sent == ["0", "1", "2"]


async def test_a_lost_frame_is_sent_again_ever_later() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("lost")] * len(BACK_OFF)
        await made.queues.do("lamp", made.air.set(1))
        assert made.air.sent == ["level=1"] * (len(BACK_OFF) + 1)
        assert made.pauses == [*BACK_OFF]


async def test_what_is_lost_too_often_is_reported() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("lost")] * (len(BACK_OFF) + 1)
        with pytest.raises(UnreachableError, match="lost"):
            await made.queues.do("lamp", made.air.set(1))


async def test_a_toggle_that_may_have_arrived_is_not_sent_again() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("no acknowledgement")]
        with pytest.raises(UnreachableError):
            await made.queues.do("lamp", made.air.toggle())
        made.air.failures = [BusyError("it never left the stick")]
        await made.queues.do("lamp", made.air.toggle())
        assert len(made.air.sent) == 3


async def test_a_newer_command_ends_the_attempts_of_the_older() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("lost")]
        made.air.open.clear()
        first, second = made.do(made.air.set(1)), made.do(made.air.set(2))
        await settle()
        made.air.open.set()
        await asyncio.gather(first, second)
        assert made.air.sent == ["level=1", "level=2"]


async def test_a_refusal_is_not_sent_again() -> None:
    async with rig() as made:
        made.air.failures = [DeviceError("no")]
        with pytest.raises(DeviceError, match="no"):
            await made.queues.do("lamp", made.air.set(1))
        assert made.air.sent == ["level=1"]


async def test_a_device_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLER_LIMIT", 0.05)
    async with rig() as made:
        made.air.open.clear()
        with pytest.raises(CommandTimeoutError, match="did not confirm"):
            await made.queues.do("lamp", made.air.set(1))


async def test_a_caller_who_goes_takes_his_command_with_him() -> None:
    async with rig() as made:
        made.air.open.clear()
        first, second = made.do(made.air.set(1)), made.do(made.air.toggle())
        await settle()
        second.cancel()
        await settle()
        made.air.open.set()
        await first
        await settle()
        assert made.air.sent == ["level=1"]


async def test_too_much_for_one_device_is_refused() -> None:
    async with rig() as made:
        made.air.open.clear()
        people = [made.do(made.air.toggle()) for _ in range(40)]
        await settle()
        made.air.open.set()
        told = await asyncio.gather(*people, return_exceptions=True)
        assert sum(isinstance(one, DeviceError) and "waiting" in str(one) for one in told) == 7
        assert len(made.air.sent) == 33


async def test_the_whole_radio_has_its_limit() -> None:
    async with rig(most=3) as made:
        made.air.open.clear()
        people = [made.do(made.air.set(1), f"lamp {number}") for number in range(10)]
        await settle()
        assert len(made.air.sent) == 3
        made.air.open.set()
        await asyncio.gather(*people)
        assert (len(made.air.sent), made.air.most) == (10, 3)


async def test_a_person_comes_before_a_background_read() -> None:
    async with rig(most=1) as made:
        order: list[str] = []

        async def read(number: int) -> None:
            async with made.lanes.background(f"sensor {number}"):
                order.append("read")
                await settle(3)

        reads = [made.tasks.start("reads", read(number)) for number in range(3)]
        person = made.do(made.air.set(1))
        await asyncio.gather(*reads, person)
        assert order == ["read"] * 3
        assert made.air.sent == ["level=1"]
        assert made.lanes.take("lamp")
        made.lanes.leave("lamp")


async def test_no_read_begins_beside_a_command_to_the_same_device() -> None:
    async with rig() as made:
        made.air.open.clear()
        person = made.do(made.air.set(1))
        seen: list[int] = []

        async def read() -> None:
            async with made.lanes.background("lamp"):
                seen.append(made.air.at_once)

        reading = made.tasks.start("reads", read())
        await settle()
        assert seen == []
        made.air.open.set()
        await asyncio.gather(person, reading)
        assert seen == [0]


async def test_who_stops_waiting_for_a_turn_leaves_no_trace() -> None:
    async with rig(most=1) as made:
        made.air.open.clear()
        first, second = made.do(made.air.set(1), "one"), made.do(made.air.set(1), "two")
        await settle()
        second.cancel()
        await settle()
        made.air.open.set()
        await first
        await made.queues.do("three", made.air.set(3))
        assert made.air.sent == ["level=1", "level=3"]


# Devices that sleep


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLER_LIMIT", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_command_waits_until_a_sleeping_device_wakes_up() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep")]
        with pytest.raises(CommandTimeoutError, match="asleep; it is told as soon as it wakes up"):
            await made.queues.do("valve", made.air.set(21, persists=True))
        assert made.waiting == {"valve": ["level"]}
        made.queues.heard("valve")
        await eventually(lambda: made.ended)
        assert made.air.sent == ["level=21"] * 2
        assert made.ended == [("level", "")]
        assert made.waiting == {"valve": []}


@pytest.mark.usefixtures("impatient")
async def test_a_caller_who_still_waits_is_told_when_it_wakes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLER_LIMIT", 5.0)
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep")]
        person = made.do(made.air.set(21, persists=True), "valve")
        await settle()
        made.queues.heard("valve")
        await person


@pytest.mark.usefixtures("impatient")
async def test_a_newer_command_replaces_one_that_waits_for_a_sleeping_device() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep")] * 2
        for value in (20, 22):
            with pytest.raises(CommandTimeoutError):
                await made.queues.do("valve", made.air.set(value, persists=True))
        made.queues.heard("valve")
        await eventually(lambda: made.ended)
        await settle()
        assert made.air.sent == ["level=20", "level=22", "level=22"]
        assert made.ended == [("level", "")]


@pytest.mark.usefixtures("impatient")
async def test_a_sleeping_device_is_tried_by_itself_ever_later_and_given_up_in_the_end() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep")] * 100
        with pytest.raises(CommandTimeoutError):
            await made.queues.do("valve", made.air.set(21, persists=True))
        for _ in range(int(EXPIRY / 10) + 1):
            await made.clock.advance(10.0)
        await eventually(lambda: made.ended == [("level", "command_timeout")])
        assert 5 < len(made.air.sent) < 15
        assert made.waiting == {"valve": []}


@pytest.mark.usefixtures("impatient")
async def test_what_waits_for_a_device_goes_with_it() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep")]
        with pytest.raises(CommandTimeoutError):
            await made.queues.do("valve", made.air.set(21, persists=True))
        made.queues.forget("valve")
        await settle()
        assert made.ended == [("level", "unreachable")]
        assert made.air.sent == ["level=21"]


@pytest.mark.usefixtures("impatient")
async def test_a_refusal_by_a_device_that_woke_up_is_told() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("asleep"), DeviceError("no")]
        with pytest.raises(CommandTimeoutError):
            await made.queues.do("valve", made.air.set(21, persists=True))
        made.queues.heard("valve")
        await eventually(lambda: made.ended)
        assert made.ended == [("level", "device")]


async def test_tasks_that_are_cancelled_leave_nobody_waiting() -> None:
    async with rig() as made:
        made.air.open.clear()
        other = TaskGroup("other")
        people = [other.start("a person", made.queues.do("lamp", made.air.toggle())) for _ in range(3)]
        await settle()
        people[0].cancel()
        await settle()
        assert made.tasks.names == ["test:commands of lamp"]
        await made.tasks.cancel()
        told = await asyncio.gather(*people, return_exceptions=True)
        assert [type(one) for one in told] == [asyncio.CancelledError, UnreachableError, UnreachableError]


@pytest.mark.usefixtures("impatient")
async def test_an_attempt_that_lasts_is_begun_anew_when_the_device_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parent may have dropped the frame by then, and it sleeps again soon."""
    monkeypatch.setattr(module, "_LASTS", 0.0)
    monkeypatch.setattr(module, "_MOMENT", 0.05)
    async with rig() as made:
        made.air.open.clear()
        with pytest.raises(CommandTimeoutError):
            await made.queues.do("valve", made.air.set(21, persists=True))
        assert made.waiting == {"valve": ["level"]}
        made.queues.heard("valve")
        await eventually(lambda: len(made.air.sent) == 2)
        made.air.open.set()
        await eventually(lambda: made.ended == [("level", "")])
        assert made.waiting == {"valve": []}


async def test_what_is_to_be_sent_once_is_sent_once() -> None:
    async with rig() as made:
        made.air.failures = [UnreachableError("lost")]
        job = Job("level", "set", made.air.send("once"), absolute=True, again=False)
        with pytest.raises(UnreachableError, match="lost"):
            await made.queues.do("lamp", job)
        assert made.air.sent == ["once"]
