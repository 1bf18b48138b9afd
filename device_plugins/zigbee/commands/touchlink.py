"""`hub zigbee touchlink`: find lamps nearby that are on another network, and free them."""

from typing import Annotated, Any

import typer

from hub.cli.kit import Session, Steps, agree, emit, say, table, talks

_STEP_S = 20.0

touchlink = typer.Typer(
    help="Lamps near the stick that are bound to another network: find them, see which is which, free them.",
    no_args_is_help=True,
)
IeeeArgument = Annotated[str, typer.Argument(help="Its IEEE address, as `scan` shows it.", metavar="IEEE")]
ChannelArgument = Annotated[int, typer.Argument(help="The channel it was found on.", min=11, max=26)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(touchlink, name="touchlink")


@touchlink.command()
@talks
def scan(
    session: Session,
    channel: Annotated[
        list[int] | None, typer.Option(help="Only this channel; may be given several times.", min=11, max=26)
    ] = None,
) -> None:
    """Look for lamps within half a metre of the stick; it takes about 20 seconds and changes nothing on them."""
    found: list[dict[str, Any]] = []
    with Steps(shown=not session.json) as steps:
        for step in session.client.stream("zigbee.touchlink_scan", {"channels": channel}, limit=_STEP_S):
            found += step["found"]
            steps.tell(f"channel {step['channel']}: {len(found)} found so far", step["asked"] / step["of"])
    if session.json:
        emit(found)
        return
    rows = [
        [one["ieee"], str(one["channel"]), _network(one), f"{one['rssi']} dBm"]
        for one in sorted(found, key=lambda one: -one["rssi"])
    ]
    table(
        ("IEEE", "CHANNEL", "NETWORK", "SIGNAL"),
        rows,
        keep="IEEE",
        empty="nothing answered; bring the lamp within half a metre of the stick, and switch it off and on",
    )


@touchlink.command()
@talks
def identify(
    session: Session,
    ieee: IeeeArgument,
    channel: ChannelArgument,
    seconds: Annotated[int, typer.Option(help="How long.", min=1, max=60)] = 10,
) -> None:
    """Let a lamp blink, to see which it is."""
    asked = {"ieee": ieee, "channel": channel, "seconds": seconds}
    session.client.call("zigbee.touchlink_identify", asked, limit=_STEP_S)
    if session.json:
        emit(asked)
    else:
        say(f"{ieee} shows itself for {seconds} s.")


@touchlink.command()
@talks
def reset(
    session: Session,
    ieee: IeeeArgument,
    channel: ChannelArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Let a lamp forget the network it is on, so that it can be paired; whoever runs that network loses it."""
    agree(session, f"{ieee} leaves its network; whoever runs that network loses it. Go on?", yes=yes)
    asked = {"ieee": ieee, "channel": channel}
    session.client.call("zigbee.touchlink_reset", asked, limit=_STEP_S)
    if session.json:
        emit(asked)
    else:
        say(f"{ieee} was told to forget its network. Pair it now: hub devices pair")


def _network(one: dict[str, Any]) -> str:
    if one["factory_new"]:
        return "none"
    return "this one" if one["own"] else one["extended_pan_id"]
