"""From Zigbee's clusters and attributes to the vocabulary, and from its commands back to ZCL.

Pure: it knows numbers and words, no radio stack and no hub. Numbers are those of the Zigbee Cluster Library (ZCL) 8.
"""

from device_plugins.zigbee.mapping.buttons import action
from device_plugins.zigbee.mapping.commands import Plan, Send, Write, plan
from device_plugins.zigbee.mapping.features import Mapping, Point, describe
from device_plugins.zigbee.mapping.signature import Endpoint, Facts, Signature
from device_plugins.zigbee.mapping.sources import IAS_ZONE, Report, wanted_facts

__all__ = [
    "IAS_ZONE",
    "Endpoint",
    "Facts",
    "Mapping",
    "Plan",
    "Point",
    "Report",
    "Send",
    "Signature",
    "Write",
    "action",
    "describe",
    "plan",
    "wanted_facts",
]
