"""The rules of the layout catch what they are meant to catch."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts.tools import files, layout
from scripts.tools.files import ROOT

# What a careless hand might write, by the contract that must say no.
OFFENCES = {
    "In hub, imports go down": {"hub/types.py": "import hub.bus"},
    "hub imports no plugin": {"hub/state.py": "import plugins.rules"},
    "Plugins import hub.api and nothing else of hub; their commands hub.cli.kit": {
        "plugins/rules/__init__.py": "from hub.bus import EventBus",
    },
    "A plugin imports no other plugin; device_plugins.sdk is shared and imports none": {
        "plugins/history/__init__.py": "import plugins.rules",
    },
    "hub imports no web framework and no radio library": {"hub/app.py": "import starlette.routing"},
    "In hub, only hub.cli writes to a terminal": {"hub/app.py": "import rich.console"},
    "A device plugin's mapping reaches no radio stack": {
        "device_plugins/zigbee/mapping.py": "import bellows.types",
    },
    "A device plugin's mapping does not import hub": {"device_plugins/zigbee/mapping.py": "import hub.api"},
}
MODULES = (
    *("hub/__init__.py", "hub/api.py", "hub/app.py", "hub/bus.py", "hub/cli/__init__.py", "hub/state.py"),
    *("hub/types.py", "plugins/__init__.py", "plugins/rules/__init__.py", "plugins/history/__init__.py"),
    *("device_plugins/__init__.py", "device_plugins/sdk/__init__.py", "device_plugins/zigbee/__init__.py"),
    "device_plugins/zigbee/mapping.py",
)
ALLOWED = {
    "hub/cli/__init__.py": "import typer\nimport hub.app",
    "hub/app.py": "import hub.state\nimport hub.bus",
    "plugins/rules/__init__.py": "import hub.api\nimport device_plugins.sdk",
    "device_plugins/sdk/__init__.py": "import hub.api",
    "device_plugins/zigbee/__init__.py": "import bellows\nimport device_plugins.zigbee.mapping",
    "device_plugins/zigbee/mapping.py": "import device_plugins.sdk",
}


def lint(folder: Path, *trees: dict[str, str]) -> dict[str, str]:
    """Return the verdict of each import contract on a small tree made of `MODULES`."""
    for name in MODULES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{tree[name]}\n" for tree in trees if name in tree))
    shutil.copy(ROOT / "pyproject.toml", folder)
    tool = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run(
        [tool, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    ).stdout
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)", said, re.MULTILINE))


def test_allowed_imports_keep_every_contract(tmp_path: Path) -> None:
    verdicts = lint(tmp_path, ALLOWED)

    assert verdicts == dict.fromkeys(OFFENCES, "KEPT")


def test_each_contract_catches_its_offence(tmp_path: Path) -> None:
    verdicts = lint(tmp_path, ALLOWED, *OFFENCES.values())

    assert verdicts == dict.fromkeys(OFFENCES, "BROKEN")


def test_a_module_of_hub_without_a_layer_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "misc.py").touch()

    assert lint(tmp_path, ALLOWED)["In hub, imports go down"] == "BROKEN"


def test_every_contract_has_its_offence_here() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]} == set(OFFENCES)


@pytest.mark.parametrize(
    ("name", "lines", "limit"),
    [("hub/bus.py", 351, 350), ("plugins/rules/run.py", 451, 450), ("hub/bus.py", 350, None), ("a.md", 999, None)],
)
def test_a_module_that_grew_too_long_is_named_with_its_limit(name: str, lines: int, limit: int | None) -> None:
    faults = list(layout.line_count_faults(ROOT / name, "\n" * lines))

    assert faults == ([f"{name}: {lines} lines, and {limit} is the limit: split it by ideas"] if limit else [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# TO" + "DO: later", "leftover: TO" + "DO"),
        ("index = 'https://py" + "pi.org/simple'", "registry address: py" + "pi.org"),
        ("see /ro" + "ot/.cache", "path of a machine: /ro" + "ot/."),
        ("open('/ho" + "me/anna/lamp.toml')", "path of a machine: /ho" + "me/anna/"),
    ],
)
def test_leftovers_and_traces_of_a_machine_are_found(text: str, fault: str) -> None:
    assert list(layout.text_faults(ROOT / "docs" / "a.md", f"fine\n{text}\n")) == [f"docs/a.md:2: {fault}"]


@pytest.mark.parametrize("text", ["GET /api/v1/health", "mastodon", "~/.config/domovoi", "topic home/hall/lamp"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert list(layout.text_faults(ROOT / "docs" / "a.md", text)) == []


def test_a_script_must_be_executable_and_explain_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scripts.tools.files.ROOT", tmp_path)
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\n")

    assert list(layout.script_faults(mute)) == ["mute: is not executable: chmod +x it"]
    mute.chmod(0o755)
    assert list(layout.script_faults(mute)) == ["mute: --help must print to stdout alone and exit with 0"]
    mute.write_text("#!/bin/sh\necho Usage: mute\n")
    assert list(layout.script_faults(mute)) == []


def test_the_size_of_the_core_is_that_of_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '"""Says\nmuch."""\n\n# why\nA = """kept,\nas data"""\n\n\ndef f():\n    """Says."""\n    return A\n'
    assert layout.code_lines(text) == 4

    monkeypatch.setattr(files, "ROOT", tmp_path)
    names = (
        "hub/a.py",
        "hub/cli/b.py",
        "hub/hosts/c.py",
        "hub/storage/d.py",
        "hub/storage/__init__.py",
        "plugins/e.py",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert layout.core_lines(tmp_path / name for name in names) == 8
