"""The map of the network as a Graphviz graph and as an SVG picture. Pure: JSON in, text out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from device_plugins.zigbee import layout

type Map = Mapping[str, Any]
"""What the service `zigbee.map` gives, as JSON."""
type Node = Mapping[str, Any]

_RING, _MARGIN, _DOT = 190, 110, 11
_COLOURS = {"coordinator": "#c2410c", "router": "#1d4ed8", "end_device": "#15803d", "unknown": "#6b7280"}
# Link quality is not comparable between makers; these are the steps in which most tools show it.
_GOOD, _FAIR = 150, 75
_OLD = 24 * 3600.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def dot(network: Map, names: Mapping[str, str]) -> str:
    """A Graphviz graph; `names` are those of the nodes by address, which stands for a node that has none."""
    lines = ["digraph zigbee {", "  overlap=false; splines=true;", '  node [shape=box, style="rounded", fontsize=10];']
    for node in network["nodes"]:
        label = f"{_name(node, names)}\\n{node['short']:04x}"
        lines.append(f"  {_quoted(node['ieee'])} [label={_quoted(label)}, color={_quoted(_COLOURS[node['kind']])}];")
    for link in network["links"]:
        label = f"{link['lqi']}, {age(link['age'])}"
        ends = f"{_quoted(link['source'])} -> {_quoted(link['target'])}"
        lines.append(f"  {ends} [label={_quoted(label)}, fontsize=8, color={_quoted(_colour(link['lqi']))}];")
    return "\n".join([*lines, "}", ""])


def svg(network: Map, names: Mapping[str, str]) -> str:
    """A picture: the coordinator in the middle, the others around it in rings of hops; hover over an edge for its age.

    The edges of the shortest way are thick, the others thin; those of more than a day ago are dashed.
    """
    nodes: Sequence[Node] = network["nodes"]
    root = next((node["ieee"] for node in nodes if node["kind"] == "coordinator"), "")
    leaves = frozenset(node["ieee"] for node in nodes if node["kind"] == "end_device")
    edges = [(link["source"], link["target"], link["lqi"]) for link in network["links"]]
    parents = layout.tree(root, [node["ieee"] for node in nodes], edges, leaves)
    raw = layout.rings(root, [node["ieee"] for node in nodes], parents)
    reach = max((max(abs(x), abs(y)) for x, y in raw.values()), default=0.0)
    centre = reach * _RING + _MARGIN
    places = {ieee: (centre + x * _RING, centre + y * _RING) for ieee, (x, y) in raw.items()}
    size = round(2 * centre)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {size} {size}">',
            f'<rect width="{size}" height="{size}" fill="#ffffff"/>',
            '<g font-family="sans-serif" font-size="11" text-anchor="middle">',
            *_lines(network, places, parents, lambda ieee: names.get(ieee, ieee)),
            *(_circle(node, places[node["ieee"]], _name(node, names)) for node in nodes),
            "</g>",
            "</svg>",
            "",
        ]
    )


def age(seconds: float | None) -> str:
    """How long ago, in the largest unit that fits: `40 s`, `7 min`, `3 h`, `2 d`; empty for never."""
    if seconds is None:
        return ""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _lines(
    network: Map, places: Mapping[str, layout.Point], parents: Mapping[str, str], named: Callable[[str], str]
) -> list[str]:
    """One line for each pair, with what each of the two says of the other; thin ones first, so that they lie behind."""
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for link in network["links"]:
        if link["source"] in places and link["target"] in places:
            ends = sorted((link["source"], link["target"]))
            pairs.setdefault((ends[0], ends[1]), []).append(link)
    lines: list[tuple[bool, str]] = []
    for (one, other), links in sorted(pairs.items()):
        thick = parents.get(one) == other or parents.get(other) == one
        (x1, y1), (x2, y2) = places[one], places[other]
        told = "; ".join(
            f"{named(li['source'])} hears {named(li['target'])}: {li['lqi']}, {age(li['age'])} ago" for li in links
        )
        style = f'stroke="{_colour(max(li["lqi"] for li in links))}" stroke-width="{2.5 if thick else 0.6}"'
        if min(li["age"] for li in links) > _OLD:
            style += ' stroke-dasharray="5 4"'
        ends_at = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        lines.append((thick, f"<line {ends_at} {style}><title>{escape(told)}</title></line>"))
    return [line for _, line in sorted(lines, key=lambda item: item[0])]


def _circle(node: Node, place: layout.Point, name: str) -> str:
    x, y = place
    about = f"{node['ieee']} {node['short']:04x} {node['kind']}"
    if node["problem"]:
        about += f"; {node['problem']}"
    silent = ' fill-opacity="0.35"' if node["problem"] else ""
    return (
        f'<g><circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" fill="{_COLOURS[node["kind"]]}"{silent}>'
        f"<title>{escape(about)}</title></circle>"
        f'<text x="{x:.1f}" y="{y + 2 * _DOT + 2:.1f}">{escape(name)}</text></g>'
    )


def _name(node: Node, names: Mapping[str, str]) -> str:
    return names.get(node["ieee"]) or ("coordinator" if node["kind"] == "coordinator" else node["ieee"])


def _colour(lqi: int) -> str:
    return "#16a34a" if lqi >= _GOOD else "#ca8a04" if lqi >= _FAIR else "#dc2626"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\\\\n", "\\n")
    return f'"{escaped}"'
