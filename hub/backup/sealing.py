"""Encryption in the age format (pyrage): each backup has a key of its own, which stands in its head under a passphrase.

scrypt, which makes a key of a passphrase, takes a second and much memory, and pyrage holds up the whole process
meanwhile. So that is done by a process of its own: this module is also that program.
"""

import base64
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

from hub.errors import BackupError

_LIMIT_S = 120.0


class DamagedError(Exception):
    """What was to be decrypted is not what was encrypted."""


class Reader(Protocol):
    """What is read from."""

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""


class Writer(Protocol):
    """What is written to."""

    def write(self, piece: bytes) -> int:
        """Take bytes."""

    def flush(self) -> None:
        """Take them now."""


def new_key() -> str:
    """A key for one backup."""
    return str(_age().x25519.Identity.generate())


def seal(key: str, passphrase: str) -> str:
    """The key as it may stand in the head."""
    return _ask(do="seal", text=key, passphrase=passphrase)["text"]


def unseal(sealed: str, passphrase: str, path: Path) -> str:
    """The key of the backup `path`. Raises BackupError when it is not that passphrase."""
    if not passphrase:
        raise BackupError(f"backup {path} is encrypted; its passphrase is needed (--passphrase-file)")
    _age()
    answer = _ask(do="unseal", text=sealed, passphrase=passphrase)
    if "text" not in answer:
        raise BackupError(f"backup {path} is not opened by this passphrase; give the one that it was made with")
    return answer["text"]


def encrypt(reader: Reader, writer: Writer, key: str) -> None:
    """Write what is read, encrypted."""
    age = _age()
    age.encrypt_io(reader, writer, [age.x25519.Identity.from_str(key).to_public()])


def decrypt(reader: Reader, writer: Writer, key: str) -> None:
    """Write what is read, decrypted. Raises DamagedError."""
    age = _age()
    try:
        age.decrypt_io(reader, writer, [age.x25519.Identity.from_str(key)])
    except age.DecryptError as error:
        raise DamagedError from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError from error


def _age() -> Any:  # noqa: ANN401 - a module
    """The library, loaded on first use."""
    try:
        return importlib.import_module("pyrage")
    except ImportError as error:
        raise BackupError(
            "an encrypted backup needs the package pyrage; install it with: pip install 'domovoi[backup]'"
        ) from error


def _ask(**question: str) -> dict[str, str]:
    """Ask the other process."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hub.backup.sealing"],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=_LIMIT_S,
            check=True,
        )
        answer: dict[str, str] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise BackupError(f"the passphrase could not be worked with ({type(error).__name__}); try again") from None
    return answer


def _answer(question: dict[str, str]) -> dict[str, str]:
    age, passphrase = _age(), question["passphrase"]
    if question["do"] == "seal":
        return {"text": base64.b64encode(age.passphrase.encrypt(question["text"].encode(), passphrase)).decode()}
    try:
        return {"text": age.passphrase.decrypt(base64.b64decode(question["text"]), passphrase).decode()}
    except (age.DecryptError, ValueError):
        return {}


if __name__ == "__main__":
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)
