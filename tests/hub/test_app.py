"""A whole hub as its owner meets it: started, stopped, given everything wrong; never a traceback on the terminal."""

import contextlib
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError
from tests.harness import Process, free_port, until
from tests.hub.running_hub import UP, Run, plugin, stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_stops(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    process = run('[hub]\nname = "Cottage"\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    status = client.call("hub.status", {})
    assert (status["name"], status["status"]) == ("Cottage", "running")
    figures = client.call("hub.statistics", {})
    assert figures["events"]["hub.started"] == 1
    assert {one["id"]: one["status"] for one in figures["plugins"]}["devices"] == "running"
    assert 0 < figures["cpu_s"] < figures["uptime_s"] + 10
    assert figures["rss_mib"] > 10
    assert next(one for one in figures["services"] if one["name"] == "hub.status")["calls"] == 1
    assert {"lag_s", "blocked"} <= figures["loop"].keys()
    assert figures["storage"]["failure"] == ""
    assert figures["state_entries"] == len(client.get("state"))
    process.send(number)
    assert process.wait() == 0
    assert not (tmp_path / "hub.sock").exists()
    assert (tmp_path / "hub.db").exists()


COUNTER = """from hub.api import Plugin, service


class It(Plugin):
    @service
    async def count(self) -> None:
        self.ctx.state.set("mark/times", self.ctx.state.get("mark/times", 0) + 1)
"""


def test_state_outlives_the_hub_and_is_marked_restored(run: Run, tmp_path: Path) -> None:
    plugin(tmp_path / "user_plugins", "counter", COUNTER)
    client = Client(tmp_path / "hub.sock")
    for times, restored in ((1, []), (2, [(1, True)])):
        process = run()
        process.wait_for(UP)
        marks = client.get("state", prefix="mark/")
        assert [(one["value"], one["restored"]) for one in marks.values()] == restored
        client.call("counter.count", {})
        mark = client.get("state", prefix="mark/")["mark/times"]
        assert (mark["value"], mark["restored"]) == (times, False)
        assert stopped(process) == 0


def test_stopping_by_service_gives_the_exit_code(run: Run, tmp_path: Path) -> None:
    process = run()
    process.wait_for(UP)
    Client(tmp_path / "hub.sock").call("hub.stop", {"code": 7})
    assert process.wait() == 7


def test_two_hubs_on_one_folder(run: Run) -> None:
    run().wait_for(UP)
    second = run()
    assert second.wait() == 4
    assert len(second.lines) == 1
    assert second.find("another hub already runs on")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[hub\nname = 1\n", r"hub\.toml:1"),
        ('[hub]\nnmae = "x"\n', r"hub\.toml:2: .*nmae.*'name'"),
        ('[hub]\n\nlog_level = "loud"\n', r"hub\.toml:3: .*log_level"),
        ("[storage]\ncommit_window = 'soon'\n", r"hub\.toml:2: .*commit_window"),
        ('[plugins]\nenable = ["zigbe"]\n', r"hub\.toml:2: .*'zigbe'.*'zigbee'"),
        ("[plugin.zigbe]\nx = 1\n", r"hub\.toml:1: .*'zigbe'.*'zigbee'"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(run: Run, config: str, said: str) -> None:
    process = run(config)
    assert process.wait() == 2
    assert process.find(said), process.output
    assert len(process.lines) == 1, process.output


def test_a_configuration_that_is_not_there(run: Run, tmp_path: Path) -> None:
    process = run("", "--config", str(tmp_path / "other.toml"))
    assert process.wait() == 2
    assert process.find(r"other\.toml")


def test_a_mistake_in_a_plugins_section_stops_only_that_plugin(run: Run, tmp_path: Path) -> None:
    process = run("[plugin.automation]\nwacth = true\n")
    process.wait_for(UP)
    plugins = {one["id"]: one for one in Client(tmp_path / "hub.sock").call("hub.plugins", {})}
    assert plugins["devices"]["status"] == "running"
    assert plugins["automation"]["status"] == "failed"
    assert "hub.toml:2" in plugins["automation"]["reason"]
    assert "'watch'" in plugins["automation"]["reason"]
    assert stopped(process) == 0


def test_a_data_folder_that_is_a_file(spawn: Callable[..., Process], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    process = spawn(sys.executable, "-m", "hub", "run", "--data", str(tmp_path / "data"))
    assert process.wait() == 4
    assert len(process.lines) == 1
    assert "--data" in process.output
    assert (tmp_path / "data").read_text() == "mine"


def test_a_database_that_is_none_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"not a database, but somebody's only copy" * 100)
    process = run()
    assert process.wait() == 4
    assert process.find("hub.db")
    assert (tmp_path / "hub.db").read_bytes().startswith(b"not a database")


def test_a_socket_that_another_program_uses(run: Run, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "hub.sock"))
        other.listen()
        process = run()
        process.wait_for(UP)
        assert process.find("hub.sock"), process.output
        assert stopped(process) == 0


def test_a_port_that_another_program_uses(run: Run, tmp_path: Path) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        process = run(f'[plugin.api_gateway]\nlisten = "127.0.0.1:{port}"\n')
        process.wait_for(UP)
        assert process.find(str(port)), process.output
        assert stopped(process) == 0
    with contextlib.suppress(CommandError):
        Client(tmp_path / "hub.sock").get("health")


def test_a_radio_that_is_not_there_is_told_and_the_hub_lives(run: Run, tmp_path: Path) -> None:
    process = run('[plugin.zigbee]\npath = "/dev/no-such-stick"\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    until(lambda: "no-such-stick" in client.call("zigbee.status", {})["reason"], 20)
    with pytest.raises(CommandError, match="no-such-stick"):
        client.call("devices.pair", {"protocol": "zigbee"})
    assert stopped(process) == 0


def test_a_users_plugin_runs_and_a_bad_one_beside_it_does_not_matter(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    plugin(
        mine,
        "greeter",
        "from hub.api import Plugin, service\n\n\nclass It(Plugin):\n    @service\n    async def greet(self, name: str)"
        ' -> str:\n        """Say hello."""\n        return f"Hello {name}"\n',
    )
    plugin(mine, "broken", "raise RuntimeError('not today')\n")
    plugin(mine, "nameless", "", manifest='id = "nameless"\n')
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    assert client.call("greeter.greet", {"name": "Ada"}) == "Hello Ada"
    plugins = {one["id"]: one for one in client.call("hub.plugins", {})}
    assert "not today" in plugins["broken"]["reason"]
    assert process.find(r"nameless.plugin\.toml.*version"), process.output
    assert client.call("hub.restart_plugin", {"plugin": "greeter"})["restarts"] == 1
    assert client.call("greeter.greet", {"name": "Ben"}) == "Hello Ben"
    assert stopped(process) == 0


def test_a_second_signal_ends_it_at_once(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    plugin(
        mine,
        "stubborn",
        "import asyncio\nfrom hub.api import Plugin\n\n\nclass It(Plugin):\n    async def stop(self):\n"
        '        self.ctx.log.warning("I will not go")\n        await asyncio.sleep(3600)\n',
    )
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    process.send(signal.SIGINT)
    process.wait_for("I will not go")
    process.send(signal.SIGINT)
    assert process.wait() == 130


BLOCKS = """from hub.api import Plugin, on


class It(Plugin):
    @on("hub.started")
    def block(self, event):
        self.ctx.log.warning("I will not go")
        while True:
            pass
"""
THREAD = """import threading
from hub.api import Plugin


class It(Plugin):
    async def stop(self):
        threading.Thread(target=threading.Event().wait).start()
        self.ctx.log.warning("I will not go")
"""


def test_a_plugin_that_blocks_the_hub_keeps_nobody_from_ending_it(run: Run, tmp_path: Path) -> None:
    plugin(tmp_path / "user_plugins", "stubborn", BLOCKS)
    process = run()
    process.wait_for("I will not go")
    process.send(signal.SIGTERM)
    process.send(signal.SIGINT)
    assert process.wait() == 130


def test_plugins_that_take_too_long_to_stop_are_left_behind(spawn: Callable[..., Process], tmp_path: Path) -> None:
    code = "import asyncio\nfrom hub.api import Plugin\n\n\nclass It(Plugin):\n    async def stop(self):\n"
    plugin(tmp_path / "user_plugins", "slow", f"{code}        await asyncio.sleep(3600)\n")
    limited = "import sys, hub.app, hub.cli; hub.app._STOP_LIMIT = 0.1; "
    process = spawn(sys.executable, "-c", f"{limited}sys.exit(hub.cli.main(['run', '--data', {str(tmp_path)!r}]))")
    process.wait_for(UP)
    assert stopped(process) == 1
    assert process.find(r"^hub: the hub did not stop within 0\.1 s and was ended$"), process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize("code", [BLOCKS, THREAD], ids=["loop", "thread"])
def test_a_hub_that_does_not_end_is_ended(spawn: Callable[..., Process], tmp_path: Path, code: str) -> None:
    plugin(tmp_path / "user_plugins", "stubborn", code)
    run = f"import sys, hub.app, hub.cli; hub.app._END_LIMIT = 1; hub.cli.main(['run', '--data', {str(tmp_path)!r}])"
    process = spawn(sys.executable, "-c", run)
    process.wait_for("I will not go" if code == BLOCKS else UP)
    process.send(signal.SIGTERM)
    assert process.wait() == -signal.SIGALRM


def test_a_signal_during_the_start_is_heeded(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    plugin(
        mine,
        "slow",
        "import asyncio\nfrom hub.api import Plugin\n\n\nclass It(Plugin):\n    async def start(self):\n"
        '        self.ctx.log.warning("I take my time")\n        await asyncio.sleep(3600)\n',
    )
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for("I take my time")
    assert stopped(process) == 0


def test_an_endless_link_instead_of_a_data_folder(spawn: Callable[..., Process], tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("data")
    process = spawn(sys.executable, "-m", "hub", "run", "--data", str(tmp_path / "data"))
    assert process.wait() == 4
    assert len(process.lines) == 1
    assert process.find("data folder .* cannot be used: .* --data")


def test_a_storage_that_cannot_be_opened_is_told_once_and_logged(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hub.db").mkdir()
    process = run()
    assert process.wait() == 4
    assert len(process.lines) == 1, process.output
    assert "hub.db cannot be opened" in (tmp_path / "logs" / "hub.log").read_text()


def test_damaged_telemetry_is_set_aside_and_the_hub_lives(run: Run, tmp_path: Path) -> None:
    process = run()
    process.wait_for(UP)
    assert stopped(process) == 0
    (tmp_path / "telemetry.db").write_bytes(b"what a power cut may leave" * 100)
    process = run()
    process.wait_for(UP)
    assert process.find(r"telemetry.db: it is not .*; it was set aside as telemetry.db.damaged-1 and a new one begun")
    assert stopped(process) == 0
    assert (tmp_path / "telemetry.db.damaged-1").exists()


def test_a_fault_of_the_hub_itself_is_a_sentence_and_an_end(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    code = """import sys
from hub.api import Plugin
import hub.journal


async def fails(*_):
    raise ZeroDivisionError("so it is")


hub.journal.Journal.close = fails


class It(Plugin):
    pass
"""
    plugin(mine, "saboteur", code)
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    assert stopped(process) == 1
    assert process.find(r"hub: the hub failed \(ZeroDivisionError: so it is\)"), process.output
    assert "Traceback" in (tmp_path / "logs" / "hub.log").read_text()


EXITS = """import sys
from hub.api import Plugin, on, service


class It(Plugin):
    async def start(self):
        self.ctx.clock.call_later(0.0, lambda: sys.exit(4))

    @service
    async def leave(self) -> None:
        sys.exit(5)

    @on("hub.started")
    async def heard(self, event):
        sys.exit(6)
"""


def test_a_plugin_cannot_end_the_hub(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    plugin(mine, "leaver", EXITS)
    plugin(mine, "starter", EXITS.replace("self.ctx.clock.call_later(0.0, lambda: sys.exit(4))", "sys.exit(3)"))
    plugin(mine, "importer", "raise KeyboardInterrupt\n")
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    client = Client(tmp_path / "hub.sock")
    with pytest.raises(CommandError, match=r"leaver.leave failed: .*tried to end the process"):
        client.call("leaver.leave", {})
    until(lambda: {one["id"]: one["errors"] for one in client.get("plugins")}["leaver"] == 2, what="timer and handler")
    plugins = {one["id"]: one for one in client.get("plugins")}
    assert plugins["leaver"]["status"] == "running"
    assert "tried to end the process" in plugins["starter"]["reason"]
    assert "KeyboardInterrupt" in plugins["importer"]["reason"]
    assert stopped(process) == 0


def test_what_fails_in_a_thread_is_one_line(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    code = """import threading
import warnings
from hub.api import Plugin


class It(Plugin):
    async def start(self):
        warnings.warn("an old thing", UserWarning)
        threading.Thread(target=lambda: 1 / 0, name="counts").start()
"""
    plugin(mine, "threaded", code)
    process = run(f'[hub]\nplugin_dirs = ["{mine}"]\n')
    process.wait_for(UP)
    process.wait_for("Thread counts failed: division by zero")
    assert stopped(process) == 0
    assert not process.find("an old thing"), process.output
    log = (tmp_path / "logs" / "hub.log").read_text()
    assert "an old thing" in log
    assert "ZeroDivisionError" in log


def test_a_hub_that_cannot_have_its_foreground_plugin_ends(tmp_path: Path, spawn: Callable[..., Process]) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom hub.app import RunOptions, run\n"
        f"sys.exit(run(RunOptions(data=Path({str(tmp_path)!r}), foreground='automation')))"
    )
    (tmp_path / "hub.toml").write_text("[plugin.automation]\nwacth = true\n")
    process = spawn(sys.executable, "-c", code)
    assert process.wait() == 1
    assert process.lines == [one for one in process.lines if "automation is failed" in one and "hub.toml:2" in one]
    assert len(process.lines) == 1, process.output


@pytest.mark.parametrize("code", [-1, 256, 10**30])
def test_an_exit_code_that_no_process_can_have_is_refused(run: Run, tmp_path: Path, code: int) -> None:
    process = run()
    process.wait_for(UP)
    with pytest.raises(CommandError, match="code"):
        Client(tmp_path / "hub.sock").call("hub.stop", {"code": code})
    assert stopped(process) == 0
