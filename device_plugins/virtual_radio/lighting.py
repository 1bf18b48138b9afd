"""On/off, level and colour: what a lamp or a plug does with their commands (ZCL chapters 3.8, 3.10 and 5.2).

Transitions are immediate: a device says where it is going, and is there.
"""

from collections.abc import Callable

from device_plugins.virtual_radio import metering
from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, fields
from device_plugins.virtual_radio.cluster import Endpoint
from device_plugins.virtual_radio.zcl import Status

ON_OFF = 0x0006
LEVEL = 0x0008
COLOR = 0x0300

MIN_LEVEL = 1
MAX_LEVEL = 254
MAX_HUE = 254
MAX_XY = 0xFEFF
_BY_HUE, _BY_XY, _BY_TEMPERATURE, _BY_ENHANCED_HUE = 0, 1, 2, 3
_UP = 0
_TICKS_A_SECOND = 10


def switch(actor: Actor, here: Endpoint, *, on: bool) -> None:
    """Turn on or off, and with it what the plug measures."""
    actor.update(here, ON_OFF, on_off=on)
    metering.settle(actor, here)


def set_level(actor: Actor, here: Endpoint, level: int, *, with_on_off: bool) -> Outcome:
    """Go to a level: with on/off it turns on, or off at 0; without, a lamp that is off stays as it is."""
    if level > MAX_LEVEL:
        return Status.INVALID_VALUE
    is_on = here.clusters[ON_OFF].named("on_off").value
    if with_on_off:
        if level >= MIN_LEVEL:
            actor.update(here, LEVEL, current_level=level)
        switch(actor, here, on=level >= MIN_LEVEL)
    elif is_on:
        actor.update(here, LEVEL, current_level=max(level, MIN_LEVEL))
    return Status.SUCCESS


def set_color(actor: Actor, here: Endpoint, mode: int, **values: int) -> Outcome:
    """Set colour attributes and the mode that they mean."""
    plain = _BY_HUE if mode == _BY_ENHANCED_HUE else mode
    actor.update(here, COLOR, color_mode=plain, enhanced_color_mode=mode, **values)
    return Status.SUCCESS


def _switch(*, on: bool) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        del payload
        switch(actor, here, on=on)
        return Status.SUCCESS

    return handle


def _toggle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del payload
    switch(actor, here, on=not here.clusters[ON_OFF].named("on_off").value)
    return Status.SUCCESS


def _on_for_a_while(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    _, ticks, _ = fields(payload, "BHH")
    switch(actor, here, on=True)
    actor.later("on for a while", ticks / _TICKS_A_SECOND, lambda: switch(actor, here, on=False))
    return Status.SUCCESS


def _move_to_level(*, with_on_off: bool) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        level, _ = fields(payload, "BH")
        return set_level(actor, here, level, with_on_off=with_on_off)

    return handle


def _move_level(*, with_on_off: bool) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        (direction, _) = fields(payload, "BB")
        return _go(actor, here, direction, MAX_LEVEL, with_on_off=with_on_off)

    return handle


def _step_level(*, with_on_off: bool) -> Handler:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        direction, size, _ = fields(payload, "BBH")
        return _go(actor, here, direction, size, with_on_off=with_on_off)

    return handle


def _go(actor: Actor, here: Endpoint, direction: int, size: int, *, with_on_off: bool) -> Outcome:
    level = here.clusters[LEVEL].named("current_level").value + (size if direction == _UP else -size)
    least = 0 if with_on_off else MIN_LEVEL
    return set_level(actor, here, min(max(level, least), MAX_LEVEL), with_on_off=with_on_off)


def _done(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, here, payload
    return Status.SUCCESS


def _move_to_hue(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    hue, direction, _ = fields(payload, "BBH")
    if hue > MAX_HUE or direction > 3:  # noqa: PLR2004 - shortest, longest, up, down
        return Status.INVALID_VALUE
    return set_color(actor, here, _BY_HUE, current_hue=hue, enhanced_current_hue=hue << 8)


def _move_to_saturation(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    saturation, _ = fields(payload, "BH")
    if saturation > MAX_HUE:
        return Status.INVALID_VALUE
    return set_color(actor, here, _BY_HUE, current_saturation=saturation)


def _move_to_hue_and_saturation(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    hue, saturation, _ = fields(payload, "BBH")
    if hue > MAX_HUE or saturation > MAX_HUE:
        return Status.INVALID_VALUE
    values = {"current_hue": hue, "enhanced_current_hue": hue << 8, "current_saturation": saturation}
    return set_color(actor, here, _BY_HUE, **values)


def _move_to_enhanced_hue(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    hue, _, _ = fields(payload, "HBH")
    return set_color(actor, here, _BY_ENHANCED_HUE, enhanced_current_hue=hue, current_hue=min(hue >> 8, MAX_HUE))


def _move_to_enhanced_hue_and_saturation(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    hue, saturation, _ = fields(payload, "HBH")
    if saturation > MAX_HUE:
        return Status.INVALID_VALUE
    values = {"enhanced_current_hue": hue, "current_hue": min(hue >> 8, MAX_HUE), "current_saturation": saturation}
    return set_color(actor, here, _BY_ENHANCED_HUE, **values)


def _move_to_xy(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    x, y, _ = fields(payload, "HHH")
    if x > MAX_XY or y > MAX_XY:
        return Status.INVALID_VALUE
    return set_color(actor, here, _BY_XY, current_x=x, current_y=y)


def _move_to_temperature(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    mireds, _ = fields(payload, "HH")
    return set_temperature(actor, here, mireds)


def _step_temperature(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    mode, size = fields(payload, "BH")
    now = here.clusters[COLOR].named("color_temperature").value
    return set_temperature(actor, here, now + (size if mode == 1 else -size))


def set_temperature(actor: Actor, here: Endpoint, mireds: int) -> Outcome:
    """Go to a colour temperature in mireds, or to the nearest the lamp can do."""
    color = here.clusters[COLOR]
    least, most = color.named("color_temp_physical_min").value, color.named("color_temp_physical_max").value
    return set_color(actor, here, _BY_TEMPERATURE, color_temperature=min(max(mireds, least), most))


def _step(name: str, most: int) -> Callable[[Actor, Endpoint, bytes], Outcome]:
    def handle(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
        mode, size, _ = fields(payload, "BBB")
        now = here.clusters[COLOR].named(name).value
        value = now + (size if mode == 1 else -size)
        if name == "current_hue":
            return set_color(actor, here, _BY_HUE, current_hue=value % (most + 1))
        return set_color(actor, here, _BY_HUE, **{name: min(max(value, 0), most)})

    return handle


HANDLERS: dict[tuple[int, int], Handler] = {
    (ON_OFF, 0x00): _switch(on=False),
    (ON_OFF, 0x01): _switch(on=True),
    (ON_OFF, 0x02): _toggle,
    (ON_OFF, 0x40): _switch(on=False),
    (ON_OFF, 0x41): _switch(on=True),
    (ON_OFF, 0x42): _on_for_a_while,
    (LEVEL, 0x00): _move_to_level(with_on_off=False),
    (LEVEL, 0x01): _move_level(with_on_off=False),
    (LEVEL, 0x02): _step_level(with_on_off=False),
    (LEVEL, 0x03): _done,
    (LEVEL, 0x04): _move_to_level(with_on_off=True),
    (LEVEL, 0x05): _move_level(with_on_off=True),
    (LEVEL, 0x06): _step_level(with_on_off=True),
    (LEVEL, 0x07): _done,
    (COLOR, 0x00): _move_to_hue,
    (COLOR, 0x02): _step("current_hue", MAX_HUE),
    (COLOR, 0x03): _move_to_saturation,
    (COLOR, 0x05): _step("current_saturation", MAX_HUE),
    (COLOR, 0x06): _move_to_hue_and_saturation,
    (COLOR, 0x07): _move_to_xy,
    (COLOR, 0x0A): _move_to_temperature,
    (COLOR, 0x40): _move_to_enhanced_hue,
    (COLOR, 0x43): _move_to_enhanced_hue_and_saturation,
    (COLOR, 0x47): _done,
    (COLOR, 0x4C): _step_temperature,
}
