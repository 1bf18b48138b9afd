"""`hub journal`: what was recorded, what is gone, and where readers stand."""

import time
from typing import Annotated, Any

import typer

from hub.cli.output import emit, fields, say, short, table
from hub.cli.session import Session, talks
from hub.cli.storage import amount

app = typer.Typer(help="Journal: what was recorded, and what is gone.", no_args_is_help=True)


@app.command()
@talks
def status(session: Session) -> None:
    """Show how much it holds, what is gone and why, and where each reader stands."""
    found: dict[str, Any] = session.client.call("hub.journal", {})
    if session.json:
        emit(found)
        return
    stats = found["stats"]
    pairs = [
        ("Newest", f"number {stats['last']}"),
        ("Waiting", f"{stats['waiting']} events" if stats["waiting"] else ""),
        *((kind.capitalize(), amount(size)) for kind, size in stats["bytes"].items()),
        ("Failing", stats["failure"]),
        ("Mended", stats["repaired"]),
    ]
    fields(pairs)
    if found["gaps"]:
        say()
        rows = [[str(one["count"]), f"{one['first']} to {one['last']}", one["why"]] for one in found["gaps"]]
        table(["Gone", "Between", "Why"], rows, keep="Why")
    if found["cursors"]:
        say()
        rows = [[name, str(place), str(stats["last"] - place)] for name, place in found["cursors"].items()]
        table(["Cursor", "Has read", "Behind"], rows, keep="Cursor")


@app.command()
@talks
def read(
    session: Session,
    after: Annotated[int, typer.Option(min=0, help="Begin behind this number.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=5000, help="At most so many events.")] = 100,
    kind: Annotated[str, typer.Option("--type", help="Type; * is one part, ** any number: device.*.")] = "**",
    subject: Annotated[str, typer.Option(help="Subject; + is one part, # the rest: device/+/on_off.")] = "#",
) -> None:
    """Print recorded events in order, and where some are missing; --json with the number to go on behind."""
    asked = {"after": after, "limit": count, "type": kind, "subject": subject}
    page: dict[str, Any] = session.client.call("hub.read_journal", asked)
    if session.json:
        emit(page)
        return
    rows = [
        *((one["seq"], _when(one), one["type"], one["subject"], short(one["data"])) for one in page["records"]),
        *((one["first"], "", "", "", f"{one['count']} are gone: {one['why']}") for one in page["gaps"]),
    ]
    cells = [[str(seq), *rest] for seq, *rest in sorted(rows)]
    table(["Number", "Time", "Type", "Subject", "Data"], cells, keep="Type", cuts=["Data"], empty="Nothing is there.")


def _when(one: dict[str, Any]) -> str:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one["time"] / 1e9))
    return moment if one["trusted"] else f"{moment}?"
