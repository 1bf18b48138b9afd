"""The rules every test is held to: see `tests/harness/rules.py`."""

pytest_plugins = ["tests.harness.rules", "tests.harness.side_by_side", "tests.rig.fixtures"]
