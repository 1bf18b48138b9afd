"""A judge of Homie 5, written from the convention (homieiot.github.io, v5.0) and knowing nothing of the hub.

Give it the retained messages of a broker; it returns each breach as a sentence.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

ID = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
STATES = {"init", "ready", "disconnected", "sleeping", "lost"}
# Of a device in these states the description does not change, and must be there.
SETTLED = {"ready", "sleeping"}
DATATYPES = {"integer", "float", "boolean", "string", "enum", "color", "datetime", "duration", "json"}
DEVICE_FIELDS = {"homie", "version", "nodes", "name", "type", "children", "root", "parent", "extensions"}
NODE_FIELDS = {"name", "type", "properties"}
PROPERTY_FIELDS = {"name", "datatype", "format", "settable", "retained", "unit"}
COLORS = {"rgb", "hsv", "xyz"}
INTEGER = re.compile(r"-?\d+")
FLOAT = re.compile(r"-?\d+(\.\d+)?([eE]-?\d+)?")


def breaches(retained: Mapping[str, bytes], domain: str = "homie") -> list[str]:
    """All breaches in what is retained; topics of others are passed over."""
    devices: dict[str, dict[str, bytes]] = {}
    for topic, payload in retained.items():
        levels = topic.split("/")
        if levels[:2] == [domain, "5"] and len(levels) > 3 and not levels[2].startswith("$"):
            devices.setdefault(levels[2], {})["/".join(levels[3:])] = payload
    descriptions: dict[str, dict[str, Any]] = {}
    found = []
    for device, topics in devices.items():
        found += [f"{device}: {said}" for said in _device(device, topics, descriptions)]
    return found + [
        f"{device}: {said}" for device, about in descriptions.items() for said in _tree(device, about, descriptions)
    ]


def _device(device: str, topics: dict[str, bytes], descriptions: dict[str, dict[str, Any]]) -> Iterator[str]:
    if not ID.fullmatch(device):
        yield "its id has other letters than a-z, 0-9 and inner hyphens"
    state = topics.get("$state", b"").decode()
    if state not in STATES:
        yield f"$state is {state!r}"
    if "$description" not in topics:
        yield "it has no $description"
        return
    about = descriptions[device] = json.loads(topics["$description"])
    yield from _description(about)
    properties = {
        f"{node}/{name}": one
        for node, held in about.get("nodes", {}).items()
        for name, one in held.get("properties", {}).items()
    }
    for path, payload in topics.items():
        if path.startswith("$"):
            if path not in {"$state", "$description"} and not path.startswith(("$log/", "$alert/")):
                yield f"{path} is no attribute"
        elif path.removesuffix("/$target") not in properties:
            yield f"{path} is not described"
        else:
            yield from (f"{path}: {said}" for said in _value(properties[path.removesuffix("/$target")], payload))


def _description(about: dict[str, Any]) -> Iterator[str]:
    yield from (f"{field} is unknown" for field in about.keys() - DEVICE_FIELDS)
    if not re.fullmatch(r"5\.\d+", str(about.get("homie"))):
        yield f"homie is {about.get('homie')!r}"
    if not isinstance(about.get("version"), int) or not abs(about["version"]) < 1 << 63:
        yield "version is no integer"
    for field in ("name", "type", "root", "parent"):
        if field in about and not (isinstance(about[field], str) and about[field]):
            yield f"{field} is no text"
    children = about.get("children", [])
    if not isinstance(children, list) or len({*children}) < len(children):
        yield "children is no list of different ids"
    for name, node in about.get("nodes", {}).items():
        yield from (f"{name}: {said}" for said in _node(name, node))


def _node(name: str, node: dict[str, Any]) -> Iterator[str]:
    if not ID.fullmatch(name):
        yield "is no id"
    yield from (f"{field} is unknown" for field in node.keys() - NODE_FIELDS)
    for own, one in node.get("properties", {}).items():
        if not ID.fullmatch(own):
            yield f"{own} is no id"
        yield from (f"{own}: {said}" for said in _property(one))


def _property(one: dict[str, Any]) -> Iterator[str]:
    yield from (f"{field} is unknown" for field in one.keys() - PROPERTY_FIELDS)
    kind, form = one.get("datatype"), one.get("format")
    if kind not in DATATYPES:
        yield f"datatype is {kind!r}"
    for field in ("settable", "retained"):
        if not isinstance(one.get(field, True), bool):
            yield f"{field} is no boolean"
    if "unit" in one and not (isinstance(one["unit"], str) and one["unit"]):
        yield "unit is no text"
    if form is not None and (not isinstance(form, str) or not form):
        yield "format is no text"
    elif kind in {"enum", "color"} or form is not None:
        yield from _format(str(kind), form or "")


def _format(kind: str, form: str) -> Iterator[str]:
    parts = form.split(",")
    differ = len({*parts}) == len(parts)
    if kind == "enum" and not (differ and all(parts)):
        yield f"format {form!r} is no list of different values"
    if kind == "color" and not (differ and {*parts} <= COLORS):
        yield f"format {form!r} is no list of colour spaces"
    if kind == "boolean" and not (differ and len(parts) == 2):
        yield f"format {form!r} is no pair of words"
    if kind in {"integer", "float"}:
        yield from _range(form, INTEGER if kind == "integer" else FLOAT)


def _range(form: str, number: re.Pattern[str]) -> Iterator[str]:
    bounds = form.split(":")
    if len(bounds) not in {2, 3} or not all(not one or number.fullmatch(one) for one in bounds):
        yield f"format {form!r} is no range"
    elif bounds[0] and bounds[1] and float(bounds[0]) > float(bounds[1]):
        yield f"format {form!r} holds nothing"


def _value(one: dict[str, Any], payload: bytes) -> Iterator[str]:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        yield "its payload is no UTF-8"
        return
    if not one.get("retained", True):
        yield "it is retained, and described as not"
    if not is_valid(one, text):
        yield f"{text!r} is no {one['datatype']} {one.get('format', '')}".rstrip()


def is_valid(one: dict[str, Any], text: str) -> bool:
    """Whether a payload is a value of a property."""
    kind, form = one["datatype"], one.get("format", "")
    match kind:
        case "boolean":
            return text in {"true", "false"}
        case "enum":
            return text in form.split(",")
        case "integer" | "float":
            return bool((INTEGER if kind == "integer" else FLOAT).fullmatch(text)) and _in_range(float(text), form)
        case "color":
            return _is_color(text, form)
        case "json":
            return isinstance(json.loads(text), dict | list)
    # An empty text is a byte of zero.
    return text != ""


def _in_range(value: float, form: str) -> bool:
    low, _, rest = form.partition(":")
    high, _, step = rest.partition(":")
    inside = (not low or value >= float(low)) and (not high or value <= float(high))
    if not step:
        return inside
    base = float(low or high or value)
    steps = (value - base) / float(step)
    return inside and math.isclose(steps, round(steps), abs_tol=1e-9)


def _is_color(text: str, form: str) -> bool:
    space, *parts = text.split(",")
    if space not in form.split(",") or not all(FLOAT.fullmatch(part) for part in parts):
        return False
    numbers = [float(part) for part in parts]
    tops = {"rgb": (255, 255, 255), "hsv": (360, 100, 100), "xyz": (1, 1)}[space]
    return len(numbers) == len(tops) and all(0 <= number <= top for number, top in zip(numbers, tops, strict=True))


def _tree(device: str, about: dict[str, Any], all_: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Root, parents and children agree."""
    for child in about.get("children", []):
        if child not in all_:
            yield f"its child {child} is not there"
        elif all_[child].get("parent", all_[child].get("root")) != device:
            yield f"its child {child} has another parent"
    root = about.get("root")
    if root is None:
        if "parent" in about:
            yield "it has a parent and no root"
        return
    parent = about.get("parent", root)
    if root not in all_ or "root" in all_[root]:
        yield f"its root {root} is none"
    if parent not in all_ or device not in all_[parent].get("children", []):
        yield f"its parent {parent} does not tell of it"
