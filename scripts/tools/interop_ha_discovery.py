"""Check discovery messages by Home Assistant's own schemas; see `scripts/interop-ha-discovery`."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.publishing.homeassistant.discovery import discovery
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.settings import Publish
from scripts.tools.published_devices import devices

ROOT = Path(__file__).parents[2]
JUDGE = ROOT / "scripts" / "tools" / "homeassistant" / "judge.py"
LOCK = ROOT / "requirements" / "homeassistant.txt"
FOLDER = ROOT / "build" / "ha"
# Its libraries take a few seconds to load, the templates of all messages a few more; one of them is compiled.
LIMIT_S = 300
INSTALL_LIMIT_S = 1200


class UnavailableError(Exception):
    """Home Assistant cannot be had here; says why in a sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Home Assistant says of one entity, or of a message as a whole (`entity` is empty)."""

    device: str
    entity: str
    platform: str
    complaints: tuple[str, ...]


def is_installed(folder: Path = FOLDER) -> bool:
    """Whether the locked version stands there."""
    mark = folder / "installed.txt"
    return mark.exists() and mark.read_text() == LOCK.read_text()


def install(folder: Path = FOLDER) -> None:
    """Install the locked version, if that has not been done; UnavailableError when it cannot be."""
    if is_installed(folder):
        return
    python = str(folder / "bin" / "python")
    uv = Path(sys.executable).with_name("uv")
    pip = [str(uv), "pip", "install", "--quiet", "--python", python]
    if not uv.exists():
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    _run(*pip, "--require-hashes", "--no-deps", "-r", str(LOCK), limit=INSTALL_LIMIT_S)
    (folder / "installed.txt").write_text(LOCK.read_text())


def messages() -> dict[str, Message]:
    """What the hub publishes, by device."""
    layout = Layout(Publish(homeassistant=True))
    records = {one.id: one for one in devices()}
    return {one.id: discovery(one, layout, records) for one in records.values()}


def judge(told: dict[str, Message], folder: Path = FOLDER) -> list[Verdict]:
    """Have the messages judged."""
    lines = [
        msgspec.json.encode({"device": device, "topic": one.topic, "payload": one.payload.decode()}).decode()
        for device, one in told.items()
    ]
    said = _run(str(folder / "bin" / "python"), str(JUDGE), given="\n".join(lines))
    return [msgspec.json.decode(line, type=Verdict) for line in said.splitlines()]


def table(verdicts: Iterable[Verdict]) -> str:
    """Entities by platform, then a line for each complaint."""
    verdicts = [*verdicts]
    counts = Counter(one.platform for one in verdicts)
    width = max(map(len, counts))
    lines = [f"{platform:<{width}}  {count:>5}" for platform, count in sorted(counts.items())]
    lines += [f"{one.device}, {one.entity or 'as a whole'}: {said}" for one in verdicts for said in one.complaints]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check, print, and return the exit code: 0 no complaint or no Home Assistant here, 1 complaints."""
    parser = argparse.ArgumentParser(prog="scripts/interop-ha-discovery")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        install()
    except UnavailableError as error:
        print(json.dumps({"skipped": str(error)}) if options.json else f"Skipped: {error}")
        return 0
    verdicts = judge(messages())
    bad = [one for one in verdicts if one.complaints]
    shown = {"ok": not bad, "judged": len(verdicts), "complaints": [asdict(one) for one in bad]}
    print(json.dumps(shown) if options.json else table(verdicts))
    return 1 if bad else 0


def _run(*command: str, given: str = "", limit: float = LIMIT_S) -> str:
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{Path(command[0]).name} did not end within {limit} s.") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it says no more"]
        raise UnavailableError(f"Home Assistant cannot be had here ({said[-1][:300]}).")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
