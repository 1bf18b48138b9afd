"""Starting order: needs first, wishes where they can be met, and a sentence for what cannot start."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hub.manifest import Manifest
from hub.plugin_order import start_order


def plugin(id_: str, requires: dict[str, str] | None = None, after: list[str] | None = None) -> Manifest:
    return Manifest(
        id=id_,
        version="1.2.0",
        api="1",
        entry="m:C",
        requires=requires or {},
        after=after or [],
        folder=Path(),
    )


def order(*plugins: Manifest) -> tuple[list[str], dict[str, str]]:
    return start_order({one.id: one for one in plugins})


def test_needs_and_wishes_come_first() -> None:
    found, refused = order(plugin("c", {"b": "*"}), plugin("b", after=["a", "not_there"]), plugin("a"))

    assert found == ["a", "b", "c"]
    assert refused == {}


def test_nothing_is_an_order_too() -> None:
    assert order() == ([], {})


def test_a_missing_need_is_named_with_the_remedy() -> None:
    found, refused = order(plugin("a", {"b": "*"}), plugin("c"))

    assert found == ["c"]
    assert refused == {"a": "a requires b, which is not enabled; add it to [plugins] enable"}


def test_a_version_out_of_range_is_named() -> None:
    found, refused = order(plugin("a", {"b": ">=2"}), plugin("b"))

    assert found == ["b"]
    assert refused == {"a": "a requires b >=2, but version 1.2.0 is installed"}


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


NAMES = st.sampled_from("abcdef")


@given(st.dictionaries(NAMES, st.tuples(st.sets(NAMES, max_size=2), st.sets(NAMES, max_size=2)), max_size=6))
def test_every_plugin_is_started_behind_its_needs_or_refused(plan: dict[str, tuple[set[str], set[str]]]) -> None:
    plugins = {name: plugin(name, dict.fromkeys(needs, "*"), [*after]) for name, (needs, after) in plan.items()}
    found, refused = start_order(plugins)

    assert sorted([*found, *refused]) == sorted(plugins)
    for place, name in enumerate(found):
        assert {need for need in plugins[name].requires if need not in refused} <= {*found[:place]}
    assert all(name in sentence for name, sentence in refused.items())
