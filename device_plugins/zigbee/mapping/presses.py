"""Presses that a quirk tells in its own words: which of its triggers was meant, and what it is in the vocabulary's."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

type Word = int | float | str | bool | None
type Words = dict[str, Word] | list[Word]


class Press(msgspec.Struct, frozen=True):
    """One trigger of a quirk: what it is told by, and the `action` and `button` that it stands for.

    `command` "" , `endpoint` 0, `cluster` 0, `args` and `params` None stand for any. `plain` are the clusters that have
    a command of this name; none if it is the quirk's own word.
    """

    action: str
    button: str
    command: str = ""
    endpoint: int = 0
    cluster: int = 0
    args: Words | None = None
    params: dict[str, Word] | None = None
    plain: tuple[int, ...] = ()


class Said(NamedTuple):
    """A command by its name, or what a quirk said in its place."""

    endpoint: int
    cluster: int
    command: str
    args: Words
    params: dict[str, Word]


_ACTIONS = {
    "short_press": "single", "double_press": "double", "triple_press": "triple", "quadruple_press": "quadruple",
    "quintuple_press": "quintuple", "long_press": "hold", "long_release": "release", "click": "single",
    "press": "single",
}  # fmt: skip
_PREFIX = re.compile(r"^(remote_button|button|device)_|^alt_")
_NO_SIGN = re.compile(r"[^a-z0-9]+")
_BUTTON = re.compile(r"^button_(?=\d+$)")
# What the triggers of sensors are called; nobody presses those.
_SENSORS = {"sensor", "tilted"}


def slug(name: str) -> str:
    """A name in small letters and underscores."""
    return _NO_SIGN.sub("_", name.lower()).strip("_")


def named(kind: str, subtype: str) -> tuple[str, str] | None:
    """The action and the button of a trigger; the button is empty if the trigger does not name it.

    None for what is no press.
    """
    action, button = _PREFIX.sub("", _PREFIX.sub("", slug(kind))), _BUTTON.sub("", slug(subtype))
    if {action, button} & _SENSORS or _PREFIX.sub("", button) in _SENSORS:
        return None
    return _ACTIONS.get(action, action), "" if button in {slug(kind), "button"} else button


def pressed(presses: Sequence[Press], said: Said) -> Press | None:
    """The press that was meant, if any was."""
    return next((press for press in presses if _means(press, said)), None)


def tells_plainly(presses: Sequence[Press], cluster: int) -> bool:
    """Whether the commands of a cluster are presses too.

    A remote may send them beside what its quirk makes presses of; then no trigger names one of them.
    """
    return all(press.plain for press in presses) or any(cluster in press.plain for press in presses)


def _means(press: Press, said: Said) -> bool:
    return (
        press.command in {"", said.command}
        and press.endpoint in {0, said.endpoint}
        and press.cluster in {0, said.cluster}
        and _holds(said.args, press.args)
        and _holds(said.params, press.params)
    )


def _holds(told: Words, wanted: Words | None) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, Mapping):
        return isinstance(told, Mapping) and all(key in told and told[key] == one for key, one in wanted.items())
    return told == wanted
