"""Modules that are executed when something of them is first asked for, and not when they are imported."""

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from device_plugins.zigbee.loading import load_on_use


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package that notes when it is executed, and is to be loaded on use."""
    name = "loaded_on_use"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(
        "import builtins\n"
        "builtins.executed = getattr(builtins, 'executed', 0) + 1\n"
        "from loaded_on_use import part\n"
        "value = part.value + 1\n"
    )
    (tmp_path / name / "part.py").write_text("import loaded_on_use\nvalue = 41\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_on_use([name])
    yield name
    for one in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[one]
    vars(importlib.import_module("builtins")).pop("executed", None)


def executed() -> int:
    count = vars(importlib.import_module("builtins")).get("executed", 0)
    assert isinstance(count, int)
    return count


def test_it_is_executed_on_first_use_and_once(package: str) -> None:
    module = importlib.import_module(package)
    assert importlib.import_module(package) is module
    assert executed() == 0
    assert module.value == 42
    assert module.part.value == 41
    assert executed() == 1
    assert type(module) is ModuleType
    with pytest.raises(AttributeError, match="nothing"):
        _ = module.nothing


def test_a_part_of_it_executes_it_before(package: str) -> None:
    part = importlib.import_module(f"{package}.part")
    assert (part.value, executed()) == (41, 1)


def test_threads_that_ask_at_once_get_the_whole_of_it(package: str) -> None:
    module = importlib.import_module(package)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(module.value)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (found, executed()) == ([42] * 8, 1)


LOOK = """
import asyncio
import sys

from device_plugins.zigbee import loading

asyncio.run(loading.load())
seldom = {"aiohttp.client", "jsonschema.validators"}
assert "bellows.ezsp" in sys.modules
assert not seldom & sys.modules.keys()
assert "_later" in vars(sys.modules["zigpy.ota.providers"])

import zigpy.ota

assert zigpy.ota.providers.BaseOtaProvider.__name__ == "BaseOtaProvider"
assert not seldom & sys.modules.keys()

import aiohttp

assert aiohttp.ClientSession.__name__ == "ClientSession"
"""


def test_the_radio_libraries_come_without_what_they_seldom_use() -> None:
    subprocess.run([sys.executable, "-c", LOOK], check=True)
