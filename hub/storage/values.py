"""Keys and values as they are stored: what is allowed, and how it becomes bytes and comes back."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hub.errors import StorageError

KEY_LIMIT = 512
"""Characters of a key."""
VALUE_LIMIT = 1024 * 1024
"""Bytes of an encoded value."""
DEPTH_LIMIT = 64
"""Lists and dicts inside each other."""
TTL_LIMIT = 10**10
"""Seconds that a value with a ttl may live."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_SCALARS = frozenset({bool, bytes, float, int, str, type(None)})
_LAST = "\U0010ffff"
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder()


def check_key(namespace: str, key: str) -> None:
    """Refuse what is not a key: a text of 1 to 512 characters without NUL."""
    if not isinstance(key, str):
        raise StorageError(f"{namespace}: a key must be a text, not {type(key).__name__} ({key!r})")
    if not 0 < len(key) <= KEY_LIMIT:
        raise StorageError(f"{namespace}: a key must have 1 to {KEY_LIMIT} characters, not {len(key)} ({key[:40]!r})")
    if "\0" in key or (not key.isascii() and _SURROGATE.search(key)):
        raise StorageError(f"{namespace}: key {key!r} must not contain NUL or half of a surrogate pair")


def is_ttl(ttl: object) -> bool:
    """Whether it is a number of seconds above 0 that a clock can reach."""
    return type(ttl) in {int, float} and 0 < ttl <= TTL_LIMIT  # type: ignore[operator]


def check_ttl(namespace: str, ttl: float | None) -> None:
    """Refuse what is no time to live."""
    if ttl is not None and not is_ttl(ttl):
        raise StorageError(f"{namespace}: a ttl must be a number of seconds above 0, at most {TTL_LIMIT}, not {ttl!r}")


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
