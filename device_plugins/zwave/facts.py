"""From the client's objects to the mapping's facts: nothing else of this plugin knows the client's nodes and values."""

from collections.abc import Mapping
from typing import Any

from zwave_js_server.const import NodeStatus, SecurityClass
from zwave_js_server.model.node import Node
from zwave_js_server.model.value import Value

from device_plugins.zwave.mapping import NodeFacts, ValueFacts, ValueId
from device_plugins.zwave.network import NodeState, Status

_STATUS: dict[NodeStatus, Status] = {
    NodeStatus.ASLEEP: "asleep",
    NodeStatus.AWAKE: "awake",
    NodeStatus.DEAD: "dead",
    NodeStatus.ALIVE: "alive",
}
# Z-Wave JS's word for a manufacturer that is none.
_NOBODY = "_RESERVED_"


def status_of(node: Node) -> Status:
    """How the driver thinks that the node is."""
    return _STATUS.get(node.status, "unknown")


def state_of(node: Node) -> NodeState:
    """Everything that is known of a node."""
    return NodeState(facts_of(node), status_of(node), ready=bool(node.ready))


def facts_of(node: Node) -> NodeFacts:
    """What it is, and its values."""
    kind = node.device_class
    maker = node.manufacturer or node.device_config.manufacturer or ""
    return NodeFacts(
        node=node.node_id,
        manufacturer="" if maker == _NOBODY else maker,
        # What is in no catalogue is called by its kind, such as "Binary Power Switch".
        model=node.label or node.device_config.label or _kind(node),
        firmware=node.firmware_version or "",
        generic=kind.generic.key if kind else 0,
        specific=kind.specific.key if kind else 0,
        listening=bool(node.is_listening),
        secure=node.highest_security_class not in {None, SecurityClass.NONE},
        values=tuple(value_of(value) for value in node.values.values()),
    )


def _kind(node: Node) -> str:
    kind = node.device_class
    if kind is None:
        return ""
    return str(kind.specific.label if kind.specific.key else kind.generic.label)


def value_of(value: Value) -> ValueFacts:
    """One value with its metadata."""
    told = value.metadata
    key = value.property_key_name
    return ValueFacts(
        id=id_of(value.data),
        type=told.type,
        value=value.value,
        unit=told.unit or "",
        readable=told.readable is not False,
        writeable=bool(told.writeable),
        minimum=told.min,
        maximum=told.max,
        states={str(number): str(word) for number, word in (told.states or {}).items()},
        label=told.label or "",
        cc_specific=dict(told.cc_specific or {}),
        name=" ".join(str(part) for part in (value.property_name, key) if part not in {None, ""}),
        manual=told.data.get("allowManualEntry", True) is not False,
    )


def id_of(data: Mapping[str, Any]) -> ValueId:
    """The id in a value's, or an event's, own data."""
    return ValueId(int(data["commandClass"]), data.get("endpoint") or 0, data["property"], data.get("propertyKey"))
