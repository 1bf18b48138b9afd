"""Homie 5, judged by a validator that was written from the convention."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.mqtt.publishing import homie
from device_plugins.mqtt.publishing.layout import Layout, homie_name
from device_plugins.mqtt.publishing.records import Record
from device_plugins.mqtt.publishing.settings import Publish
from device_plugins.mqtt.publishing.telling import Telling
from device_plugins.sdk import VOCABULARY, Feature
from scripts.tools.published_devices import devices
from tests.device_plugins.mqtt.publishing.homie_validator import ID, breaches, is_valid
from tests.device_plugins.mqtt.publishing.samples import sample

LAYOUT = Layout(Publish(homie=True))
RECORDS = {one.id: one for one in devices()}


def retained(*records: Record, known: bool = True) -> dict[str, bytes]:
    """What a broker keeps of these devices."""
    telling = Telling(LAYOUT)
    kept: dict[str, bytes] = {}
    messages = telling.hub([one.id for one in records])
    for record in records:
        values = {one.key: sample(one) if known else None for one in record.features}
        messages += telling.device(record, (), values.get)
    for message in messages:
        assert message.retain
        kept.pop(message.topic, None)
        if message.payload:
            kept[message.topic] = message.payload
    return kept


def described(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(homie.describe(record, LAYOUT).payload)
    return found


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_all_models_and_words_keep_the_convention(known: bool) -> None:  # noqa: FBT001 - a parameter
    kept = retained(*RECORDS.values(), known=known)
    assert breaches(kept) == []
    assert len(kept) > len(RECORDS) * 2


def test_the_validator_sees_what_is_wrong() -> None:
    lamp = RECORDS["zigbee-lamp-color"]
    good = retained(lamp)
    base = LAYOUT.homie(lamp.id)
    about = described(lamp)
    for topic, payload, said in [
        (f"{base}/$state", b"alive", "$state is 'alive'"),
        (f"{base}/endpoint-1/on-off", b"ON", "'ON' is no boolean"),
        (f"{base}/endpoint-1/level", b"101", "'101' is no float 0:100"),
        (f"{base}/endpoint-1/color-xy", b"0.3,0.3", "is no color xyz"),
        (f"{base}/endpoint-1/nothing", b"1", "is not described"),
        (f"{base}/$description", msgspec.json.encode(about | {"homie": "4.0"}), "homie is '4.0'"),
        (f"{base}/$description", msgspec.json.encode(about | {"parent": "elsewhere"}), "its parent elsewhere"),
    ]:
        found = breaches({**good, topic: payload})
        assert any(said in one for one in found), (topic, payload, found)


def test_what_can_be_set_is_settable_and_commands_have_a_property() -> None:
    lamp = described(RECORDS["zigbee-lamp-color"])["nodes"]["endpoint-1"]["properties"]
    assert lamp["on-off"] == {"name": "On off", "datatype": "boolean", "settable": True}
    assert lamp["level"]["format"] == "0:100"
    assert lamp["level"]["unit"] == "%"
    assert lamp["on-off-command"]["format"] == "on,off,toggle"
    assert lamp["on-off-command"]["retained"] is False
    assert lamp["color-xy"]["datatype"] == "color"
    climate = described(RECORDS["zigbee-climate"])["nodes"]["endpoint-1"]["properties"]
    assert "settable" not in climate["temperature"]


def test_the_version_of_a_description_follows_its_content() -> None:
    lamp = RECORDS["zigbee-lamp-white"]
    renamed = msgspec.structs.replace(lamp, name="Hall")
    assert described(lamp)["version"] == described(lamp)["version"]
    assert described(lamp)["version"] != described(renamed)["version"]


def test_endpoints_are_nodes_and_no_two_features_share_a_property() -> None:
    record = RECORDS["test:everything-twice"]
    found = homie.properties(record)
    values = {one.feature.key for one in found.values() if not one.commands}
    readable = {one.key for one in record.features if VOCABULARY[one.capability].access != "write"}
    assert values == readable
    assert found["endpoint-2/on-off"].feature.key == "on_off.2"


def test_an_unknown_value_is_taken_back_and_an_empty_text_is_not() -> None:
    record = Record("a", "A", "test", features=(Feature("text", "text"),))
    assert homie.values(record, LAYOUT, {"text": None})[0].payload == b""
    assert homie.values(record, LAYOUT, {"text": ""})[0].payload == b"\x00"


def test_an_event_is_told_once_and_not_kept() -> None:
    (told,) = homie.happened(RECORDS["zigbee-button"], LAYOUT, "button", "single")
    assert (told.payload, told.retain, told.qos) == (b"single", False, 0)
    assert told.topic.endswith("/endpoint-1/button")


@given(st.text(min_size=1, max_size=40))
def test_any_name_becomes_an_id(name: str) -> None:
    assert ID.fullmatch(homie_name(name))


@given(st.lists(st.text("aA_.-:", min_size=1, max_size=6), unique=True, max_size=20))
def test_different_names_become_different_ids(names: list[str]) -> None:
    assert len({homie_name(one) for one in names}) == len(names)


@given(value=st.floats(-1e15, 1e15))
def test_every_number_of_the_hub_is_a_float_of_the_convention(value: float) -> None:
    assert is_valid({"datatype": "float"}, homie.payload_of(value).decode())
