"""What the journal holds, and how the events of one commit become bytes and come back.

A batch is a zlib stream of one MessagePack array of columns: names once, then per event its place among them. That is
a third of what the events are one by one, and the checksum at its end tells of damage.
"""

import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from hub.errors import StorageError
from hub.types import Event

type Kind = Literal["alarm", "normal", "bulk"]

KINDS: tuple[Kind, ...] = ("alarm", "normal", "bulk")
"""The classes of events, from what is dropped last to what is dropped first."""

_LEVEL = 6  # of zlib: 1 leaves a sixth more, and saves half a microsecond an event


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event as the journal keeps it: `seq` orders all that was ever recorded here and is never used again.

    `time` is wall time in ns since 1970 and orders nothing; it is not `trusted` when the clock was not set.
    """

    seq: int
    type: str
    subject: str
    source: str
    time: int
    data: Any
    kind: Kind
    trusted: bool = True


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Records that are not there any more: `count` of them, all from `first` to `last`, and why."""

    first: int
    last: int
    count: int
    why: str


class Page(msgspec.Struct, frozen=True, gc=False):
    """A stretch of the journal in order; whoever goes on reads behind `upto`. Gaps stand where records are missing."""

    records: list[Record]
    gaps: list[Gap]
    upto: int


class _Columns(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`seqs` and `times` are the first, then the steps to the next; the rest are places in `names`."""

    names: list[str]
    seqs: list[int]
    types: list[int]
    subjects: list[int]
    sources: list[int]
    times: list[int]
    data: list[Any]


_ENCODER = msgspec.msgpack.Encoder(enc_hook=repr)
_DECODER = msgspec.msgpack.Decoder(_Columns)


def pack(seqs: Sequence[int], events: Sequence[Event]) -> bytes:
    """Turn events, at least one, into a batch. Of one that cannot be written the data say why."""
    try:
        return _packed(seqs, events)
    except Exception:  # noqa: BLE001 - one plugin's event must not keep those of the others from being kept
        return _packed(seqs, [_writable(event) for event in events])


def _packed(seqs: Sequence[int], events: Sequence[Event]) -> bytes:
    places: dict[str, int] = {}
    place = places.setdefault
    types = [place(event.type, len(places)) for event in events]
    subjects = [place(event.subject, len(places)) for event in events]
    sources = [place(event.source, len(places)) for event in events]
    times = [event.time for event in events]
    data = [event.data for event in events]
    columns = _Columns([*places], _steps(seqs), types, subjects, sources, _steps(times), data)
    return zlib.compress(_ENCODER.encode(columns), _LEVEL)


def _writable(event: Event) -> Event:
    """The event itself, or what of it can be written."""
    try:
        _ENCODER.encode(event)
    except Exception as error:  # noqa: BLE001 - whatever its data raise
        subject = event.subject.encode(errors="replace").decode()
        return replace(event, subject=subject, data=f"it could not be written: {type(error).__name__}")
    return event


def unpack(batch: bytes, kind: Kind, *, trusted: bool) -> list[Record]:
    """Turn a batch into its records. Raises StorageError when it is damaged."""
    try:
        one = _DECODER.decode(zlib.decompress(batch))
        names = one.names
        columns = zip(
            accumulate(one.seqs), one.types, one.subjects, one.sources, accumulate(one.times), one.data, strict=True
        )
        return [
            Record(seq, names[type_], names[subject], names[source], time, data, kind, trusted)
            for seq, type_, subject, source, time, data in columns
        ]
    except (zlib.error, msgspec.MsgspecError, ValueError, IndexError) as error:
        raise StorageError(f"a batch of the journal is damaged: {error}") from error


def _steps(numbers: Sequence[int]) -> list[int]:
    return [numbers[0], *(after - before for before, after in pairwise(numbers))]


def pack_rows(rows: Sequence[Any]) -> bytes:
    """Turn rows of states into bytes."""
    return zlib.compress(_ENCODER.encode(rows), _LEVEL)


def unpack_rows(data: bytes) -> list[Any]:
    """Turn them back. Raises StorageError when they are damaged."""
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=list[Any])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StorageError(f"states in the journal are damaged: {error}") from error
