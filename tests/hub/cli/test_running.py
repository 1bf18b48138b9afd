from pathlib import Path
from typing import Any

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
    assert (second.data, second.overrides, second.quiet) == (Path("d"), {}, False)
    assert third.data is None
    assert tmp_path.exists()


def test_demo_keeps_nothing_unless_told(started: list[RunOptions], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 4
    folder = started[0].data
    assert folder is not None
    assert not folder.exists()
    assert f"HUB_DATA_DIR={folder}" in capsys.readouterr().out
    assert started[0].quiet


def test_demo_passes_its_options(started: list[RunOptions], tmp_path: Path) -> None:
    arguments = ["--seconds", "40", "--report", "r.json", "--ezsp", "8", "--speed", "2", "--data", "d"]
    assert main(["demo", *arguments]) == 4
    expected: dict[str, Any] = {
        "plugins": {"enable": ["demo", "virtual_radio"]},
        "plugin": {
            "demo": {"seconds": 40.0, "report": str(tmp_path / "r.json"), "speed": 2.0},
            "virtual_radio": {"ezsp": 8},
            "zigbee": {"path": str(tmp_path / "d" / "plugins" / "virtual_radio" / "tty")},
        },
    }
    assert (started[0].data, started[0].overrides) == (Path("d"), expected)
