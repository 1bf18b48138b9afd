"""Whatever is subscribed, undone and published in any order, from inside handlers as well: a plain model agrees."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, override

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bus import EventBus
from hub.tasks import TaskGroup
from hub.types import Event, Undo

TYPES = ["a", "a.b", "c"]
SUBJECTS = ["x", "x/y", "z", ""]
TYPES_OF = {"**": TYPES, "a": ["a"], "a.*": ["a.b"], "c": ["c"], "*": ["a", "c"]}
SUBJECTS_OF = {"#": SUBJECTS, "x/#": ["x", "x/y"], "+": ["x", "z", ""], "x/y": ["x/y"]}

publishing = st.tuples(st.just("publish"), st.sampled_from(TYPES), st.sampled_from(SUBJECTS))
undoing = st.tuples(st.just("undo"), st.integers(0, 5), st.none())


def hearing(actions: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A subscription, and what it does at each of the first events that it hears."""
    return st.tuples(
        st.just("subscribe"),
        st.builds(
            Hearer,
            st.sampled_from([*TYPES_OF]),
            st.sampled_from(["#", *SUBJECTS_OF]),
            st.integers(-1, 1),
            st.sampled_from([None, None, "x", "broken"]),
            st.lists(actions, max_size=3),
        ),
        st.none(),
    )


@dataclass(frozen=True)
class Hearer:
    type: str
    subject: str
    priority: int
    wants: str | None
    script: list[Any] = field(hash=False)

    def picks(self, subject: str) -> bool:
        if self.wants == "broken":
            raise LookupError(subject)
        return self.wants is None or self.wants == subject


class World:
    """Does as it is told, and notes who hears what."""

    def __init__(self) -> None:
        self.log: list[tuple[int, str, str]] = []
        self.hearers: list[Hearer] = []
        self._scripts: list[deque[Any]] = []

    def act(self, verb: str, one: Any, other: Any) -> None:  # noqa: ANN401
        if verb == "publish":
            self.publish(one, other)
        elif verb == "subscribe":
            self.hearers.append(one)
            self._scripts.append(deque(one.script))
            self.subscribe(len(self.hearers) - 1, one)
        elif one < len(self.hearers):
            self.undo(one)

    def hear(self, number: int, type_: str, subject: str) -> None:
        self.log.append((number, type_, subject))
        if self._scripts[number]:
            self.act(*self._scripts[number].popleft())

    def publish(self, type_: str, subject: str) -> None:
        raise NotImplementedError

    def subscribe(self, number: int, hearer: Hearer) -> None:
        raise NotImplementedError

    def undo(self, number: int) -> None:
        raise NotImplementedError


class Real(World):
    def __init__(self) -> None:
        super().__init__()
        self.bus = EventBus(lambda _owner, _event, _error: None, history=5)
        for type_ in TYPES:
            self.bus.declare(type_, None, "hub")
        self._undos: list[Undo] = []

    @override
    def publish(self, type_: str, subject: str) -> None:
        self.bus.publish(type_, subject)

    @override
    def subscribe(self, number: int, hearer: Hearer) -> None:
        def hear(event: Event) -> None:
            self.hear(number, event.type, event.subject)

        undo = self.bus.subscribe(
            hearer.type,
            hear,
            tasks=TaskGroup(str(number)),
            subject=hearer.subject,
            priority=hearer.priority,
            predicate=(lambda event: hearer.picks(event.subject)) if hearer.wants else None,
        )
        self._undos.append(undo)

    @override
    def undo(self, number: int) -> None:
        self._undos[number]()


class Model(World):
    def __init__(self) -> None:
        super().__init__()
        self.alive: set[int] = set()
        self.heard: Counter[int] = Counter()
        self.errors: Counter[int] = Counter()
        self.published: list[tuple[str, str]] = []
        self._waiting: deque[tuple[str, str]] = deque()
        self._is_delivering = False

    def ordered(self) -> list[int]:
        return sorted(self.alive, key=lambda number: (-self.hearers[number].priority, number))

    @override
    def publish(self, type_: str, subject: str) -> None:
        self._waiting.append((type_, subject))
        if self._is_delivering:
            return
        self._is_delivering = True
        while self._waiting:
            self._deliver(*self._waiting.popleft())
        self._is_delivering = False

    def _deliver(self, type_: str, subject: str) -> None:
        self.published.append((type_, subject))
        for number in self.ordered():
            hearer = self.hearers[number]
            if type_ not in TYPES_OF[hearer.type] or subject not in SUBJECTS_OF[hearer.subject]:
                continue
            if number not in self.alive:
                continue
            if hearer.wants == "broken":
                self.heard[number] += 1
                self.errors[number] += 1
            elif hearer.picks(subject):
                self.heard[number] += 1
                self.hear(number, type_, subject)

    @override
    def subscribe(self, number: int, hearer: Hearer) -> None:
        del hearer
        self.alive.add(number)

    @override
    def undo(self, number: int) -> None:
        self.alive.discard(number)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.lists(hearing(publishing | undoing | hearing(undoing)) | undoing, min_size=1, max_size=3),
            st.lists(publishing, min_size=1, max_size=6),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.sampled_from([1, 3, 8192]),
)
def test_who_hears_what_in_which_order_and_how_it_is_counted(steps: list[Any], remembered: int) -> None:
    real, model = Real(), Model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.bus._REMEMBERED", remembered)
        for changes, published, is_asked in steps:
            for action in changes + published:
                real.act(*action)
                model.act(*action)
            assert real.log == model.log
            if is_asked:
                assert_counted(real.bus, model)
    assert_counted(real.bus, model)


def assert_counted(bus: EventBus, model: Model) -> None:
    counted = [(one.owner, one.type, one.subject, one.events, one.errors) for one in bus.stats()]
    assert counted == [
        (str(number), hearer.type, hearer.subject, model.heard[number], model.errors[number])
        for number, hearer in ((number, model.hearers[number]) for number in model.ordered())
    ]
    assert bus.event_counts() == Counter(type_ for type_, _ in model.published)
    assert [(event.type, event.subject) for event in bus.history()] == model.published[-5:]
    assert bus.published == len(model.published)
    assert bus.counts() == {str(number): 1 for number in model.alive}
