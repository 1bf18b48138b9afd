"""Rows of covers and locks (ZCL 7.3, 7.4)."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import OFTEN, SOON, Condition, Source, choice, number, switch, word

LOCK_STATES = {0: "not_fully_locked", 1: "locked", 2: "unlocked"}
LOCK_TYPES = {
    0: "dead_bolt", 1: "magnetic", 2: "other", 3: "mortise", 4: "rim", 5: "latch_bolt", 6: "cylindrical", 7: "tubular",
    8: "interconnected", 9: "dead_latch", 10: "door_furniture",
}  # fmt: skip
SOUND_VOLUMES = {0: "silent", 1: "low", 2: "high"}
COVER_TYPES = {
    0: "roller_shade", 1: "roller_shade_two_motors", 2: "roller_shade_exterior", 3: "roller_shade_exterior_two_motors",
    4: "drapery", 5: "awning", 6: "shutter", 7: "tilt_blind", 8: "tilt_and_lift_blind", 9: "projector_screen",
}  # fmt: skip
_TILT_ONLY, _TILT_TOO = {0x06, 0x07}, {0x08}
_REVERSED = 0x04


def _covers(*, tilt: bool) -> Condition:
    return lambda endpoint, facts: (
        (facts.number(endpoint.id, c.COVERING, c.COVERING_TYPE) in (_TILT_ONLY | _TILT_TOO if tilt else _TILT_ONLY))
        is tilt
    )


ROWS: tuple[Source, ...] = (
    Source("lock", c.DOOR_LOCK, 0x0000, d.words(LOCK_STATES), OFTEN),
    word("lock_type", (c.DOOR_LOCK, 0x0001), LOCK_TYPES),
    number(
        "auto_relock_time", (c.DOOR_LOCK, 0x0023), 1, "s", (0, 4_294_967_294), unset=d.NO_U32, label="Locks again after"
    ),
    choice("sound_volume", (c.DOOR_LOCK, 0x0024), SOUND_VOLUMES, label="Sounds"),
    Source("cover_position", c.COVERING, 0x0008, d.opened, SOON, when=_covers(tilt=False)),
    Source("cover_tilt", c.COVERING, 0x0009, d.opened, SOON, optional=True, when=_covers(tilt=True)),
    word("cover_type", (c.COVERING, c.COVERING_TYPE), COVER_TYPES),
    # It is told in one attribute and set in another.
    switch(
        "inverted",
        (c.COVERING, c.COVERING_STATUS),
        decode=d.bit(_REVERSED),
        target=c.COVERING_MODE,
        label="Motor turns the other way",
        when=lambda endpoint, facts: facts.number(endpoint.id, c.COVERING, c.COVERING_MODE) is not None,
    ),
)
