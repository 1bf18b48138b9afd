"""`hub storage`: what is written to the disk, and what it means for it."""

import time
from typing import Annotated, Any

import typer

from hub.cli.errors import CommandError, RefusedError
from hub.cli.output import emit, fields, lasting, number, say, table
from hub.cli.session import Session, talks
from hub.cli.words import finite

_LONG = 3600.0  # s
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

app = typer.Typer(help="Storage: what is written, whether it is sound, how long the card lasts.", no_args_is_help=True)

CardOption = Annotated[
    float | None, typer.Option("--card-gb", min=0.1, max=100_000, metavar="GB", help="Reckon with a card of this size.")
]
CyclesOption = Annotated[
    int | None, typer.Option("--cycles", min=1, max=1_000_000, help="Reckon with so many write cycles.")
]


@app.callback()
def group() -> None:  # noqa: D103 - the help of the group is above
    pass


@app.command()
@talks
def wear(session: Session, card_gb: CardOption = None, cycles: CyclesOption = None) -> None:
    """Show who wrote how much, over all restarts, and how long the card lasts at that pace."""
    asked = {"card_gb": finite(card_gb), "cycles": cycles}
    try:
        found: dict[str, Any] = session.client.call("wear.report", {k: v for k, v in asked.items() if v is not None})
    except RefusedError as error:
        if error.reason != "unknown_service":
            raise
        raise CommandError("the plugin wear does not run, so nobody counts; see `hub plugins list --all`") from error
    if session.json:
        emit(found)
        return
    rows = [[one["id"], amount(one["storage_bytes"]), amount(one["journal_bytes"])] for one in found["writers"]]
    table(["Plugin", "Storage", "Journal"], rows, keep="Plugin", empty="Nothing was written yet.")
    say()
    card = found["card"]
    pairs = [
        ("Measured", f"{lasting(found['seconds'])} of the hub's life"),
        ("Disk was given", amount(found["disk_bytes"])),
        ("Per day", "" if found["years_left"] is None else amount(found["bytes_per_day"])),
        ("Amplification", f"{number(round(found['amplification'], 2))} times what was handed in"),
        ("Card", f"{amount(card['bytes'])}, {card['cycles']} cycles, {number(card['amplification'])} times inside"),
        ("Worn", f"{number(found['worn_percent'])} %"),
        ("Lasts", _years(found["years_left"])),
    ]
    fields(pairs)


@app.command()
@talks
def check(session: Session) -> None:
    """Look through all that is stored, for damage; what is damaged is mended as far as possible."""
    found: list[str] = session.client.call("hub.check_storage", {}, limit=_LONG)
    if session.json:
        emit(found)
        return
    for one in found or ["All that is stored is sound."]:
        say(one)


@app.command()
@talks
def log(
    session: Session,
    plugin: Annotated[str, typer.Argument(help="Only of this plugin.")] = "",
    prefix: Annotated[str, typer.Option(help="Only of keys that begin so.")] = "",
    count: Annotated[int, typer.Option(min=1, max=5000, help="At most so many writes.")] = 50,
) -> None:
    """Show who wrote which keys when, the newest first."""
    asked = {"namespace": plugin, "prefix": prefix, "limit": count}
    found: list[dict[str, Any]] = session.client.call("hub.storage_log", asked)
    if session.json:
        emit(found)
        return
    rows = [
        [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["time"] / 1e9)), one["namespace"], _keys(one)]
        for one in found
    ]
    table(["Time", "Plugin", "Keys"], rows, keep="Plugin", cuts=["Keys"], empty="Nothing was written yet.")


def _keys(one: dict[str, Any]) -> str:
    return ", ".join([*one["keys"], *(f"{key} (gone)" for key in one["gone"])])


def amount(count: float) -> str:
    """Bytes in the largest unit that leaves a whole one: `1.25 MB`."""
    place = 0
    while count >= 1000 and place < len(_UNITS) - 1:  # noqa: PLR2004 - as disks are sold
        count, place = count / 1000, place + 1
    return f"{number(round(count, 2) if place else int(count))} {_UNITS[place]}"


def _years(years: float | None) -> str:
    if years is None:
        return "nobody can say before an hour was measured"
    if years > 100:  # noqa: PLR2004 - nobody waits for it
        return "more than 100 years"
    return f"{years:.1f} years more, as far as the hub's own writing goes"
