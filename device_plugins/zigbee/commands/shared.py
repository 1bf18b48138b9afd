"""What the commands about devices and groups share."""

from typing import Annotated, Any

import typer

from hub.cli.kit import Session

LIMIT_S = 30.0
"""How long a command that speaks to several devices may take."""

GroupArgument = Annotated[str, typer.Argument(metavar="Group", help="Its name or number.")]
MembersArgument = Annotated[
    list[str], typer.Argument(metavar="DEVICE...", help="Devices by name or id; `Lamp/2` is its endpoint 2 alone.")
]


def names(session: Session) -> dict[str, str]:
    """The names of the Zigbee devices and groups, by id."""
    found: list[dict[str, Any]] = session.client.call("devices.list", {"protocol": "zigbee"})
    return {one["id"]: one["name"] for one in found}


def place(device: str, endpoint: int, known: dict[str, str]) -> str:
    """A device and its endpoint, for people."""
    name = known.get(device, device)
    return f"{name}/{endpoint}" if endpoint not in {0, 1} else name
