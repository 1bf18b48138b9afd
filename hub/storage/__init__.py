"""What must be remembered: the contract of a storage engine, and what all engines share.

An engine keeps rows of bytes (`Rows`) and hands out a `Namespace` for each plugin, which checks keys, turns values
into bytes and back, and is all that a plugin sees of storage.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hub.api import Storage
from hub.errors import StorageError

KEY_LIMIT = 512
"""Characters of a key."""
VALUE_LIMIT = 1024 * 1024
"""Bytes of an encoded value."""
DEPTH_LIMIT = 64
"""Lists and dicts inside each other."""

_NAMESPACE = re.compile(r"[a-z0-9_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SCALARS = frozenset({bool, bytes, float, int, str, type(None)})
_LAST = "\U0010ffff"
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder()


class StorageEngine(Protocol):
    """Opens a store and hands out its namespaces. Every method raises StorageError, with one sentence."""

    async def open(self) -> None:
        """Make ready, or refuse and leave what is there as it is."""

    async def close(self) -> None:
        """Write what is pending and let go of everything; closing twice does no harm."""

    async def flush(self) -> None:
        """Return when all that was written before is on the disk."""

    def namespace(self, name: str) -> Storage:
        """Give the keys of one owner; `name` is made of a-z, 0-9 and _."""


class Rows(Protocol):
    """An engine from below: rows of bytes, each operation atomic and seen by all that begin after it returned."""

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix`, in the order of their keys' code points, from behind `after`, at most `limit`."""

    async def write(self, namespace: str, rows: Mapping[str, bytes], *, durable: bool) -> None:
        """Keep all of `rows`, or none."""

    async def remove(self, namespace: str, key: str, *, durable: bool) -> bool:
        """Drop a row; says whether it was there."""

    async def swap(self, namespace: str, key: str, change: tuple[bytes | None, bytes], *, durable: bool) -> bool:
        """Keep the second of `change` if the row is the first (`None`: not there); says whether it did."""


class Namespace:
    """One owner's keys: what `hub.api.Storage` promises, on top of an engine's rows.

    Values are equal to `compare_and_set` when their encodings are: 1 is not 1.0 nor True, the order of a dict's keys
    does not matter, and a tuple is a list.
    """

    __slots__ = ("_name", "_rows")

    def __init__(self, rows: Rows, name: str) -> None:
        if not _NAMESPACE.fullmatch(name):
            raise StorageError(f"namespace {name!r} is not a name: use the letters a-z, digits and _")
        self._rows = rows
        self._name = name

    async def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON-like
        """Return the value of `key`, or `default`."""
        check_key(self._name, key)
        row = (await self._rows.read(self._name, (key,))).get(key)
        return default if row is None else decode(self._name, key, row)

    async def set(self, key: str, value: Any, *, durable: bool = False) -> None:  # noqa: ANN401 - JSON-like
        """Remember one value."""
        await self._rows.write(self._name, {key: encode(self._name, key, value)}, durable=durable)

    async def delete(self, key: str, *, durable: bool = False) -> bool:
        """Forget one; says whether it was there."""
        check_key(self._name, key)
        return await self._rows.remove(self._name, key, durable=durable)

    async def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """Those of `keys` that exist."""
        for key in keys:
            check_key(self._name, key)
        rows = await self._rows.read(self._name, keys)
        return {key: decode(self._name, key, row) for key, row in rows.items()}

    async def set_many(self, items: Mapping[str, Any], *, durable: bool = False) -> None:
        """Remember several values, all or none."""
        rows = {key: encode(self._name, key, value) for key, value in items.items()}
        await self._rows.write(self._name, rows, durable=durable)

    async def compare_and_set(
        self,
        key: str,
        expected: Any,  # noqa: ANN401 - JSON-like
        value: Any,  # noqa: ANN401 - JSON-like
        *,
        durable: bool = False,
    ) -> bool:
        """Set only if the value is `expected` (`None`: not there); says whether it did."""
        old = None if expected is None else encode(self._name, key, expected)
        new = encode(self._name, key, value)
        return await self._rows.swap(self._name, key, (old, new), durable=durable)

    async def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[tuple[str, Any]]:
        """Keys with `prefix` and their values in order, from behind the key `after`, at most `limit`."""
        for text in (prefix, after):
            if text:
                check_key(self._name, text)
        if limit < 1:
            return []
        rows = await self._rows.scan(self._name, prefix, after, limit)
        return [(key, decode(self._name, key, row)) for key, row in rows]


def check_key(namespace: str, key: str) -> None:
    """Refuse what is not a key: a text of 1 to 512 characters without NUL."""
    if not isinstance(key, str):
        raise StorageError(f"{namespace}: a key must be a text, not {type(key).__name__} ({key!r})")
    if not 0 < len(key) <= KEY_LIMIT:
        raise StorageError(f"{namespace}: a key must have 1 to {KEY_LIMIT} characters, not {len(key)} ({key[:40]!r})")
    if "\0" in key or (not key.isascii() and _SURROGATE.search(key)):
        raise StorageError(f"{namespace}: key {key!r} must not contain NUL or half of a surrogate pair")


def encode(namespace: str, key: str, value: object) -> bytes:
    """Turn a value into bytes (msgpack, dict keys in order), at most 1 MiB; the key is checked as well."""
    check_key(namespace, key)
    if wrong := _not_plain(value, DEPTH_LIMIT):
        raise StorageError(f"{namespace}: the value of {key!r} cannot be stored: {wrong}")
    try:
        row = _ENCODER.encode(value)
    except (ValueError, OverflowError) as error:
        raise StorageError(f"{namespace}: the value of {key!r} cannot be stored: {error}") from error
    if len(row) > VALUE_LIMIT:
        raise StorageError(
            f"{namespace}: the value of {key!r} has {len(row)} bytes and the limit is {VALUE_LIMIT};"
            " keep it in a file of the plugin's data folder"
        )
    return row


def decode(namespace: str, key: str, row: bytes) -> Any:  # noqa: ANN401 - JSON-like
    """Turn a row's bytes into the value."""
    try:
        return _DECODER.decode(row)
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError) as error:
        raise StorageError(
            f"{namespace}: the stored value of {key!r} is damaged ({error}); restore a backup"
        ) from error


def behind(prefix: str) -> str | None:
    """Return the smallest text behind all that begin with `prefix`; `None` when there is none."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)  # noqa: PLR2004 - surrogates are no characters


def _not_plain(value: object, depth: int) -> str | None:
    """Say what keeps a value from coming back as it went in."""
    kind = type(value)
    if kind in _SCALARS:
        return None
    if depth == 0:
        return f"it is nested deeper than {DEPTH_LIMIT} levels"
    if isinstance(value, dict) and kind is dict:
        if any(type(name) is not str for name in value):
            return "the keys of a dict must be texts"
        inner: Iterable[object] = value.values()
    elif isinstance(value, list | tuple) and kind in {list, tuple}:
        inner = value
    else:
        return f"{kind.__name__} is neither JSON-like nor bytes; convert it to dicts, lists, texts or numbers"
    return next(filter(None, (_not_plain(item, depth - 1) for item in inner)), None)
