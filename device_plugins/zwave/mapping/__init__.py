"""From what Z-Wave JS tells of a node to the vocabulary's words: pure, and it knows no radio and no hub.

The numbers are those of the Z-Wave specification's command classes; the names are Z-Wave JS's properties.
"""

from device_plugins.zwave.mapping.happenings import happened
from device_plugins.zwave.mapping.model import (
    NOTHING,
    Action,
    Invoke,
    Mapped,
    NodeFacts,
    Reading,
    ValueFacts,
    ValueId,
    Write,
)
from device_plugins.zwave.mapping.node import map_node

__all__ = [
    "NOTHING",
    "Action",
    "Invoke",
    "Mapped",
    "NodeFacts",
    "Reading",
    "ValueFacts",
    "ValueId",
    "Write",
    "happened",
    "map_node",
]
