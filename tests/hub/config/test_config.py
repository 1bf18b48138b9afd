"""The configuration: what wins over what, and errors that name file, line, key and remedy."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from hub import config
from hub.errors import ConfigError, StorageError


class Serial(msgspec.Struct):
    path: Path
    baud: int = 115200


class Zigbee(msgspec.Struct):
    serial: Serial
    channel: int = 15
    mode: Literal["ash", "spinel"] = "ash"
    network_key: str = ""
    networks: dict[str, Serial] = {}
    spare: list[Serial] = []


def written(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text)
    return path


def load(path: Path | None = None, overrides: dict[str, Any] | None = None, **environ: str) -> config.Config:
    return config.load(path, overrides, environ)


def refusal(path: Path, overrides: dict[str, Any] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return str(caught.value)


def section_refusal(path: Path, overrides: dict[str, Any] | None = None, defaults: dict[str, Any] | None = None) -> str:
    loaded = load(path, overrides)
    with pytest.raises(ConfigError) as caught:
        config.section(loaded, "zigbee", Zigbee, defaults)
    return str(caught.value)


def test_without_a_file_all_are_defaults(tmp_path: Path) -> None:
    made = load(HUB_DATA_DIR=str(tmp_path))
    assert made.hub == config.HubSection(
        name="Home", data_dir="", log_level="info", plugin_dirs=[], uvloop=True, event_history=1000, blocked_after=1.0
    )
    assert made.log == config.LogSection(levels={}, file=True, journal=False)
    assert made.sources.files == []
    assert made.data_dir == tmp_path
    assert made.database == tmp_path / "hub.db"
    assert made.storage.commit_window == 0.25


def test_the_default_file_lies_in_the_data_folder(tmp_path: Path) -> None:
    written(tmp_path, '[hub]\nname = "Dacha"\nplugin_dirs = ["mine", "/opt/theirs"]\n[storage]\npath = "db/a.db"\n')
    made = load(HUB_DATA_DIR=str(tmp_path))
    assert made.hub.name == "Dacha"
    assert made.database == tmp_path / "db" / "a.db"
    assert made.plugin_dirs == (tmp_path / "mine", Path("/opt/theirs"))


def test_the_users_own_folder_is_the_last_resort(tmp_path: Path) -> None:
    assert load(XDG_DATA_HOME=str(tmp_path)).data_dir == tmp_path / "domovoi"


def test_the_file_may_name_the_data_folder_relative_to_itself(tmp_path: Path) -> None:
    path = written(tmp_path, '[hub]\ndata_dir = "data"\n')
    assert load(path).data_dir == tmp_path / "data"
    assert load(HUB_CONFIG=str(path)).data_dir == tmp_path / "data"
    assert load(path, HUB_DATA_DIR="/srv/a").data_dir == Path("/srv/a")
    assert config.load(path, environ={"HUB_DATA_DIR": "/srv/a"}, data=Path("/srv/b")).data_dir == Path("/srv/b")


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[hub]\nname = "Dacha"\nlog_level = "error"\n[plugin.zigbee]\nchannel = 11\n')
    made = load(path, {"hub": {"log_level": "debug"}, "plugin": {"zigbee": {"mode": "spinel"}}})
    assert (made.hub.name, made.hub.log_level) == ("Dacha", "debug")
    assert made.plugin == {"zigbee": {"channel": 11, "mode": "spinel"}}


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    assert refusal(path) == f"{path}: cannot be read: No such file or directory; name a file that is there"
    assert "cannot be read: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[hub]\nname = 1", ":2: [hub] name: expected str, got int"),
        ("\n[hub]\n# no\nnmae = 'x'", ":4: [hub] nmae: is not a known key, did you mean 'name'"),
        ("[sturage]\npath = 'a'", ":1: sturage: is not a known key, did you mean 'storage'"),
        ("[mqtt]\nhost = 'a'", ":1: mqtt: is not a known key; known are hub, journal, log, plugin, plugins, storage"),
        (
            "[hub]\nlog_level = 'loud'",
            ":2: [hub] log_level: invalid enum value 'loud'; use one of debug, info, warning, error",
        ),
        ("storage = { commit_window = 0 }", ":1: [storage] commit_window: expected float >= 0.01"),
        ("[plugins]\nenable = ['a', 1]", ":2: [plugins] enable: expected str, got int"),
        ("[plugin]\nzigbee = 3", ":1: plugin: expected table, got int"),
        ("hub = 3", ":1: hub: expected table, got int"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_line_and_key(tmp_path: Path, text: str, expected: str) -> None:
    path = written(tmp_path, text)
    assert refusal(path) == f"{path}{expected}"


def test_a_mistake_on_the_command_line_is_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, "[hub]\nlog_level = 'info'")
    assert refusal(path, {"hub": {"log_level": "loud"}}).startswith("the command line: [hub] log_level: invalid")


def test_a_section_lies_over_the_manifests_defaults_and_those_over_the_structs(tmp_path: Path) -> None:
    path = written(tmp_path, '[plugin.zigbee]\nchannel = 20\nserial.path = "radio"\n')
    made = config.section(load(path), "zigbee", Zigbee, {"channel": 11, "mode": "spinel", "serial": {"baud": 9600}})
    assert made == Zigbee(serial=Serial(path=tmp_path / "radio", baud=9600), channel=20, mode="spinel")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[plugin.zigbee.serial]\npath = '/r'\nbaud = '9600'",
            ":3: [plugin.zigbee.serial] baud: expected int, got str",
        ),
        ("[plugin.zigbee]\nserial = { path = 1 }", ":2: [plugin.zigbee.serial] path: expected a path, got int"),
        (
            "[plugin.zigbee]\nserial = { path = '/r', boud = 1 }",
            ":2: [plugin.zigbee.serial] boud: is not a known key, did you mean 'baud'",
        ),
        ("[plugin.zigbee]\nserial.path = '/r'\nchanel = 1", ":3: [plugin.zigbee] chanel: is not a known key, did you"),
        ("[plugin.zigbee]\nchannel = 1", ":1: [plugin.zigbee] serial: is missing; add it"),
        ("[plugin.other]", ": [plugin.zigbee] serial: is missing; add it"),
        (
            "[plugin.zigbee]\nserial.path = ''\nmode = 'x'",
            ":3: [plugin.zigbee] mode: invalid enum value 'x'; use one of",
        ),
        (
            "[plugin.zigbee]\nserial.path='/r'\n[plugin.zigbee.networks.a]\npath='/r'\nbau=1",
            ":5: [plugin.zigbee.networks.a] bau: is not a known key, did you mean 'baud'",
        ),
        (
            "[plugin.zigbee]\nserial.path='/r'\n[[plugin.zigbee.spare]]\npath='/r'\nbau=1",
            ":3: [plugin.zigbee.spare] bau: is not a known key, did you mean 'baud'",
        ),
    ],
)
def test_a_mistake_in_a_plugins_section_names_its_place(tmp_path: Path, text: str, expected: str) -> None:
    path = written(tmp_path, text)
    assert section_refusal(path).startswith(f"{path}{expected}")


def test_a_mistake_in_a_manifests_defaults_or_on_the_command_line_names_that(tmp_path: Path) -> None:
    path = written(tmp_path, "[plugin.zigbee]\nserial.path = '/r'\n")
    assert section_refusal(path, defaults={"channel": "x"}) == (
        "the defaults of plugin zigbee: channel: expected int, got str"
    )
    assert section_refusal(path, {"plugin": {"zigbee": {"channel": "x"}}}) == (
        "the command line: [plugin.zigbee] channel: expected int, got str"
    )


def test_an_unknown_plugin_is_refused_wherever_it_is_named(tmp_path: Path) -> None:
    known = ["automation", "zigbee"]
    config.check_plugins(load(written(tmp_path, "[plugins]\nenable=['zigbee']\n[plugin.automation]")), known)
    for text, place in (
        ("[hub]\n[plugin.zigbe]", "2: [plugin] zigbe"),
        ("[plugins]\nenable = ['zigbe']", "2: [plugins] enable"),
        ("[plugins]\ndisable = ['zigbe']", "2: [plugins] disable"),
    ):
        path = written(tmp_path, text)
        with pytest.raises(ConfigError) as caught:
            config.check_plugins(load(path), known)
        assert str(caught.value) == f"{path}:{place}: there is no plugin 'zigbe', did you mean 'zigbee'"


def test_what_is_shown_hides_secrets_on_every_level(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "[plugin.zigbee]\nnetwork_key = 'AA'\nchannel = 11\n[plugin.keypad]\ncode = 1\nAPI_Token='BB'\n"
        "mqtt = { user = 'u', Password = 'CC' }\nsecrets = { any = ['DD'] }\nbrokers = [{ password = 'EE' }]\n",
    )
    shown = config.show(load(path))
    assert shown["plugin"] == {
        "zigbee": {"network_key": "***", "channel": 11},
        "keypad": {
            "code": 1,
            "API_Token": "***",
            "mqtt": {"user": "u", "Password": "***"},
            "secrets": {"any": "***"},
            "brokers": [{"password": "***"}],
        },
    }
    assert shown["hub"]["name"] == "Home"
    assert shown["storage"]["path"].endswith("hub.db")
    assert msgspec.json.encode(shown)


def test_what_the_command_line_lays_over_a_mistake_does_not_cover_it(tmp_path: Path) -> None:
    said = refusal(written(tmp_path, "hub = 3\n"), {"hub": {"log_level": "debug"}})
    assert said == f"{tmp_path}/hub.toml:1: hub: expected table, got int"


@pytest.mark.parametrize("text", ['[hub]\n\nplugin_dirs = ["a", "b\\u0000"]\n', '[storage]\n\npath = "\\u0000"\n'])
def test_no_text_holds_a_nul(tmp_path: Path, text: str) -> None:
    said = refusal(written(tmp_path, text))
    assert said.startswith(f"{tmp_path}/hub.toml:3: ")
    assert "NUL" in said


def test_a_default_file_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(ConfigError, match=r"hub\.toml: cannot be read"):
        config.load(environ={}, data=tmp_path)


def test_a_data_folder_that_cannot_be_looked_into_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "loop", "x" * 300):
        with pytest.raises(StorageError, match=r"data folder .* cannot be used: .*--data"):
            config.load(environ={}, data=tmp_path / name)


def test_a_home_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="write the whole path"):
        load(written(tmp_path, '[hub]\ndata_dir = "~nobody-at-all/x"\n'))
