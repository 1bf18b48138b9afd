"""A running hub that is changed: its configuration read again, levels, plugins by service."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import Process, until
from tests.hub.running_hub import UP, Run, plugin, stopped

SHOUTER = """import msgspec
from hub.api import Plugin, service


class Config(msgspec.Struct):
    word: str = "hello"
    times: int = 1
    password: str = ""

    def __post_init__(self):
        if self.times == 13:
            raise LookupError("bad luck")


class It(Plugin):
    Config = Config
    starts = 0

    async def start(self):
        It.starts += 1
        self.ctx.log.warning("start %d: %s", It.starts, self.ctx.config.word)

    @service
    async def shout(self) -> str:
        self.ctx.log.debug("I am shouting")
        return self.ctx.config.word * self.ctx.config.times + f" {It.starts}"
"""


@pytest.fixture
def shouting(run: Run, tmp_path: Path) -> tuple[Process, Client, Path]:
    """Two plugins, one of them with a drop-in; its file is returned."""
    for name in ("shouter", "bystander"):
        plugin(tmp_path / "mine", name, SHOUTER)
    (tmp_path / "hub.d").mkdir()
    (tmp_path / "hub.d" / "shouter.toml").write_text('[plugin.shouter]\nword = "one"\n')
    process = run('[hub]\nplugin_dirs = ["mine"]\n')
    process.wait_for(UP)
    return process, Client(tmp_path / "hub.sock"), tmp_path / "hub.d" / "shouter.toml"


def test_a_reload_restarts_only_what_changed(shouting: tuple[Process, Client, Path]) -> None:
    process, client, file = shouting
    file.write_text('[plugin.shouter]\nword = "two"\n[hub]\nname = "Dacha"\n[storage]\ncommit_window = 1.0\n')
    with client.events("hub.config_reloaded") as feed:
        done = client.call("hub.reload_config", {})
        told = next(iter(feed))
    assert done == {"plugins": ["shouter"], "needs_restart": ["storage.commit_window"], "error": ""}
    assert told["data"] == done
    assert client.call("shouter.shout", {}) == "two 2"
    assert client.call("bystander.shout", {}) == "hello 1"
    assert client.call("hub.status", {})["name"] == "Dacha"
    assert client.call("hub.config", {})["storage"]["commit_window"] == 0.25
    assert process.find("waits for the next start of the hub: storage.commit_window")
    assert stopped(process) == 0


def test_a_hang_up_without_a_terminal_reads_the_configuration(shouting: tuple[Process, Client, Path]) -> None:
    process, client, file = shouting
    file.write_text('[plugin.shouter]\nword = "two"\n[hub]\nlog_level = "debug"\n')
    process.send(signal.SIGHUP)
    process.wait_for("read again; changed plugins: shouter")
    assert client.call("shouter.shout", {}) == "two 2"
    process.wait_for("I am shouting")
    assert stopped(process) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[plugin.shouter]\nwrod = 1\n", r"shouter\.toml:2: \[plugin\.shouter\] wrod: is not a known key"),
        ("[plugin.shouter]\ntimes = 'twice'\n", r"shouter\.toml:2: \[plugin\.shouter\] times: expected int"),
        (
            "[plugin.shouter]\ntimes = 13\n",
            r"shouter\.toml:1: \[plugin\] shouter: is refused with LookupError: bad luck",
        ),
        ("[hub\n", r"shouter\.toml:1: is not TOML"),
        ("[plugin.shuoter]\n", r"shouter\.toml:1: .*there is no plugin 'shuoter'"),
        ("[plugin.shouter]\npassword = { from_file = 'x' }\n", r"shouter\.toml:2: .*cannot be read"),
    ],
)
def test_a_bad_configuration_changes_nothing_and_is_told(
    shouting: tuple[Process, Client, Path], text: str, said: str
) -> None:
    process, client, file = shouting
    file.write_text(text + "[plugin.bystander]\nword = 'changed'\n")
    with pytest.raises(CommandError, match=said):
        client.call("hub.reload_config", {})
    with client.events("hub.config_reloaded") as feed:
        process.send(signal.SIGHUP)
        told = next(iter(feed))["data"]
    assert told["plugins"] == []
    assert re.search(said, told["error"])
    assert process.find(f"The configuration stays as it was: .*{said}")
    assert client.call("shouter.shout", {}) == "one 1"
    assert client.call("bystander.shout", {}) == "hello 1"
    assert stopped(process) == 0


def test_a_new_plugin_and_one_whose_section_went(shouting: tuple[Process, Client, Path], tmp_path: Path) -> None:
    process, client, file = shouting
    plugin(tmp_path / "yours", "newcomer", SHOUTER)
    file.write_text('[hub]\nplugin_dirs = ["mine", "yours"]\n[plugin.newcomer]\nword = "new"\n')
    (tmp_path / "hub.toml").unlink()
    assert client.call("hub.reload_config", {})["plugins"] == ["newcomer", "shouter"]
    assert client.call("newcomer.shout", {}) == "new 1"
    assert client.call("shouter.shout", {}) == "hello 2"
    file.write_text('[hub]\nplugin_dirs = ["mine", "yours"]\n[plugins]\ndisable = ["bystander"]\n')
    assert client.call("hub.reload_config", {})["plugins"] == ["newcomer"]
    plugins = {one["id"]: one["status"] for one in client.call("hub.plugins", {})}
    assert (plugins["bystander"], plugins["newcomer"]) == ("disabled", "running")
    assert stopped(process) == 0


def test_the_environment_wins_over_the_file_and_secrets_stay_out_of_the_log(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin(
        tmp_path / "mine", "shouter", SHOUTER.replace('"start %d: %s"', '"start %d: %s " + self.ctx.config.password')
    )
    (tmp_path / "pw").write_text("correct-horse\n")
    monkeypatch.setenv("HUB_PLUGIN__SHOUTER__WORD", "from outside")
    monkeypatch.setenv("HUB_LOG__LEVELS", '{ shouter = "debug" }')
    process = run('[hub]\nplugin_dirs = ["mine"]\n[plugin.shouter]\nword = "file"\npassword = { from_file = "pw" }\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    assert client.call("shouter.shout", {}) == "from outside 1"
    assert process.find("start 1: from outside \\*\\*\\*"), process.output
    process.wait_for("I am shouting")
    assert client.call("hub.config", {})["plugin"]["shouter"] == {"word": "from outside", "password": "***"}
    log = (tmp_path / "logs" / "hub.log").read_text()
    assert "anybody may read" in log
    assert "correct-horse" not in log + process.output
    assert stopped(process) == 0


BELL = """from hub.api import Plugin


class It(Plugin):
    pass
"""


SECRETIVE = """from hub.api import Plugin, service


class It(Plugin):
    async def start(self):
        self.ctx.tasks.start("logs in", self.log_in())
        if self.ctx.config.get("early"):
            await self.log_in()

    async def log_in(self):
        raise ValueError(f"{self.ctx.config['password']} is refused")

    @service
    async def enter(self) -> None:
        await self.log_in()
"""


def test_secrets_stay_out_of_what_is_said_of_a_plugin(run: Run, tmp_path: Path) -> None:
    plugin(tmp_path / "mine", "late", SECRETIVE)
    plugin(tmp_path / "mine", "early", SECRETIVE)
    (tmp_path / "pw").write_text("correct-horse\n")
    password = 'password = { from_file = "pw" }'
    process = run(
        f'[hub]\nplugin_dirs = ["mine"]\n[plugin.late]\n{password}\n[plugin.early]\n{password}\nearly = true\n'
    )
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    plugins = {one["id"]: one for one in client.get("plugins")}
    assert plugins["early"]["reason"] == "ValueError: *** is refused"
    assert plugins["late"]["trouble"] == "task late:logs in failed: ValueError: *** is refused"
    with pytest.raises(CommandError, match=r"late.enter failed: ValueError: \*\*\* is refused"):
        client.call("late.enter", {})
    assert "correct-horse" not in str(client.get("plugins")) + process.output
    assert stopped(process) == 0


@pytest.mark.parametrize("folder", ["bell", "domovoi-bell"])
def test_a_plugin_with_settings_and_a_wrong_manifest_keeps_nobody_down(run: Run, tmp_path: Path, folder: str) -> None:
    plugin(tmp_path / "mine", folder, BELL, 'id = "bell"\n')
    process = run('[hub]\nplugin_dirs = ["mine"]\n[plugin.bell]\ntone = "low"\n[plugins]\nenable = ["bell"]\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    bell = next(one for one in client.get("plugins") if one["id"] == "bell")
    assert bell["status"] == "failed"
    assert bell["reason"] == f"{tmp_path}/mine/{folder}/plugin.toml: version: is missing; add it"
    with pytest.raises(CommandError, match="version: is missing; add it"):
        client.call("hub.restart_plugin", {"plugin": "bell"})
    assert client.call("hub.reload_config", {})["error"] == ""
    if folder != "bell":  # its code would be looked for in a package of that name
        (tmp_path / "mine" / folder).rename(tmp_path / "mine" / "bell")
    with (tmp_path / "mine" / "bell" / "plugin.toml").open("a") as manifest:
        manifest.write('version = "1.0"\napi = "1"\nentry = "bell.plugin:It"\n')
    client.call("hub.reload_config", {})
    bell = next(one for one in client.get("plugins") if one["id"] == "bell")
    assert (bell["status"], bell["reason"]) == ("running", "")
    assert stopped(process) == 0


def test_a_variables_mistake_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HUB__LOG_LEVEL", "loud")
    process = run()
    assert process.wait() == 2
    assert len(process.lines) == 1
    assert process.find(r"^hub: HUB_HUB__LOG_LEVEL: \[hub\] log_level: invalid enum value 'loud'; use one of")


def test_log_levels_change_while_it_runs(shouting: tuple[Process, Client, Path]) -> None:
    process, client, _ = shouting
    assert client.call("hub.log_level", {}) == {"hub": "info"}
    assert client.call("hub.log_level", {"plugin": "shouter", "level": "debug"}) == {"hub": "info", "shouter": "debug"}
    client.call("shouter.shout", {})
    client.call("bystander.shout", {})
    process.wait_for("DEBUG   shouter +I am shouting")
    assert client.call("hub.log_level", {"plugin": "shouter"}) == {"hub": "info"}
    with pytest.raises(CommandError, match="nothing here logs as 'shuoter', did you mean 'shouter'"):
        client.call("hub.log_level", {"plugin": "shuoter", "level": "debug"})
    with pytest.raises(CommandError, match="level"):
        client.call("hub.log_level", {"plugin": "shouter", "level": "loud"})
    assert not process.find("DEBUG   bystander")
    assert stopped(process) == 0


def test_without_a_log_file_there_is_none(run: Run, tmp_path: Path) -> None:
    process = run("[log]\nfile = false\njournal = true\n")
    process.wait_for(UP)
    assert stopped(process) == 0
    assert not (tmp_path / "logs").exists()


def test_an_author_sees_an_edit_at_once(run: Run, tmp_path: Path) -> None:
    plugin(tmp_path / "user_plugins", "shouter", SHOUTER)
    process = run("", "--dev")
    process.wait_for("Plugins are loaded anew when a file changes")
    process.wait_for(UP)
    code = tmp_path / "user_plugins" / "shouter" / "plugin.py"

    def edited() -> bool:  # again and again: the watch may begin a moment after it says so
        code.write_text(SHOUTER.replace('"hello"', '"hello again"'))
        return bool(process.find("hello again"))

    until(edited, 20, "the edited plugin")
    assert stopped(process) == 0


def test_who_blocks_the_hub_is_named(run: Run, tmp_path: Path) -> None:
    code = """import time
from hub.api import Plugin, service


class It(Plugin):
    @service
    async def doze(self) -> None:
        time.sleep(0.5)
"""
    plugin(tmp_path / "mine", "sleepy", code)
    process = run('[hub]\nplugin_dirs = ["mine"]\nblocked_after = 0.1\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    with client.events("hub.loop_blocked", "plugin/sleepy") as feed:
        client.call("sleepy.doze", {})
        told = next(iter(feed))
    assert told["data"]["plugin"] == "sleepy"
    assert told["data"]["where"].endswith("plugin.py:8 in It.doze")
    plugins = {one["id"]: one for one in client.call("hub.statistics", {})["plugins"]}
    assert plugins["sleepy"]["blocked"] == 1
    assert stopped(process) == 0


def test_plugins_are_stopped_and_started_by_service(shouting: tuple[Process, Client, Path]) -> None:
    process, client, _ = shouting
    for name, status in (("unload", "stopped"), ("load", "running"), ("reload", "running"), ("restart", "running")):
        assert client.call(f"hub.{name}_plugin", {"plugin": "bystander"})["status"] == status
    assert client.call("hub.disable_plugin", {"plugin": "bystander"})["status"] == "disabled"
    assert client.call("hub.enable_plugin", {"plugin": "bystander"})["status"] == "running"
    assert stopped(process) == 0


def test_a_terminal_that_closes_stops_the_hub(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hub", "run", "--data", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - a terminal of its own
    ) as process:
        try:
            os.close(theirs)
            client = Client(tmp_path / "hub.sock")
            until((tmp_path / "hub.sock").exists, 20)
            process.send_signal(signal.SIGHUP)
            log = tmp_path / "logs" / "hub.log"
            until(lambda: "was read again" in log.read_text(), 20)
            assert client.get("health")["status"] == "running"
            os.close(ours)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert "Stopping (SIGHUP)" in log.read_text()
