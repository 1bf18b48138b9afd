"""Sleepy end devices: when they listen, and the poll control cluster that tells them to (ZCL chapter 3.16)."""

import time

from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Written, fields
from device_plugins.virtual_radio.cluster import Attribute, Endpoint
from device_plugins.virtual_radio.zcl import Status

POLL_CONTROL = 0x0020
# The cluster counts in quarters of a second.
QUARTERS = 4
_CHECK_IN = 0x00
_CHECKING_IN = "check-in"
_LEAST_LONG_POLL, _MOST_LONG_POLL = 4, 0x6E0000
# After it has sent or heard something a device polls fast for this long, in seconds; after joining, for longer.
AWAKE_S = 1.0
AWAKE_JOINED_S = 30.0
# An answer to a check-in must come within this time, in seconds.
_ANSWER_S = 7.68


class Sleep:
    """When one device listens. `every_s` is its long poll interval in seconds, 0 for one that always listens."""

    def __init__(self, every_s: float = 0.0) -> None:
        self.every_s = every_s
        self._awake_until = 0.0
        self._born = time.monotonic()

    def rouse(self, seconds: float = AWAKE_S) -> None:
        """Poll fast for a while."""
        self._awake_until = max(self._awake_until, time.monotonic() + seconds)

    def doze(self) -> None:
        """Poll fast no longer."""
        self._awake_until = 0.0

    def wait(self) -> float:
        """Return the seconds until it polls next; 0 while it listens."""
        now = time.monotonic()
        if not self.every_s or now < self._awake_until:
            return 0.0
        return self.every_s - (now - self._born) % self.every_s


def interval_s(here: Endpoint) -> float:
    """Return the long poll interval in the cluster's attributes, in seconds."""
    return float(here.clusters[POLL_CONTROL].named("long_poll_interval").value) / QUARTERS


def begin(actor: Actor, here: Endpoint) -> None:
    """Check in, again and again, if the check-in interval is not 0."""
    actor.cancel(_CHECKING_IN)
    seconds = here.clusters[POLL_CONTROL].named("check_in_interval").value / QUARTERS
    if seconds:
        actor.later(_CHECKING_IN, seconds, lambda: check_in(actor, here))


def check_in(actor: Actor, here: Endpoint) -> int:
    """Tell whoever is bound that it listens now, and return how many frames went out."""
    sent = actor.tell_bound(here, POLL_CONTROL, _CHECK_IN, b"", to_client=True)
    if sent:
        actor.sleep.rouse(_ANSWER_S)
    begin(actor, here)
    return sent


def _check_in_response(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    start, timeout = fields(payload, "BH")
    usual = here.clusters[POLL_CONTROL].named("fast_poll_timeout").value
    actor.sleep.doze()
    if start:
        actor.sleep.rouse((timeout or usual) / QUARTERS)
    return Status.SUCCESS


def _fast_poll_stop(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del here, payload
    actor.sleep.doze()
    return Status.SUCCESS


def _set_long_poll(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (interval,) = fields(payload, "I")
    its = here.clusters[POLL_CONTROL]
    if not max(_LEAST_LONG_POLL, its.named("short_poll_interval").value) <= interval <= _MOST_LONG_POLL:
        return Status.INVALID_VALUE
    actor.update(here, POLL_CONTROL, long_poll_interval=interval)
    actor.sleep.every_s = interval_s(here)
    return Status.SUCCESS


def _set_short_poll(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (interval,) = fields(payload, "H")
    if not 1 <= interval <= here.clusters[POLL_CONTROL].named("long_poll_interval").value:
        return Status.INVALID_VALUE
    actor.update(here, POLL_CONTROL, short_poll_interval=interval)
    return Status.SUCCESS


def _interval_written(actor: Actor, here: Endpoint, attribute: Attribute, source_endpoint: int) -> None:
    del attribute, source_endpoint
    begin(actor, here)


HANDLERS: dict[tuple[int, int], Handler] = {
    (POLL_CONTROL, 0x00): _check_in_response,
    (POLL_CONTROL, 0x01): _fast_poll_stop,
    (POLL_CONTROL, 0x02): _set_long_poll,
    (POLL_CONTROL, 0x03): _set_short_poll,
}
WRITTEN: dict[tuple[int, int], Written] = {(POLL_CONTROL, 0x0000): _interval_written}
