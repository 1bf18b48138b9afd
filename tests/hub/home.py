"""A bus with a state engine, and the changes it told."""

from hub.bus import EventBus
from hub.state import StateEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock
from hub.types import Event, StateChanged


class Home:
    """A bus with a state engine, and the changes it told."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.tasks = TaskGroup("hub")
        self.bus = EventBus()
        self.state = StateEngine(self.bus, clock)
        self.changes: list[tuple[str, StateChanged]] = []
        self.sources: list[str] = []
        self.bus.subscribe("state.changed", self._note, tasks=self.tasks)

    def _note(self, event: Event) -> None:
        self.changes.append((event.subject, event.data))
        self.sources.append(event.source)


def live(clock: ManualClock) -> int:
    """Count the timers that are set."""
    return sum(bool(timer[2]) for timer in clock._timers)
