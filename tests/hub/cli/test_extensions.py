"""Commands that plugins bring: found by their manifest, imported when asked for, told of in one sentence."""

import sys
from pathlib import Path

import pytest

from tests.hub.cli.conftest import Terminal

_MANIFEST = """\
id = "kettle"
version = "0.1.0"
api = "1"
entry = "kettle_plugin.plugin:Kettle"
commands = "kettle_plugin.commands:app"
"""
_COMMANDS = """\
import typer

from hub.cli.kit import CommandError, Session, emit, talks

app = typer.Typer(help="Kettles.", no_args_is_help=True)


@app.command()
@talks
def boil(session: Session, count: int = 1) -> None:
    "Boil water."
    emit({"boiled": count, "json": session.json})


@app.command()
def spill() -> None:
    "Spill it."
    raise CommandError("the kettle is empty; fill it first")
"""


@pytest.fixture
def kettle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with a plugin that brings commands."""
    package, about = tmp_path / "kettle_plugin", tmp_path / "kettle-1.0.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "plugin.toml").write_text(_MANIFEST)
    (package / "__init__.py").touch()
    (package / "commands.py").write_text(_COMMANDS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: kettle\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[domovoi.plugins]\nkettle = kettle_plugin\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name in ("kettle_plugin", "kettle_plugin.commands"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return package


async def test_a_plugins_commands_stand_below_its_name(terminal: Terminal, kettle: Path) -> None:
    assert kettle.is_dir()
    done = await terminal.run("--json", "kettle", "boil", "--count", "3")

    assert (done.code, done.json) == (0, {"boiled": 3, "json": True})
    assert "Kettles." in (await terminal.run("--help")).out
    assert "Boil water." in (await terminal.run("kettle", "--help")).out


async def test_their_errors_end_a_command_like_the_hubs_own(terminal: Terminal, kettle: Path) -> None:
    assert kettle.is_dir()
    done = await terminal.run("kettle", "spill")
    wrong = await terminal.run("kettle", "boil", "--cups", "3")

    assert (done.code, done.err) == (1, "hub: the kettle is empty; fill it first\n")
    assert wrong.code == 2
    assert "`hub kettle boil --help` shows what there is" in wrong.err


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("", "has no attribute 'app'"),
        ("app = 3", "are not a typer app"),
    ],
)
async def test_commands_that_cannot_be_loaded_are_told_with_the_plugin(
    terminal: Terminal, kettle: Path, code: str, why: str
) -> None:
    (kettle / "commands.py").write_text(code)
    done = await terminal.run("kettle", "boil")

    assert done.code == 1
    assert done.err.startswith("hub: the commands of kettle ")
    assert why in done.err


async def test_a_broken_manifest_takes_no_command_away(terminal: Terminal, kettle: Path) -> None:
    (kettle / "plugin.toml").write_text("id = 3")

    assert (await terminal.run("kettle", "boil")).code == 2
    assert (await terminal.run("zigbee", "--help")).code == 0
