"""A unicast that goes out the quick way is, byte for byte, the one that bellows would have sent."""

from types import SimpleNamespace
from typing import Any

import bellows.types
import pytest
from bellows.ezsp import EZSP
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.zigbee.fastsend import FastSender, Unicast
from tests.device_plugins.zigbee.test_fast_line import VERSIONS


def connection(version: int) -> Any:  # noqa: ANN401 - bellows is untyped
    ezsp = EZSP({"path": "/dev/null"})
    ezsp._switch_protocol_version(version)
    return ezsp


def sender(ezsp: Any) -> FastSender:  # noqa: ANN401 - bellows is untyped
    app = SimpleNamespace(_ezsp=ezsp, is_controller_running=True, config={"source_routing": False})
    return FastSender(app)


t: Any = bellows.types
byte, word = st.integers(0, 0xFF), st.integers(0, 0xFFFF)


@given(
    version=st.sampled_from(VERSIONS),
    route=st.tuples(word, word, byte, byte, byte),
    data=st.binary(max_size=200),
    acknowledged=st.booleans(),
    short=word,
    tag=byte,
)
def test_every_unicast_is_the_one_of_bellows(
    version: int, route: tuple[int, ...], data: bytes, *, acknowledged: bool, short: int, tag: int
) -> None:
    profile, cluster, source, target, counter = route
    aps = t.EmberApsFrame(
        profileId=profile,
        clusterId=cluster,
        sourceEndpoint=source,
        destinationEndpoint=target,
        options=t.EmberApsOption.APS_OPTION_ENABLE_ROUTE_DISCOVERY
        | (t.EmberApsOption.APS_OPTION_RETRY if acknowledged else t.EmberApsOption.APS_OPTION_NONE),
        groupId=0,
        sequence=counter,
    )
    plain = connection(version)._protocol
    _, schema, _ = plain.COMMANDS["sendUnicast"]
    values = (t.EmberOutgoingMessageType.OUTGOING_DIRECT, t.EmberNodeId(short), aps, t.uint8_t(tag), data)
    expected = plain._ezsp_frame("sendUnicast", **dict(zip(schema, values, strict=True)))

    ezsp = connection(version)
    quick = sender(ezsp)
    assert quick.can_send(data)
    wanted = Unicast(profile, cluster, source, target, counter, data, False, acknowledged, None)
    assert ezsp._protocol._ezsp_frame("sendUnicast", quick._written(short, wanted, tag)) == expected


@pytest.mark.parametrize("version", [4, 7])
def test_old_versions_are_left_to_bellows(version: int) -> None:
    assert not sender(connection(version)).can_send(b"")


def test_a_reset_makes_another_protocol_which_is_looked_at_anew() -> None:
    ezsp = connection(14)
    quick = sender(ezsp)
    assert quick.can_send(b"")
    ezsp._switch_protocol_version(7)
    assert not quick.can_send(b"")
    ezsp._switch_protocol_version(13)
    assert quick.can_send(b"")


ASKED = {"profile": 0x0104, "cluster": 6, "src_ep": 1, "dst_ep": 1, "sequence": 9, "data": b"\x01"}


@pytest.mark.parametrize(
    "more", [{"use_ieee": True}, {"force_route_discovery": True}, {"aps_encryption": True}, {"something_new": 1}]
)
def test_what_is_more_than_a_plain_unicast_is_left_to_bellows(more: dict[str, Any]) -> None:
    assert Unicast.of(ASKED) is not None
    assert Unicast.of({**ASKED, **more}) is None


@pytest.mark.parametrize(
    ("more", "acknowledged"),
    [({}, False), ({"expect_reply": False}, True), ({"expect_reply": False, "ask_for_ack": False}, False),
     ({"ask_for_ack": True}, True)],
)  # fmt: skip
def test_what_expects_no_answer_is_acknowledged(more: dict[str, Any], *, acknowledged: bool) -> None:
    found = Unicast.of({**ASKED, **more})
    assert found is not None
    assert found.is_acknowledged is acknowledged
