"""Pictures of the network: everybody is on them, nobody stands on another, and no name breaks them."""

import itertools
import math
import xml.etree.ElementTree as ET
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from device_plugins.zigbee import drawing, layout

ROOT = "0000000000000000"
_NS = {"s": "http://www.w3.org/2000/svg"}


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    ieees = [ROOT, *draw(st.lists(st.integers(1, 2**64 - 1).map("{:016x}".format), unique=True, max_size=20))]
    kinds = st.sampled_from(["router", "end_device", "unknown"])
    pairs = st.tuples(st.sampled_from(ieees), st.sampled_from(ieees))
    return {
        "nodes": [
            {
                "ieee": ieee,
                "short": number,
                "kind": draw(kinds) if number else "coordinator",
                "device": "",
                "age": None,
                "problem": draw(st.sampled_from(["", "does <not> answer"])),
            }
            for number, ieee in enumerate(ieees)
        ],
        "links": [
            {"source": one, "target": other, "relation": "none", "lqi": lqi, "age": age}
            for (one, other), lqi, age in draw(
                st.lists(st.tuples(pairs, st.integers(0, 255), st.floats(0, 1e6)), max_size=40)
            )
        ],
        "routes": [],
    }


names = st.dictionaries(st.just(ROOT), st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"))))


@given(networks(), names)
def test_an_svg_shows_every_node_once_and_every_link(network: dict[str, Any], called: dict[str, str]) -> None:
    picture = ET.fromstring(drawing.svg(network, called))  # noqa: S314 - our own
    assert len(picture.findall(".//s:circle", _NS)) == len(network["nodes"])
    pairs = {frozenset((link["source"], link["target"])) for link in network["links"]}
    assert len(picture.findall(".//s:line", _NS)) == len(pairs)
    shown = [text.text or "" for text in picture.findall(".//s:text", _NS)]
    assert (called.get(ROOT) or "coordinator") in shown
    size = float(picture.attrib["width"])
    for circle in picture.findall(".//s:circle", _NS):
        assert 0 < float(circle.attrib["cx"]) < size
        assert 0 < float(circle.attrib["cy"]) < size


@given(networks())
def test_no_two_nodes_stand_in_one_place(network: dict[str, Any]) -> None:
    nodes = [node["ieee"] for node in network["nodes"]]
    edges = [(link["source"], link["target"], link["lqi"]) for link in network["links"]]
    places = layout.rings(ROOT, nodes, layout.tree(ROOT, nodes, edges))
    assert {*places} == {*nodes}
    assert all(math.dist(one, other) > 0.001 for one, other in itertools.combinations(places.values(), 2))


@given(networks())
def test_the_tree_takes_the_fewest_hops_and_goes_through_no_leaf(network: dict[str, Any]) -> None:
    nodes = [node["ieee"] for node in network["nodes"]]
    leaves = frozenset(node["ieee"] for node in network["nodes"] if node["kind"] == "end_device")
    edges = [(link["source"], link["target"], link["lqi"]) for link in network["links"]]
    parents = layout.tree(ROOT, nodes, edges, leaves)
    hops = {ROOT: 0}
    for _ in nodes:
        for one, other, _ in edges:
            for near, far in ((one, other), (other, one)):
                if near in hops and near not in leaves:
                    hops[far] = min(hops.get(far, 99), hops[near] + 1)
    assert {*parents} == hops.keys() - {ROOT}
    for node, parent in parents.items():
        assert parent not in leaves
        assert hops[parent] == hops[node] - 1


@given(networks(), names)
def test_a_graph_names_every_node_and_link(network: dict[str, Any], called: dict[str, str]) -> None:
    graph = drawing.dot(network, called)
    lines = graph.splitlines()
    assert lines[0] == "digraph zigbee {"
    assert lines[-1] == "}"
    assert sum(" -> " in line and "[label=" in line for line in lines) >= len(network["links"])
    assert all(f'"{node["ieee"]}" [label=' in graph for node in network["nodes"])


def test_a_quote_in_a_name_ends_no_string() -> None:
    node = {"ieee": ROOT, "short": 0, "kind": "coordinator", "device": "", "age": None, "problem": ""}
    graph = drawing.dot({"nodes": [node], "links": [], "routes": []}, {ROOT: 'a "b" \\ c'})
    assert 'label="a \\"b\\" \\\\ c\\n0000"' in graph


def test_ages_are_told_in_their_own_unit() -> None:
    assert [drawing.age(one) for one in (None, 0, 59, 60, 7200, 200_000)] == ["", "0 s", "59 s", "1 min", "2 h", "2 d"]
