import tomllib
from pathlib import Path
from typing import Any

import plugins.demo.plugin
from device_plugins.virtual_mqtt.firmware import make
from device_plugins.virtual_radio import VirtualRadio
from plugins.demo.household import CAST, GUESTS, SCRIPT
from plugins.demo.plugin import device_id

FOLDER = Path(plugins.demo.plugin.__file__).parent
RULES, GUESTS_RULES = (tomllib.loads((FOLDER / name).read_text())["rule"] for name in ("rules.toml", "guests.toml"))


def test_the_cast_is_varied_and_its_names_are_unique() -> None:
    assert len({role.name for role in (*CAST, *GUESTS)}) == len(CAST) + len(GUESTS)
    assert len({role.model for role in CAST}) >= 8


async def test_everything_in_the_script_can_happen_to_its_device() -> None:
    radio = VirtualRadio(latency=0.0)
    models = {role.name: role.model for role in CAST}
    devices = {name: radio.add(model, name=name) for name, model in models.items()}
    others = {role.name: make(role.model, role.name, 1) for role in GUESTS if role.protocol == "mqtt"}
    for scene in SCRIPT:
        for act in scene.acts:
            if act.role in others:
                assert others[act.role].used(act.stimulus, act.value)
                continue
            assert act.stimulus in radio.stimuli(devices[act.role])
            radio.act(devices[act.role], act.stimulus, act.value)
            assert not act.expect or act.expect in devices
    await radio.close()


def devices_of(rule: dict[str, Any]) -> set[str]:
    actions = rule["action"] if isinstance(rule["action"], list) else [rule["action"]]
    used = {action["device"] for action in actions if "device" in action}
    return used | ({rule["trigger"]["device"]} if "device" in rule["trigger"] else set())


def test_the_rules_speak_only_of_the_cast() -> None:
    names = {role.name for role in CAST}
    assert all(devices_of(rule) <= names for rule in RULES)


def test_each_rule_of_the_garden_spans_all_three_protocols() -> None:
    protocols = {role.name: role.protocol for role in (*CAST, *GUESTS)}
    for rule in GUESTS_RULES:
        assert {protocols[name] for name in devices_of(rule)} == {"zigbee", "mqtt", "zwave"}


def test_a_device_is_known_by_its_address() -> None:
    assert device_id("02:44:6f:6d:00:01:00:0a") == "zigbee-02446f6d0001000a"
