"""A plain `hub run` takes a shorter way, on which nothing may differ but its cost."""

import errno
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import hub.app
from hub import config, logs
from hub.app import RunOptions
from hub.cli import main, root
from hub.cli.journald import JournalHandler
from hub.cli.log_file import _QuietFile
from hub.cli.log_writers import kept
from hub.errors import ConfigError

LINES = [
    ["run", "--data", "d"],
    ["run", "--config", "c.toml", "--data", "d", "--log-level", "debug"],
    ["run", "--data", "d", "--log-level", "loud"],
    ["run", "--data", "d", "--log-level"],
    ["run", "--data", "a", "--data", "b"],
    ["run", "--data=d"],
    ["run", "--data", ""],
    ["run", "--data", "--config", "--config", "c"],
    ["run", "--data", "~nobody-of-that-name/d"],
    ["run", "--data", "~/d"],
    ["run", "--data", "d", "--unknown", "x"],
    ["run", "--data", "d", "more"],
    ["run", "--data", "d", "--dev"],
    ["run"],
    ["--data", "d", "run"],
    ["walk", "--data", "d"],
]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    asked: list[RunOptions] = []

    def run(options: RunOptions) -> int:
        asked.append(options)
        return 4

    monkeypatch.setattr(hub.app, "run", run)
    return asked


@pytest.mark.parametrize("folder", [None, "", "from-the-environment", "~/d"])
@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_both_ways_start_the_same_hub_and_say_the_same(
    line: list[str],
    folder: str | None,
    started: list[RunOptions],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("HUB_DATA_DIR", raising=False)
    if folder is not None:
        monkeypatch.setenv("HUB_DATA_DIR", folder)

    codes = [main(line)]
    said = [capsys.readouterr()]
    codes.append(root.main(line))
    said.append(capsys.readouterr())

    assert codes[0] == codes[1]
    assert said[0] == said[1]
    assert started[: len(started) // 2] == started[len(started) // 2 :]


def test_an_author_has_edited_plugins_loaded_anew(started: list[RunOptions]) -> None:
    assert main(["run", "--data", "d", "--dev", "--log-level", "error"]) == 4
    assert main(["run", "--data", "d"]) == 4
    author, owner = started
    assert author.overrides == {"hub": {"log_level": "error"}, "plugin": {"reload": {"plugins": True}}}
    assert (owner.overrides, owner.writers) == ({}, author.writers)


def test_what_has_the_terminal_for_itself_shares_it_with_no_log(
    started: list[RunOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in (["run"], ["demo"]):
        assert main([*line, "--data", str(tmp_path)]) == 4
    settings = config.load(environ={}, data=tmp_path)
    for options, shown in zip(started, (1, 0), strict=True):
        undo = logs.configure("info", {}, *options.writers(settings))
        logging.getLogger("hub").info("hello")
        undo()
        assert capsys.readouterr().err.count("hello") == shown
    assert (tmp_path / "logs" / "hub.log").read_text().count("hello") == 2


@pytest.mark.parametrize("file", [True, False])
@pytest.mark.parametrize("journal", [True, False])
def test_the_log_goes_where_the_configuration_says(tmp_path: Path, *, file: bool, journal: bool) -> None:
    overrides = {"log": {"file": file, "journal": journal}}
    settings = config.load(overrides=overrides, environ={}, data=tmp_path)
    writers = kept(settings)
    for one in writers:
        one.close()
    assert [type(one) for one in writers] == [_QuietFile] * file + [JournalHandler] * journal
    assert (tmp_path / "logs" / "hub.log").exists() is file


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("the log level is no word", where="hub.toml:3"),
        OSError(errno.ENOSPC, "No space left on device", "hub.db"),
        KeyboardInterrupt(),
        ValueError("this cannot be"),
    ],
    ids=repr,
)
def test_a_failure_is_told_in_the_same_line_on_both_ways(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_options: RunOptions) -> int:
        raise error

    monkeypatch.setattr(hub.app, "run", run)
    line = ["run", "--data", "d"]

    codes = [main(line)]
    said = [capsys.readouterr()]
    codes.append(root.main(line))
    said.append(capsys.readouterr())

    assert codes[0] == codes[1] != 0
    assert said[0] == said[1]
    assert said[0].err.count("\n") <= 1
    assert "Traceback" not in said[0].err


def test_a_service_is_spared_the_libraries_of_the_command_line(tmp_path: Path) -> None:
    code = (
        "import sys, hub.app, hub.cli\n"
        "hub.app.run = lambda options: print(options.data) or 4\n"
        f"assert hub.cli.main(['run', '--data', {str(tmp_path)!r}]) == 4\n"
        "print({'typer', 'rich', 'click'} & {*sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == f"{tmp_path}\nset()\n"
