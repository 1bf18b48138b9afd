"""What a quirk shows beside the ZCL, made into rows."""

from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.decode import Decode
from device_plugins.zigbee.mapping.rows import Encode, Report, Source, unscaled
from device_plugins.zigbee.mapping.signature import Extra, Raw


def row_of(extra: Extra) -> Source:
    """The row that reads, and sets, what it shows."""
    return Source(
        extra.capability,
        extra.cluster,
        extra.attribute,
        _decode(extra),
        None if extra.report is None else Report(*extra.report),
        name=extra.name,
        label=extra.label,
        unit=extra.unit,
        low=extra.low,
        high=extra.high,
        values=tuple(dict.fromkeys(word for _, word in extra.words)),
        encode=_encode(extra),
        output=extra.output,
        converted=extra.converted,
    )


def _decode(extra: Extra) -> Decode:
    match extra.capability:
        case "enum":
            return d.words(dict(extra.words))
        case "switch" if extra.on != 1:
            return lambda raw: (d.whole(raw) == extra.on) is not extra.inverted
        case "switch" | "alarm":
            return d.bit(-1, inverted=extra.inverted)
        case "text":
            return _text
    if _is_flag(extra):
        return d.bit(-1, inverted=extra.inverted)
    return d.scaled(extra.factor, 4)


def _is_flag(extra: Extra) -> bool:
    return extra.unit == "" and extra.capability not in {"number", "press"} and extra.factor == 0


def _text(raw: Raw) -> str | None:
    return d.text(raw) if isinstance(raw, str) else str(raw)


def _encode(extra: Extra) -> Encode | None:
    if extra.press is not None:
        press = extra.press
        return lambda _: press
    if not extra.writable:
        return None
    match extra.capability:
        case "enum":
            return {word: raw for raw, word in extra.words}.__getitem__
        case "switch":
            return lambda value: extra.on if value is not extra.inverted else extra.off
        case "text":
            return str
    return unscaled(extra.factor)
