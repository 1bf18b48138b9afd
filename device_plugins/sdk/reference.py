"""The vocabulary as a page of the reference, written from the code so that it cannot drift."""

from device_plugins.sdk.capabilities import VOCABULARY
from device_plugins.sdk.word import Argument, Capability, Command

_INTRO = """# Capabilities

What devices can do and tell, whatever protocol they speak. A value stands in state at `device/<id>/<key>`; a command
is sent with `devices.command`. A device may narrow a range and lack a command; `hub devices show` says what it has.

| capability | type | unit | range | access | commands | what it is |
| --- | --- | --- | --- | --- | --- | --- |
"""


def document() -> str:
    """The whole vocabulary as Markdown: one table of capabilities, one of their commands."""
    rows = "".join(f"| {' | '.join(_row(kind))} |\n" for kind in VOCABULARY.values())
    commands = "".join(
        f"| `{kind.name}` | `{command.name}` | {_arguments(command)} | {command.doc} |\n"
        for kind in VOCABULARY.values()
        for command in kind.commands
    )
    head = "\n## Commands\n\n| capability | command | arguments | what it does |\n| --- | --- | --- | --- |\n"
    return _INTRO + rows + head + commands


def _row(kind: Capability) -> tuple[str, ...]:
    commands = ", ".join(f"`{command.name}`" for command in kind.commands)
    return f"`{kind.name}`", kind.type, kind.unit, _range(kind), kind.access, commands, kind.doc


def _range(kind: Capability | Argument) -> str:
    if kind.values:
        return ", ".join(f"`{value}`" for value in kind.values)
    low, high = ("" if one is None else f"{one:.10g}" for one in (kind.minimum, kind.maximum))
    return f"{low} … {high}".strip() if low or high else ""


def _arguments(command: Command) -> str:
    return "; ".join(_argument(one) for one in command.arguments)


def _argument(one: Argument) -> str:
    said = " ".join(part for part in (one.type, _range(one), one.unit) if part)
    return f"`{one.name}`: {said}" + ("" if one.required else f", {one.default} if left out")
