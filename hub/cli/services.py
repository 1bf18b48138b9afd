"""`hub services`: what the hub can be asked for, and asking."""

import json
from typing import Annotated, Any

import typer

from hub.cli.answers import tell_answer, tell_item
from hub.cli.errors import WrongUsageError
from hub.cli.names import ServiceArgument
from hub.cli.output import emit, table
from hub.cli.session import Session, talks
from hub.cli.words import finite, pair, parse, wants_text

app = typer.Typer(help="Services: list and call.", no_args_is_help=True)


@app.command("list")
@talks
def list_services(
    session: Session, prefix: Annotated[str, typer.Argument(help="Only those whose name begins so.")] = ""
) -> None:
    """List the services; --json with the schemas of arguments and results."""
    found = [one for one in session.client.get("services") if one["name"].startswith(prefix)]
    if session.json:
        emit(found)
        return
    rows = [[one["name"], _arguments(one["arguments"]), one["doc"].partition("\n")[0]] for one in found]
    table(["Service", "Arguments", "What it does"], rows, keep="Service", empty="There is no such service.")


@app.command()
@talks
def call(
    session: Session,
    name: ServiceArgument,
    words: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Its arguments.")] = None,
    json_args: Annotated[str, typer.Option("--json-args", metavar="JSON", help="Arguments as a JSON object.")] = "",
    timeout: Annotated[
        float,
        typer.Option(help="Seconds to wait for the answer, or for each item.", min=0.1, max=3600.0, callback=finite),
    ] = 10.0,
) -> None:
    """Call a service and print what it returns; --json with all of it.

    Of a stream, each item as it comes, until it ends or is interrupted.
    """
    service: dict[str, Any] = next((one for one in session.client.get("services") if one["name"] == name), {})
    arguments = _object(json_args)
    texts = _texts(service)
    arguments |= {key: word if key in texts else parse(word) for key, word in map(pair, words or [])}
    if service.get("streams"):
        for item in session.client.stream(name, arguments, limit=timeout):
            if session.json:
                emit(item, stream=True)
            else:
                tell_item(item)
        return
    answer = session.client.call(name, arguments, limit=timeout)
    if session.json:
        emit(answer)
    else:
        tell_answer(answer)


def _object(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise WrongUsageError(f"--json-args is not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise WrongUsageError('--json-args must be a JSON object, like {"device": "lamp"}')
    return arguments


def _texts(service: dict[str, Any]) -> set[str]:
    """The arguments of a service that are texts, so that the name 42 stays a name."""
    schema = service.get("arguments", {})
    return {key for key, kind in schema.get("properties", {}).items() if wants_text(kind)}


def _arguments(schema: dict[str, Any]) -> str:
    needed = schema.get("required", ())
    return " ".join(key if key in needed else f"[{key}]" for key in schema.get("properties", {}))
