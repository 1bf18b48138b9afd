import asyncio
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hub.cli import main
from hub.errors import ConfigError
from hub.tasks import TaskGroup
from plugins.api_gateway.plugin import ApiGateway
from tests.hub.cli.conftest import Terminal

GOOD = """
[hub]
name = "Cottage"

[plugin.api_gateway]
listen = "127.0.0.1:8123"
"""


def test_a_good_configuration_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.toml").write_text(GOOD)
    assert main(["config", "check", "hub.toml"]) == 0
    assert main(["config", "check", "--data", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out == "The configuration is fine.\n[]\n"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("[hub\n", ["hub.toml:1"]),
        ("[hub]\nnmae = 1\n", ["hub.toml:2"]),
        ("[plugin.api_gateway]\nlisten = 8123\n", ["hub.toml:2"]),
        ("[plugin.api_gatewya]\n\n[plugin.api_gateway]\nport = 1\n", ["hub.toml:1", "hub.toml:4"]),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentences: list[str]
) -> None:
    (tmp_path / "hub.toml").write_text(text)
    assert main(["config", "check", "hub.toml"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(sentences)
    for line, sentence in zip(lines, sentences, strict=True):
        assert line.startswith("hub: ")
        assert sentence in line


def test_a_configuration_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "nowhere.toml"]) == 1
    assert main(["config", "show", "nowhere.toml"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_configuration_is_shown_without_its_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.toml").write_text(GOOD + 'password = "hunter2"\n')
    assert main(["config", "show", "hub.toml"]) == 0
    shown = capsys.readouterr().out
    assert 'name = "Cottage"' in shown
    assert "[plugin.api_gateway]" in shown
    assert "hunter2" not in shown
    assert shown.startswith(f"# file: {tmp_path / 'hub.toml'}\n\n[hub]\n")
    assert main(["config", "show", "hub.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hub"]["name"] == "Cottage"


def test_without_a_file_the_defaults_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--data", "home"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# no configuration file; defaults\n")
    assert f'data_dir = "{tmp_path / "home"}"' in shown


async def test_a_running_hub_tells_its_own(terminal: Terminal) -> None:
    async def config() -> dict[str, Any]:
        return {"data_dir": "/x", "hub": {"name": "Running"}}

    terminal.hub.offer("hub.config", config)
    assert 'name = "Running"' in (await terminal.run("config", "show")).out


def test_a_users_plugin_is_found_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def plugin(name: str, code: str, more: str = "") -> None:
        folder = tmp_path / "mine" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(code)
        about = f'id = "{name}"\nversion = "1"\napi = "1"\nentry = "{name}:It"\n{more}'
        (folder / "plugin.toml").write_text(about)

    code = "import msgspec\nfrom hub.api import Plugin\nclass Config(msgspec.Struct):\n    bell: str = ''\n"
    plugin("check_fine", f"{code}class It(Plugin):\n    Config = Config\n")
    (tmp_path / "hub.toml").write_text('[hub]\nplugin_dirs = ["mine"]\n[plugin.check_fine]\nbell = "ding"\n')
    assert main(["config", "check", "hub.toml"]) == 0
    capsys.readouterr()

    plugin("check_wild", "raise RuntimeError('not today')\n")
    plugin("check_needy", "from hub.api import Plugin as It\n", 'requires = { nonesuch = "*" }\n')
    assert main(["config", "check", "hub.toml"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "check_needy requires nonesuch" in said[0]
    assert "not today" in said[1]


def test_drop_ins_are_checked_and_what_is_shown_is_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hub.toml").write_text(GOOD)
    (tmp_path / "hub.d").mkdir()
    extra = tmp_path / "hub.d" / "a.toml"
    extra.write_text('[log]\nlevels = { zigbee = "debug" }\n[plugin.demo]\nx = [{ "a b" = 1.5, c = [] }, {}]\n')
    assert main(["config", "show", "hub.toml"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"# file: {tmp_path / 'hub.toml'}\n# file: {extra}\n")
    read = tomllib.loads(shown)
    assert read["log"] == {"levels": {"zigbee": "debug"}, "file": True, "journal": False}
    assert read["plugin"] == {"api_gateway": {"listen": "127.0.0.1:8123"}, "demo": {"x": [{"a b": 1.5, "c": []}, {}]}}
    extra.write_text("[hub]\nnmae = 1\n")
    assert main(["config", "check", "hub.toml"]) == 1
    assert f"{extra}:2: [hub] nmae" in capsys.readouterr().err


def test_a_secret_that_anybody_may_read_is_told_and_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text('[plugin.api_gateway]\nlisten = { from_file = "listen" }\n')
    (tmp_path / "listen").write_text("127.0.0.1:8123\n")
    (tmp_path / "listen").chmod(0o644)
    assert main(["config", "check", "hub.toml"]) == 0
    said = capsys.readouterr()
    assert said.out == "The configuration is fine.\n"
    assert said.err.count("\n") == 1
    assert "anybody may read" in said.err


async def test_a_reload_tells_what_was_done(terminal: Terminal) -> None:
    answers: list[dict[str, Any]] = [
        {"plugins": [], "needs_restart": [], "error": ""},
        {"plugins": ["mqtt", "zigbee"], "needs_restart": ["hub.data_dir"], "error": ""},
    ]

    async def reload_config() -> dict[str, Any]:
        return answers.pop(0)

    terminal.hub.offer("hub.reload_config", reload_config)
    assert (await terminal.run("config", "reload")).lines == [
        "The configuration was read again; changed plugins: none."
    ]
    assert (await terminal.run("config", "reload")).lines == [
        "The configuration was read again; changed plugins: mqtt, zigbee.",
        "What changed waits for the next start of the hub: hub.data_dir.",
    ]


async def test_a_reload_that_is_refused_is_a_sentence(terminal: Terminal) -> None:
    async def reload_config() -> None:
        raise ConfigError("is not a known key", where="hub.toml:3: [hub] nmae")

    terminal.hub.offer("hub.reload_config", reload_config)
    done = await terminal.run("config", "reload")
    assert (done.code, done.err) == (1, "hub: hub.toml:3: [hub] nmae: is not a known key\n")


async def test_a_reload_that_restarts_the_api_is_seen_to_the_end(terminal: Terminal) -> None:
    tasks = TaskGroup("test")

    async def restart() -> None:
        await terminal.hub.stop("api_gateway")
        await terminal.hub.run(ApiGateway)

    async def reload_config() -> None:
        await asyncio.shield(tasks.start("restarts", restart()))

    terminal.hub.offer("hub.reload_config", reload_config)
    done = await terminal.run("config", "reload")
    assert done.code == 0
    assert "the API was restarted with it" in done.out


def test_a_reload_without_a_hub_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "nowhere", "config", "reload"]) == 3
    assert capsys.readouterr().err.count("\n") == 1
