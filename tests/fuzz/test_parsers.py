"""The short form of `scripts/fuzz`: noise and nearly sound bytes harm no parser."""

import asyncio
from typing import override

import pytest
from hypothesis import strategies as st

from scripts.tools import fuzz
from scripts.tools.fuzz_targets import TARGETS, FuzzError, HubPayloads, Target, mutate

SHORT = {"ash": 150, "ezsp": 150, "devices": 150}


@pytest.mark.allow_blocking
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", SHORT)
def test_the_virtual_radio_survives(name: str) -> None:
    found = fuzz.fuzz(name, SHORT[name], chance=7)
    assert found.fault == ""
    assert found.examples >= SHORT[name]


@pytest.mark.allow_blocking
@pytest.mark.timeout(300)
def test_the_hub_s_side_survives() -> None:
    found = fuzz.fuzz(HubPayloads.name, 25, chance=7)
    assert found.fault == ""
    assert found.examples >= 25


@pytest.mark.allow_blocking
def test_a_fault_is_found_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Weak(Target):
        name = "weak"
        cases = st.binary(max_size=4)

        @override
        async def hear(self, case: bytes) -> None:
            await asyncio.sleep(0)
            if case[:1] == b"\x00":
                raise FuzzError("it cannot take a zero")

    monkeypatch.setitem(TARGETS, Weak.name, Weak)
    assert "it cannot take a zero" in fuzz.fuzz(Weak.name, 300).fault


def test_mutations_are_of_all_kinds() -> None:
    data = bytes(range(16))
    assert mutate(data, [("cut", 3, b"")]) == data[:3]
    assert mutate(data, [("flip", 0, b"\xff")]) == b"\xff" + data[1:]
    assert mutate(data, [("insert", 1, b"\xaa\xbb")]) == b"\x00\xaa\xbb" + data[1:]
    assert mutate(data, [("drop", 0, b"")]) == data[1:]
    assert mutate(data, [("double", 0, b"")]) == data[:8] * 2 + data[8:]
