"""The machine below the plugin: its files in a folder, its kernel as a function, and a real timer."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from plugins.clock import machine
from plugins.clock.machine import Evidence, Machine, Timex
from tests.harness import eventually


def kernel(status: int, code: int = 0) -> machine.Adjtimex:
    def adjtimex(answer: Timex) -> int:
        assert answer.modes == 0, "it must only ask"
        answer.status = status
        return code

    return adjtimex


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("status", "code", "synchronised"),
    [(0x2001, 0, True), (0x2001, 5, True), (0x0041, 5, False), (0, -1, False)],
    ids=["kept", "kept, with a leap second", "out of step", "refused"],
)
def test_the_kernel_knows_whether_a_time_server_keeps_it(
    tmp_path: Path,
    status: int,
    code: int,
    synchronised: bool,  # noqa: FBT001
) -> None:
    assert Machine(tmp_path, kernel(status, code)).read() == Evidence(synchronised=synchronised)


def test_systemd_says_that_a_time_server_has_answered(tmp_path: Path) -> None:
    write(tmp_path / "run/systemd/timesync/synchronized")
    assert Machine(tmp_path, kernel(0x40)).read().synchronised


@pytest.mark.parametrize(("clocks", "battery"), [("0", False), ("1", True), ("01", True), ("", False)])
def test_the_time_came_from_a_battery_clock_or_did_not(tmp_path: Path, clocks: str, battery: bool) -> None:  # noqa: FBT001
    for number, told in enumerate(clocks):
        write(tmp_path / f"sys/class/rtc/rtc{number}/hctosys", f"{told}\n")
    assert Machine(tmp_path, kernel(0x40)).read().battery == battery


def test_a_start_of_the_machine_has_a_name(tmp_path: Path) -> None:
    write(tmp_path / "proc/sys/kernel/random/boot_id", "7f1c\n")
    assert Machine(tmp_path, kernel(0x40)).read() == Evidence(boot="7f1c")


def test_this_machine_answers_and_its_answer_fits() -> None:
    assert isinstance(Machine().read(), Evidence)
    answer = Timex()
    if machine._library_call(answer) >= 0:
        assert answer.maxerror >= 0
        assert 0 <= answer.status <= 0xFFFF


def test_a_c_library_without_the_call_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _name: object())
    assert machine._library_call(Timex()) == -1


def test_the_offset_is_that_of_the_wall_clock() -> None:
    assert Machine().offset() + time.monotonic() == pytest.approx(time.time(), abs=1)  # noqa: TID251 - it is what is judged


def test_a_pause_between_two_looks_at_the_clocks_is_no_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0, 5_000_000_000, 5_000_000_000, 5_000_000_001])
    monkeypatch.setattr("time.monotonic_ns", lambda: next(moments))
    monkeypatch.setattr("time.time_ns", lambda: 25_000_000_001)
    assert Machine().offset() == 20


async def test_the_kernels_timer_wakes_us_again_and_again_until_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody may set the clock of a machine for a test; a timer that is due wakes just as one that is cancelled.
    monkeypatch.setattr(machine, "_NEVER", time.time_ns() + 20_000_000)  # noqa: TID251 - a moment of the kernel's
    heard: list[int] = []
    undo = Machine().on_set(lambda: heard.append(1))
    await eventually(lambda: len(heard) >= 3)
    undo()
    undo()
    heard.clear()
    await asyncio.sleep(0)
    assert not heard


async def test_a_timer_that_is_not_due_wakes_nobody() -> None:
    heard: list[int] = []
    undo = Machine().on_set(lambda: heard.append(1))
    for _ in range(20):
        await asyncio.sleep(0)
    undo()
    assert not heard


@pytest.mark.parametrize("call", ["timerfd_create", "timerfd_settime_ns"])
async def test_a_kernel_without_such_timers_does_no_harm(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, call, refuse)
    Machine().on_set(lambda: None)()
