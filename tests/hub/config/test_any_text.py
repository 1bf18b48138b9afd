"""Whatever a file or a variable holds, it gives a configuration, or one sentence that says where the mistake is."""

import contextlib
import re
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub import config
from hub.config.document import read_toml
from hub.errors import ConfigError


class Inner(msgspec.Struct, rename="kebab"):
    first_one: int = 0
    path: Path = Path("x")


class Radio(msgspec.Struct):
    a: int = 0
    b: float = 0.0
    c: Literal["x", "y"] = "x"
    d: list[Inner] = []
    e: dict[str, Inner] = {}
    f: Inner | None = None
    g: tuple[bool, str] = (True, "")
    h: Any = None
    i: date = date(1970, 1, 1)


_TOKENS = (
    *(
        "[hub]",
        "[log]",
        "[storage]",
        "[plugins]",
        "[plugin.radio]",
        "[[plugin.radio.d]]",
        "[plugin.radio.e.x]",
        "[",
        "]",
    ),
    *("name", "log_level", "commit_window", "levels", "enable", "plugin", "radio", "first-one", "path", "from_file"),
    *(
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "g",
        "h",
        "i",
        ".",
        " = ",
        "=",
        "{",
        "}",
        ", ",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "#",
    ),
    *('"x"', "'y'", '"debug"', '"', "'", '"""', "'''", "\\", "\\u0000", "\0", "\x7f", "ä", "\ufeff", '"~nobody/x"'),
    *(
        "1",
        "-1",
        "0x1f",
        "1.5",
        "nan",
        "inf",
        "1e400",
        "9" * 30,
        "true",
        "1979-05-27",
        "1979-05-27T07:32:00Z",
        "07:32:00",
    ),
)
_SETTING = st.tuples(
    st.sampled_from(("a", "b", "c", "d", "e", "f", "g", "h", "i", "name", "z")), st.sampled_from(_TOKENS)
)
_LINE = st.one_of(
    st.sampled_from(("[hub]", "[log]", "[storage]", "[plugin.radio]", "[[plugin.radio.d]]", "[plugin.radio.e.x]", "")),
    _SETTING.map(" = ".join),
    st.lists(st.sampled_from(_TOKENS), max_size=6).map("".join),
)
TEXTS = st.lists(_LINE, max_size=12).map("\n".join) | st.text(max_size=80)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def sentence(error: ConfigError, place: Path, text: str) -> None:
    """It names the file and a line that is there, and is no more than one line itself."""
    told = re.fullmatch(rf"{re.escape(str(place))}:(\d+): (.+)", str(error), re.DOTALL)
    assert told, error
    assert 1 <= int(told[1]) <= text.count("\n") + 1
    assert "\n" not in str(error)


@given(st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_document_or_a_mistake_on_a_line(folder: Path, content: bytes) -> None:
    path = folder / "any.toml"
    path.write_bytes(content)
    try:
        found = read_toml(path)
    except ConfigError as error:
        sentence(error, path, content.decode("utf-8", "replace"))
    else:
        assert repr(found.tables) == repr(tomllib.loads(content.decode("utf-8-sig")))  # nan differs from nan


@given(TEXTS)
@example("[plugin.radio]\nb = 1\n[storage]\ncommit_window = nan\n")
def test_any_text_is_a_configuration_or_a_mistake_on_a_line(folder: Path, text: str) -> None:
    path = folder / "hub.toml"
    path.write_text(text, "utf-8", "surrogatepass", "")
    try:
        made = config.load(path, environ={})
        settings = config.section(made, "radio", Radio)
    except ConfigError as error:
        sentence(error, path, text)
    else:
        plugins = tomllib.loads(text.removeprefix("\ufeff")).get("plugin", {})
        assert plugins.get("radio", {}).keys() <= {field.encode_name for field in msgspec.structs.fields(Radio)}
        assert 0.01 <= made.storage.commit_window <= 60
        assert isinstance(settings, Radio)
        assert config.show(made)["plugin"].keys() == plugins.keys()
        assert msgspec.json.encode(config.show(made))


@given(st.text(max_size=30) | st.sampled_from(_TOKENS))
def test_any_variable_is_a_setting_or_a_mistake_that_names_it(folder: Path, text: str) -> None:
    path = folder / "none.toml"
    path.write_text("")
    for name, keys in (("HUB_HUB__NAME", ("hub", "name")), ("HUB_PLUGIN__RADIO__H", ("plugin", "radio", "h"))):
        with contextlib.suppress(ConfigError):
            made = config.load(path, environ={name: text})
            given_value: Any = made.hub.name if keys[0] == "hub" else made.plugin["radio"]["h"]
            assert isinstance(given_value, str) <= (given_value == text or text.strip()[:1] in {'"', "'"})
            continue
        with pytest.raises(ConfigError, match=f"^{name}: "):
            config.load(path, environ={name: text})
