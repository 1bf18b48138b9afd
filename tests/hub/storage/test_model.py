"""Both engines against a dict: any order of operations, commits and restarts gives the same answers."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, override

import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.hub.storage import engines

KEYS = st.sampled_from(["a", "a/1", "a/2", "a/20", "b", "ä"])
VALUES = st.sampled_from([None, 0, 1, True, "text", b"bytes", [1], {"a": 1}])
SPACES = st.sampled_from(["one", "two"])
ABSENT = object()


class _Machine(RuleBasedStateMachine):
    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.folder = tempfile.TemporaryDirectory()
        self.engine = engines.make(self.kind, Path(self.folder.name))
        self.model: dict[str, dict[str, Any]] = {"one": {}, "two": {}}
        self.runner.run(self.engine.open())

    @rule(space=SPACES, key=KEYS, value=VALUES, durable=st.booleans())
    def write(self, space: str, key: str, value: object, *, durable: bool) -> None:
        self.runner.run(self.engine.namespace(space).set(key, value, durable=durable))
        self.model[space][key] = value

    @rule(space=SPACES, items=st.dictionaries(KEYS, VALUES), durable=st.booleans())
    def write_many(self, space: str, items: dict[str, object], *, durable: bool) -> None:
        self.runner.run(self.engine.namespace(space).set_many(items, durable=durable))
        self.model[space].update(items)

    @rule(space=SPACES, key=KEYS, durable=st.booleans())
    def delete(self, space: str, key: str, *, durable: bool) -> None:
        was_there = self.runner.run(self.engine.namespace(space).delete(key, durable=durable))
        assert was_there == (self.model[space].pop(key, ABSENT) is not ABSENT)

    @rule(space=SPACES, key=KEYS, expected=VALUES, value=VALUES, durable=st.booleans())
    def swap(self, space: str, key: str, expected: object, value: object, *, durable: bool) -> None:
        did = self.runner.run(self.engine.namespace(space).compare_and_set(key, expected, value, durable=durable))
        now = self.model[space].get(key, ABSENT)
        fits = now is ABSENT if expected is None else repr(now) == repr(expected)
        assert did == fits
        if fits:
            self.model[space][key] = value

    @rule(space=SPACES, prefix=st.sampled_from(["", "a", "a/", "a/2", "ä"]), after=st.just("") | KEYS)
    def page(self, space: str, prefix: str, after: str) -> None:
        rows = self.runner.run(self.engine.namespace(space).list(prefix, after=after, limit=2))
        keys = sorted(key for key in self.model[space] if key.startswith(prefix) and key > after)
        assert rows == [(key, self.model[space][key]) for key in keys[:2]]

    @rule()
    def flush(self) -> None:
        self.runner.run(self.engine.flush())

    @rule()
    def restart(self) -> None:
        self.runner.run(self.engine.close())
        self.engine = engines.restarted(self.engine, Path(self.folder.name))
        self.runner.run(self.engine.open())

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for space, items in self.model.items():
            view = self.engine.namespace(space)
            assert self.runner.run(view.list()) == sorted(items.items())
            assert self.runner.run(view.get_many([*items, "absent"])) == items

    @override
    def teardown(self) -> None:
        self.runner.run(self.engine.close())
        self.runner.close()
        self.folder.cleanup()


class _OnSqlite(_Machine):
    kind = "sqlite"


_SETTINGS = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

TestMemory = _Machine.TestCase
TestMemory.settings = _SETTINGS
TestSqlite = _OnSqlite.TestCase
TestSqlite.settings = _SETTINGS
