"""Groups, scenes, bindings and reporting as an owner at a terminal meets them, in the demo home."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Process

pytestmark = pytest.mark.timeout(240)


def test_an_owner_at_a_terminal(spawn: Callable[..., Process], tmp_path: Path) -> None:
    data = tmp_path / "data"
    home = spawn(sys.executable, "-m", "hub", "demo", "--no-guests", "--data", str(data))
    home.wait_for("The home is alive", 120)

    def hub(*words: str, code: int = 0) -> str:
        process = spawn(sys.executable, "-m", "hub", "--data", str(data), *words, env={"COLUMNS": "80"})
        assert process.wait() == code, process.output
        return process.output

    assert "no groups" in hub("zigbee", "groups", "list")
    assert "All lamps (number 1): Hall lamp" in hub("zigbee", "groups", "create", "All lamps", "Hall lamp")
    assert "Hall lamp, Living lamp" in hub("zigbee", "groups", "add", "all lamps", "Living lamp")
    assert "level is 33 %" in hub("devices", "set", "All lamps", "level=33")
    assert "Evening (number 1) is stored" in hub("zigbee", "scenes", "store", "All lamps", "Evening")
    assert json.loads(hub("zigbee", "scenes", "list", "--json")) == [
        {"group": "zigbee-group-1", "number": 1, "name": "Evening"}
    ]
    hub("devices", "rename", "All lamps", "Lights")
    assert "evening is recalled" in hub("zigbee", "scenes", "recall", "Lights", "evening", "--transition", "1")
    assert "Lights" in hub("zigbee", "bindings", "add", "Living button", "Lights", "-c", "on_off")
    assert "Lights" in hub("zigbee", "bindings", "list", "Living button")
    bound = json.loads(hub("zigbee", "bindings", "remove", "Living button", "Lights", "--json"))
    assert {"endpoint": 1, "cluster": "on_off", "target": "zigbee-group-1", "target_endpoint": 0} in bound
    assert "Lights" not in hub("zigbee", "bindings", "list", "Living button")
    assert "yours" in hub("zigbee", "reporting", "set", "Washing machine", "power", "--min", "30")
    (power,) = [
        one
        for one in json.loads(hub("zigbee", "reporting", "list", "Washing machine", "--json"))
        if one["key"] == "power"
    ]
    assert (power["minimum"], power["own"]) == (30, True)
    assert "Evening is removed" in hub("zigbee", "scenes", "remove", "Lights", "Evening")
    assert "Living lamp" not in hub("zigbee", "groups", "remove", "Lights", "Living lamp")
    assert "there is no group 'Attic'" in hub("zigbee", "groups", "delete", "Attic", code=1)
    hub("zigbee", "groups", "delete", "Lights")
    assert "Lights" not in hub("devices", "list")
    home.send(signal.SIGINT)
    assert home.wait() == 0, home.output
    assert "Traceback" not in home.output
