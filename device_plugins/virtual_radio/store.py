"""The radio's memory: one JSON file, replaced in one step, so that killing the process leaves the old or the new."""

import json
import os
from pathlib import Path
from typing import Any

from device_plugins.virtual_radio.errors import RadioError

FORMAT = 1


class Store:
    """Load and save one file; with `path` None nothing is kept. It writes at once, in the caller's thread."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    @property
    def keeps(self) -> bool:
        """Whether there is a file at all."""
        return self._path is not None

    def damaged(self) -> RadioError:
        """Return the error to raise when the file's content cannot be used."""
        return RadioError(
            f"The state file {self._path} is not one of a virtual radio: move it away to start with a new home."
        )

    def load(self) -> dict[str, Any] | None:
        """Return what was saved, None the first time; RadioError when the file cannot be read or is not ours."""
        if self._path is None:
            return None
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RadioError(f"The state file {self._path} cannot be read ({error.strerror}).") from None
        except ValueError:
            content = None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self.damaged()
        return content

    def save(self, content: dict[str, Any]) -> None:
        """Replace the file; RadioError when that fails."""
        if self._path is None:
            return
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            # It holds the network key: nobody else may read it.
            new.touch(mode=0o600)
            new.write_text(json.dumps({"format": FORMAT, **content}, separators=(",", ":")), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            raise RadioError(f"The state file {self._path} cannot be written ({error.strerror}).") from None
