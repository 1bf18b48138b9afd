"""Bearer tokens for clients on TCP: shown once, kept only as SHA-256, compared in constant time."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import ClassVar

import msgspec

from hub.api import Clock, HubError, Storage

_PREFIX = "token/"
_LIMIT = 100
_NAME_LIMIT = 64


class UnknownTokenError(HubError):
    """No token has this name."""

    code: ClassVar[str] = "unknown_token"


class Token(msgspec.Struct, frozen=True):
    """A token as listed; `created` is wall time in ns since 1970."""

    name: str
    created: int


class NewToken(msgspec.Struct, frozen=True):
    """A token at its birth: the only time its secret can be seen."""

    name: str
    token: str


class Tokens:
    """The tokens there are, by name; `load` before use."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._known: dict[str, tuple[bytes, int]] = {}

    async def load(self) -> None:
        """Read what is stored."""
        rows = await self._storage.list(_PREFIX)
        self._known = {key.removeprefix(_PREFIX): (bytes.fromhex(row["sha256"]), row["created"]) for key, row in rows}

    async def create(self, name: str) -> NewToken:
        """Make a token; it is on the disk when this returns.

        Raises HubError for a bad or taken name.
        """
        if not name.isprintable() or not 0 < len(name.strip()) <= _NAME_LIMIT:
            raise HubError(f"a token's name must have 1 to {_NAME_LIMIT} printable characters")
        if name in self._known:
            raise HubError(f"there is a token named {name!r} already; choose another name or revoke it")
        if len(self._known) >= _LIMIT:
            raise HubError(f"there are {_LIMIT} tokens already; revoke one first")
        secret = secrets.token_urlsafe(32)
        digest, created = _digest(secret), self._clock.now()
        row = {"sha256": digest.hex(), "created": created}
        self._known[name] = (digest, created)
        try:
            await self._storage.set(_PREFIX + name, row, durable=True)
        except BaseException:
            # Nobody was told its secret: it must not come to life when the disk can be written again.
            del self._known[name]
            with suppress(HubError):
                await self._storage.delete(_PREFIX + name)
            raise
        return NewToken(name, secret)

    async def revoke(self, name: str) -> None:
        """Forget a token; it is refused from now on.

        Raises UnknownTokenError.
        """
        if name not in self._known:
            raise UnknownTokenError(f"there is no token named {name!r}; `hub token list` shows all")
        del self._known[name]
        await self._storage.delete(_PREFIX + name, durable=True)

    def list(self) -> list[Token]:
        """All tokens by name, without their secrets."""
        return [Token(name, created) for name, (_, created) in sorted(self._known.items())]

    def owner(self, presented: str) -> str:
        """The name of the presented token, or nothing. Takes as long whichever it is."""
        digest, found = _digest(presented), ""
        for name, (known, _) in self._known.items():
            if hmac.compare_digest(digest, known):
                found = name
        return found


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
