import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import hub.app
from hub.app import RunOptions
from hub.cli import main


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """What `hub.app.run` is asked, instead of running a hub."""
    asked: list[RunOptions] = []

    def run(options: RunOptions) -> int:
        asked.append(options)
        return 4

    monkeypatch.setattr(hub.app, "run", run)
    return asked


def test_run_passes_its_options_and_exit_code(started: list[RunOptions], tmp_path: Path) -> None:
    assert main(["run", "--data", "d", "--config", "c.toml", "--log-level", "debug"]) == 4
    assert main(["--data", "d", "run"]) == 4
    assert main(["run"]) == 4
    assert main(["run", "--log-level", "loud"]) == 2
    first, second, third = started
    assert (first.data, first.config, first.overrides) == (Path("d"), Path("c.toml"), {"hub": {"log_level": "debug"}})
    assert (second.data, second.overrides, second.foreground) == (Path("d"), {}, "")
    assert third.data is None
    assert tmp_path.exists()


def test_demo_keeps_nothing_unless_told(started: list[RunOptions], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 4
    folder = started[0].data
    assert folder is not None
    assert not folder.exists()
    assert capsys.readouterr().out == ""
    assert started[0].overrides["plugin"]["demo"]["hint"].endswith(f" --data {folder} devices list")
    assert started[0].foreground == "demo"


def test_demo_passes_its_options(started: list[RunOptions], tmp_path: Path) -> None:
    arguments = ["--seconds", "40", "--report", "r.json", "--ezsp", "8", "--speed", "2", "--no-guests", "--data", "d"]
    assert main(["demo", *arguments]) == 4
    expected: dict[str, Any] = {
        "plugins": {"enable": ["demo", "virtual_radio"]},
        "plugin": {
            "demo": {"seconds": 40.0, "report": str(tmp_path / "r.json"), "speed": 2.0, "guests": [], "hint": ANY},
            "virtual_radio": {"ezsp": 8},
            "zigbee": {"path": str(tmp_path / "d" / "plugins" / "virtual_radio" / "tty")},
        },
    }
    assert (started[0].data, started[0].overrides) == (Path("d"), expected)


def test_demo_has_the_guests_whose_programs_are_installed(
    started: list[RunOptions], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "node").touch(mode=0o700)
    assert main(["demo", "--data", "d"]) == 4
    plugin = started[0].overrides["plugin"]
    assert (plugin["zwave"]["virtual"], "zwave" in plugin["demo"]["guests"]) == (True, True)
    (tmp_path / "mosquitto").touch(mode=0o700)
    assert main(["demo", "--data", "d"]) == 4
    plugin = started[1].overrides["plugin"]
    assert plugin["demo"]["guests"] == ["mqtt", "zwave"]
    assert plugin["mqtt"] == plugin["mqtt_broker"] == plugin["virtual_mqtt"] == {"port": ANY}


def test_an_empty_data_option_is_a_mistake_and_not_the_default(
    started: list[RunOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["run", "--data", ""], ["--data", "", "run"], ["demo", "--data", ""], ["status", "--data", ""]):
        assert main(arguments) == 2
        assert "--data is empty; name a folder" in capsys.readouterr().err
    assert started == []


def test_the_demos_hint_works_in_a_fresh_terminal(
    started: list[RunOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hint() -> str:
        assert main(["demo", "--data", "my home"]) == 4
        said: str = started[-1].overrides["plugin"]["demo"]["hint"]
        assert said.endswith(" --data 'my home' devices list")
        return said.removeprefix("In another terminal: ").removesuffix(" --data 'my home' devices list")

    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hint() == f"{folder / 'python'} -m hub"
    (folder / "hub").write_text("#!/bin/sh\n")
    (folder / "hub").chmod(0o755)
    assert hint() == "venv/bin/hub"
    (tmp_path / "hub").write_text("#!/bin/sh\n")  # another program of that name
    (tmp_path / "hub").chmod(0o755)
    assert hint() == "venv/bin/hub"
    monkeypatch.setenv("PATH", str(folder))
    assert hint() == "hub"


def test_a_report_that_cannot_be_written_is_refused_at_once(
    started: list[RunOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").write_text("")
    for report, words in ((".", "is a folder"), ("plain/r.json", "folder cannot be made")):
        assert main(["demo", "--report", report]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"hub: --report {report}")
        assert words in said
        assert said.count("\n") == 1
    assert started == []
    assert main(["demo", "--report", "new/folder/r.json"]) == 4
    assert (tmp_path / "new" / "folder").is_dir()
