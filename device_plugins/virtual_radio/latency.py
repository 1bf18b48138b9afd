"""How long the host takes from a sensor's report to a command: stamped where the bytes leave and where they arrive."""

import time
from collections import deque
from collections.abc import Callable

MAX_SAMPLES = 10_000
_NS_PER_MS = 1e6


class LatencyMeter:
    """Arm it before a report; it takes a sample when the expected device's command has come in.

    From: the report frame's bytes have been written to the line. To: the next unicast command of a cluster's own,
    addressed to the expected device, has been read from the line.
    """

    def __init__(self) -> None:
        self._samples_ms: deque[float] = deque(maxlen=MAX_SAMPLES)
        self._armed: tuple[str, str] | None = None
        self._waiting: tuple[str, int] | None = None

    def arm(self, sender: str, expected: str) -> None:
        """Time the next frame of `sender`, until a command for `expected`; both IEEE addresses."""
        self._armed = (sender, expected)
        self._waiting = None

    def leaving(self, sender: str) -> Callable[[], None] | None:
        """Return what to call when the frame about to be sent has been written, if it is the one to time."""
        if self._armed is None or self._armed[0] != sender:
            return None
        expected = self._armed[1]
        self._armed = None

        def written() -> None:
            self._waiting = (expected, time.perf_counter_ns())

        return written

    def arrived(self, target: str) -> None:
        """Take note of a command for `target`."""
        if self._waiting is not None and self._waiting[0] == target:
            self._samples_ms.append((time.perf_counter_ns() - self._waiting[1]) / _NS_PER_MS)
            self._waiting = None

    def clear(self) -> None:
        """Forget the samples."""
        self._samples_ms.clear()
        self._armed = self._waiting = None

    def summary(self, *, samples: bool = False) -> dict[str, object]:
        """Return count, p50_ms and p99_ms (None without samples), and if wished samples_ms."""
        ordered = sorted(self._samples_ms)
        result: dict[str, object] = {
            "count": len(ordered),
            "p50_ms": _rank(ordered, 0.5),
            "p99_ms": _rank(ordered, 0.99),
        }
        return {**result, "samples_ms": list(self._samples_ms)} if samples else result


def _rank(ordered: list[float], part: float) -> float | None:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else None
