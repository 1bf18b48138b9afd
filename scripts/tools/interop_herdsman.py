"""Check the virtual radio against a host that is not ours; see `scripts/interop-herdsman`."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "scripts" / "tools" / "herdsman"
FOLDER = ROOT / "build" / "herdsman"
LOCKED = ("package.json", "package-lock.json", ".npmrc")
VERSIONS = (13, 14, 18)
# The whole of one EZSP version takes a quarter of a minute.
LIMIT_S = 300


class UnavailableError(Exception):
    """The host cannot be run here; says why in a sentence."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one EZSP version: what it found, or why it failed."""

    ezsp: int
    step: str
    ok: bool
    seconds: float
    detail: str


def node() -> str:
    """Return the path of Node.js; UnavailableError when it is not installed."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        raise UnavailableError("Node.js with npm is not installed here: install it to check against zigbee-herdsman.")
    return found


def install(folder: Path = FOLDER) -> Path:
    """Install the locked host into a folder, if that has not been done; UnavailableError when it cannot be fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (SOURCE / "package-lock.json").read_text()
    mark = folder / "installed.json"
    if mark.exists() and mark.read_text() == lock:
        return folder
    for name in LOCKED:
        shutil.copy(SOURCE / name, folder / name)
    done = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.strip()), "npm says no more")
        raise UnavailableError(f"zigbee-herdsman could not be installed ({reason}).")
    mark.write_text(lock)
    return folder


def check(ezsp: int, folder: Path) -> list[Step]:
    """Run the host against the virtual radio of one EZSP version."""
    command = [node(), str(SOURCE / "host.cjs"), sys.executable, str(ezsp), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return [Step(ezsp, "host", ok=False, seconds=LIMIT_S, detail=f"did not end within {LIMIT_S} s")]
    steps = [Step(ezsp, **json.loads(line)) for line in done.stdout.splitlines() if line.startswith('{"step"')]
    if done.returncode and all(step.ok for step in steps):
        said = done.stderr.strip().splitlines() or ["nothing"]
        steps.append(Step(ezsp, "host", ok=False, seconds=0.0, detail=f"ended with {done.returncode}: {said[-1]}"))
    return steps


def table(steps: Sequence[Step]) -> str:
    """Return the steps as lines, a column an EZSP version."""
    versions = sorted({step.ezsp for step in steps})
    names = list(dict.fromkeys(step.step for step in steps))
    found = {(step.step, step.ezsp): step for step in steps}
    width = max(len(name) for name in names)
    lines = [" " * width + "".join(f"  EZSP {version:<4}" for version in versions)]
    for name in names:
        cells = [found.get((name, version)) for version in versions]
        shown = ["-" if cell is None else f"{cell.seconds:.1f} s" if cell.ok else "FAILED" for cell in cells]
        lines.append(f"{name:<{width}}" + "".join(f"  {cell:<9}" for cell in shown))
    lines += [f"EZSP {step.ezsp}, {step.step}: {step.detail}" for step in steps if not step.ok]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check, print, and return the exit code: 0 all well or no Node.js here, 1 a step failed."""
    parser = argparse.ArgumentParser(prog="scripts/interop-herdsman")
    parser.add_argument("--ezsp", type=int, nargs="+", default=list(VERSIONS), metavar="N")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        node()
        folder = install()
    except UnavailableError as error:
        print(json.dumps({"skipped": str(error)}) if options.json else f"Skipped: {error}")
        return 0
    steps = [step for ezsp in options.ezsp for step in check(ezsp, folder)]
    ok = all(step.ok for step in steps)
    print(json.dumps({"ok": ok, "steps": [asdict(step) for step in steps]}) if options.json else table(steps))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
