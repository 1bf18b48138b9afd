"""`hub token`: bearer tokens for clients on TCP."""

from typing import Annotated, Any

import typer

from hub.cli.output import emit, moment, say, table, tell
from hub.cli.session import Session, talks

app = typer.Typer(help="Tokens for clients on TCP: create, list, revoke.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="What the token is for.")]


@app.command()
@talks
def create(session: Session, name: NameArgument) -> None:
    """Make a token and print it; it cannot be shown again."""
    made = session.client.call("api_gateway.token_create", {"name": name})
    if session.json:
        emit(made)
        return
    say(made["token"])
    tell("keep it now: it is not shown again; use it as the header 'Authorization: Bearer <token>'")


@app.command("list")
@talks
def list_tokens(session: Session) -> None:
    """List the tokens, without their secrets."""
    found: list[dict[str, Any]] = session.client.call("api_gateway.token_list", {})
    if session.json:
        emit(found)
        return
    rows = [[one["name"], moment(one["created"])] for one in found]
    table(["Name", "Created"], rows, empty="There are no tokens. `hub token create` makes one.")


@app.command()
@talks
def revoke(session: Session, name: NameArgument) -> None:
    """Refuse a token from now on."""
    session.client.call("api_gateway.token_revoke", {"name": name})
    if session.json:
        emit({"name": name, "revoked": True})
    else:
        say(f"{name} is revoked")
