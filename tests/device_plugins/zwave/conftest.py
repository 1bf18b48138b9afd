"""What needs Node.js is skipped where it, or the packages, are missing."""

import shutil

import pytest

from device_plugins.zwave.runtime import PACKAGES


def why_not() -> str:
    """Why the real driver and server cannot run here; empty if they can."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    if not (PACKAGES / "node_modules" / "zwave-js").is_dir():
        return "the Z-Wave server is not installed; run scripts/setup-zwave"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if item.get_closest_marker("zwave_js"):
            item.add_marker(pytest.mark.timeout(180))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))
