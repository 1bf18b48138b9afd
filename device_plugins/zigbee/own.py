"""Attributes that zigpy has no definition of, or another's, read and written as their manufacturer means them."""

from collections.abc import Iterable
from typing import Any

from zigpy.zcl import AttributeReadEvent, foundation

from device_plugins.zigbee.mapping import Report, Write
from device_plugins.zigbee.mapping.status import SUCCESS

_AT_ONCE = 5
_FIRST_OWN = 0xFC00


def knows(cluster: Any, attribute: int, own: tuple[int, int] | None) -> bool:  # noqa: ANN401 - zigpy's cluster
    """Whether zigpy has one definition of an attribute, and it is the one that is meant.

    `own` is the type and the code of the manufacturer whose attribute is meant: in a cluster of the ZCL, its number may
    be that of an attribute of the ZCL.
    """
    try:
        definition = cluster.find_attribute(attribute)
    except KeyError:
        return False
    if own is None or not own[1] or cluster.cluster_id >= _FIRST_OWN:
        return True
    return definition.manufacturer_code == own[1] or bool(definition.is_manufacturer_specific)


async def read_own(
    cluster: Any,  # noqa: ANN401 - zigpy's cluster
    attributes: Iterable[int],
    manufacturer: int,
    options: dict[str, Any],
) -> tuple[dict[int, Any], dict[int, int]]:
    """Values by attribute, and the status of those that gave none; what was read is told as an event of the cluster."""
    values: dict[int, Any] = {}
    failures: dict[int, int] = {}
    numbers = [*attributes]
    for start in range(0, len(numbers), _AT_ONCE):
        chunk = numbers[start : start + _AT_ONCE]
        answer = await cluster.read_attributes_raw(chunk, manufacturer=manufacturer or None, **options)
        for record in answer[0] if isinstance(answer[0], list) else ():
            if record.status != SUCCESS:
                failures[int(record.attrid)] = int(record.status)
                continue
            values[int(record.attrid)] = record.value.value
            _tell(cluster, record, manufacturer)
    return values, failures


async def write_own(cluster: Any, request: Write, *, retries: int) -> int:  # noqa: ANN401 - zigpy's cluster
    """Write one; returns its status."""
    value: Any = foundation.TypeValue()
    value.type, value.value = request.kind, _type(request.kind)(request.value)
    attribute = foundation.Attribute(attrid=request.attribute, value=value)
    code = request.manufacturer or None
    answer = await cluster.write_attributes_raw([attribute], manufacturer_code=code, retries=retries)
    return max((int(record.status) for record in answer[0]), default=SUCCESS)


async def report_own(cluster: Any, attribute: int, own: tuple[int, int], report: Report) -> int:  # noqa: ANN401
    """Have one reported; returns its status. `own` is its type and the manufacturer's code."""
    kind, manufacturer = own
    config: Any = foundation.AttributeReportingConfig()
    config.direction = foundation.ReportingDirection.SendReports
    config.attrid, config.datatype = attribute, kind
    config.min_interval, config.max_interval = report.least, report.most
    config.reportable_change = _type(kind)(max(report.change, 1))
    command = foundation.GeneralCommand.Configure_Reporting
    answer = await cluster.general_command(command, [config], manufacturer=manufacturer or None)
    records = getattr(answer, "status_records", None)
    return int(records[0].status) if records else SUCCESS


def _type(kind: int) -> Any:  # noqa: ANN401 - a class of zigpy's
    types: Any = foundation.DataType
    return types.from_type_id(kind).python_type


def _tell(cluster: Any, record: Any, manufacturer: int) -> None:  # noqa: ANN401 - zigpy's
    event = AttributeReadEvent(
        device_ieee=str(cluster.endpoint.device.ieee),
        endpoint_id=cluster.endpoint.endpoint_id,
        cluster_type=cluster.cluster_type,
        cluster_id=cluster.cluster_id,
        attribute_name="",
        attribute_id=record.attrid,
        manufacturer_code=manufacturer or None,
        raw_value=record.value.value,
        value=record.value.value,
    )
    cluster.emit(AttributeReadEvent.event_type, event)
