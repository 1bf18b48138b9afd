"""A diagnostics file of a real device, read as the description that the virtual radio builds a device from.

Files come in several shapes: as this hub writes them, as ZHA's tests hold them, and wrapped in `data` as Home
Assistant hands them out; clusters and attributes stand in objects or lists. What a quirk changed is not on the air, so
the original signature wins; values that only a quirk holds are left out.

It imports zigpy for the types and the access of attributes that a file does not tell.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from zigpy.zcl import foundation
from zigpy.zcl.clusters import CLUSTERS_BY_ID

type Tree = dict[str, Any]
type Row = list[Any]

SIZE_LIMIT = 4 << 20
_BASIC = 0x0000
_HOME_AUTOMATION = 0x0104
_ELECTRICAL, _METERING = 0x0B04, 0x0702
_ILLUMINANCE, _U16_MOST = 0x0400, 0xFFFF
_FIRST_OWN = 0xFC00
_WRITABLE, _REPORTED, _OWN, _EITHER = 1, 2, 4, 8
_RECEIVER_ON = 0x08
# Of clusters with very many attributes, those that a device has though the file holds no value of them.
_USUAL = {
    _ELECTRICAL: {0x0300, 0x0505, 0x0508, 0x050B, 0x050F, 0x0510},
    _METERING: {0x0000, 0x0400},
}
_STRINGS = {0x41: b"", 0x42: "", 0x43: b"", 0x44: ""}
_FLOATS = {0x38, 0x39, 0x3A}
_SIGNED = range(0x28, 0x30)
_ENUMS = {0x30, 0x31}
_BITMAPS = range(0x18, 0x20)
_BOOL, _U8, _EUI64 = 0x10, 0x20, 0xF0
_TEXT, _LONG_TEXT = 0x42, 0x44
_NAMED_TYPES = {
    "LVBytes": 0x41, "LimitedLVBytes": 0x41, "CharacterString": _TEXT, "LimitedCharString": _TEXT,
    "LongOctetString": 0x43, "LongCharacterString": _LONG_TEXT, "Bool": _BOOL, "EUI64": _EUI64, "UTCTime": 0xE2,
    "Single": 0x39, "Double": 0x3A, "Half": 0x38,
}  # fmt: skip
_TYPE_TEXT = re.compile(r"type=<(\w+) '(?:[^']*\.)?(\w+)'>")
_NUMBERED_TYPE = re.compile(r"(uint|int|enum|bitmap|data|map)(\d+)")
_SHAPES = {"uint": 0x20, "int": 0x28, "bitmap": 0x18, "map": 0x18, "data": 0x08}
_OWN_TEXT = "is_manufacturer_specific=True"
_REPR = re.compile(r"<\S+: (-?\d+)>")


class NotADiagnosticsError(ValueError):
    """The file is no diagnostics of a Zigbee device; the text is one sentence."""


class _Told(NamedTuple):
    """What a file tells of one attribute."""

    number: int
    value: Any
    about: str
    unsupported: bool


def read(path: Path) -> Tree:
    """The description of the device in a file.

    Raises NotADiagnosticsError.
    """
    tree = load(path)
    try:
        return describe(tree)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise NotADiagnosticsError(f"{path.name} is no diagnostics of a Zigbee device ({reason:.100})") from None


def load(path: Path) -> Tree:
    """The JSON of a file, out of its wrapping.

    Raises NotADiagnosticsError.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise NotADiagnosticsError(f"{path.name} cannot be read: {error.strerror}") from None
    if len(content) > SIZE_LIMIT:
        raise NotADiagnosticsError(f"{path.name} is larger than {SIZE_LIMIT >> 20} MiB, so no diagnostics file")
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        raise NotADiagnosticsError(f"{path.name} is not JSON; name a file that `hub zigbee diagnose` wrote") from None
    if isinstance(tree, dict) and isinstance(tree.get("data"), dict):
        tree = tree["data"]
    if not isinstance(tree, dict) or not _endpoints_of(tree):
        raise NotADiagnosticsError(
            f"{path.name} tells of no endpoints; name a file that `hub zigbee diagnose` or ZHA's diagnostics wrote"
        )
    return tree


def describe(tree: Tree) -> Tree:
    """The description for the virtual radio; raises what a malformed tree brings about."""
    details = _details(tree)
    endpoints = [
        _endpoint(_number(name), about, details.get(_number(name), {})) for name, about in _endpoints_of(tree).items()
    ]
    descriptor = _descriptor(tree)
    receiver_on = descriptor[2] & _RECEIVER_ON if descriptor else "mains" in str(tree.get("power_source", "")).lower()
    return {
        "manufacturer": str(tree.get("manufacturer") or ""),
        "model": str(tree.get("model") or ""),
        "battery": not receiver_on,
        "descriptor": descriptor.hex(),
        "endpoints": endpoints,
    }


def _endpoints_of(tree: Tree) -> Tree:
    for name in ("original_signature", "signature"):
        signature = tree.get(name)
        if isinstance(signature, dict) and isinstance(found := signature.get("endpoints"), dict) and found:
            return found
    found = tree.get("endpoints") or tree.get("cluster_details")
    return found if isinstance(found, dict) else {}


def _details(tree: Tree) -> dict[int, Tree]:
    found = tree.get("cluster_details") or tree.get("endpoints") or {}
    return {_number(name): about for name, about in found.items()}


def _descriptor(tree: Tree) -> bytes:
    for name in ("original_signature", "signature"):
        signature = tree.get(name) or {}
        told = signature.get("node_descriptor") or signature.get("node_desc")
        if isinstance(told, dict):
            break
    else:
        told = tree.get("node_descriptor")
        if not isinstance(told, dict):
            return b""
    get = {key: _number(value) for key, value in told.items()}.get
    first = (
        get("logical_type", 2)
        | get("complex_descriptor_available", 0) << 3
        | get("user_descriptor_available", 0) << 4
        | get("reserved", 0) << 5
    )
    second = get("aps_flags", 0) | get("frequency_band", 8) << 3
    return (
        bytes([first & 0xFF, second & 0xFF, get("mac_capability_flags", 0x80) & 0xFF])
        + get("manufacturer_code", 0).to_bytes(2, "little")
        + bytes([get("maximum_buffer_size", 82) & 0xFF])
        + get("maximum_incoming_transfer_size", 82).to_bytes(2, "little")
        + get("server_mask", 0).to_bytes(2, "little")
        + get("maximum_outgoing_transfer_size", 82).to_bytes(2, "little")
        + bytes([get("descriptor_capability_field", 0) & 0xFF])
    )


def _endpoint(number: int, about: Tree, details: Tree) -> Tree:
    inputs = _cluster_trees(details.get("in_clusters", about.get("in_clusters", {})))
    outputs = _cluster_trees(details.get("out_clusters", about.get("out_clusters", {})))
    mine = [_number(one) for one in about.get("input_clusters", inputs)]
    theirs = [_number(one) for one in about.get("output_clusters", outputs)]
    return {
        "id": number,
        "profile": _number(about.get("profile_id")) or _HOME_AUTOMATION,
        "type": _number(about.get("device_type")),
        "inputs": [*_inputs(inputs, dict.fromkeys(mine))],
        "outputs": [
            {"id": one, "attributes": [*_told_rows(one, outputs.get(one, {}))]} for one in dict.fromkeys(theirs)
        ],
    }


def _inputs(trees: dict[int, Tree], told: Iterable[int]) -> Iterator[Tree]:
    """The clusters that the device tells of; and those of its manufacturer that a quirk found it to answer on."""
    for one in told:
        yield {"id": one, "attributes": [*_rows(one, trees.get(one, {}))]}
    for one in trees.keys() - {*told}:
        rows = [*_told_rows(one, trees[one])] if one >= _FIRST_OWN else []
        if rows:
            yield {"id": one, "attributes": rows, "hidden": True}


def _cluster_trees(told: Any) -> dict[int, Tree]:  # noqa: ANN401 - JSON
    if isinstance(told, Mapping):
        return {_number(name): about for name, about in told.items()}
    return {_number(about["cluster_id"]): about for about in told}


def _rows(cluster: int, about: Tree) -> Iterator[Row]:
    """The attributes that the file holds, and those that such a cluster has all the same."""
    told = {row[0]: row for row in _told_rows(cluster, about)}
    yield from told.values()
    lacking = _unsupported(about)
    if cluster == _BASIC:
        return
    for number, known in _known(cluster).items():
        if number in told or number in lacking or known.name in lacking or not _is_usual(cluster, known):
            continue
        kind = int(known.zcl_type)
        yield [number, kind, _nothing(kind), _flags(cluster, known, "")]


def _told_rows(cluster: int, about: Tree) -> Iterator[Row]:
    known = _known(cluster)
    for one in _attributes(about):
        if one.value is None or one.unsupported:
            continue
        # A manufacturer's own attribute may bear the number of another.
        definition = None if _OWN_TEXT in one.about else known.get(one.number)
        kind = _kind(definition, one)
        value = _value(kind, _untouched(cluster, one.value), definition)
        if value is not None:
            yield [one.number, kind, value, _flags(cluster, definition, one.about)]


def _untouched(cluster: int, value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value as it was on the air: a broken number of the light is what a quirk made of lux (ZCL 4.2.2.2.1)."""
    if cluster == _ILLUMINANCE and isinstance(value, float) and value % 1 and value < _U16_MOST:
        return round(10 ** ((value - 1) / 10_000))
    return value


def _attributes(about: Tree) -> Iterator[_Told]:
    told = about.get("attributes") or {}
    items: Iterable[tuple[Any, Any]]
    items = (
        told.items() if isinstance(told, Mapping) else [(one.get("id", one.get("attribute_id")), one) for one in told]
    )
    for name, one in items:
        if re.fullmatch(r"0[xX][0-9a-fA-F]{1,4}|\d{1,5}", str(name)):
            value = one.get("value") if isinstance(one, Mapping) else one
            text = str(one.get("attribute") or one.get("zcl_type") or "") if isinstance(one, Mapping) else ""
            yield _Told(_number(name), value, text, isinstance(one, Mapping) and bool(one.get("unsupported")))


def _unsupported(about: Tree) -> set[int | str]:
    found: set[int | str] = {one.number for one in _attributes(about) if one.unsupported}
    for one in about.get("unsupported_attributes") or ():
        text = str(one)
        found.add(_number(text) if re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", text) else text)
    return found


def _known(cluster: int) -> dict[int, foundation.ZCLAttributeDef]:
    found = CLUSTERS_BY_ID.get(cluster)
    return {} if found is None else {one.id: one for one in found.AttributeDefs}


def _is_usual(cluster: int, known: foundation.ZCLAttributeDef) -> bool:
    if cluster in _USUAL:
        return known.id in _USUAL[cluster]
    return bool(known.access & foundation.ZCLAttributeAccess.Report) and bool(known.mandatory)


def _kind(definition: foundation.ZCLAttributeDef | None, one: _Told) -> int:
    if definition is not None:
        return int(definition.zcl_type)
    found = _TYPE_TEXT.search(one.about)
    name = found[2] if found else one.about
    if name in _NAMED_TYPES:
        return _NAMED_TYPES[name]
    if numbered := _NUMBERED_TYPE.match(name):
        size = max(int(numbered[2]) // 8, 1)
        if numbered[1] == "enum":
            return 0x30 if size == 1 else 0x31
        return _SHAPES[numbered[1]] + size - 1
    return _guess(one.value, found[1] if found else "")


def _guess(value: Any, shape: str) -> int:  # noqa: ANN401 - JSON
    match value:
        case bool():
            return _BOOL
        case int():
            return _guess_integer(value, shape)
        case float():
            return 0x39
    return _TEXT


def _guess_integer(value: int, shape: str) -> int:
    size = max((value.bit_length() - 1) // 8, 0)
    if shape == "enum":
        return 0x30 if size == 0 else 0x31
    if value < 0:
        return 0x28 + (value + 1).bit_length() // 8
    return (0x18 if shape == "flag" else _U8) + size


def _value(kind: int, value: Any, definition: foundation.ZCLAttributeDef | None) -> Any:  # noqa: ANN401 - JSON
    """The value as the virtual radio takes it; None if it cannot be one of its type."""
    if kind in _STRINGS:
        return _string(kind, value)
    if isinstance(value, str):
        value = _from_text(kind, value, definition)
    if kind in _FLOATS:
        return float(value) if isinstance(value, int | float) else None
    if not isinstance(value, int | float) or kind < _SHAPES["data"]:
        return None
    number = round(value)
    low, high = _span(kind)
    return number if low <= number <= high else None


def _string(kind: int, value: Any) -> Any:  # noqa: ANN401 - JSON
    if kind in {_TEXT, _LONG_TEXT}:
        return value if isinstance(value, str) else None
    if isinstance(value, list):
        return {"hex": bytes(value).hex()}
    if not isinstance(value, str):
        return None
    if value[:2] in {"b'", 'b"'}:
        literal = ast.literal_eval(value)
        return {"hex": bytes(literal).hex()}
    plain = value.removeprefix("0x")
    if re.fullmatch(r"([0-9a-fA-F]{2})*", plain):
        return {"hex": plain}
    return {"hex": value.encode().hex()}


def _from_text(kind: int, text: str, definition: foundation.ZCLAttributeDef | None) -> int | float | None:
    if kind == _EUI64:
        return int(text.replace(":", ""), 16)
    if found := _REPR.search(text):
        return int(found[1])
    if re.fullmatch(r"-?\d+|0[xX][0-9a-fA-F]+", text):
        return int(text, 0)
    if text.lower() in {"true", "false"}:
        return int(text.lower() == "true")
    name = text.rpartition(".")[2]
    members = getattr(getattr(definition, "type", None), "__members__", {})
    return int(members[name]) if name in members else None


def _span(kind: int) -> tuple[int, int]:
    if kind in _SIGNED:
        top = 1 << (8 * (kind - 0x28 + 1) - 1)
        return -top, top - 1
    sizes = {_BOOL: 0.125, 0x30: 1, 0x31: 2, _EUI64: 8, 0xE8: 2, 0xE9: 2, 0xE0: 4, 0xE1: 4, 0xE2: 4, 0xEA: 4}
    size = sizes.get(kind, kind % 8 + 1)
    return 0, (1 << round(8 * size)) - 1


def _nothing(kind: int) -> Any:  # noqa: ANN401 - JSON
    """The value of a type that says that there is none; 0 where a type has no such value."""
    if kind in _STRINGS:
        return _string(kind, _STRINGS[kind])
    if kind in _FLOATS:
        return None
    low, high = _span(kind)
    if kind == _BOOL or kind in _BITMAPS:
        return 0
    return low if kind in _SIGNED else high


def _flags(cluster: int, definition: foundation.ZCLAttributeDef | None, about: str) -> int:
    if cluster >= _FIRST_OWN:
        return _WRITABLE | _REPORTED
    if definition is not None:
        access = definition.access
        can_write = bool(access & foundation.ZCLAttributeAccess.Write)
        return can_write * _WRITABLE | bool(access & foundation.ZCLAttributeAccess.Report) * _REPORTED
    is_own = _OWN_TEXT in about
    return _WRITABLE | _REPORTED | (_OWN if is_own else _EITHER)


def _number(told: Any) -> int:  # noqa: ANN401 - JSON
    match told:
        case bool() | int():
            return int(told)
        case str() if told.strip():
            return int(told, 0) if not told.isdigit() else int(told)
        case {"id": int() as number}:
            return number
        case None | "":
            return 0
    raise ValueError(f"{told!r:.40} is no number")
