"""What the journal holds, and how the events of one commit become bytes and come back.

A batch is a zlib stream of one MessagePack array of columns: names once, then per event its place among them. That is
a third of what the events are one by one, and the checksum at its end tells of damage.
"""

import logging
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

import msgspec

from hub.errors import StorageError
from hub.types import Event

type Kind = Literal["alarm", "normal", "bulk"]

KINDS: tuple[Kind, ...] = ("alarm", "normal", "bulk")
"""The classes of events, from what is dropped last to what is dropped first."""

_LARGEST = 64 * 1_048_576  # bytes of a batch before it is compressed; a single event that has more is not kept
_FAULTS = (BaseException,)  # whatever an event's own code raises in the journal's thread, as its `__repr__`
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


class Unpackable(NamedTuple):
    """An event that cannot become bytes, with its number and class, and why."""

    seq: int
    kind: int
    event: Event
    why: str


class _Columns(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`seqs` and `times` are the first, then the steps to the next; the rest are places in `names`."""

    names: list[str]
    seqs: list[int]
    types: list[int]
    subjects: list[int]
    sources: list[int]
    times: list[int]
    data: list[Any]


_LIFETIME = 4  # where the ttl and the source stand in a row of a state that has them
_LOG = logging.getLogger("hub.journal")
_ENCODER = msgspec.msgpack.Encoder(enc_hook=repr)
_DECODER = msgspec.msgpack.Decoder(_Columns)


def pack(seqs: Sequence[int], events: Sequence[Event]) -> bytes:
    """Turn events, at least one, into a batch. Raises what their data raises, and ValueError when it is too large."""
    places: dict[str, int] = {}
    place = places.setdefault
    types = [place(event.type, len(places)) for event in events]
    subjects = [place(event.subject, len(places)) for event in events]
    sources = [place(event.source, len(places)) for event in events]
    times = [event.time for event in events]
    data = [event.data for event in events]
    columns = _Columns([*places], _steps(seqs), types, subjects, sources, _steps(times), data)
    encoded = _ENCODER.encode(columns)
    if len(encoded) > _LARGEST:
        raise ValueError(f"{len(encoded)} bytes are more than the {_LARGEST} that may be kept at once")
    _DECODER.decode(encoded)  # some things become bytes and no way leads back: raw JSON, structs as keys
    return zlib.compress(encoded, _LEVEL)


type Batch = tuple[Sequence[int], Sequence[Event], bytes]
"""Numbers, the events, and what they were packed into."""


def pack_all(kind: int, seqs: Sequence[int], events: Sequence[Event]) -> tuple[list[Batch], list[Unpackable]]:
    """Turn events of a class into batches, one if that can be; those that cannot be packed stay out."""
    batches: list[Batch] = []
    outside: list[Unpackable] = []
    todo = [(seqs, events)]
    while todo:
        seqs, events = todo.pop()
        try:
            batches.append((seqs, events, pack(seqs, events)))
        except _FAULTS as error:
            middle = len(seqs) // 2
            if middle:
                todo += [(seqs[middle:], events[middle:]), (seqs[:middle], events[:middle])]
            else:
                outside.append(Unpackable(seqs[0], kind, events[0], f"{type(error).__name__}: {_said(error)}"))
    return batches, outside


def _said(error: BaseException) -> str:
    try:
        return str(error)[:200].encode(errors="replace").decode()
    except _FAULTS:
        return "?"


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
    except (zlib.error, msgspec.MsgspecError, ValueError, IndexError, TypeError, RecursionError) as error:
        raise StorageError(f"a batch of the journal is damaged: {error}") from error


def _steps(numbers: Sequence[int]) -> list[int]:
    return [numbers[0], *(after - before for before, after in pairwise(numbers))]


def pack_rows(rows: Sequence[Any]) -> bytes:
    """Turn rows of states into bytes; one that cannot be is left out, and logged."""
    try:
        encoded = _ENCODER.encode(rows)
    except _FAULTS:
        encoded = _ENCODER.encode([row for row in rows if _is_encoded(row)])
    return zlib.compress(encoded, _LEVEL)


def _is_encoded(row: Sequence[Any]) -> bool:
    try:
        _ENCODER.encode(row)
    except _FAULTS as error:
        source = f" of {row[-1]!r}" if len(row) > _LIFETIME else ""
        _LOG.error("state %r%s is not kept, as it cannot be encoded: %s", row[0], source, _said(error))
        return False
    return True


def unpack_rows(data: bytes) -> list[Any]:
    """Turn them back. Raises StorageError when they are damaged."""
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=list[Any])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StorageError(f"states in the journal are damaged: {error}") from error
