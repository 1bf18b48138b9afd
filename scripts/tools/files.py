"""The project's own files, as git knows them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".git", ".venv", "__pycache__", "build", "dist", "mutants"}


def project_files() -> list[Path]:
    """Return every file that git holds or would add, sorted; outside a checkout, all but caches and environments."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        found = {ROOT / name for name in listing.stdout.split("\0") if name}
    else:
        found = {path for path in ROOT.rglob("*") if not NOT_OURS.intersection(path.relative_to(ROOT).parts)}
    return sorted(path for path in found if path.is_file())


def relative(path: Path) -> str:
    """Name a file as the project does: from its root, with slashes."""
    return path.relative_to(ROOT).as_posix()
