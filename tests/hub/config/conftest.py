"""Secrets that a test configures must not be hidden in what later tests log."""

import pytest

from hub import logs


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_hidden", [])
