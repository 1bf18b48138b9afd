"""The virtual radio as a process of its own, asked in JSON lines; its `--help` tells what it takes."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_VIRTUAL_RADIO = "device_plugins.virtual_radio"
_ENDS_WITHIN_S = 10.0
_AGAIN_S = 0.1


class RadioProcess:
    """Runs until closed; several threads may ask. `port` is the serial port that it is."""

    def __init__(self, folder: Path, arguments: Sequence[str] = (), module: str = _VIRTUAL_RADIO) -> None:
        self.port = folder / "tty"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "--pty-link", str(self.port), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()
        self._number = 0
        self._read(lambda line: line.get("event") == "ready")

    def ask(self, verb: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask it to do something and wait for the answer; RuntimeError when it refuses."""
        with self._lock:
            self._number += 1
            number = self._number
            assert self._process.stdin is not None  # noqa: S101 - opened above
            self._process.stdin.write(json.dumps({"id": number, "do": verb, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = self._read(lambda line: line.get("id") == number)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def join(self, device: str, patience: float) -> None:
        """Let a device join as soon as the network is open, in so many seconds; RuntimeError when it may not."""
        until = time.monotonic() + patience
        while True:
            try:
                self.ask("join", device=device)
            except RuntimeError as error:
                if "has joined already" in str(error):
                    return
                if time.monotonic() > until:
                    raise
                time.sleep(_AGAIN_S)
            else:
                return

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=_ENDS_WITHIN_S)

    def _read(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        for text in self._process.stdout:
            line: dict[str, Any] = json.loads(text)
            if wanted(line):
                return line
        raise RuntimeError("the virtual radio ended")
