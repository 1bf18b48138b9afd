"""Starting order: needs first, wishes where they can be met, and a sentence for what cannot start."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.hosts.order import choose, start_order
from hub.manifest import Manifest
from hub.types import PluginInfo
from tests.hub.world import Scripted, fails_with, made_world
from tests.hub.world import plugin as scripted


def plugin(
    id_: str, requires: dict[str, str] | None = None, after: list[str] | None = None, *, enabled: bool = True
) -> Manifest:
    return Manifest(
        id=id_,
        version="1.2.0",
        api="1",
        entry="m:C",
        requires=requires or {},
        after=after or [],
        enabled=enabled,
        folder=Path(),
    )


def order(*plugins: Manifest, off: Sequence[Manifest] = ()) -> tuple[list[str], dict[str, str]]:
    """The order of `plugins`, where those that are `off` are there but not enabled."""
    return start_order({one.id: one for one in plugins}, {one.id: one for one in (*plugins, *off)})


def test_needs_and_wishes_come_first() -> None:
    found, refused = order(plugin("c", {"b": "*"}), plugin("b", after=["a", "not_there"]), plugin("a"))

    assert found == ["a", "b", "c"]
    assert refused == {}


def test_nothing_is_an_order_too() -> None:
    assert order() == ([], {})


def test_a_missing_need_is_named_with_the_remedy() -> None:
    found, refused = order(plugin("a", {"b": "*"}), plugin("c"))

    assert found == ["c"]
    assert refused == {"a": "a requires b, which is not there; put it into a folder of [hub] plugin_dirs"}


def test_a_need_that_is_not_enabled_is_named_with_the_remedy() -> None:
    found, refused = order(plugin("a", {"b": "*"}), off=[plugin("b")])

    assert found == []
    assert refused == {"a": "a requires b, which is not enabled; `hub plugins enable b` enables it"}


def test_a_version_out_of_range_is_named() -> None:
    found, refused = order(plugin("a", {"b": ">=2"}), plugin("b"))

    assert found == ["b"]
    assert refused == {"a": "a requires b >=2, but version 1.2.0 is installed"}
    assert order(plugin("a", {"b": ">=2"}), off=[plugin("b")])[1] == refused


def test_who_needs_a_refused_one_stays_in_line_to_say_so_itself() -> None:
    found, refused = order(plugin("a", {"b": "*"}), plugin("b", {"gone": "*"}))

    assert found == ["a"]
    assert [*refused] == ["b"]


def test_circles_are_named_and_the_others_start() -> None:
    found, refused = order(
        plugin("a", {"b": "*"}),
        plugin("b", {"c": "*"}),
        plugin("c", {"a": "*"}),
        plugin("x", {"y": "*"}),
        plugin("y", {"x": "*"}),
        plugin("self", {"self": "*"}),
        plugin("free"),
    )

    assert found == ["free"]
    assert {*refused} == {"a", "b", "c", "x", "y", "self"}
    assert refused["self"] == "self cannot start: self requires self goes in a circle; take one requirement away"
    circle = "a requires b requires c requires a"
    turned = (circle, "b requires c requires a requires b", "c requires a requires b requires c")
    assert any(one in refused["a"] for one in turned)
    assert refused["a"].startswith("a cannot start: ")


def test_wishes_in_a_circle_are_dropped_but_needs_are_kept() -> None:
    found, refused = order(plugin("a", {"b": "*"}, ["c"]), plugin("b", after=["a"]), plugin("c", after=["c"]))

    assert refused == {}
    assert sorted(found) == ["a", "b", "c"]
    assert found.index("b") < found.index("a")


def test_choosing_takes_needs_along() -> None:
    plugins = (
        plugin("a", {"b": "*"}, enabled=False),
        plugin("b", {"c": "*", "gone": "*"}, enabled=False),
        plugin("c", enabled=False),
        plugin("d"),
        plugin("e"),
        plugin("zigbee", enabled=False),
    )
    found = {one.id: one for one in plugins}

    assert [one.id for one in choose(found, ["a", "gone"], ["e"])] == ["a", "b", "c", "d"]
    assert [one.id for one in choose(found, ["a"], ["c"])] == ["a", "b", "d", "e"]
    assert [one.id for one in choose(found, ["a"], ["a", "e", "gone"])] == ["d"]
    assert choose({}, [], []) == []


NAMES = "abcdefg"
SOME = st.sets(st.sampled_from(NAMES), max_size=2)
NEEDS = st.dictionaries(st.sampled_from([*NAMES, "gone"]), st.sampled_from(["*", "*", "*", ">=2"]), max_size=2)
PLANS = st.dictionaries(st.sampled_from(NAMES), st.tuples(NEEDS, SOME), max_size=len(NAMES))

type Graph = dict[str, set[str]]


def reached(graph: Graph, start: str) -> set[str]:
    """All that can be reached from `start` in one step or more."""
    seen: set[str] = set()
    queue = [start]
    while queue:
        new = graph.get(queue.pop(), set()) - seen
        seen |= new
        queue += new
    return seen


def circular(graph: Graph) -> set[str]:
    """The nodes that can be reached from themselves."""
    return {name for name in graph if name in reached(graph, name)}


@given(PLANS, SOME)
def test_every_plugin_starts_behind_its_needs_or_is_refused_with_a_sentence(
    plan: dict[str, tuple[dict[str, str], set[str]]], off: set[str]
) -> None:
    everything = {name: plugin(name, needs, sorted(after)) for name, (needs, after) in plan.items()}
    chosen = {name: one for name, one in everything.items() if name not in off}
    found, refused = start_order(chosen, everything)
    unmet = {one.id for one in chosen.values() if one.requires.keys() - chosen.keys() or ">=2" in one.requires.values()}
    needs = {name: {*one.requires} - unmet for name, one in chosen.items() if name not in unmet}
    alive = {name: {*chosen[name].requires} - refused.keys() for name in found}
    wishes = {name: alive[name] | (({*chosen[name].after} - {name}) & {*found}) for name in found}

    assert sorted([*found, *refused]) == sorted(chosen)
    assert unmet <= refused.keys() <= unmet | circular(needs)
    for name, why in refused.items():
        assert why.startswith(f"{name} cannot start: " if name not in unmet else f"{name} requires ")
        assert "\n" not in why
    for place, name in enumerate(found):
        assert alive[name] <= {*found[:place]}
        assert circular(wishes) or wishes[name] <= {*found[:place]}


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(SOME, SOME), min_size=1), SOME)
def test_all_that_can_start_is_started_in_order_and_stopped_in_reverse(
    plan: dict[str, tuple[set[str], set[str]]], broken: set[str]
) -> None:
    needs = {name: wanted for name, (wanted, _) in plan.items()}
    whole = {
        name for name in plan if not (reached(needs, name) | {name}) & (circular(needs) | broken | {*NAMES} - {*plan})
    }

    async def live(folder: Path) -> dict[str, PluginInfo]:
        async with made_world(folder) as world:
            for name in broken:
                Scripted.script["start", name] = fails_with(ValueError("no bulb"))
            manager = await world.start(*(scripted(name, *plan[name][0], after=sorted(plan[name][1])) for name in plan))
            infos = {one.id: one for one in manager.infos()}
            await manager.stop()
            return infos

    with TemporaryDirectory() as folder:
        infos = asyncio.run(live(Path(folder)))
    started = [line.removeprefix("start ") for line in Scripted.played if line.startswith("start ")]
    stopped = [line.removeprefix("stop ") for line in Scripted.played if line.startswith("stop ")]

    assert {name for name, one in infos.items() if one.status == "running"} == whole
    assert {*started} == {*stopped} == {name for name in plan if needs[name] <= whole}
    assert all(infos[name].reason and infos[name].status == "failed" for name in plan.keys() - whole)
    for name in whole:
        assert all(started.index(need) < started.index(name) for need in needs[name])
        assert all(stopped.index(need) > stopped.index(name) for need in needs[name])
