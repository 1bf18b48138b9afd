"""Shelly of all generations beside what the recordings show: how they are found, and presses told again and again."""

from typing import Any

import msgspec
import pytest

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.description import Message
from device_plugins.sdk import ButtonPressed
from tests.device_plugins.mqtt.recordings import describe, payload, recorded, taken

OWN = "shellyplus1pm-a8032abe54dc"
INFO = {"id": OWN, "mac": "A8032ABE54DC", "model": "SNSW-001P16EU", "gen": 2, "ver": "1.0.3", "app": "Plus1PM"}
STATUS = {"switch:0": {"id": 0, "output": True}}


def asked(heard: Heard) -> list[tuple[str, str]]:
    """Whom it asks for what."""
    return [(one.topic, msgspec.json.decode(one.payload)["method"]) for one in heard.ask]


def answer(number: int, result: Any) -> bytes:  # noqa: ANN401 - JSON
    return payload({"id": number, "src": OWN, "dst": f"domovoi/shelly/{OWN}", "result": result})


@pytest.mark.parametrize("topic", [f"{OWN}/online", f"{OWN}/events/rpc"])
def test_one_that_is_heard_of_is_asked_who_it_is_and_what_it_has(topic: str) -> None:
    convention = make("shelly2", Terms())
    assert asked(convention.heard(topic, b"true")) == [(f"{OWN}/rpc", "Shelly.GetDeviceInfo")]
    told = convention.heard(f"domovoi/shelly/{OWN}/rpc", answer(1, INFO))
    assert asked(told) == [(f"{OWN}/rpc", "Shelly.GetStatus")]
    found = convention.heard(f"domovoi/shelly/{OWN}/rpc", answer(2, STATUS)).described[0]
    assert found.device.id == "mqtt.shelly2.a8032abe54dc"
    # What it does from now on asks nothing any more, until it comes back.
    assert convention.heard(f"{OWN}/events/rpc", b"{}") == Heard()
    assert asked(convention.heard(f"{OWN}/online", b"true")) == [(f"{OWN}/rpc", "Shelly.GetStatus")]


def test_an_answer_that_nobody_waits_for_is_asked_about() -> None:
    heard = make("shelly2", Terms()).heard(f"domovoi/shelly/{OWN}/rpc", answer(2, STATUS))
    assert asked(heard) == [(f"{OWN}/rpc", "Shelly.GetDeviceInfo")]


@pytest.mark.parametrize("result", [{"was_on": False}, None])
def test_the_answer_to_a_command_describes_nothing(result: object) -> None:
    convention = make("shelly2", Terms())
    convention.heard("shellies/announce", payload(INFO))
    assert convention.heard(f"domovoi/shelly/{OWN}/rpc", answer(3, result)) == Heard()


@pytest.mark.parametrize(
    ("component", "told", "features", "says"),
    [
        ("cover:0", {"state": "open"}, {"cover_position": ("open", "close", "stop")}, {"cover_position": 100}),
        ("cover:0", {"state": "opening"}, {"cover_position": ("open", "close", "stop")}, {}),
        (
            "cover:0",
            {"current_pos": 20, "pos_control": True, "slat_pos": 60},
            {"cover_position": ("set", "open", "close", "stop"), "cover_tilt": ("set",)},
            {"cover_position": 20, "cover_tilt": 60},
        ),
        (
            "cct:0",
            {"output": True, "brightness": 50, "ct": 3000},
            {"on_off": ("set", "on", "off", "toggle"), "level": ("set",), "color_temperature": ("set",)},
            {"on_off": True, "level": 50, "color_temperature": 3000},
        ),
        ("input:2", {"counts": {"total": 7}}, {"count": ()}, {"count": 7}),
        (
            "em1:0",
            {"act_power": 12.5, "pf": 0.5},
            {"power": (), "power_factor": ()},
            {"power": 12.5, "power_factor": 50},
        ),
        ("em1data:0", {"total_act_energy": 8.5}, {"energy": ()}, {"energy": 8.5}),
        ("pm1:0", {"apower": 3}, {"power": ()}, {"power": 3}),
        ("voltmeter:100", {"voltage": 4.2}, {"voltage": ()}, {"voltage": 4.2}),
        ("flood:0", {"alarm": True}, {"water_leak": ()}, {"water_leak": True}),
        ("smoke:0", {"alarm": False}, {"smoke": ()}, {"smoke": False}),
        (
            "trv:200",
            {"target_C": 21, "current_C": 19.5, "pos": 30},
            {"heating_setpoint": ("set",), "temperature": (), "heating_demand": ()},
            {"heating_setpoint": 21, "temperature": 19.5, "heating_demand": 30},
        ),
        ("script:1", {"running": True}, {}, {}),
    ],
)
def test_components(
    component: str, told: dict[str, Any], features: dict[str, tuple[str, ...]], says: dict[str, Any]
) -> None:
    convention = make("shelly2", Terms())
    convention.heard("shellies/announce", payload(INFO))
    found = convention.heard(f"domovoi/shelly/{OWN}/rpc", answer(2, {component: told, "sys": {}})).described[0]
    assert {one.key: one.commands for one in found.device.features} == features
    assert dict(taken(found, f"{OWN}/status/{component}", told)) == says


def test_a_head_of_a_radiator_is_set_by_its_own_method() -> None:
    convention = make("shelly2", Terms())
    convention.heard("shellies/announce", payload(INFO))
    status = {"trv:200": {"target_C": 21}, "cover:0": {"slat_pos": 1}}
    found = convention.heard(f"domovoi/shelly/{OWN}/rpc", answer(2, status)).described[0]
    calls = {
        one.key: msgspec.json.decode(one.encode({"value": 20}, {})[0].payload)
        for one in found.actions
        if one.command == "set"
    }
    assert (calls["heating_setpoint"]["method"], calls["heating_setpoint"]["params"]) == (
        "Trv.SetTarget",
        {"id": 200, "target_C": 20},
    )
    assert calls["cover_tilt"]["params"] == {"id": 0, "slat_pos": 20}


@pytest.mark.parametrize("topic", ["shellies/announce", f"{OWN}/announce"])
def test_one_that_announces_itself_is_asked_what_it_has(topic: str) -> None:
    assert asked(make("shelly2", Terms()).heard(topic, payload(INFO))) == [(f"{OWN}/rpc", "Shelly.GetStatus")]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (f"{OWN}/online", b"false"),
        ("washer/online", b"true"),
        ("washer/events/rpc", b"{}"),
        ("shellies/announce", b'{"id": "shelly1-F45B2E", "mac": "A4CF12F45B2E", "model": "SHSW-1"}'),
        ("other/thing", b"1"),
    ],
)
def test_what_is_none_of_them_is_passed_over(topic: str, said: bytes) -> None:
    assert make("shelly2", Terms()).heard(topic, said) == Heard()


def test_a_prefix_of_the_owner_is_taken_as_it_is() -> None:
    convention = make("shelly2", Terms(prefixes=("home/boiler",)))
    assert "home/boiler/online" in convention.filters()
    assert asked(convention.heard("home/boiler/online", b"true")) == [("home/boiler/rpc", "Shelly.GetDeviceInfo")]
    convention.heard("domovoi/shelly/home/boiler/rpc", answer(1, INFO))
    found = convention.heard("domovoi/shelly/home/boiler/rpc", answer(2, STATUS)).described[0]
    assert {one.topic for one in found.readings} == {
        "home/boiler/events/rpc",
        "home/boiler/status/switch:0",
        "domovoi/shelly/home/boiler/rpc",
    }


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(1, {"id": OWN}), "names no MAC address"),
        (answer(2, []), "has no result"),
        (payload({"id": 2, "error": {"code": -105, "message": "no such thing"}}), "refused: no such thing"),
        (payload({"id": 3, "error": {"code": -103, "message": "not calibrated"}}), "refused: not calibrated"),
        (b"{", "is no JSON"),
    ],
)
def test_a_bad_answer_is_refused(said: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        make("shelly2", Terms()).heard(f"domovoi/shelly/{OWN}/rpc", said)


def test_all_of_the_first_generation_are_asked_to_announce_themselves() -> None:
    assert make("shelly1", Terms()).greet() == (Message("shellies/command", b"announce"),)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"id": "x-1", "mac": "A4CF12F45B2E", "model": "SHNEW-9"}, "the model 'SHNEW-9' of x-1 is not known"),
        ({"id": "a/#", "mac": "A4CF12F45B2E", "model": "SHSW-1"}, "names no id and MAC address"),
        ([], "is no object"),
    ],
)
def test_a_bad_announcement_is_refused(told: Any, why: str) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(MalformedError, match=why):
        make("shelly1", Terms()).heard("shellies/announce", payload(told))


def test_a_later_generation_is_left_to_the_other_convention() -> None:
    assert make("shelly1", Terms()).heard("shellies/announce", payload(INFO)) == Heard()


def test_a_name_of_the_owner_is_suggested() -> None:
    told = {"id": "boiler", "mac": "A4CF12F45B2E", "model": "SHSW-1"}
    assert make("shelly1", Terms()).heard("shellies/announce", payload(told)).described[0].device.suggested_name == (
        "boiler"
    )


def test_a_press_is_told_again_and_again_and_is_one() -> None:
    described = describe(next(one for one in recorded("shelly1") if one.name == "shelly1/shelly1pm"))
    topic = next(one.topic for one in described.happenings)

    def hear(kind: str, count: int) -> dict[str, Any]:
        return dict(taken(described, topic, {"event": kind, "event_cnt": count}))

    # What is told first may be long ago.
    assert hear("S", 4) == hear("S", 4) == {}
    assert hear("L", 5) == {"button": ButtonPressed("hold")}
    assert hear("L", 5) == {}
    assert hear("", 6) == {}
    # It counts from the beginning after a restart.
    assert hear("SS", 1) == {"button": ButtonPressed("double")}
