"""Many power cuts under load, and a verdict; see scripts/powercut."""

import argparse
import logging
import random
import sys

import msgspec

from scripts.rig.cuts import run

_EVERY = 50  # cuts between two words of progress


def main() -> int:
    """Run as the script's command line asks; returns the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/powercut", add_help=False)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000_000))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logging.disable()  # a dead disk is told of in every life
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        if done >= told + _EVERY:
            told = done
            sys.stderr.write(f"{done} of {asked.cuts} cuts\n")

    report = run(asked.cuts, asked.seed, progress)
    if asked.json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        for name, value in msgspec.structs.asdict(report).items():
            if name != "faults":
                sys.stdout.write(f"{name:22} {value}\n")
        sys.stdout.write(f"{'passed' if report.is_good else 'failed'} (--seed {asked.seed})\n")
    for fault in report.faults:
        sys.stderr.write(f"{fault}\n")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
