"""What `scripts/compare-zha` does: simulate, match each entity of zha with a capability, and count."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.tools.zha_entities import Entity, Meant, entities, meant

ROOT = Path(__file__).parents[2]
FOLDER = ROOT.parent / "shared" / "zigbee-devices"
COVERED_LEAST, WRONG_MOST = 97.0, 2.0
_TOLERANCE = 0.01

type Feature = dict[str, Any]


class Verdict(NamedTuple):
    """How one entity fares: covered, missing or wrong, and why."""

    file: str
    entity: Entity
    kind: str
    key: str = ""
    why: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and return the exit code."""
    options = _options(arguments)
    files = options.files or sorted(FOLDER.glob("*.json"))
    if not files:
        print("compare-zha: name files; there is no ../shared/zigbee-devices here", file=sys.stderr)
        return 2
    simulated = {one["file"]: one for one in _simulate(files, options.quirks)}
    verdicts = [one for file in files for one in _judge(file, simulated[str(file)])]
    paired = sum(one["paired"] for one in simulated.values())
    totals = {"not_diagnostic": _total(verdicts, all_of_them=False), "all": _total(verdicts, all_of_them=True)}
    if options.json:
        rows = [one._asdict() | {"entity": one.entity._asdict()} for one in verdicts if one.kind != "covered"]
        print(json.dumps({"paired": paired, "devices": len(files), **totals, "not_covered": rows}, indent=2))
    else:
        _show(verdicts, totals, f"{paired} of {len(files)} devices paired", options.show)
    main_total = totals["not_diagnostic"]
    fits = main_total["covered_percent"] >= COVERED_LEAST and main_total["wrong_percent"] <= WRONG_MOST
    return 0 if fits and paired == len(files) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/compare-zha")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true", help="list what is missing or wrong")
    parser.add_argument("--quirks", action=argparse.BooleanOptionalAction, default=None)
    return parser.parse_args(arguments)


def _simulate(files: list[Path], quirks: bool | None) -> list[dict[str, Any]]:  # noqa: FBT001 - a setting
    how = [] if quirks is None else ["--quirks" if quirks else "--no-quirks"]
    command = [sys.executable, "-m", "hub", "zigbee", "simulate", "--json", *how, *map(str, files)]
    with tempfile.TemporaryFile() as out:
        subprocess.run(command, stdout=out, check=False, cwd=ROOT)
        out.seek(0)
        found: list[dict[str, Any]] = json.loads(out.read())
    return found


def _judge(file: Path, device: dict[str, Any]) -> Iterator[Verdict]:
    for entity in entities(json.loads(file.read_text())):
        wanted = meant(entity)
        features = [one for one in device["features"] if _is_meant(one, entity, wanted)]
        # The same meaning may stand in two keys of one endpoint; one that has its value is enough.
        found = [(one, _fault(one, wanted)) for one in features]
        if not found:
            yield Verdict(file.stem, entity, "missing", why=f"wanted {' or '.join(wanted.names)}")
            continue
        feature, fault = min(found, key=lambda pair: bool(pair[1]))
        yield Verdict(file.stem, entity, "wrong" if fault else "covered", feature["key"], fault)


def _is_meant(feature: Feature, entity: Entity, wanted: Meant) -> bool:
    names = {feature["key"].partition(".")[0], feature["capability"]}
    return bool(names & {*wanted.names}) and (wanted.anywhere or feature["endpoint"] == entity.endpoint)


def _fault(feature: Feature, wanted: Meant) -> str:
    if wanted.unit is not None and feature["unit"] != wanted.unit:
        return f"its unit is {feature['unit'] or 'none'}, not {wanted.unit or 'none'}"
    if wanted.writable and "write" not in feature["access"]:
        return "it cannot be set"
    expected, told = wanted.value, feature["value"]
    if expected is None or told is None or feature["type"] == "event":
        return ""
    if isinstance(expected, bool) or isinstance(told, bool):
        return "" if bool(expected) is bool(told) else f"it is {told}, not {expected}"
    if isinstance(expected, int | float) and isinstance(told, int | float):
        close = abs(told - expected) <= max(wanted.tolerance, abs(expected) * _TOLERANCE)
        return "" if close else f"it is {told}, not {expected}"
    return "" if _plain(told) == _plain(expected) else f"it is {told!r}, not {expected!r}"


def _plain(word: object) -> str:
    return "".join(one for one in str(word).lower() if one.isalnum())


def _total(verdicts: list[Verdict], *, all_of_them: bool) -> dict[str, Any]:
    chosen = [one for one in verdicts if all_of_them or one.entity.category != "diagnostic"]
    counts = Counter(one.kind for one in chosen)
    least = max(len(chosen), 1)
    return {
        "expected": len(chosen),
        **{kind: counts[kind] for kind in ("covered", "missing", "wrong")},
        "covered_percent": round(100 * counts["covered"] / least, 2),
        "wrong_percent": round(100 * counts["wrong"] / least, 2),
    }


def _show(verdicts: list[Verdict], totals: dict[str, Any], paired: str, show: bool) -> None:  # noqa: FBT001 - an option
    rows: dict[tuple[str, str], Counter[str]] = {}
    for one in verdicts:
        rows.setdefault((one.entity.platform, one.entity.kind), Counter())[one.kind] += 1
    print(f"{'platform':20} {'entity':46} {'expected':>8} {'covered':>8} {'missing':>8} {'wrong':>6}")
    for (platform, kind), counts in sorted(rows.items()):
        numbers = f"{counts.total():8} {counts['covered']:8} {counts['missing']:8} {counts['wrong']:6}"
        print(f"{platform:20} {kind:46} {numbers}")
    if show:
        for one in verdicts:
            if one.kind != "covered":
                where = f"{one.file}, endpoint {one.entity.endpoint}"
                print(f"{one.kind}: {one.entity.platform} {one.entity.kind} of {where}: {one.key} {one.why}")
    print(paired)
    for name, total in totals.items():
        print(
            f"{name.replace('_', ' ')}: {total['covered']} of {total['expected']} covered "
            f"({total['covered_percent']} %), {total['missing']} missing, {total['wrong']} wrong "
            f"({total['wrong_percent']} %)"
        )


if __name__ == "__main__":
    sys.exit(main())
