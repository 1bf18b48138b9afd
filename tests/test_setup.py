"""Setup finds a Python that runs, or says in one sentence how to get one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.tools.files import ROOT

TOOLS = ("basename", "dirname", "id", "sort", "bash")


@pytest.fixture
def shims(tmp_path: Path) -> Path:
    """A folder for PATH with the few tools setup needs and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = next(path for place in os.defpath.split(":") if place and (path := Path(place, tool)).exists())
        (folder / tool).symlink_to(found)
    return folder


def shim(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run_setup(shims: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a function of setup.sh where PATH holds the shims alone and the home folder is empty."""
    script = f'set -euo pipefail; . "{ROOT}/scripts/lib/setup.sh"; VENV="{shims.parent}/venv"; {command}'
    return subprocess.run(
        [shims / "bash", "-c", script, "scripts/test"],
        env={"PATH": str(shims), "HOME": str(shims.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_that_fails_when_run_is_passed_over(shims: Path) -> None:
    shim(shims / "python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    shim(shims / "python3", "exit 1")
    shim(shims / "python", f'exec {sys.executable} "$@"')

    assert run_setup(shims, "_find_python").stdout == f"{shims}/python\n"


def test_a_python_that_only_pyenv_holds_is_found(shims: Path) -> None:
    versions = shims.parent / ".pyenv" / "versions"
    shim(versions / "3.9.18" / "bin" / "python", "exit 1")
    shim(versions / "3.13.0" / "bin" / "python", "exit 0")

    assert run_setup(shims, "_find_python").stdout == f"{versions}/3.13.0/bin/python\n"


@pytest.mark.parametrize(
    ("apt", "advice"),
    [
        ("exit 0", "apt-get install python3.13 python3.13-venv"),
        ("exit 100", "install uv, and it is fetched from there at the next run"),
    ],
)
def test_no_python_is_one_sentence_that_says_how_to_get_one(shims: Path, apt: str, advice: str) -> None:
    shim(shims / "apt-cache", apt)
    result = run_setup(shims, "_make_venv")

    assert result.returncode == 1
    assert result.stderr.startswith("test: no Python 3.13 or newer was found; install one: ")
    assert result.stderr.endswith(f"{advice}\n")
    assert result.stderr.count("\n") == 1


def test_a_python_without_venv_is_one_sentence_with_the_package(shims: Path) -> None:
    shim(shims / "python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.13;; esac')

    result = run_setup(shims, "_make_venv")

    assert result.returncode == 1
    assert result.stderr.startswith(f"test: {shims}/python3 cannot make virtual environments; run: ")
    assert result.stderr.endswith("apt-get install python3.13-venv\n")


def test_the_fingerprint_follows_the_lock(shims: Path) -> None:
    (shims / "sha256sum").symlink_to("/usr/bin/sha256sum")
    (shims / "cat").symlink_to("/bin/cat")
    (shims / "cut").symlink_to("/usr/bin/cut")

    runtime, dev = (run_setup(shims, f"_fingerprint {lock}").stdout.strip() for lock in ("runtime", "dev"))

    assert len(runtime) == len(dev) == 64
    assert runtime != dev


@pytest.mark.parametrize("lock", ["runtime", "dev"])
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = [entry for entry in text.replace("\\\n", "").splitlines() if entry]

    assert pins
    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)
    assert not any(word in text for word in ("://", "--index", "--find-links", "file:"))


def test_the_development_lock_holds_the_runtime_lock() -> None:
    runtime, dev = ((ROOT / "requirements" / f"{name}.txt").read_text() for name in ("runtime", "dev"))

    assert {line for line in runtime.splitlines() if "==" in line} <= {
        line for line in dev.splitlines() if "==" in line
    }


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ("", "Node.js is not installed"),
        ("echo v18.20.4", "Node.js 18 is too old, it needs 20 or newer"),
        ("echo v20.1.0", "npm is not installed"),
    ],
)
def test_z_wave_is_left_out_with_a_sentence_where_it_cannot_run(shims: Path, node: str, reason: str) -> None:
    (shims / "sed").symlink_to("/bin/sed")
    if node:
        shim(shims / "node", node)

    result = run_setup(shims, f"_install_zwave {shims.parent}/zwave {ROOT}/device_plugins/zwave/server && echo there")

    assert result.stdout == ""
    assert result.stderr == f"Z-Wave is left out: {reason}.\n"


def test_the_lock_of_the_z_wave_server_holds_checksums_and_no_addresses() -> None:
    lock = json.loads((ROOT / "device_plugins" / "zwave" / "server" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages["node_modules/zwave-js"]["version"] == "15.29.0"
    assert packages["node_modules/@zwave-js/server"]["version"] == "3.10.2"
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages.values())
