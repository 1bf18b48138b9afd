"""What is asked of and told to a device that joins: facts, binding, reporting, enrolment, first values."""

import logging
from collections.abc import Awaitable, Iterable

from device_plugins.sdk import CommandTimeoutError, DeviceError, UnreachableError
from device_plugins.zigbee.mapping import IAS_ZONE, Facts, Mapping, Point, Report, Signature, wanted_facts
from device_plugins.zigbee.mapping.signature import fact
from device_plugins.zigbee.network import Node

LOG = logging.getLogger("hub.zigbee")

# After so many silences in a row it is taken for asleep; it is tried again when it is next heard.
_SILENCES = 2


class SilentError(UnreachableError):
    """The device stopped answering while it was being configured."""


class _Patience:
    """Collects what a device refused, and gives up when it falls silent."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._silences = 0

    async def attempt(self, what: str, work: Awaitable[object]) -> object:
        """Await `work`; a refusal is noted and gives None."""
        try:
            result = await work
        except (UnreachableError, CommandTimeoutError) as error:
            self._silences += 1
            if self._silences >= _SILENCES:
                raise SilentError(f"{error.device} fell silent", device=error.device) from error
            self.problems.append(f"{what}: {error}")
        except DeviceError as error:
            self._silences = 0
            self.problems.append(f"{what}: {error}")
        else:
            self._silences = 0
            return result
        return None


async def learn_facts(node: Node, signature: Signature) -> Facts:
    """Read what decides the mapping.

    Raises SilentError when the device does not answer.
    """
    facts, patience = Facts(values={}, unsupported=[]), _Patience()

    async def ask(endpoint: int, cluster: int, attributes: tuple[int, ...]) -> None:
        values, lacking = await node.read(endpoint, cluster, attributes)
        facts.values.update({fact(endpoint, cluster, one): value for one, value in values.items()})
        facts.unsupported.extend(fact(endpoint, cluster, one) for one in sorted(lacking))

    for endpoint in signature.endpoints:
        for cluster, attributes in wanted_facts(endpoint.inputs).items():
            await patience.attempt(f"cluster 0x{cluster:04X}", ask(endpoint.id, cluster, attributes))
    return facts


async def set_up(node: Node, mapping: Mapping) -> list[str]:
    """Bind clusters, configure reporting, enroll zones; returns what the device refused.

    Raises SilentError when the device does not answer.
    """
    patience = _Patience()
    for endpoint in mapping.zones:
        await patience.attempt("enrolment", node.enroll(endpoint))
        await patience.attempt("binding of alarms", node.bind(endpoint, IAS_ZONE))
    for endpoint, cluster in mapping.remotes:
        await patience.attempt(f"binding of 0x{cluster:04X}", node.bind(endpoint, cluster, output=True))
    for (endpoint, cluster), reports in _reports(mapping.points).items():
        await patience.attempt(f"binding of 0x{cluster:04X}", node.bind(endpoint, cluster))
        what = f"reporting of 0x{cluster:04X}"
        refused = await patience.attempt(what, node.configure_reporting(endpoint, cluster, reports))
        for number, why in (refused if isinstance(refused, dict) else {}).items():
            # Its value is read after a command and at start; no owner can do anything about it.
            LOG.info("No %s, attribute 0x%04X: %s", what, number, why)
    for problem in patience.problems:
        LOG.warning("Configuring %s: %s", node.ieee, problem)
    return patience.problems


async def read_values(node: Node, points: Iterable[Point], *, background: bool = False) -> None:
    """Read the values of these points; the device's ears hear them.

    Raises SilentError when the device does not answer.
    """
    patience = _Patience()
    wanted: dict[tuple[int, int], list[int]] = {}
    for point in points:
        attributes = wanted.setdefault((point.endpoint, point.cluster), [])
        if point.attribute not in attributes:
            attributes.append(point.attribute)
    for (endpoint, cluster), attributes in wanted.items():
        reading = node.read(endpoint, cluster, attributes, background=background)
        await patience.attempt(f"values of 0x{cluster:04X}", reading)


def _reports(points: Iterable[Point]) -> dict[tuple[int, int], dict[int, Report]]:
    found: dict[tuple[int, int], dict[int, Report]] = {}
    for point in points:
        if point.report is not None:
            found.setdefault((point.endpoint, point.cluster), {})[point.attribute] = point.report
    return found
