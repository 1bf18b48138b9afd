"""Whether the events of a commit are rightly timed: what was judged of the wall clock when they were stamped."""

from hub.bus import EventBus
from hub.state import StateEngine
from hub.tasks import TaskGroup
from hub.types import Event, StateEntry, Undo

_VERDICT = "clock/trusted"


class Timing:
    """Whether one good verdict on the wall clock stood all the while that the events of a commit were told.

    While the hub starts nobody can have judged yet; if there is no verdict afterwards, nobody will, and the clock is
    taken as it is.
    """

    def __init__(self, state: StateEngine) -> None:
        self._state = state
        self._stood: StateEntry | None = None
        self._is_started = False

    def hear(self, bus: EventBus, tasks: TaskGroup) -> Undo:
        """Hear when the hub has started."""
        return bus.subscribe("hub.started", self._started, tasks=tasks)

    def is_trusted(self, *, is_all: bool) -> bool:
        """Say so of the events that are taken now; `is_all` says that no event waits behind them.

        A verdict from before the start is none, and one that came meanwhile says nothing of what was told before it.
        """
        verdict = self._state.entry(_VERDICT)
        has_stood = verdict is self._stood
        if is_all:
            self._stood = verdict
        if verdict is None:
            return has_stood and self._is_started
        return has_stood and bool(verdict.value) and not verdict.restored

    def _started(self, _event: Event) -> None:
        self._is_started = True
