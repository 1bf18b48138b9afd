"""Finding a key's line, however it is written."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config.document import Source, read_toml
from hub.errors import ConfigError

TEXT = """\
# a house
title = "[plugin.fake]"

[hub]
name = '''
several
[storage]
lines'''

[plugin.zigbee]
"quoted key" = 1
channels = [
    11,   # one
    15,
]
radio.path = "/dev/radio"
inline = { deep = { er = 1 } }
  [plugin."two words".table]
key = 1\r
[[list.of]]
name = 1
"""

_WORD = st.text(string.ascii_lowercase, min_size=1, max_size=5)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "hub.toml"
    path.write_bytes(TEXT.encode())
    return read_toml(path)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("title", 2),
        ("hub", 4),
        ("hub.name", 5),
        ("plugin.zigbee", 10),
        ("plugin.zigbee.quoted key", 11),
        ("plugin.zigbee.channels", 12),
        ("plugin.zigbee.channels.0", 12),
        ("plugin.zigbee.radio", 16),
        ("plugin.zigbee.radio.path", 16),
        ("plugin.zigbee.inline.deep.er", 17),
        ("plugin.zigbee.absent", 10),
        ("plugin.two words.table.key", 19),
        ("list.of", 20),
        ("list.of.name", 20),
        ("absent.key", 0),
    ],
)
def test_every_way_to_write_a_key_has_its_line(source: Source, keys: str, line: int) -> None:
    assert source.line(tuple(keys.split("."))) == line


def test_where_names_file_line_table_and_key(source: Source) -> None:
    assert source.where(("plugin", "two words", "table", "key")) == f'{source.place}:19: [plugin."two words".table] key'
    assert source.where(("title",)) == f"{source.place}:2: title"
    assert source.where(("absent",)) == f"{source.place}: absent"
    assert source.where(()) == source.place


@given(
    st.dictionaries(_WORD, st.dictionaries(_WORD, st.integers(0, 9), min_size=1, max_size=4), max_size=5),
    st.lists(st.sampled_from(["", "# [a]", "\n"]), max_size=3),
)
def test_the_line_is_where_the_key_was_written(tables: dict[str, dict[str, int]], noise: list[str]) -> None:
    lines: list[str] = []
    written: dict[tuple[str, str], int] = {}
    for table, items in tables.items():
        lines += [*"\n".join(noise).split("\n"), f"[{table}]"]
        for key, value in items.items():
            lines.append(f"{key} = {value}")
            written[table, key] = len(lines)
    source = Source("hub.toml", "\n".join(lines), dict(tables))
    assert {keys: source.line(keys) for keys in written} == written


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b'[hub]\nname = "Home\n', 2, "is not TOML here: "),
        (b"[hub]\nname = Home\n", 2, "is not TOML here: "),
        (b"[hub]\nname = 1\nname = 2\n", 3, "is not TOML here: "),
        (b"[hub\n", 1, "is not TOML here: "),
        (b"a = 1\n\nb = '\xff'\n", 3, "is not UTF-8; save it as UTF-8"),
        (b"a = " + b"[" * 100_000, 1, "is not TOML here: "),
    ],
)
def test_what_is_not_toml_is_a_sentence_with_its_line(tmp_path: Path, content: bytes, line: int, what: str) -> None:
    path = tmp_path / "hub.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}:{line}: {what}")
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_bytes(b"\xef\xbb\xbf[hub]\r\nname = 'a'\r\n")
    assert read_toml(path).tables == {"hub": {"name": "a"}}


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="is larger than 1048576 bytes"):
        read_toml(path)
