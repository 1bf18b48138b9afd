"""`hub zigbee permit`, `admit`, `energy` and `channel`: who may join, and where on the air the network is."""

from typing import Annotated, Any

import typer

from hub.cli.kit import Session, agree, emit, say, table, talks

_SCAN_S = 20.0
_MOVE_S = 60.0
_BAR = 30


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (permit, admit, energy, channel):
        app.command()(command)


@talks
def permit(
    session: Session,
    seconds: Annotated[int, typer.Option(help="How long; 0 closes the network.", min=0, max=254)] = 60,
    via: Annotated[str, typer.Option(metavar="DEVICE", help="Only through this device.")] = "",
) -> None:
    """Let devices join, outside of a pairing session."""
    session.client.call("zigbee.permit", {"seconds": seconds, "via": via}, limit=_SCAN_S)
    if session.json:
        emit({"seconds": seconds, "via": via})
    else:
        say(f"Open for {seconds} s{f' through {via}' if via else ''}." if seconds else "Closed.")


@talks
def admit(
    session: Session,
    code: Annotated[str, typer.Argument(help="The text of the QR code, or the install code in hex.")],
    ieee: Annotated[str, typer.Option(help="The device's IEEE address, if the code is in hex.")] = "",
    seconds: Annotated[int, typer.Option(help="How long.", min=1, max=254)] = 254,
) -> None:
    """Let a device join with its install code; quote a QR code's text, it has signs that mean something to a shell."""
    found = session.client.call("zigbee.admit", {"code": code, "ieee": ieee, "seconds": seconds})
    if session.json:
        emit({"ieee": found, "seconds": seconds})
    else:
        say(f"{found} may join for {seconds} s. Put it into pairing mode now.")


@talks
def energy(
    session: Session,
    scans: Annotated[int, typer.Option(help="How often each channel is listened to.", min=1, max=10)] = 3,
) -> None:
    """Show how busy each channel is; meanwhile the network waits, about 4 seconds a scan."""
    found: list[dict[str, Any]] = session.client.call("zigbee.energy", {"scans": scans}, limit=_SCAN_S * scans)
    if session.json:
        emit(found)
        return
    rows = [
        [
            str(one["channel"]),
            f"{one['energy']:.0f} %",
            f"{one['least']:.0f}-{one['most']:.0f} %",
            "#" * round(one["energy"] * _BAR / 100),
            "the network's" if one["own"] else "",
        ]
        for one in found
    ]
    table(("CHANNEL", "BUSY", "RANGE", "", ""), rows, keep="CHANNEL")


@talks
def channel(
    session: Session,
    to: Annotated[int, typer.Argument(help="The new channel.", min=11, max=26)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Move the network to another channel; devices that sleep follow when they next wake up."""
    agree(session, f"All devices move to channel {to}; some may have to be paired anew. Go on?", yes=yes)
    found = session.client.call("zigbee.change_channel", {"channel": to}, limit=_MOVE_S)
    if session.json:
        emit(found)
        return
    say(f"The network moved from channel {found['before']} to {found['channel']}.")
    if found["sleepers"]:
        say(f"{found['sleepers']} devices sleep: they follow when they next wake up, which may take minutes.")
