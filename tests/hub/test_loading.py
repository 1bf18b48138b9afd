"""Plugins' classes and modules: loaded by name, refused in one sentence, and forgotten with their bytecode."""

import importlib
import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hub import config
from hub.api import Plugin
from hub.errors import PluginError, StorageError
from hub.hosts.loading import forget_modules, load_ahead, load_class
from hub.manifest import Manifest


class Bell(Plugin):
    """Does nothing."""


class NotAPlugin:
    pass


def manifest(entry: str = f"{__name__}:Bell") -> Manifest:
    return Manifest(id="bell", version="1.0", api="1", entry=entry, folder=Path("/nowhere"))


def test_a_class_is_loaded_by_its_entry() -> None:
    assert load_class(manifest()) is Bell


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("hub.nowhere:Bell", "bell: its module hub.nowhere cannot be imported: ModuleNotFoundError"),
        (f"{__name__}:Nothing", "is not a class derived from Plugin"),
        (f"{__name__}:NotAPlugin", "is not a class derived from Plugin"),
        ("broken_module:Bell", "cannot be imported: ZeroDivisionError: division by zero"),
        ("quitting_module:Bell", "cannot be imported: SystemExit: 3"),
        ("panicking_module:Bell", "cannot be imported: BaseException: out of bounds"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, said: str
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "quitting_module.py").write_text("raise SystemExit(3)")
    (tmp_path / "panicking_module.py").write_text("raise BaseException('out of bounds')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(PluginError) as caught:
        load_class(manifest(entry))

    assert said in str(caught.value)
    assert caught.value.plugin == "bell"


def test_a_module_may_refuse_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "refusing_module.py").write_text("from hub.api import StorageError\nraise StorageError('no stick')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(StorageError, match="no stick"):
        load_class(manifest("refusing_module:Bell"))


def test_only_what_lies_in_a_folder_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("forgotten/inner/deep", "forgotten_not/other", "nest/__init__", "nest/bird/__init__", "nest/egg"):
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("WORD = 1\n")
    before = {*sys.modules}
    for name in ("forgotten.inner.deep", "forgotten_not.other", "nest.bird", "nest.egg"):
        importlib.import_module(name)
    without_file = ModuleType("without_file")
    monkeypatch.setitem(sys.modules, "without_file", without_file)
    kept = sys.modules["nest"]
    forget_modules(tmp_path / "forgotten")
    forget_modules(tmp_path / "nest" / "bird")
    forget_modules(tmp_path / "never_there")

    names = {"forgotten_not", "forgotten_not.other", "nest", "nest.egg", "without_file"}
    assert {*sys.modules} - before == names
    assert not hasattr(kept, "bird")
    assert hasattr(kept, "egg")
    assert not Path(cache_from_source(str(tmp_path / "forgotten" / "inner" / "deep.py"))).exists()
    assert Path(cache_from_source(str(tmp_path / "forgotten_not" / "other.py"))).exists()
    assert importlib.import_module("forgotten.inner.deep").WORD == 1
    forget_modules(tmp_path)
    assert {*sys.modules} - before == {"without_file"}


def test_only_what_comes_with_the_hub_and_is_to_run_is_imported_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found: dict[str, Manifest] = {}

    def put(name: str, code: str = "", **given: Any) -> None:  # noqa: ANN401 - of a manifest
        (tmp_path / f"ahead_{name}.py").write_text(f"{code}\nfrom hub.api import Plugin\nclass Ahead(Plugin): pass\n")
        entry = f"ahead_{name}:Ahead"
        found[name] = Manifest(id=name, version="1.0", api="1", entry=entry, folder=tmp_path, **given)

    put("broken", "1 / 0")
    put("chosen")
    put("configured", enabled=False, requires={"needed": "*"})
    put("needed", enabled=False)
    put("asleep", enabled=False)
    put("disabled")
    put("users", origin="user")
    settings = config.load(
        None, {"plugins": {"enable": ["configured"], "disable": ["disabled"]}, "plugin": {}}, data=tmp_path
    )
    try:
        load_ahead(found, settings)
        loaded = {name for name in found if f"ahead_{name}" in sys.modules}
    finally:
        for name in found:
            sys.modules.pop(f"ahead_{name}", None)
    assert loaded == {"chosen", "configured", "needed"}
