"""What a row of the tables is: an attribute that tells something, how to read it, and how to set it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.decode import Decode
from device_plugins.zigbee.mapping.signature import Endpoint, Facts, Raw, Signature

type Encode = Callable[[Any], Raw]
type Condition = Callable[[Endpoint, Facts], bool]


class Report(msgspec.Struct, frozen=True):
    """Reporting (ZCL 2.5.7): no sooner than `least` and no later than `most` seconds, on a change of `change` (raw)."""

    least: int
    most: int
    change: float = 1


OFTEN, SOON, CALM, SELDOM = Report(0, 3600), Report(1, 3600), Report(30, 3600), Report(3600, 43_200, 2)


class Own(msgspec.Struct, frozen=True):
    """What the ZCL does not say of a manufacturer's own attribute: its type, and whose code a frame must bear."""

    kind: int
    manufacturer: int = 0


class Source(msgspec.Struct, frozen=True):
    """One row: an attribute that tells a capability.

    - `scale` names the attributes that hold multiplier and divisor, `exponent` that of a power of ten; `part` is the
      place in a pair.
    - A row that is `optional` falls away when the device says it lacks the attribute; one that is `told` is there only
      when the device told a value. `report` None: read once, never configured to be reported.
    - `name` is the key where it is not the capability's own; `label`, `unit`, `low`, `high` and `values` are the
      feature's.
    - `encode` makes it a setting: the raw value to write, to `target` if that is another attribute. `unset` is the raw
      value that leaves it to the device. `table` instead names the plans of its commands.
    - `own` is of a manufacturer's own attribute; `output`: the attribute stands on the client's side.
    - `converted`: the quirk's own function comes before `decode`.
    - `makers` and `models` are patterns (with `*`) of whose devices alone have the row; `raw` says that a quirk would
      have mended it; `when` decides the rest. Rows of the names that it `hides` fall away on its endpoint.
    """

    capability: str
    cluster: int
    attribute: int
    decode: Decode
    report: Report | None = None
    scale: tuple[int, int] | None = None
    exponent: int | None = None
    part: int | None = None
    optional: bool = False
    told: bool = False
    name: str = ""
    label: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    encode: Encode | None = None
    target: int | None = None
    unset: Raw | None = None
    table: str = ""
    own: Own | None = None
    output: bool = False
    converted: bool = False
    makers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    raw: bool = False
    hides: tuple[str, ...] = ()
    when: Condition | None = None

    @property
    def key(self) -> str:
        """Its name in keys: the speaking one, or the capability's."""
        return self.name or self.capability


def unscaled(factor: float) -> Encode:
    """Undo `decode.scaled`."""
    return lambda value: round(value / factor)


def number(
    name: str,
    place: tuple[int, int],
    factor: float = 1,
    unit: str = "",
    span: tuple[float, float] = (0, 65_534),
    **more: Any,  # noqa: ANN401 - fields of Source
) -> Source:
    """A setting that is a number: `raw * factor` in `unit`, within `span`."""
    digits = 0 if factor >= 1 else 1 if factor >= 0.1 else 2 if factor >= 0.01 else 3  # noqa: PLR2004 - decimal places
    invalid = (more["unset"],) if "unset" in more else ()
    fields: dict[str, Any] = {"told": True, "decode": d.scaled(factor, digits, invalid), "encode": unscaled(factor)}
    return Source("number", *place, name=name, unit=unit, low=span[0], high=span[1], **(fields | more))


def choice(name: str, place: tuple[int, int], words: Mapping[int, str], **more: Any) -> Source:  # noqa: ANN401 - so
    """A setting that is one of a few words."""
    numbers = {word: raw for raw, word in words.items()}
    fields: dict[str, Any] = {"told": True, "encode": numbers.__getitem__}
    return Source("enum", *place, d.words(words), name=name, values=tuple(numbers), **(fields | more))


def switch(name: str, place: tuple[int, int], *, inverted: bool = False, **more: Any) -> Source:  # noqa: ANN401 - so
    """A setting that is on (1) or off (0), or the other way round."""
    fields: dict[str, Any] = {
        "told": True,
        "decode": d.bit(0xFF, inverted=inverted),
        "encode": lambda value: int(value is not inverted),
    }
    return Source("switch", *place, name=name, **(fields | more))


def reading(name: str, place: tuple[int, int], decode: Decode, unit: str = "", **more: Any) -> Source:  # noqa: ANN401
    """A number that can only be read, for which the vocabulary has no word of its own."""
    fields: dict[str, Any] = {"told": True}
    return Source("number", *place, decode, name=name, unit=unit, **(fields | more))


def word(name: str, place: tuple[int, int], words: Mapping[int, str], **more: Any) -> Source:  # noqa: ANN401
    """One of a few words that can only be read."""
    fields: dict[str, Any] = {"told": True}
    return Source("enum", *place, d.words(words), name=name, values=tuple(words.values()), **(fields | more))


def matches(signature: Signature, row: Source) -> bool:
    """Whether the row is for devices of this manufacturer and model."""
    if row.raw and signature.quirk:
        return False
    return _fits(row.makers, signature.manufacturer) and _fits(row.models, signature.model)


def _fits(patterns: tuple[str, ...], name: str) -> bool:
    if not patterns:
        return True
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)
