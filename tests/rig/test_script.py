"""What `scripts/powercut` prints and how it ends."""

import json
import logging
import re
from collections.abc import Iterator
from functools import partial

import pytest

from scripts.tools import powercut
from tests.rig.powercut import cut_all


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    yield
    logging.disable(logging.NOTSET)


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["powercut", *options])
    return powercut.main()


def unnumbered(text: str) -> str:
    """Without the numbers of the disks, which are told from each other over all runs."""
    return re.sub(r"/disk-\d+/", "/disk/", text)


def test_a_sound_hub_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--cuts", "3", "--seed", "5", "--json") == 0
    output = capsys.readouterr()
    figures = json.loads(output.out)
    assert (figures["cuts"], figures["lost_acknowledged"], figures["corrupt"], figures["seed"]) == (3, 0, 0, 5)
    assert figures["max_window_s"] <= 5
    assert "3 of 3 cuts" in output.err


def test_a_broken_contract_ends_badly_and_can_be_seen_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(powercut, "cut_all", partial(cut_all, lies=True))
    assert run(monkeypatch, "--cuts", "8", "--seed", "5") == 1
    first = capsys.readouterr().err.partition("scripts/powercut ")[2].partition(" ends with:\n")
    options, faults = first[0], first[2].partition("scripts/powercut")[0]
    assert options.startswith("--seed ")
    assert faults
    assert run(monkeypatch, *options.split()) == 1
    assert unnumbered(faults) in unnumbered(capsys.readouterr().err)
