"""Manifests: what they may say, errors that name file and key, and version ranges."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from hub.errors import ManifestError
from hub.manifest import Permissions, load, satisfies

LEAST = """\
id = "doorbell"
version = "0.1.0"
api = "1"
entry = "plugins.doorbell.plugin:Doorbell"
"""

VERSIONS = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
CLAUSES = st.tuples(st.sampled_from([">=", "<=", ">", "<", "==", "!="]), VERSIONS).map("".join)
RANGES = st.lists(CLAUSES, min_size=1, max_size=3).map(",".join)


def plugin(parent: Path, name: str, text: str = LEAST) -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "plugin.toml").write_text(text)
    return folder


def test_the_least_a_manifest_says(tmp_path: Path) -> None:
    made = load(plugin(tmp_path, "doorbell"))
    assert (made.id, made.version, made.api, made.folder) == ("doorbell", "0.1.0", "1", tmp_path / "doorbell")
    assert (made.description, made.requires, made.after, made.config) == ("", {}, [], {})
    assert (made.permissions, made.origin) == (Permissions(), "bundled")
    assert made.isolation == "inside"
    assert made.enabled


def test_all_that_a_manifest_may_say(tmp_path: Path) -> None:
    text = (
        LEAST
        + """\
description = "Rings."
requires = { devices = ">=0.1,<1", chime = "*" }
after = ["automation"]
isolation = "inside"
enabled = false
[config]
tone = "bell"
[permissions]
publish = ["doorbell.*"]
hear = ["device.**"]
call = ["chime.*"]
offer = ["doorbell.ring"]
read = ["device/+/on_off"]
write = ["doorbell/#"]
network = true
serial = true
files = ["/srv/tones"]
"""
    )
    made = load(plugin(tmp_path, "doorbell", text), "user")
    assert made.requires == {"devices": ">=0.1,<1", "chime": "*"}
    assert (made.after, made.isolation, made.enabled) == (["automation"], "inside", False)
    assert (made.config, made.origin) == ({"tone": "bell"}, "user")
    assert made.permissions == Permissions(
        publish=["doorbell.*"],
        hear=["device.**"],
        call=["chime.*"],
        offer=["doorbell.ring"],
        read=["device/+/on_off"],
        write=["doorbell/#"],
        network=True,
        serial=True,
        files=["/srv/tones"],
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('id = "doorbell"', 'id = "Door-Bell"', ":1: id: 'Door-Bell' is not an id; use a letter a-z first"),
        ('id = "doorbell"', 'id = "hub"', ':1: id: "hub" is the hub itself; choose another id'),
        ('id = "doorbell"\n', "", ": id: is missing; add it"),
        ('"0.1.0"', '"one"', ":2: version: 'one' is not a version; write numbers and dots like \"0.1.0\""),
        ('"0.1.0"', "0.1", ":2: version: expected str, got float"),
        ('api = "1"', 'api = "2"', ':3: api: this hub has plugin API "1", not "2"; write api = "1" or take a version'),
        (":Doorbell", "", ":4: entry: 'plugins.doorbell.plugin' names no class; write \"module:Class\""),
        ("entry", "after = ['A b']\nentry", ":4: after: 'A b' is not an id; use a letter"),
        ("entry", "requires = { a = '~1' }\nentry", ":4: [requires] a: '~1' is not a version range; write a range"),
        ("entry", "journal = { bulk = ['a..b'] }\nentry", ":4: [journal] bulk: 'a..b' is not an event type, or a type"),
        ("entry", "requires = { A = '1' }\nentry", ":4: [requires] A: 'A' is not an id"),
        ("entry", "isolation = 'no'\nentry", ":4: isolation: invalid enum value 'no'; use one of inside"),
        ("entry", "enable = true\nentry", ":4: enable: is not a known key, did you mean 'enabled'"),
        ("entry", "permissions = { heer = ['a'] }\nentry", ":4: [permissions] heer: is not a known key, did you mean"),
        ("entry", "permissions = { hear = 'a' }\nentry", ":4: [permissions] hear: expected array, got str"),
        ("entry", "entry = \nentry", ":4: is not TOML here: "),
    ],
)
def test_a_mistake_is_one_sentence_with_file_line_and_key(tmp_path: Path, old: str, new: str, expected: str) -> None:
    folder = plugin(tmp_path, "doorbell", LEAST.replace(old, new, 1))
    with pytest.raises(ManifestError) as caught:
        load(folder)
    assert str(caught.value).startswith(f"{folder / 'plugin.toml'}{expected}")
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_manifest_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"plugin\.toml: cannot be read: No such file or directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("0.1.0", ">=0.1,<1", True),
        ("1.0", ">=0.1,<1", False),
        ("1", "==1.0.0", True),
        ("0.10", ">0.9", True),
        ("1.0.1", "<=1", False),
        ("2", "!=2.0", False),
        ("3", " >= 2 , != 4 ", True),
        ("3", "*", True),
        ("3", "", True),
    ],
)
def test_a_version_lies_in_a_range(version: str, wanted: str, *, expected: bool) -> None:
    assert satisfies(version, wanted) is expected


@given(VERSIONS, RANGES)
def test_ranges_mean_what_they_mean_in_python_packages(version: str, wanted: str) -> None:
    assert satisfies(version, wanted) == SpecifierSet(wanted).contains(version)


@pytest.mark.parametrize(
    "wanted",
    ["1", "~1", ">=", ">=1,", ",>=1", ">=1.x", ">=1 <2", "=>1", ">=1.0.0b1", "*,>=1", ">=\N{ARABIC-INDIC DIGIT ONE}"],
)
def test_what_is_no_range_is_refused(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(ManifestError, match=r":5: \[requires\] a: .* is not a version range"):
        load(plugin(tmp_path, "doorbell", f"{LEAST}requires = {{ a = '{wanted}' }}\n"))


@pytest.mark.parametrize("version", ["", "1.", "1.0b1", "1.2.3.4.5.6.7", "1234567890", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_what_is_no_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ManifestError, match=r":2: version: .* is not a version"):
        load(plugin(tmp_path, "doorbell", LEAST.replace("0.1.0", version)))


@given(RANGES)
def test_what_is_a_range_may_be_required(wanted: str) -> None:
    with TemporaryDirectory() as parent:
        made = load(plugin(Path(parent), "doorbell", f"{LEAST}requires = {{ a = '{wanted}' }}\n"))
    assert made.requires == {"a": wanted}
