"""Writes docs/reference from the code; each page is one function of `PAGES`, so that no page can drift."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping

from device_plugins.sdk.reference import document
from plugins.metrics.table import METRICS
from scripts.tools import reference
from scripts.tools.files import ROOT, relative

REFERENCE = ROOT / "docs" / "reference"
HEADER = "<!-- Written by scripts/docs from the code. Change the code, then run scripts/docs. -->\n\n"


def scripts_page() -> str:
    """Show what each script says of itself."""
    parts = ["# Scripts\n\nEach one sets up `.venv` on first use and works from any folder.\n"]
    for path in sorted((ROOT / "scripts").iterdir()):
        if path.is_file():
            said = subprocess.run([path, "--help"], capture_output=True, text=True, check=True).stdout
            parts.append(f"## {relative(path)}\n\n```text\n{said.rstrip()}\n```\n")
    return "\n".join(parts)


def metrics_page() -> str:
    """Show every metric with its type, labels and meaning."""
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{name}`' for name in one.labels)} | {one.help} |"
        for one in METRICS
    ]
    head = "# Metrics\n\nWhat `/metrics` of the API gives, in Prometheus' text format; see [metrics](../metrics.md).\n"
    return "\n".join([head, "| metric | type | labels | what it is |", "| --- | --- | --- | --- |", *rows])


PAGES: Mapping[str, Callable[[], str]] = {
    "capabilities": document,
    "commands": reference.commands,
    "configuration": reference.configuration,
    "events": reference.events,
    "metrics": metrics_page,
    "scripts": scripts_page,
    "services": reference.services,
}


def render() -> dict[str, str]:
    """Return every page's text by its file name."""
    return {f"{name}.md": HEADER + page().rstrip() + "\n" for name, page in PAGES.items()}


def differences(pages: Mapping[str, str]) -> list[str]:
    """Say what in docs/reference is not what the code says, one sentence a page."""
    found = []
    for name, text in pages.items():
        path = REFERENCE / name
        if not path.exists():
            found.append(f"{relative(path)} is missing: run scripts/docs")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{relative(path)} is out of date: run scripts/docs")
    stray = (path for path in sorted(REFERENCE.glob("*.md")) if path.name not in pages)
    found.extend(f"{relative(path)} is written by no page of scripts/tools/docs.py: remove it" for path in stray)
    return found


def write(pages: Mapping[str, str]) -> None:
    """Make docs/reference hold these pages and no other."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for path in REFERENCE.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Write the pages, or with --check say which are out of date."""
    parser = argparse.ArgumentParser(prog="scripts/docs")
    parser.add_argument("--check", action="store_true")
    pages = render()
    if not parser.parse_args().check:
        write(pages)
        return 0
    found = differences(pages)
    for difference in found:
        print(difference)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
