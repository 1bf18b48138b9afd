"""Cuts the power of a hub in memory many times and sums up what was lost: see `tests/rig/powercut.py`."""

import argparse
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.rig.powercut import Cut, cut_all

_KINDS = ("corrupt", "torn", "reused", "late", "refused")
_LINE_EVERY_S = 2.0
_FAILURES = 10  # that are told of


class Tally:
    """What the cuts came to so far."""

    def __init__(self, seed: int) -> None:
        self.cuts = 0
        self._seed = seed
        self._lost = 0
        self._lived = 0.0
        self._kinds: Counter[str] = Counter()
        self._windows: dict[str, float] = {}
        self.failures: list[dict[str, Any]] = []

    def add(self, cut: Cut) -> None:
        """Count one cut; each kind of fault counts once."""
        self.cuts += 1
        self._lived += cut.lived
        self._lost += cut.verdict.lost
        self._kinds.update({fault.partition(":")[0] for fault in cut.verdict.faults})
        for what, age in cut.verdict.windows.items():
            self._windows[what] = max(self._windows.get(what, 0.0), age)
        if cut.verdict.faults:
            self.failures.append({"seed": cut.seed, "cuts": cut.number, "faults": cut.verdict.faults})

    def as_json(self, seconds: float) -> dict[str, Any]:
        """All of it; `windows_s` are the ages of the oldest that was lost, `virtual_s` the seconds that hubs lived."""
        return {
            "cuts": self.cuts,
            "lost_acknowledged": self._lost,
            **{kind: self._kinds[kind] for kind in _KINDS},
            "max_window_s": round(max(self._windows.values(), default=0.0), 3),
            "windows_s": {what: round(age, 3) for what, age in self._windows.items()},
            "seed": self._seed,
            "seconds": round(seconds, 1),
            "virtual_s": round(self._lived),
            "failures": self.failures[:_FAILURES],
        }


def main() -> int:
    """Cut, and print the verdict."""
    parser = argparse.ArgumentParser(prog="scripts/powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=500, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the first house (default: a random one)")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    logging.disable()  # a disk without power makes the hub say much
    begun = time.monotonic()
    tally = Tally(seed)
    for cut in _told(cut_all(options.cuts, seed), options.cuts):
        tally.add(cut)
    figures = tally.as_json(time.monotonic() - begun)
    if options.json:
        print(json.dumps(figures))
    else:
        print("  ".join(f"{name} {value}" for name, value in figures.items() if name != "failures"))
    for failure in tally.failures[:_FAILURES]:
        _say(f"scripts/powercut --seed {failure['seed']} --cuts {failure['cuts']} ends with:")
        for fault in failure["faults"]:
            _say(f"  {fault}")
    return 1 if tally.failures else 0


def _told(cuts: Iterator[Cut], count: int) -> Iterator[Cut]:
    """Say now and then how far it is."""
    told = time.monotonic()
    for number, cut in enumerate(cuts, 1):
        if time.monotonic() >= told + _LINE_EVERY_S or number == count:
            told = time.monotonic()
            _say(f"{number} of {count} cuts")
        yield cut


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
