"""From the words of `hub devices set` to commands for the device's capabilities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.cli.errors import CommandError
from hub.cli.words import pair, parse
from hub.suggest import did_you_mean

type Feature = dict[str, Any]

_FADING = ("level", "color_xy", "color_hue", "color_saturation", "color_temperature")


@dataclass(frozen=True, slots=True)
class Action:
    """One command for one capability. `words` are the arguments as typed; `texts` those that are surely texts."""

    key: str
    command: str
    words: dict[str, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    fixed: dict[str, Any] = field(default_factory=dict)

    @property
    def readings(self) -> list[dict[str, Any]]:
        """The arguments, likeliest reading first: as values, and then as texts where that makes a difference."""
        values = {name: word if name in self.texts else parse(word) for name, word in self.words.items()}
        readings = [{**self.fixed, **values}]
        if values != self.words:
            readings.append({**self.fixed, **self.words})
        return readings


def actions(
    name: str, features: Sequence[Feature], words: Iterable[str], transition: float | None = None
) -> list[Action]:
    """The commands that `words` ask of the device `name`; `transition` (s) goes to those that can fade.

    Raises CommandError for what it cannot be told, WrongUsageError.
    """
    found: list[Action] = []
    for word in words:
        if "=" not in word:
            found.append(_command(name, features, word))
            continue
        key, value = pair(word)
        feature = _feature(features, key)
        if feature is not None:
            known = frozenset({"value"}) if value in feature.get("values", ()) else frozenset[str]()
            found.append(Action(feature["key"], "set", {"value": value}, known))
        elif found:
            found[-1].words[key] = value
        else:
            keys = [one["key"] for one in features if one.get("commands")]
            hint = did_you_mean(key, keys)
            raise CommandError(
                f"{name} has no {key!r}{hint}?" if hint else f"{name} has no {key!r}; it can be told {_listed(keys)}"
            )
    if transition is not None:
        _fade(name, features, found, transition)
    return found


def _feature(features: Sequence[Feature], name: str) -> Feature | None:
    return next((one for one in features if one["key"] == name), None) or next(
        (one for one in features if one["capability"] == name), None
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _command(name: str, features: Sequence[Feature], word: str) -> Action:
    key, colon, command = word.rpartition(":")
    asked = [_feature(features, key)] if colon else features
    able = [one for one in asked if one is not None and command in one.get("commands", ())]
    if not able:
        every = dict.fromkeys(each for one in features for each in one.get("commands", ()) if each != "set")
        hint = did_you_mean(command, every)
        raise CommandError(
            f"{name} has no command {word!r}{hint}?"
            if hint
            else f"{name} has no command {word!r}; it has {_listed(every)}"
        )
    if len(able) > 1:
        ways = " or ".join(f"{one['key']}:{command}" for one in able)
        raise CommandError(f"{word!r} may mean several things to {name}; say {ways}")
    return Action(able[0]["key"], command)


def _fade(name: str, features: Sequence[Feature], found: list[Action], transition: float) -> None:
    able = {one["key"] for one in features if one["capability"] in _FADING}
    fading = [one for one in found if one.key in able and one.command in {"set", "step"}]
    if not fading:
        raise CommandError(f"nothing of this can fade at {name}: --transition goes with brightness or colour")
    for one in fading:
        one.fixed["transition"] = transition
