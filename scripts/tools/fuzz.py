"""Feeds noise and nearly sound bytes to the Zigbee parsers; see `scripts/fuzz`."""

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import uvloop
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisException

from scripts.benchmarks.startup import rss_mib
from scripts.tools.fuzz_targets import TARGETS, Target

# How the examples are shared out: the hub's side is a hundred times slower than the others.
_SHARES = {"ash": 0.25, "ezsp": 0.3, "devices": 0.4, "hub": 0.05}
# Hypothesis remembers what it has tried: it begins anew after so many examples, with another seed.
_BATCH = 2_000
# What the process may grow by while a target is fuzzed, after the first batch; the allocator's own holes are in it.
MOST_GROWTH_MIB = 64.0


@dataclass(slots=True)
class Finding:
    """How one target fared; `fault` is empty when all held."""

    target: str
    examples: int = 0
    seconds: float = 0.0
    growth_mib: float = 0.0
    fault: str = ""


def fuzz(name: str, examples: int, chance: int = 1, say: Callable[[str], None] = lambda _: None) -> Finding:
    """Fuzz one target with so many examples; `chance` seeds them."""
    found = Finding(name)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    target = TARGETS[name]()
    begun = time.monotonic()
    try:
        loop.run_until_complete(target.open())
        before: float | None = None
        for batch, first in enumerate(range(0, examples, _BATCH)):
            _run(target, loop, found, min(_BATCH, examples - first), chance + batch)
            say(f"{name}: {found.examples} of {examples} examples")
            if found.fault:
                break
            gc.collect()
            before = rss_mib(os.getpid()) if before is None else before
            found.growth_mib = round(rss_mib(os.getpid()) - before, 1)
        if found.growth_mib > MOST_GROWTH_MIB and not found.fault:
            found.fault = f"memory grew by {found.growth_mib:g} MiB"
    finally:
        loop.run_until_complete(target.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
    found.seconds = round(time.monotonic() - begun, 1)
    return found


def _run(target: Target, loop: asyncio.AbstractEventLoop, found: Finding, examples: int, chance: int) -> None:
    @seed(chance)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[*HealthCheck],
        print_blob=False,
    )
    @given(target.cases)
    def hear(case: object) -> None:
        found.examples += 1
        loop.run_until_complete(target.hear(case))

    try:
        hear()
    except HypothesisException as error:
        found.fault = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - whatever a parser raises is what is looked for
        found.fault = traceback.format_exc(limit=-4)


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz all targets, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000, help="over all targets (default: %(default)d)")
    parser.add_argument("--target", choices=[*TARGETS], help="this one only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    logging.disable()  # what zigpy says of noise is right, and much
    shares = {options.target: 1.0} if options.target else _SHARES
    findings = [
        fuzz(name, max(1, round(options.examples * share)), options.seed, lambda line: print(line, file=sys.stderr))
        for name, share in shares.items()
    ]
    total = sum(one.examples for one in findings)
    if options.json:
        print(json.dumps({"examples": total, "targets": [asdict(one) for one in findings]}))
    else:
        for one in findings:
            print(f"{one.target:<8} {one.examples:>7} examples {one.seconds:>7.1f} s {one.growth_mib:>+6.1f} MiB  "
                  f"{one.fault or 'held'}")  # fmt: skip
        print(f"{total} examples")
    return 1 if any(one.fault for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
