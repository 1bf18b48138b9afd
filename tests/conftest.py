"""The rules every test is held to: see `tests/harness/rules.py`."""

pytest_plugins = ["tests.harness.reports", "tests.harness.rules", "tests.rig.fixtures"]
