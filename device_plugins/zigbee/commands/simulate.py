"""`hub zigbee simulate`: real devices, from their diagnostics, on a virtual radio and a hub of their own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from device_plugins.zigbee.commands.simulating import Simulated, simulated
from hub.cli.kit import CommandError, emit, files, say, short, table, tell


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Diagnostics of devices.", autocompletion=files)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - an option
    quirks: Annotated[
        bool | None, typer.Option("--quirks/--no-quirks", help="Apply quirks; by default if they are installed.")
    ] = None,
) -> None:
    """Pair devices that exist only as diagnostics files, and show what the hub makes of them.

    A file is what `hub zigbee diagnose` wrote, or diagnostics of ZHA. The devices are put on a virtual radio and
    paired by a hub of their own, in a folder that is gone afterwards; no hub that runs is touched.

    Exit codes:

    - 0: every device was paired

    - 1: one was not, or a file was no diagnostics
    """
    from device_plugins.zigbee.simulate_file import NotADiagnosticsError, read  # noqa: PLC0415 - zigpy takes a second

    descriptions: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    for path in paths:
        try:
            descriptions[str(path)] = read(path)
        except NotADiagnosticsError as error:
            refused[str(path)] = str(error)
    found = {one.file: one for one in simulated(descriptions, quirks=quirks, progress=tell)} if descriptions else {}
    devices = [found[name] if (name := str(path)) in found else Simulated(name, refused[name]) for path in paths]
    if as_json:
        emit([one.tree() for one in devices])
    else:
        _show(devices)
    if missing := [one for one in devices if not one.paired]:
        reason = f": {missing[0].file}: {missing[0].reason}" if as_json else ""  # a person has read it
        raise CommandError(f"{len(missing)} of {len(devices)} not paired{reason}")


def _show(devices: list[Simulated]) -> None:
    for one in devices:
        say(" ".join(filter(None, (one.manufacturer, one.model, f"({one.file})"))))
        if one.paired:
            rows = [[f["key"], f["capability"], short(f["value"]), f["unit"], f["access"]] for f in one.features]
            table(("KEY", "CAPABILITY", "VALUE", "UNIT", "ACCESS"), rows, keep="KEY", empty="no capabilities")
        else:
            say(f"not paired: {one.reason}")
        say()
