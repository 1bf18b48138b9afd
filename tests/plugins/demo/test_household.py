import tomllib
from pathlib import Path

import plugins.demo.plugin
from device_plugins.virtual_radio import VirtualRadio
from plugins.demo.household import CAST, SCRIPT
from plugins.demo.plugin import device_id

RULES = tomllib.loads((Path(plugins.demo.plugin.__file__).with_name("rules.toml")).read_text())["rule"]


def test_the_cast_is_varied_and_its_names_are_unique() -> None:
    assert len({role.name for role in CAST}) == len(CAST) >= 8
    assert len({role.model for role in CAST}) >= 8


async def test_everything_in_the_script_can_happen_to_its_device() -> None:
    radio = VirtualRadio(latency=0.0)
    models = {role.name: role.model for role in CAST}
    devices = {name: radio.add(model, name=name) for name, model in models.items()}
    for scene in SCRIPT:
        for act in scene.acts:
            assert act.stimulus in radio.stimuli(devices[act.role])
            radio.act(devices[act.role], act.stimulus, act.value)
            assert not act.expect or act.expect in devices
    await radio.close()


def test_the_rules_speak_only_of_the_cast() -> None:
    names = {role.name for role in CAST}
    for rule in RULES:
        actions = rule["action"] if isinstance(rule["action"], list) else [rule["action"]]
        used = {action["device"] for action in actions if "device" in action}
        used |= {rule["trigger"]["device"]} if "device" in rule["trigger"] else set()
        assert used <= names


def test_a_device_is_known_by_its_address() -> None:
    assert device_id("02:44:6f:6d:00:01:00:0a") == "zigbee-02446f6d0001000a"
