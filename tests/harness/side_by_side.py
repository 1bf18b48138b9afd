"""For workers that run side by side: the longest tests begin first, and reports travel as UTF-8.

Not every text that a test logs is UTF-8. A worker that cannot exit, as a failed test left a thread, is killed: what it
has covered is saved before.
"""

from collections.abc import Generator
from typing import Any

import coverage
import pytest

LONGEST = ("tests/e2e/", "tests/fuzz/", "tests/interop/", "tests/rig/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_unconfigure() -> None:
    if (measured := coverage.Coverage.current()) is not None:
        measured.save()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, Any]:
    return readable((yield))


def readable(value: Any) -> Any:  # noqa: ANN401 - whatever a report holds
    """The same with what is no UTF-8 written out."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {readable(key): readable(one) for key, one in value.items()}
        case list() | tuple():
            return type(value)(map(readable, value))
    return value
