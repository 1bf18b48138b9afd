"""The core's hot paths beside what bare Python does for the same work, and whole automations, measured in one run.

Rates are per second of this process's own CPU time: medians over rounds in which the hub's way and the bare one take
turns, so that a slow moment of the machine hits both. `_ctx` is the way a plugin takes, through its Context. Latencies
go from a state change, through a declared rule and its service call, to the first line of the service.
"""

import argparse
import asyncio
import cProfile
import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import uvloop

from hub.tasks import TaskGroup
from scripts.benchmarks._house import MOTION, Bench, house
from scripts.benchmarks._lanes import Lane, Work, context_lanes, engine_lanes

ROUNDS = 9
_RULE_ROUNDS = 5
_SAMPLES = 4000
_WARM_UP = 2000
_BURST = 50  # state changes without a pause, as from one radio frame after another
_TOP = 12
_RATE = "1/s CPU"


class Figure(NamedTuple):
    """One measured figure; `limit` is 0 where there is none. More than the budget is good, for times (us) less is."""

    value: float
    budget: float
    unit: str
    limit: float = 0

    @property
    def holds(self) -> bool:
        """Whether it keeps to its budget."""
        return self.value <= self.budget if self.unit == "us" else self.value >= self.budget

    def as_json(self) -> dict[str, float | str]:
        """The figure for machines."""
        limit = {"limit": round(self.limit)} if self.limit else {}
        return {"value": round(self.value, 1 if self.unit == "us" else None), **limit, "unit": self.unit}


async def rate(work: Work, count: int) -> float:
    """Operations a second of CPU time, once."""
    begun = time.process_time()
    await work(count)
    return count / (time.process_time() - begun)


async def lane_figure(lane: Lane) -> Figure:
    """The median of the rounds, the two ways taking turns."""
    values, limits = [], []
    for number in range(ROUNDS):
        if number % 2:
            limits.append(await rate(lane.bare, lane.size))
        values.append(await rate(lane.work, lane.size))
        if not number % 2:
            limits.append(await rate(lane.bare, lane.size))
    return Figure(statistics.median(values), lane.budget, _RATE, statistics.median(limits))


async def latencies(bench: Bench, key: str, count: int) -> list[float]:
    """Times in us from a change of the sensor to the wish's arrival."""
    path, found = f"device/{MOTION}/{key}", []
    for number in range(count):
        arrived = bench.await_wishes(1)
        begun = time.perf_counter_ns()
        bench.ctx.state.set(path, number % 50 + 0.5)
        await arrived.wait()
        found.append((bench.reached - begun) / 1000)
        await asyncio.sleep(0)
    return found


def automations(bench: Bench, key: str) -> Work:
    """State changes back to back, each of which sets a rule off; it is over when the last wish has arrived."""
    path = f"device/{MOTION}/{key}"

    async def work(count: int) -> None:
        arrived = bench.await_wishes(count)
        for number in range(count):
            bench.ctx.state.set(path, number % 50 + 0.25)
            if not number % _BURST:
                await asyncio.sleep(0)
        await arrived.wait()

    return work


async def rule_figures(bench: Bench) -> dict[str, Figure]:
    """Whole automations: ending in a service, and in a device's command by way of the device registry."""
    await latencies(bench, "temperature", _WARM_UP)
    await latencies(bench, "humidity", _WARM_UP)
    served: list[float] = []
    commanded: list[float] = []
    rates: list[float] = []
    for _ in range(_RULE_ROUNDS):
        served += await latencies(bench, "temperature", _SAMPLES)
        commanded += await latencies(bench, "humidity", _SAMPLES)
        begun = time.perf_counter()
        await automations(bench, "temperature")(_SAMPLES)
        rates.append(_SAMPLES / (time.perf_counter() - begun))
    return {
        "rule_latency_p50_us": Figure(statistics.median(served), 30, "us"),
        "rule_latency_p99_us": Figure(_p99(served), 150, "us"),
        "rules_per_s": Figure(statistics.median(rates), 40_000, "1/s"),
        "command_latency_p50_us": Figure(statistics.median(commanded), 60, "us"),
        "command_latency_p99_us": Figure(_p99(commanded), 300, "us"),
    }


async def measure() -> dict[str, Figure]:
    """All figures."""
    tasks = TaskGroup("bench")
    found = {lane.name: await lane_figure(lane) for lane in engine_lanes(tasks)}
    await tasks.cancel()
    async with house() as bench:
        found |= await rule_figures(bench)
        found |= {lane.name: await lane_figure(lane) for lane in context_lanes(bench.ctx)}
    return found


async def profiles() -> None:
    """Print, for every path, what a call costs and in which functions the time goes."""
    tasks = TaskGroup("bench")
    for lane in engine_lanes(tasks):
        await _profile(lane.name, lane.work, lane.size)
    await tasks.cancel()
    async with house() as bench:
        for lane in context_lanes(bench.ctx):
            await _profile(lane.name, lane.work, lane.size)
        for name, key in (("rule to service", "temperature"), ("rule to device command", "humidity")):
            await _profile(name, automations(bench, key), _SAMPLES)


async def _profile(name: str, work: Work, count: int) -> None:
    await work(count)
    cost = 1e6 / await rate(work, count)
    profile = cProfile.Profile()
    profile.enable()
    await work(count)
    profile.disable()
    print(f"\n{name}: {cost:.2f} us of CPU a call (the profiler makes it slower; compare shares)")
    print(f"{'own us':>8} {'share':>6} {'calls':>7}  function (us and calls are per call of the path)")
    for line in _lines(profile, count):
        print(line)


def _lines(profile: cProfile.Profile, count: int) -> Iterator[str]:
    entries: list[Any] = sorted(profile.getstats(), key=lambda one: -one.inlinetime)
    whole = sum(one.inlinetime for one in entries) or 1.0
    for one in entries[:_TOP]:
        own = one.inlinetime / count * 1e6
        yield f"{own:8.3f} {one.inlinetime / whole:6.0%} {one.callcount / count:7.2f}  {_place(one.code)}"


def _place(code: Any) -> str:  # noqa: ANN401 - a code object, or the text that stands for a built-in
    if isinstance(code, str):
        return code
    return f"{'/'.join(code.co_filename.split('/')[-2:])}:{code.co_firstlineno} {code.co_qualname}"


def _p99(found: list[float]) -> float:
    return statistics.quantiles(found, n=100)[98]


def _table(figures: dict[str, Figure]) -> Iterator[str]:
    yield f"{'path':<24} {'budget':>13} {'value':>12} {'bare Python':>12} {'of it':>6}  holds"
    for name, one in figures.items():
        sign = "<=" if one.unit == "us" else ">="
        text: Callable[[float], str] = (lambda number: f"{number:,.1f}") if one.unit == "us" else _whole
        limit, share = (_whole(one.limit), f"{one.value / one.limit:.0%}") if one.limit else ("", "")
        holds = "yes" if one.holds else "NO"
        yield f"{name:<24} {sign} {_whole(one.budget):>10} {text(one.value):>12} {limit:>12} {share:>6}  {holds}"
    yield "Rates are per second of CPU time, rules_per_s of wall time; `_us` are microseconds."


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def main() -> None:
    """Print the figures, or the profiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--profile", action="store_true", help="show in which functions the time goes instead")
    options = parser.parse_args()
    logging.getLogger("hub").setLevel(logging.ERROR)  # an automation that runs so often is warned of
    if options.profile:
        uvloop.run(profiles())
        return
    figures = uvloop.run(measure())
    if options.json:
        print(json.dumps({name: one.as_json() for name, one in figures.items()}))
        return
    for line in _table(figures):
        print(line)


if __name__ == "__main__":
    main()
