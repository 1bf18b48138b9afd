"""From Zigbee's clusters and attributes to the vocabulary, and from its commands back to ZCL.

Pure: it knows numbers and words, no radio stack and no hub. Numbers are those of the Zigbee Cluster Library (ZCL) 8.
"""

from device_plugins.zigbee.mapping.buttons import action
from device_plugins.zigbee.mapping.clusters import IAS_ZONE
from device_plugins.zigbee.mapping.commands import Plan, Send, Write, plan
from device_plugins.zigbee.mapping.features import Control, Mapping, Point, describe, speaking
from device_plugins.zigbee.mapping.presses import Press, Said
from device_plugins.zigbee.mapping.rows import Report
from device_plugins.zigbee.mapping.signature import Endpoint, Extra, Facts, Signature
from device_plugins.zigbee.mapping.sources import own_of, wanted_facts

__all__ = [
    "IAS_ZONE",
    "Control",
    "Endpoint",
    "Extra",
    "Facts",
    "Mapping",
    "Plan",
    "Point",
    "Press",
    "Report",
    "Said",
    "Send",
    "Signature",
    "Write",
    "action",
    "describe",
    "own_of",
    "plan",
    "speaking",
    "wanted_facts",
]
