"""The search for plugins: with the hub, in the user's folders, and among the installed packages."""

import sys
from pathlib import Path
from typing import Any

import pytest

from hub import config
from hub.errors import ConfigError
from hub.hosts.discovery import bundled, by_name, check_names, find_plugins
from hub.manifest import Manifest

LEAST = """\
id = "doorbell"
version = "0.1.0"
api = "1"
entry = "doorbell.plugin:Doorbell"
"""


def plugin(parent: Path, name: str, text: str = "") -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(text or LEAST.replace("doorbell", name))
    return folder


def installed(site: Path, package: str, *, named: str, group: str = "domovoi.plugins") -> None:
    """Make a distribution that names a package as its plugin."""
    about = site / f"{named}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {named}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{named} = {package}\n")


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the way to modules as it was."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def find(tmp_path: Path, *parents: Path) -> tuple[dict[str, Manifest], list[str]]:
    """Find all but what comes with the hub; the folder of this test is left out of the mistakes."""
    file = tmp_path / "hub.toml"
    file.write_text(f"[hub]\nplugin_dirs = {[str(one) for one in parents]}\n")
    settings = config.load(file, {"hub": {"data_dir": str(tmp_path / "data")}})
    found, mistakes = find_plugins(settings)
    own = {name: one for name, one in found.items() if one.origin != "bundled"}
    return own, [str(one).removeprefix(str(tmp_path)) for one in mistakes]


def test_what_comes_with_the_hub_is_found_first(tmp_path: Path) -> None:
    taken = plugin(tmp_path / "a", "devices")
    found, mistakes = find_plugins(
        config.load(None, {"hub": {"data_dir": str(tmp_path), "plugin_dirs": [str(tmp_path / "a")]}}, {})
    )

    assert {"api_gateway", "automation", "devices", "zigbee"} <= found.keys()
    assert [*found] == sorted(found)
    assert {one.origin for one in found.values()} == {"bundled"}
    assert {one.folder for one in found.values()} == {*bundled()}
    (mistake,) = mistakes
    assert f"plugin 'devices' is there twice, in {found['devices'].folder} and in {taken}" in str(mistake)


def test_plugins_are_found_by_id_and_the_broken_ones_named(tmp_path: Path) -> None:
    plugin(tmp_path / "a", "zebra")
    plugin(tmp_path / "a", "broken", "id = 3")
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "file").write_text("")
    plugin(tmp_path / "b", "ant")
    found, mistakes = find(tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "absent")

    assert [(name, one.folder.name, one.origin) for name, one in found.items()] == [
        ("ant", "ant", "user"),
        ("zebra", "zebra", "user"),
    ]
    assert mistakes == [
        "/a/broken/plugin.toml:1: id: expected str, got int",
        "/absent: no plugins can be read here: No such file or directory; mend [hub] plugin_dirs",
    ]
    assert sys.path[-3:] == [str(tmp_path / name) for name in ("a", "b", "absent")]


def test_the_data_folder_may_hold_plugins_and_looking_twice_is_looking_once(tmp_path: Path) -> None:
    plugin(tmp_path / "data" / "user_plugins", "ant")
    found, mistakes = find(tmp_path)
    again, _ = find(tmp_path)

    assert found == again
    assert (found["ant"].origin, mistakes) == ("user", [])
    assert sys.path.count(str(tmp_path / "data" / "user_plugins")) == 1


def test_two_plugins_of_one_id_are_an_error_that_names_both(tmp_path: Path) -> None:
    first = plugin(tmp_path / "a", "one", LEAST)
    second = plugin(tmp_path / "b", "two", LEAST)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    found, mistakes = find(tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "link")

    assert [one.folder for one in found.values()] == [first]
    (mistake,) = mistakes
    assert mistake == (
        f"/b/two/plugin.toml: id: plugin 'doorbell' is there twice, in {first} and in {second};"
        " the first runs: take one away or rename it"
    )


def test_a_folder_that_may_not_be_looked_into_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path / "a", "ant")
    plugin(tmp_path / "a", "bee")

    def refuse(real: Any, folder: Path) -> Any:  # noqa: ANN401
        def call(path: Path, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            if path.is_relative_to(folder):
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **options)

        return call

    monkeypatch.setattr(Path, "is_file", refuse(Path.is_file, tmp_path / "a" / "ant"))
    monkeypatch.setattr(Path, "open", refuse(Path.open, tmp_path / "a" / "ant"))
    found, mistakes = find(tmp_path, tmp_path / "a")

    assert [*found] == ["bee"]
    assert mistakes == ["/a/ant/plugin.toml: cannot be read: Permission denied; make it readable for the hub's user"]


def test_installed_plugins_are_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    plugin(site, "ant_package", LEAST.replace("doorbell", "ant"))
    (site / "ant_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    plugin(site / "nest", "bee")
    (site / "nest" / "__init__.py").write_text("raise RuntimeError('imported')")
    installed(site, "ant_package", named="ant")
    installed(site, "nest.bee", named="bee")
    installed(site, "nowhere", named="cat")
    installed(site, "nest", named="dog", group="other.plugins")
    installed(site, ".", named="eel")
    monkeypatch.syspath_prepend(site)
    found, mistakes = find(tmp_path)

    assert [(name, one.folder, one.origin) for name, one in found.items()] == [
        ("ant", site / "ant_package", "installed"),
        ("bee", site / "nest" / "bee", "installed"),
    ]
    assert sorted(mistakes) == [
        "installed plugin cat: package nowhere has no plugin.toml in its folder; update or remove cat",
        "installed plugin eel: package . has no plugin.toml in its folder; update or remove eel",
    ]
    assert not {"ant_package", "nest"} & sys.modules.keys()


def test_entry_points_that_cannot_be_read_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "ant-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert find(tmp_path) == ({}, [])


def configured(tmp_path: Path, parent: Path, name: str) -> config.Config:
    file = tmp_path / "hub.toml"
    file.write_text(f'[hub]\nplugin_dirs = ["{parent}"]\n[plugin.{name}]\ntone = "low"\n')
    return config.load(file, {"hub": {"data_dir": str(tmp_path / "data")}})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LEAST.replace('"1"', '"2"'), "doorbell"),
        ("version = 3\nid = 'doorbell'\n", "doorbell"),
        ('id = "doorbell"\nversion = [', "doorbell"),
        ('id = "Door Bell"\n', "domovoi-doorbell"),
        ("", "domovoi-doorbell"),
    ],
    ids=["another api", "missing keys", "no toml", "no id", "empty"],
)
def test_a_wrong_manifest_is_known_by_its_id_where_that_can_be_read(tmp_path: Path, text: str, name: str) -> None:
    plugin(tmp_path / "a", "domovoi-doorbell", text or "\n")
    settings = configured(tmp_path, tmp_path / "a", name.replace("domovoi-", ""))
    discovered = find_plugins(settings)
    assert [*by_name(discovered[1])] == [name]
    if name == "doorbell":
        check_names(settings, discovered)
    else:
        with pytest.raises(ConfigError, match="there is no plugin 'doorbell'"):
            check_names(settings, discovered)


def test_while_a_folder_cannot_be_read_no_name_is_refused(tmp_path: Path) -> None:
    settings = configured(tmp_path, tmp_path / "nowhere", "doorbell")
    found, mistakes = find_plugins(settings)
    assert "no plugins can be read here" in str(mistakes[0])
    check_names(settings, (found, mistakes))
    with pytest.raises(ConfigError, match="there is no plugin 'doorbell'"):
        check_names(settings, (found, []))
