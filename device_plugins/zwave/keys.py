"""The network's security keys: made on first start, kept in a file that only the hub's user may read.

The file is in the plugin's folder, so it is part of every backup. Who loses the keys must include all secure devices
again; who has them can read and forge what the devices say.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated, override

import msgspec

from device_plugins.zwave.network import ZWaveError

type Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]


class LongRangeKeys(msgspec.Struct, frozen=True):
    """Those of Z-Wave Long Range, by Z-Wave JS's names, in hex."""

    S2_Authenticated: Key
    S2_AccessControl: Key


class Keys(msgspec.Struct, frozen=True):
    """Those of the mesh, by Z-Wave JS's names, in hex, and those of Long Range."""

    S0_Legacy: Key
    S2_Unauthenticated: Key
    S2_Authenticated: Key
    S2_AccessControl: Key
    long_range: LongRangeKeys

    @override
    def __repr__(self) -> str:
        return "Keys(...)"

    def mesh(self) -> dict[str, str]:
        """Those of the mesh alone."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "long_range"}


def load_or_make(folder: Path) -> Keys:
    """The keys in `folder`; new ones are on the disk before they are used.

    Raises ZWaveError when the file cannot be read: it is never replaced.
    """
    file = folder / "keys.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Keys)
    except FileNotFoundError:
        return _make(file)
    except (OSError, msgspec.DecodeError) as error:
        # What a decoder says may quote the file.
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise ZWaveError(f"the Z-Wave keys in {file} cannot be read: {why}; restore it from a backup") from None


def _new() -> str:
    return secrets.token_hex(16)


def _make(file: Path) -> Keys:
    keys = Keys(_new(), _new(), _new(), _new(), LongRangeKeys(_new(), _new()))
    new = file.with_name(f".{file.name}.new")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(keys)))
            out.flush()
            os.fsync(handle)
        new.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ZWaveError(f"the Z-Wave keys cannot be written to {file}: {error.strerror}") from error
    return keys
