"""Checks what no linter holds: module sizes, leftovers, traces of a machine, scripts without help."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.tools.files import ROOT, project_files, relative

HUB_LINES = 350  # 300 is meant; the rest is grace
OTHER_LINES = 450  # 400 is meant
CORE_LINES = 3000  # of code: neither blank lines nor comments nor docstrings
NOT_CORE = (
    "hub/backup/",
    "hub/cli/",
    "hub/hosts/",
    "hub/journal/",
    "hub/storage/",
)  # of the storage only the contract counts
HELP_S = 20.0

# Split, so that this file does not find itself.
LEFTOVERS = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|X" + r"XX)\b")
REGISTRIES = re.compile(r"\b(?:pypi\." + r"org|pythonhosted\." + r"org|registry\.npmjs\." + r"org|test\.pypi)\b")
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}*])/(?:root|Users|opt/pypi|opt/wheels)" + r"/\S|(?<![\w.$}*])/ho" + r"me/[a-z]+/"
)

# Words that only someone else's text, kept as it is, may use.
FOREIGN = {"LICENSE"}
GENERATED = ("requirements/",)


def line_count_faults(path: Path, text: str) -> Iterator[str]:
    """Find a module that grew past one idea."""
    if path.suffix != ".py":
        return
    limit = HUB_LINES if relative(path).startswith("hub/") else OTHER_LINES
    count = text.count("\n")
    if count > limit:
        yield f"{relative(path)}: {count} lines, and {limit} is the limit: split it by ideas"


def code_lines(text: str) -> int:
    """Count the lines of a module that do something."""
    silent = {number for number, line in enumerate(text.splitlines(), 1) if line.strip()[:1] in {"", "#"}}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            silent |= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return text.count("\n") - len(silent)


def core_lines(files: Iterable[Path]) -> int:
    """Count the code of the core: hub without its command line, hosts, journal, backups and storage engines."""
    core = (
        path
        for path in files
        if (name := relative(path)).startswith("hub/")
        and path.suffix == ".py"
        and (name == "hub/storage/__init__.py" or not name.startswith(NOT_CORE))
    )
    return sum(code_lines(path.read_text(encoding="utf-8")) for path in core)


def text_faults(path: Path, text: str) -> Iterator[str]:
    """Find leftovers, registry addresses and paths of somebody's machine."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in (
            (LEFTOVERS, "leftover"),
            (REGISTRIES, "registry address"),
            (MACHINE_PATHS, "path of a machine"),
        ):
            if found := pattern.search(line):
                yield f"{relative(path)}:{number}: {what}: {found.group()}"


def script_faults(path: Path) -> Iterator[str]:
    """Find a script that cannot be run or does not explain itself."""
    if not os.access(path, os.X_OK):
        yield f"{relative(path)}: is not executable: chmod +x it"
        return
    try:
        answer = subprocess.run(
            [path, "--help"], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=HELP_S, check=False
        )
    except subprocess.TimeoutExpired:
        yield f"{relative(path)}: --help does not end within {HELP_S} s"
        return
    if answer.returncode or not answer.stdout.strip() or answer.stderr:
        yield f"{relative(path)}: --help must print to stdout alone and exit with 0"


def faults() -> Iterator[str]:
    """Return every fault of the layout, one sentence each."""
    files = project_files()
    if (count := core_lines(files)) > CORE_LINES:
        yield f"hub: {count} lines of code, and {CORE_LINES} is the limit: what can be a plugin becomes one"
    for path in files:
        name = relative(path)
        if name not in FOREIGN and not name.startswith(GENERATED):
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture, say
            yield from line_count_faults(path, text)
            yield from text_faults(path, text)
        if path.parent == ROOT / "scripts":
            yield from script_faults(path)


def main() -> int:
    """Print the faults; exit code 1 when there are any."""
    found = list(faults())
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
