"""Drop-ins, the environment and files of secrets: what wins, what a mistake names, and what stays hidden."""

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import config, logs
from hub.errors import ConfigError


class Radio(msgspec.Struct):
    path: str
    baud: int = 115200
    tags: list[str] = []


def write(folder: Path, **files: str) -> Path:
    """Write hub.toml and its drop-ins; returns the main file."""
    (folder / "hub.d").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / ("hub.toml" if name == "main" else f"hub.d/{name}.toml")).write_text(text)
    return folder / "hub.toml"


def load(path: Path, overrides: dict[str, Any] | None = None, **environ: str) -> config.Config:
    return config.load(path, overrides, environ)


def refusal(path: Path, overrides: dict[str, Any] | None = None, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides, **environ)
    return str(caught.value)


# Drop-ins


def test_drop_ins_lie_over_the_file_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main="[hub]\nname = 'Home'\nplugin_dirs = ['a', 'b']\n[plugin.zigbee]\nchannel = 11\npath = '/a'\n",
        b="[plugin.zigbee]\nchannel = 25\n[hub]\nplugin_dirs = ['c']\n",
        a="[plugin.zigbee]\nchannel = 20\n[plugin.mqtt]\nhost = 'broker'\n[log]\nlevels = { mqtt = 'debug' }\n",
    )
    made = load(path)
    assert made.hub.name == "Home"
    assert made.plugin_dirs == (tmp_path / "c",)
    assert made.plugin == {"zigbee": {"channel": 25, "path": "/a"}, "mqtt": {"host": "broker"}}
    assert made.log.levels == {"mqtt": "debug"}
    assert made.sources.files == [path, tmp_path / "hub.d" / "a.toml", tmp_path / "hub.d" / "b.toml"]
    assert made.wanted == {"zigbee", "mqtt"}


def test_drop_ins_count_without_a_main_file_and_other_files_do_not(tmp_path: Path) -> None:
    write(tmp_path, a="[hub]\nname = 'Dacha'\n")
    for name in (".hidden.toml", "b.toml~", "README"):
        (tmp_path / "hub.d" / name).write_text("no toml at all")
    made = config.load(None, None, {"HUB_DATA_DIR": str(tmp_path)})
    assert made.hub.name == "Dacha"
    assert made.sources.files == [tmp_path / "hub.d" / "a.toml"]


def test_the_folder_is_named_like_the_file(tmp_path: Path) -> None:
    (tmp_path / "cottage.d").mkdir()
    (tmp_path / "cottage.toml").write_text("")
    (tmp_path / "cottage.d" / "a.toml").write_text("[hub]\nname = 'Cottage'\n")
    write(tmp_path, a="[hub]\nname = 'Home'\n")
    assert load(tmp_path / "cottage.toml").hub.name == "Cottage"


def test_a_file_of_the_folders_name_holds_no_drop_ins(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("")
    (tmp_path / "hub.d").write_text("")
    assert load(tmp_path / "hub.toml").hub.name == "Home"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hub]\n\nnmae = 'x'", ":3: [hub] nmae: is not a known key, did you mean 'name'"),
        ("[hub\n", ":1: is not TOML here"),
        ("[plugin]\nzigbee = 3", ":1: plugin: expected table, got int"),
        ("[log.levels]\nzigbee = 'loud'", ":1: [log] levels: invalid enum value 'loud'; use one of debug, info"),
    ],
)
def test_a_drop_ins_mistake_names_it_though_others_cover_it(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, main="[hub]\nname = 'x'\n", a=text, b="[hub]\nname = 'y'\n[plugin.zigbee]\n[log]\n")
    assert refusal(path).startswith(f"{tmp_path}/hub.d/a.toml{said}")


def test_a_plugins_mistake_names_the_file_that_said_it_last(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main="[plugin.radio]\npath = '/r'\nbaud = 9600\n",
        a="\n[plugin.radio]\nbaud = 'fast'\n",
        b="[plugin.radio]\ntags = []\n[plugin.other]\n",
    )
    with pytest.raises(ConfigError) as caught:
        config.section(load(path), "radio", Radio)
    assert str(caught.value) == f"{tmp_path}/hub.d/a.toml:3: [plugin.radio] baud: expected int, got str"


def test_what_is_missing_names_the_last_table_that_lacks_it(tmp_path: Path) -> None:
    path = write(tmp_path, main="", a="\n[plugin.radio]\nbaud = 1\n")
    with pytest.raises(ConfigError) as caught:
        config.section(load(path), "radio", Radio)
    assert str(caught.value) == f"{tmp_path}/hub.d/a.toml:2: [plugin.radio] path: is missing; add it"


def test_an_unknown_plugin_in_a_drop_in_is_found_there(tmp_path: Path) -> None:
    path = write(tmp_path, main="[plugin.radio]\n", a="\n\n[plugin.raido]\n")
    with pytest.raises(ConfigError) as caught:
        config.check_plugins(load(path), ["radio"])
    assert str(caught.value).startswith(f"{tmp_path}/hub.d/a.toml:3: [plugin] raido: there is no plugin 'raido'")


# The environment


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/dev/ttyUSB0", "/dev/ttyUSB0"),
        ("17", 17),
        ('"17"', "17"),
        ("true", True),
        ("yes", "yes"),
        ("", ""),
        ("[1, 2]", [1, 2]),
        ("{ a = 1 }", {"a": 1}),
        ("1\nb = 2", "1\nb = 2"),
        ("[" * 10_000, "[" * 10_000),
        ("1 # one", 1),
    ],
)
def test_a_variable_is_toml_or_else_a_text(tmp_path: Path, text: str, value: object) -> None:
    path = write(tmp_path, main="[plugin.api_gateway]\nlisten = 'x'\nrest = 1\n", a="[plugin.api_gateway]\nrest = 2\n")
    made = load(path, HUB_PLUGIN__API_GATEWAY__LISTEN=text)
    assert made.plugin == {"api_gateway": {"listen": value, "rest": 2}}


def test_variables_win_over_files_and_lose_to_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path, main="[hub]\nname = 'a'\nlog_level = 'error'\n")
    environ = {"HUB_HUB__NAME": "b", "HUB_HUB__LOG_LEVEL": "debug", "HUB_STORAGE__PATH": "db/x.db"}
    made = load(path, {"hub": {"name": "c"}}, **environ, HUB_DATA_DIR=str(tmp_path), HUB_TOKEN="t", HUB__X="1")
    assert (made.hub.name, made.hub.log_level) == ("c", "debug")
    assert made.database == tmp_path / "db" / "x.db"
    assert made.plugin == {}


def test_the_data_folder_may_come_from_its_section_in_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, main="")
    assert load(path, HUB_HUB__DATA_DIR="data").data_dir == tmp_path / "data"
    assert load(path, HUB_HUB__DATA_DIR="data", HUB_DATA_DIR="/srv").data_dir == Path("/srv")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("HUB_HUB__NMAE", "x", "[hub] nmae: is not a known key, did you mean 'name'"),
        ("HUB_HUB__LOG_LEVEL", "loud", "[hub] log_level: invalid enum value 'loud'; use one of debug"),
        ("HUB_HUBB__NAME", "x", "hubb: is not a known key, did you mean 'hub'"),
        ("HUB_STORAGE__COMMIT_WINDOW", "soon", "[storage] commit_window: expected float, got str"),
        ("HUB_PLUGIN__ZIGBEE", "3", "plugin: expected table, got int"),
        ("HUB_HUB__NAME", "Datscha \udcfc", "is no text in UTF-8; set it as such"),
        ("HUB_HUB__NAME", '"a\\u0000"', "is no text in UTF-8; set it as such"),
    ],
)
def test_a_variables_mistake_names_it(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = write(tmp_path, main="[hub]\nname = 'a'\n[plugin.zigbee]\n")
    overrides = {"hub": {"log_level": "info"}, "storage": {"commit_window": 1.0}}
    assert refusal(path, overrides, **{name: text}).startswith(f"{name}: {said}")


def test_a_plugins_mistake_names_the_variable(tmp_path: Path) -> None:
    path = write(tmp_path, main="[plugin.radio]\npath = '/r'\nbaud = 9600\n")
    with pytest.raises(ConfigError) as caught:
        config.section(load(path, HUB_PLUGIN__RADIO__BAUD="fast"), "radio", Radio)
    assert str(caught.value) == "HUB_PLUGIN__RADIO__BAUD: [plugin.radio] baud: expected int, got str"


# How all of them merge

_WORD = st.text("abc", min_size=1, max_size=2)
_PLAIN = st.integers(-9, 9) | st.booleans() | st.lists(st.integers(0, 3), max_size=2) | st.sampled_from(["x", "ja"])
_TABLE = st.recursive(_PLAIN, lambda inner: st.dictionaries(_WORD, inner, max_size=3), max_leaves=6)
_SECTIONS = st.dictionaries(_WORD, st.dictionaries(_WORD, _TABLE, max_size=3), max_size=3)


def model(layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Say which value each path ends with: the last to name it, unless a later layer replaced a table above it."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = model([merged[key], value]) if both else value
    return merged


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


@given(st.lists(_SECTIONS, min_size=1, max_size=4), _SECTIONS, _SECTIONS)
def test_layers_merge_key_by_key_and_the_later_wins(
    files: list[dict[str, Any]], variables: dict[str, Any], overrides: dict[str, Any]
) -> None:
    environ = {
        f"HUB_PLUGIN__{plugin}__{key}".upper(): toml(value)
        for plugin, section in variables.items()
        for key, value in section.items()
    }
    said = {plugin: section for plugin, section in variables.items() if section}
    with tempfile.TemporaryDirectory() as folder:
        names = ["main", *"abcd"][: len(files)]
        path = write(Path(folder), **{name: f"plugin = {toml(one)}\n" for name, one in zip(names, files, strict=True)})
        made = load(path, {"plugin": overrides}, **environ)
    assert made.plugin == model([*files, said, overrides])


# Secrets


def secret(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def test_a_text_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main="[plugin.mqtt]\npassword = { from_file = 'main.pw' }\nbrokers = [{ pin = { from_file = 'c.pw' } }]\n",
        a="[plugin.mail.login]\ncode = { from_file = 'drop.pw' }\n[hub]\nname = { from_file = 'empty' }\n",
    )
    secret(tmp_path / "main.pw", "correct horse\n")
    secret(tmp_path / "c.pw", "battery\r\n")
    secret(tmp_path / "hub.d" / "drop.pw", "\n first\nsecond ")
    secret(tmp_path / "hub.d" / "empty", "")
    secret(tmp_path / "outside", "from outside")
    made = load(path, HUB_PLUGIN__OUT__SIDE="{ from_file = 'outside' }")
    assert made.plugin == {
        "mqtt": {"password": "correct horse", "brokers": [{"pin": "battery"}]},
        "mail": {"login": {"code": "\n first\nsecond "}},
        "out": {"side": "from outside"},
    }
    assert made.hub.name == ""
    assert {one.name for one in made.sources.files} == {
        *("hub.toml", "a.toml"),
        *("main.pw", "c.pw", "drop.pw", "empty", "outside"),
    }
    assert made.sources.warnings == []


def test_a_secret_from_a_file_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main="[hub]\nname = { from_file = 'pw' }\n"
        "[plugin.door]\ncode = { from_file = 'pw' }\ncodes = [{ from_file = 'pw' }, 'open']\n",
    )
    secret(tmp_path / "pw", "hunter-of-secrets\n")
    shown = config.show(load(path))
    assert shown["plugin"] == {"door": {"code": "***", "codes": ["***", "open"]}}
    assert shown["hub"]["name"] == "***"
    assert shown["hub"]["log_level"] == "info"
    assert shown["files"] == [str(path), *[str(tmp_path / "pw")] * 3]
    assert logs.redact("the code hunter-of-secrets fails") == "the code *** fails"


def test_what_sounds_like_a_secret_is_hidden_in_the_logs(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        main="[plugin.token_ring]\nname = 'a-plain-name'\nmqtt = { Password = 'swordfish-1' }\n"
        "network_key = ['swordfish-2', 3]\nsecrets = { any = { deep = 'swordfish-3' } }\n",
    )
    load(path)
    assert logs.redact("swordfish-1 swordfish-2 swordfish-3 a-plain-name") == "*** *** *** a-plain-name"


def test_credentials_of_the_service_manager_come_first(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    path = write(tmp_path, main="[plugin.a]\nx = { from_file = 'both' }\ny = { from_file = 'here' }\n")
    secret(tmp_path / "both", "mine")
    secret(tmp_path / "here", "mine too")
    secret(folder / "both", "theirs")
    assert load(path, CREDENTIALS_DIRECTORY=str(folder)).plugin["a"] == {"x": "theirs", "y": "mine too"}
    assert load(path).plugin["a"]["x"] == "mine"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{ from_file = 'absent' }", "{folder}/absent: cannot be read: No such file or directory; name a file that is"),
        ("{ from_file = 'hub.d' }", "{folder}/hub.d: cannot be read: Is a directory"),
        ("{ from_file = 'large' }", "{folder}/large: is larger than 65536 bytes; this cannot be meant"),
        ("{ from_file = 'latin' }", "{folder}/latin:2: is not UTF-8; save it as UTF-8"),
        ("{ from_file = 'nul' }", "{folder}/nul:2: a text must not hold the character NUL"),
        ("{ from_file = 3 }", 'write { from_file = "path" } and nothing else'),
        ("{ from_file = 'a', more = 1 }", 'write { from_file = "path" } and nothing else'),
        ("{ from_file = '~nobody-at-all/x' }", "~nobody-at-all/x names a home folder that is not there"),
    ],
)
def test_a_secret_that_cannot_be_had_is_a_sentence(tmp_path: Path, value: str, said: str) -> None:
    path = write(tmp_path, main=f"[plugin.mqtt]\n\npassword = {value}\n")
    secret(tmp_path / "large", b"x" * 65537)
    secret(tmp_path / "latin", b"\n\xfc")
    secret(tmp_path / "nul", b"\na\0b")
    expected = said.replace("{folder}", str(tmp_path))
    assert refusal(path).startswith(f"{path}:3: [plugin.mqtt] password: {expected}")


def test_a_large_secret_is_taken_up_to_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path, main="[plugin.a]\nx = { from_file = 'pw' }\n")
    secret(tmp_path / "pw", "x" * 65536)
    assert len(load(path).plugin["a"]["x"]) == 65536


def test_a_secret_that_anybody_may_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, main="[plugin.a]\nx = { from_file = 'pw' }\ny = { from_file = 'group' }\n")
    secret(tmp_path / "pw", "swordfish-4", 0o644)
    secret(tmp_path / "group", "swordfish-5", 0o640)
    load(path).tell_warnings()
    assert [one.getMessage() for one in caplog.records] == [
        f"{path}:2: [plugin.a] x: anybody may read {tmp_path}/pw; take that away with chmod o-r"
    ]


# What another configuration changes

BEFORE = """
[hub]
name = "Home"
data_dir = "data"
[plugin.same]
x = 1
[plugin.other]
x = 1
[plugin.gone]
"""


def changes(folder: Path, after: str, before: str = BEFORE) -> tuple[config.Reloaded, config.Config]:
    old = load(write(folder, main=before))
    return config.changes(old, load(write(folder, main=after)))


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    found, settings = changes(tmp_path, BEFORE)
    assert found == config.Reloaded()
    assert settings.hub == load(tmp_path / "hub.toml").hub


def test_plugins_whose_section_changed_came_or_went_are_named(tmp_path: Path) -> None:
    after = BEFORE.replace("[plugin.other]\nx = 1\n[plugin.gone]", "[plugin.other]\nx = true\n[plugin.new]")
    found, settings = changes(tmp_path, after + "[plugins]\nenable = ['same']\n")
    assert found == config.Reloaded(["gone", "new", "other"])
    assert settings.plugin == {"same": {"x": 1}, "other": {"x": True}, "new": {}}


def test_a_secret_that_changed_changes_its_plugin(tmp_path: Path) -> None:
    path = write(tmp_path, main="[plugin.mqtt]\npassword = { from_file = 'pw' }\n")
    secret(tmp_path / "pw", "swordfish-6")
    old = load(path)
    secret(tmp_path / "pw", "swordfish-7")
    assert config.changes(old, load(path))[0].plugins == ["mqtt"]


def test_what_needs_a_restart_waits_for_it_and_the_rest_is_in_force(tmp_path: Path) -> None:
    after = """
[hub]
name = "Dacha"
data_dir = "elsewhere"
log_level = "debug"
plugin_dirs = ["mine"]
uvloop = false
event_history = 7
blocked_after = 2.0
[storage]
path = "x.db"
commit_window = 1
[log]
levels = { same = "error" }
file = false
journal = true
"""
    found, settings = changes(tmp_path, after, before='[hub]\ndata_dir = "data"\n')
    assert found.needs_restart == [
        *("hub.data_dir", "hub.uvloop", "hub.event_history", "hub.blocked_after"),
        *("storage.path", "storage.commit_window", "log.file", "log.journal"),
    ]
    assert (settings.data_dir, settings.database) == (tmp_path / "data", tmp_path / "data" / "hub.db")
    assert settings.storage == config.StorageSection()
    assert settings.hub == config.HubSection(
        name="Dacha", data_dir="data", log_level="debug", plugin_dirs=["mine"], event_history=1000
    )
    assert settings.plugin_dirs == (tmp_path / "mine",)
    assert settings.log == config.LogSection(levels={"same": "error"})
    assert config.changes(settings, load(tmp_path / "hub.toml"))[0].needs_restart == found.needs_restart


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("event_history", -1, "int >= 0"),
        ("event_history", 100_001, "int <= 100000"),
        ("blocked_after", 0.05, "float >= 0.1"),
        ("blocked_after", 61, "float <= 60"),
    ],
)
def test_the_hubs_figures_have_bounds(tmp_path: Path, key: str, value: float, said: str) -> None:
    assert said in refusal(write(tmp_path, main=f"[hub]\n{key} = {value}\n"))
