"""Properties made into features, with how they are read and set."""

from collections.abc import Callable, Iterable
from typing import Any

from device_plugins.mqtt.conventions.homie import colour
from device_plugins.mqtt.conventions.homie.names import (
    FLAGS,
    LOCKED,
    MODES,
    MOVES,
    SWITCHES,
    dial_of,
    measure_of,
)
from device_plugins.mqtt.conventions.homie.property import Property
from device_plugins.mqtt.conventions.parts import ON_OFF, Parts
from device_plugins.mqtt.conventions.taking import as_number, meaning, measured, unit_of
from device_plugins.mqtt.description import NOTHING, Message, Take
from device_plugins.mqtt.units import from_vocabulary
from device_plugins.sdk import ButtonPressed, check_value
from device_plugins.sdk.device import Feature

_TRUTH = meaning({"true": True, "false": False})
_LONGEST = 64


def add(parts: Parts, prefix: str, properties: Iterable[Property]) -> None:
    """Add a device's properties; numbers first, so that a cover's commands find its position."""
    for prop in sorted(properties, key=lambda one: (one.datatype not in {"integer", "float"}, one.node)):
        _Adding(parts, prefix, prop).add()


class _Adding:
    """One property on its way to be a feature."""

    def __init__(self, parts: Parts, prefix: str, prop: Property) -> None:
        self.parts, self.prop = parts, prop
        self._put = f"{prefix}/{prop.topic}/set"
        self._name = f"{prop.node}_{prop.id}"

    def add(self) -> None:
        """Add it by its datatype."""
        prop = self.prop
        if not prop.retained and not prop.settable:
            self._event()
        elif prop.datatype in {"integer", "float"}:
            self._number()
        elif prop.datatype == "boolean":
            self._boolean()
        elif prop.datatype == "enum":
            self._enum()
        elif prop.datatype == "color":
            colour.add(self.parts, prop, self._put)
        else:
            self._text()

    def _set(self, key: str, command: str, make: Callable[[dict[str, Any]], str]) -> None:
        """Homie sets with messages that are not retained; what is not retained at all goes out at most once."""
        qos = 1 if self.prop.retained else 0
        put = self._put
        self.parts.action(
            key,
            command,
            lambda said, _values: (Message(put, make(said).encode(), qos),),
            confirmed=self.prop.retained,
        )

    def _read(self, key: str, take: Take) -> None:
        if self.prop.retained:
            self.parts.reading(key, self.prop.topic, take, "text")

    def _digits(self, value: float) -> str:
        return str(round(value)) if self.prop.datatype == "integer" else f"{value:.10g}"

    def _event(self) -> None:
        def take(raw: str) -> Any:  # noqa: ANN401 - an event or NOTHING
            if len(raw) > _LONGEST:
                raise ValueError("an event's name is too long")
            word = {"true": "single", "false": ""}.get(raw, raw)
            return ButtonPressed(word) if word else NOTHING

        key = self.parts.add("button", "", self._name, label=self.prop.label)
        self.parts.happening(key, self.prop.topic, take, "text")

    def _number(self) -> None:
        prop = self.prop
        capability = dial_of(prop) if prop.settable else measure_of(prop)
        if capability == "level":
            self._level()
        elif capability:
            self._known(capability)
        else:
            low, high = prop.range
            key = self.parts.add(
                "number",
                self._name,
                minimum=low,
                maximum=high,
                unit=prop.unit,
                label=prop.label,
                writable=prop.settable,
                commands=("set",) if prop.settable else (),
            )
            self._read(key, as_number)
            if prop.settable:
                self._set(key, "set", lambda said: self._digits(said["value"]))

    def _known(self, capability: str) -> None:
        prop = self.prop
        unit = unit_of(capability, prop.unit)
        low, high = (None if one is None or unit is None else unit(one) for one in prop.range)
        settable = prop.settable
        key = self.parts.add(
            capability,
            "",
            prop.node,
            label=prop.label,
            writable=settable,
            commands=("set",) if settable else (),
            minimum=low if settable else None,
            maximum=high if settable else None,
        )
        self._read(key, measured(capability, unit))
        if settable:
            self._set(key, "set", lambda said: self._digits(from_vocabulary(capability, prop.unit, said["value"])))

    def _level(self) -> None:
        low, high = self.prop.range
        bottom, top = (low or 0, high) if high is not None and high > (low or 0) else (0, 100)
        fits = measured("level")
        key = self.parts.add("level", "", self.prop.node, label=self.prop.label, writable=True, commands=("set",))
        self._read(key, lambda raw: fits(round((as_number(raw) - bottom) / (top - bottom) * 100, 2)))
        self._set(key, "set", lambda said: self._digits(bottom + said["value"] / 100 * (top - bottom)))

    def _boolean(self) -> None:
        prop = self.prop
        capability, yes = FLAGS.get(prop.id, ("switch", True)) if not prop.settable else ("switch", True)
        if prop.settable and prop.id in SWITCHES:
            self._power()
            return
        name = self._name if capability == "switch" else ""
        commands = ("set",) if prop.settable else ()
        key = self.parts.add(capability, name, prop.node, label=prop.label, writable=prop.settable, commands=commands)
        self._read(key, lambda raw: _TRUTH(raw) is yes)
        if prop.settable:
            self._set(key, "set", lambda said: "true" if said["value"] else "false")

    def _power(self) -> None:
        put = self._put
        key = self.parts.add("on_off", "", self.prop.node, label=self.prop.label, writable=True, commands=ON_OFF)
        self._read(key, _TRUTH)
        self._set(key, "set", lambda said: "true" if said["value"] else "false")
        self._set(key, "on", lambda _: "true")
        self._set(key, "off", lambda _: "false")
        self.parts.action(
            key,
            "toggle",
            lambda _, values: (Message(put, b"false" if values.get(key) is True else b"true"),),
        )

    def _enum(self) -> None:
        prop, words = self.prop, self.prop.words
        moves = {name: word for name, spelt in MOVES.items() for word in words if word.lower() in spelt}
        if prop.settable and {"open", "close"} <= moves.keys():
            self._moves(moves)
        elif words and all(word.lower() in LOCKED for word in words):
            self._lock(words)
        elif prop.id in {"mode", "thermostat-mode", "hvac-mode"} and words and all(word in MODES for word in words):
            self._worded("thermostat_mode", "", {word: MODES[word] for word in words})
        elif prop.settable and not prop.retained and len(words) == 1:
            key = self.parts.add("press", self._name, label=prop.label, writable=True, commands=("press",))
            self._set(key, "press", lambda _: words[0])
        elif words:
            self._worded("enum", self._name, {word: word for word in words})

    def _worded(self, capability: str, name: str, table: dict[str, str]) -> None:
        prop = self.prop
        back = {mine: theirs for theirs, mine in reversed(table.items())}
        key = self.parts.add(
            capability,
            name,
            prop.node,
            label=prop.label,
            values=tuple(dict.fromkeys(table.values())),
            writable=prop.settable,
            commands=("set",) if prop.settable else (),
        )
        self._read(key, meaning(table))
        if prop.settable:
            self._set(key, "set", lambda said: back[said["value"]])

    def _moves(self, moves: dict[str, str]) -> None:
        key = next((one for one in self.parts.features if one.partition(".")[0] == "cover_position"), "")
        if key and set(moves) & set(self.parts.features[key].commands):
            key = ""
        if key:
            self.parts.widen(key, *moves)
        else:
            key = self.parts.add("cover_position", "", self.prop.node, writable=True, commands=tuple(moves))
            ends = {moves["open"]: 100, moves["close"]: 0}
            self._read(key, lambda raw: ends.get(raw, NOTHING))
        for name, word in moves.items():
            self._set(key, name, lambda _, word=word: word)  # type: ignore[misc]

    def _lock(self, words: tuple[str, ...]) -> None:
        back = {LOCKED[word.lower()]: word for word in words}
        settable = self.prop.settable and len(back) == len(set(LOCKED.values()))
        commands = ("lock", "unlock") if settable else ()
        key = self.parts.add("lock", "", self.prop.node, writable=settable, commands=commands)
        self._read(key, lambda raw: LOCKED[raw.lower()])
        if settable:
            self._set(key, "lock", lambda _: back["locked"])
            self._set(key, "unlock", lambda _: back["unlocked"])

    def _text(self) -> None:
        prop = self.prop
        commands = ("set",) if prop.settable else ()
        key = self.parts.add("text", self._name, label=prop.label, writable=prop.settable, commands=commands)
        feature = Feature(key, "text")
        self._read(key, lambda raw: check_value(feature, raw))
        if prop.settable:
            self._set(key, "set", lambda said: said["value"])
