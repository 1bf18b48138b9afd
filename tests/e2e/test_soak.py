"""The short form of `scripts/soak`: a busy hub under reloads holds no more at the end than after it warmed up."""

from pathlib import Path

import pytest

from scripts.tools import soak
from scripts.tools.soak import Plan

LEAK = """
import sys

sys.soak_leak = [*getattr(sys, "soak_leak", ()), open("/dev/null")]
"""
# Memory is judged over ten minutes, not over seconds.
SHORT = Plan(seconds=20, warm=5, reload_every=0.5, growth=100)


@pytest.mark.timeout(180)
def test_fifty_busy_plugins_under_reloads_leak_nothing() -> None:
    result = soak.soak(SHORT)

    assert result.faults == []
    assert result.reloads >= 10
    assert result.events_per_s > 0
    assert result.p99_ms > 0
    assert result.last.subscriptions >= 3 * SHORT.plugins
    assert result.last.tasks >= SHORT.plugins
    assert result.last.services >= SHORT.plugins


@pytest.mark.timeout(120)
def test_what_a_reload_leaves_behind_is_found(tmp_path: Path) -> None:
    leaky = tmp_path / "leaky.py"
    leaky.write_text(Plan().source.read_text() + LEAK)

    result = soak.soak(Plan(seconds=6, warm=2, plugins=3, events=60, reload_every=0.3, growth=100, source=leaky))

    assert [fault.partition(" grew")[0] for fault in result.faults] == ["descriptors"]
