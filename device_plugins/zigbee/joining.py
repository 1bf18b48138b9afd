"""What is asked of and told to a device that joins: facts, binding, reporting, enrolment, first values."""

import functools
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Mapping as Mappings
from typing import NamedTuple, TypeGuard

from device_plugins.sdk import CommandTimeoutError, DeviceError, UnreachableError
from device_plugins.zigbee.mapping import IAS_ZONE, Facts, Mapping, Point, Report, Signature, speaking, wanted_facts
from device_plugins.zigbee.mapping.signature import Kept, Raw, fact
from device_plugins.zigbee.network import Node, Wishes

LOG = logging.getLogger("hub.zigbee")

# After so many silences in a row it is taken for asleep; it is tried again when it is next heard.
_SILENCES = 2

type _Job = tuple[str, Callable[[], Awaitable[object]]]
"""What is asked, in words for the log, and how."""

type _Place = tuple[int, int, bool]
"""Endpoint, cluster, whether an output."""


class SilentError(UnreachableError):
    """The device stopped answering while it was being asked."""


class Outcome(NamedTuple):
    """What a device would not do, in sentences, and what it gave no answer to though it answered the rest."""

    refused: list[str]
    unanswered: list[str]


async def learn_facts(node: Node, signature: Signature, facts: Facts) -> Outcome:
    """Read what decides the mapping into `facts`.

    Raises SilentError when the device stops answering; what it said before stays in `facts`.
    """

    async def ask(endpoint: int, cluster: int, attributes: tuple[int, ...], *, output: bool) -> None:
        values, lacking = await node.read(endpoint, cluster, attributes, output=output)
        told = {fact(endpoint, cluster, one): value for one, value in values.items() if _can_keep(value)}
        facts.values.update(told)
        missing = {fact(endpoint, cluster, one) for one in lacking}
        facts.unsupported[:] = sorted(({*facts.unsupported} | missing) - told.keys())

    return await _ask_all(
        [
            (f"cluster 0x{cluster:04X}", functools.partial(ask, endpoint.id, cluster, attributes, output=output))
            for endpoint in speaking(signature)
            for output, clusters in ((False, endpoint.inputs), (True, endpoint.outputs))
            for cluster, attributes in wanted_facts(clusters, signature, output=output).items()
        ]
    )


async def set_up(node: Node, mapping: Mapping, own: Mappings[str, Report] | None = None) -> Outcome:
    """Let the quirk take its steps, as zha does first; enroll zones, bind clusters, configure reporting.

    `own` is the owner's reporting, by `place_of` a point; where the quirk wants the device left alone, that and the
    steps are all.
    Raises SilentError when the device stops answering.
    """
    wishes, own = node.wishes(), own or {}

    async def report(endpoint: int, cluster: int, reports: dict[int, Report]) -> None:
        for number, why in (await node.configure_reporting(endpoint, cluster, reports)).items():
            # Its value is read after a command and at start; no owner can do anything about it.
            LOG.info("No reporting of 0x%04X, attribute 0x%04X: %s", cluster, number, why)

    reporting = _reports(mapping.points, own, only_own=wishes.left_alone)
    jobs: list[_Job] = [("the steps of its quirk", node.take_steps)] if wishes.steps else []
    if not wishes.left_alone:
        jobs += [("enrolment", functools.partial(node.enroll, endpoint)) for endpoint in mapping.zones]
        reported = {(*place, False) for place in reporting}
        jobs += [_binding(node, place) for place in _bindings(mapping, wishes) if place not in reported]
    for (endpoint, cluster), reports in reporting.items():
        jobs.append(_binding(node, (endpoint, cluster, False)))
        jobs.append((f"reporting of 0x{cluster:04X}", functools.partial(report, endpoint, cluster, reports)))
    return await _ask_all(jobs)


def _bindings(mapping: Mapping, wishes: Wishes) -> Iterable[_Place]:
    """What is bound besides what is reported."""
    places = [(endpoint, IAS_ZONE, False) for endpoint in mapping.zones]
    places += [(*place, True) for place in (*mapping.remotes, *mapping.detectors)]
    places += [(*place, False) for place in mapping.spoken]
    return dict.fromkeys([*places, *wishes.binds])


def _binding(node: Node, place: _Place) -> _Job:
    endpoint, cluster, output = place
    return f"binding of 0x{cluster:04X}", functools.partial(node.bind, endpoint, cluster, output=output)


async def read_values(node: Node, points: Iterable[Point], *, background: bool = False) -> Outcome:
    """Read the values of these points; the device's ears hear them.

    Raises SilentError when the device stops answering.
    """
    wanted: dict[tuple[int, int, bool], list[int]] = {}
    for point in points:
        attributes = wanted.setdefault((point.endpoint, point.cluster, point.output), [])
        if point.attribute not in attributes:
            attributes.append(point.attribute)
    return await _ask_all(
        [
            (
                f"values of 0x{cluster:04X}",
                functools.partial(node.read, endpoint, cluster, attributes, background=background, output=output),
            )
            for (endpoint, cluster, output), attributes in wanted.items()
        ]
    )


async def _ask_all(jobs: Sequence[_Job]) -> Outcome:
    """Ask everything, and what found no answer once more at the end.

    Raises SilentError when nothing is answered, or too much in a row is not.
    """
    outcome = Outcome([], [])
    unanswered = await _ask(jobs, outcome.refused, _SILENCES)
    if unanswered:
        is_alive = len(unanswered) < len(jobs)
        unanswered = await _ask(unanswered, outcome.refused, len(jobs) if is_alive else 1)
    outcome.unanswered.extend(what for what, _ in unanswered)
    return outcome


async def _ask(jobs: Sequence[_Job], refused: list[str], most: int) -> list[_Job]:
    """Ask in turn; returns what found no answer. Raises SilentError after `most` silences in a row."""
    unanswered: list[_Job] = []
    silences = 0
    for job in jobs:
        what, ask = job
        try:
            await ask()
        except (UnreachableError, CommandTimeoutError) as error:
            unanswered.append(job)
            silences += 1
            if silences >= most:
                raise SilentError(f"{error.device} fell silent", device=error.device) from error
        except DeviceError as error:
            silences = 0
            refused.append(f"{what}: {error}")
        else:
            silences = 0
    return unanswered


def _can_keep(value: Raw) -> TypeGuard[Kept]:
    return not isinstance(value, bytes) and (not isinstance(value, float) or math.isfinite(value))


def place_of(point: Point) -> str:
    """Where a point's attribute is, as a key of the record."""
    return f"{point.endpoint}/{point.cluster:04x}/{point.attribute:04x}"


def _reports(
    points: Iterable[Point], own: Mappings[str, Report], *, only_own: bool
) -> dict[tuple[int, int], dict[int, Report]]:
    found: dict[tuple[int, int], dict[int, Report]] = {}
    for point in points:
        if point.report is not None and (not only_own or place_of(point) in own):
            report = own.get(place_of(point), point.report)
            found.setdefault((point.endpoint, point.cluster), {})[point.attribute] = report
    return found
