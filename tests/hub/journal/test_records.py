"""Events become bytes and come back as they were; damage is noticed."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import StorageError
from hub.journal.records import Record, pack, pack_rows, unpack, unpack_rows
from hub.types import Event, StateChanged

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["state.changed", "hub.started", "", "ä/b"]) | st.text(max_size=9)
EVENTS = st.lists(
    st.tuples(st.integers(1, 2**40), st.builds(Event, NAMES, NAMES, NAMES, st.just(0), st.integers(0, 2**62), VALUES)),
    min_size=1,
    max_size=20,
    unique_by=lambda one: one[0],
)


@given(EVENTS, st.booleans())
def test_events_come_back_as_they_were(told: list[tuple[int, Event]], trusted: bool) -> None:  # noqa: FBT001
    told.sort(key=lambda one: one[0])
    batch = pack([seq for seq, _ in told], [event for _, event in told])
    assert unpack(batch, "bulk", trusted=trusted) == [
        Record(seq, event.type, event.subject, event.source, event.time, event.data, "bulk", trusted)
        for seq, event in told
    ]


@given(st.lists(st.tuples(st.text(), VALUES), max_size=9))
def test_rows_of_states_come_back(rows: list[tuple[str, Any]]) -> None:
    assert [tuple(row) for row in unpack_rows(pack_rows(rows))] == rows


@given(st.data())
def test_a_flipped_bit_is_noticed_or_harmless(data: st.DataObject) -> None:
    event = Event("state.changed", "lamp/on", "zigbee", 1, 5, StateChanged(value=True, old=None, version=1))
    batch = bytearray(pack([1, 2, 9], [event] * 3))
    whole = unpack(bytes(batch), "normal", trusted=True)
    batch[data.draw(st.integers(0, len(batch) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(StorageError):
        assert unpack(bytes(batch), "normal", trusted=True) == whole  # a bit of the compression that means nothing


@given(st.binary(max_size=60))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(StorageError, match="damaged"):
        unpack(garbage, "normal", trusted=True)
    with pytest.raises(StorageError, match="damaged"):
        unpack_rows(garbage)


def test_what_cannot_be_packed_is_kept_as_text() -> None:
    event = Event("a", "b", "c", 1, 5, {"x": object})
    [record] = unpack(pack([1], [event]), "normal", trusted=True)
    assert record.data == {"x": "<class 'object'>"}
