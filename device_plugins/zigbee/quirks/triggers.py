"""What a quirk calls the presses of its device's buttons, as plain `Press`es; and what it says when one comes."""

from collections.abc import Iterator, Mapping
from typing import Any

from device_plugins.zigbee.mapping.presses import Press, Word, Words, named

_MOST = 250
_TEXT_LIMIT = 64
# Where a press is told as a whole, its beginning and its end would be a second and a third one.
_PARTS = {"initial_switch_press", "short_release"}


def presses_of(device: Any) -> tuple[Press, ...]:  # noqa: ANN401 - zigpy's device
    """The presses that the device's quirk names; none without a quirk."""
    triggers = getattr(device, "device_automation_triggers", None) or {}
    found = [press for names, about in triggers.items() if (press := _press(device, names, about)) is not None]
    whole = {press.button for press in found if press.action == "single"}
    return tuple(press for press in found if press.action not in _PARTS or press.button not in whole)[:_MOST]


def command_name(cluster: Any, command: int) -> str:  # noqa: ANN401 - zigpy's cluster
    """What the cluster calls a command that it receives; empty if it does not know it."""
    found = _received(cluster).get(command)
    return "" if found is None else str(found.name)


def has_command(cluster: Any, name: str) -> bool:  # noqa: ANN401 - zigpy's cluster
    """Whether the cluster may receive a command of this name."""
    return any(one.name == name for one in _received(cluster).values())


def plain(told: Any) -> tuple[Words, dict[str, Word]]:  # noqa: ANN401 - a list, a dict, a command's fields or nothing
    """The arguments by place or name, and a command's fields by name."""
    if isinstance(told, Mapping):
        return _named(told), {}
    if hasattr(told, "as_dict"):
        return [_word(one) for one in told if one is not None], _named(told.as_dict())
    return [_word(one) for one in told] if isinstance(told, list | tuple) else [], {}


def _press(device: Any, names: tuple[object, object], about: Mapping[str, Any]) -> Press | None:  # noqa: ANN401
    words = named(str(names[0]), str(names[1]))
    if words is None:
        return None
    command = str(about.get("command") or "")
    args, params = about.get("args"), about.get("params")
    return Press(
        words[0][:_TEXT_LIMIT],
        words[1][:_TEXT_LIMIT],
        command,
        int(about.get("endpoint_id") or 0),
        int(about.get("cluster_id") or 0),
        None if args is None else plain(args)[0],
        None if params is None else _named(params),
        tuple(sorted({int(one.cluster_id) for one in _clusters(device) if has_command(one, command)})),
    )


def _clusters(device: Any) -> Iterator[Any]:  # noqa: ANN401 - zigpy's device
    for endpoint in device.non_zdo_endpoints:
        yield from endpoint.in_clusters.values()
        yield from endpoint.out_clusters.values()


def _received(cluster: Any) -> Mapping[int, Any]:  # noqa: ANN401 - zigpy's cluster
    """A client receives what it sends itself as a command to a server: a remote's own commands are those."""
    found: Mapping[int, Any] = cluster.server_commands or {}
    return found


def _named(told: Mapping[Any, Any]) -> dict[str, Word]:
    return {str(name): _word(one) for name, one in told.items()}


def _word(value: object) -> Word:
    match value:
        case None | bool():
            return value
        case int():
            return int(value)
        case float():
            return float(value)
    return str(value)[:_TEXT_LIMIT]
