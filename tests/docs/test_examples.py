"""What the documentation shows is executed: a page whose example does not work fails here."""

import re
import sys
import types
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.process import ROOT

PAGES = ("writing-a-plugin.md", "virtual-radio.md")


def examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


@pytest.mark.allow_blocking
@pytest.mark.parametrize("page", PAGES)
async def test_the_examples_of_a_page_run(page: str) -> None:
    module = types.ModuleType(f"example_{Path(page).stem.replace('-', '_')}")
    module.__file__ = str(ROOT / "docs" / page)
    sys.modules[module.__name__] = module
    try:
        for code in examples(page):
            exec(compile(code, page, "exec"), module.__dict__)  # noqa: S102 - our own pages
        tests: list[Callable[[], Awaitable[Any]]] = [
            value for name, value in vars(module).items() if name.startswith("test_")
        ]
        assert tests
        for test in tests:
            await test()
    finally:
        del sys.modules[module.__name__]


def test_every_link_between_pages_leads_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"
