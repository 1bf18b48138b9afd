"""Reports of workers that run side by side: they travel as UTF-8, which not every text that a test logs is."""

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, Any]:
    return readable((yield))


def readable(value: Any) -> Any:
    """The same with what is no UTF-8 written out."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {readable(key): readable(one) for key, one in value.items()}
        case list() | tuple():
            return type(value)(map(readable, value))
    return value
