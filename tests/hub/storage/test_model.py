"""Every engine against a dict: any order of operations, commits, time and restarts gives the same answers."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, ClassVar, override

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hub.errors import StorageConflictError
from hub.storage import Namespace
from hub.storage.transaction import BufferedTransaction
from tests.harness import eventually
from tests.hub.storage.engines import FACTORIES, Store

KEYS = st.sampled_from(["a", "a/1", "a/2", "a/20", "b", "ä"])
VALUES = st.sampled_from([None, 0, 1, True, "text", b"bytes", [1], {"a": 1}])
SPACES = st.sampled_from(["one", "two"])
PREFIXES = st.sampled_from(["", "a", "a/", "a/2", "ä"])
TTLS = st.sampled_from([None, None, 1, 2.5, 10])
STEPS = st.lists(
    st.tuples(st.sampled_from(["get", "delete", "delete_outside"]), KEYS)
    | st.tuples(st.just("list"), PREFIXES)
    | st.tuples(st.sampled_from(["set", "set_outside"]), KEYS, VALUES, TTLS),
    max_size=6,
)
ABSENT = object()


class Model:
    """What one namespace holds: values, and when they expire."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rows: dict[str, tuple[Any, float | None]] = {}

    def set(self, key: str, value: object, ttl: float | None = None) -> None:
        self.rows[key] = (value, None if ttl is None else self.now + ttl)

    def get(self, key: str) -> object:
        return self.rows[key][0] if key in self.rows else ABSENT

    def items(self, prefix: str = "") -> dict[str, Any]:
        return {key: value for key, (value, _) in sorted(self.rows.items()) if key.startswith(prefix)}

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.rows = {key: row for key, row in self.rows.items() if row[1] is None or row[1] > self.now}


def known(items: dict[str, Any]) -> dict[str, Any]:
    """A watcher cannot tell a stored `None` from what is gone."""
    return {key: value for key, value in items.items() if value is not None}


class Twin:
    """A transaction on one namespace beside what it should see, what it would change, and what others do meanwhile."""

    inside: BufferedTransaction

    def __init__(self, outside: Namespace, model: Model) -> None:
        self.outside, self.model = outside, model
        self.seen: dict[str, object] = {}
        self.own: dict[str, tuple[Any, float | None] | None] = {}

    async def get(self, key: str) -> None:
        if key in self.own:
            value = ABSENT if (row := self.own[key]) is None else row[0]
        else:
            value = self.seen.setdefault(key, self.model.get(key))
        assert repr(await self.inside.get(key, ABSENT)) == repr(value)

    async def list(self, prefix: str) -> None:
        held = {key: value for key, value in self.model.items(prefix).items() if key not in self.own}
        self.seen = held | self.seen
        held |= {key: row[0] for key, row in self.own.items() if row is not None and key.startswith(prefix)}
        assert repr(await self.inside.list(prefix)) == repr(sorted(held.items()))

    async def set(self, key: str, value: object, ttl: float | None) -> None:
        self.own[key] = (value, ttl)
        self.inside.set(key, value, ttl=ttl)

    async def delete(self, key: str) -> None:
        self.own[key] = None
        self.inside.delete(key)

    async def set_outside(self, key: str, value: object, ttl: float | None) -> None:
        self.model.set(key, value, ttl)
        await self.outside.set(key, value, ttl=ttl)

    async def delete_outside(self, key: str) -> None:
        self.model.rows.pop(key, None)
        await self.outside.delete(key)

    def clashes(self) -> bool:
        return any(repr(self.model.get(key)) != repr(value) for key, value in self.seen.items())

    def end(self) -> None:
        for key, row in self.own.items():
            self.model.rows.pop(key, None)
            if row is not None:
                self.model.set(key, *row)


class Machine(RuleBasedStateMachine):
    """Two namespaces of one engine, each beside its model."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(self.kind, Path(self.folder.name))
        self.model = {"one": Model(), "two": Model()}
        self.heard: dict[str, dict[str, Any]] = {"one": {}, "two": {}}
        self.undos: list[Any] = []
        self.runner.run(self.store.engine.open())
        self.watch()

    def watch(self) -> None:
        for undo in self.undos:
            undo()
        self.undos = [self.store.space(name).watch("", held.__setitem__) for name, held in self.heard.items()]

    @rule(space=SPACES, key=KEYS, value=VALUES, ttl=TTLS, durable=st.booleans())
    def write(self, space: str, key: str, value: object, ttl: float | None, *, durable: bool) -> None:
        self.model[space].set(key, value, ttl)
        self.runner.run(self.store.space(space).set(key, value, durable=durable, ttl=ttl))

    @rule(space=SPACES, items=st.dictionaries(KEYS, VALUES), ttl=TTLS, durable=st.booleans())
    def write_many(self, space: str, items: dict[str, object], ttl: float | None, *, durable: bool) -> None:
        for key, value in items.items():
            self.model[space].set(key, value, ttl)
        self.runner.run(self.store.space(space).set_many(items, durable=durable, ttl=ttl))

    @rule(space=SPACES, key=KEYS, durable=st.booleans())
    def delete(self, space: str, key: str, *, durable: bool) -> None:
        known = self.model[space].rows.pop(key, ABSENT) is not ABSENT
        assert self.runner.run(self.store.space(space).delete(key, durable=durable)) == known

    @rule(space=SPACES, key=KEYS, expected=VALUES, value=VALUES, durable=st.booleans())
    def swap(self, space: str, key: str, expected: object, value: object, *, durable: bool) -> None:
        now = self.model[space].get(key)
        fits = now is ABSENT if expected is None else repr(now) == repr(expected)
        if fits:
            self.model[space].set(key, value)
        did = self.runner.run(self.store.space(space).compare_and_set(key, expected, value, durable=durable))
        assert did == fits

    @rule(space=SPACES, steps=STEPS, stops=st.booleans(), durable=st.booleans())
    def transact(self, space: str, steps: list[tuple[Any, ...]], *, stops: bool, durable: bool) -> None:
        self.runner.run(self._transact(space, steps, stops=stops, durable=durable))

    async def _transact(self, space: str, steps: list[tuple[Any, ...]], *, stops: bool, durable: bool) -> None:
        outside, clashes = self.store.space(space), False
        twin = Twin(outside, self.model[space])
        try:
            async with outside.transaction(durable=durable) as twin.inside:
                for verb, *more in steps:
                    await getattr(twin, verb)(*more)
                clashes = twin.clashes()
                _ = 1 // (not stops)
            ended = "written"
        except ZeroDivisionError:
            ended = "stopped"
        except StorageConflictError:
            ended = "refused"
        assert ended == ("stopped" if stops else "refused" if clashes else "written")
        if ended == "written":
            twin.end()

    @rule(space=SPACES, prefix=PREFIXES, after=st.just("") | KEYS)
    def page(self, space: str, prefix: str, after: str) -> None:
        rows = self.runner.run(self.store.space(space).list(prefix, after=after, limit=2))
        assert rows == [(key, value) for key, value in self.model[space].items(prefix).items() if key > after][:2]

    @rule()
    def flush(self) -> None:
        self.runner.run(self.store.engine.flush())

    @rule(seconds=st.sampled_from([0.5, 1, 4]))
    def advance(self, seconds: float) -> None:
        for model in self.model.values():
            model.advance(seconds)
        self.runner.run(self.store.clock.advance(seconds))

    @rule(off=st.sampled_from([0.0, 100.0]))
    def restart(self, off: float) -> None:
        self.runner.run(self.store.restart(off))
        self.watch()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for name, model in self.model.items():
            view, items = self.store.space(name), model.items()
            assert repr(self.runner.run(view.list())) == repr([*items.items()])
            assert self.runner.run(view.get_many([*items, "absent"])) == items
            self.runner.run(eventually(lambda name=name, items=items: known(self.heard[name]) == known(items)))  # type: ignore[misc]

    @override
    def teardown(self) -> None:
        self.runner.run(self.store.engine.close())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_any_order_gives_the_answers_of_a_dict(kind: str) -> None:
    run_state_machine_as_test(
        type("MachineOf" + kind, (Machine,), {"kind": kind}),
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
