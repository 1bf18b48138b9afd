"""Blinds and locks: what they do with their commands (ZCL chapters 7.3 and 7.4)."""

from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Reply, fields
from device_plugins.virtual_radio.cluster import Endpoint
from device_plugins.virtual_radio.zcl import Status

COVERING = 0x0102
LOCK = 0x0101

LOCKED, UNLOCKED = 1, 2
OPEN, CLOSED = 0, 100
# A blind's whole way takes this long, and it reports on the way this often.
TRAVEL_S = 10.0
STEP_S = 0.5
_STEP = round(CLOSED * STEP_S / TRAVEL_S)
_TARGET = "target"
_MOVING = "moving"


def move_to(actor: Actor, here: Endpoint, target: int) -> None:
    """Let the motor run to a position (0 open to 100 closed); at once where nothing takes time."""
    actor.cancel(_MOVING)
    if actor.instant:
        actor.update(here, COVERING, lift=target)
        return
    actor.memory[_TARGET] = target
    _move_on(actor, here)


def _move_on(actor: Actor, here: Endpoint) -> None:
    position, target = here.clusters[COVERING].named("lift").value, actor.memory[_TARGET]
    way = target - position
    if way:
        nearer = position + max(-_STEP, min(_STEP, way))
        actor.later(_MOVING, STEP_S, lambda: _arrive(actor, here, nearer))


def _arrive(actor: Actor, here: Endpoint, position: int) -> None:
    actor.update(here, COVERING, lift=position)
    _move_on(actor, here)


def _go(target: int) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        del payload
        move_to(actor, here, target)
        return Status.SUCCESS

    return handle


def _stop(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del here, payload
    actor.cancel(_MOVING)
    return Status.SUCCESS


def _go_to_percentage(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (target,) = fields(payload, "B")
    if target > CLOSED:
        return Status.INVALID_VALUE
    move_to(actor, here, target)
    return Status.SUCCESS


def _turn_key(command: int, state: int | None) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        del payload
        now = here.clusters[LOCK].named("lock_state").value
        actor.update(here, LOCK, lock_state=state or (UNLOCKED if now == LOCKED else LOCKED))
        return Reply(command, bytes([Status.SUCCESS]))

    return handle


HANDLERS: dict[tuple[int, int], Handler] = {
    (COVERING, 0x00): _go(OPEN),
    (COVERING, 0x01): _go(CLOSED),
    (COVERING, 0x02): _stop,
    (COVERING, 0x05): _go_to_percentage,
    (LOCK, 0x00): _turn_key(0x00, LOCKED),
    (LOCK, 0x01): _turn_key(0x01, UNLOCKED),
    (LOCK, 0x02): _turn_key(0x02, None),
}
