"""What is pressed: the features whose events `happened` tells."""

from collections.abc import Iterable

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping.found import Endpoint, Found, toggle
from device_plugins.zwave.mapping.happenings import BASIC_KEY, KEYPAD_KEY, SCENE_KEY, button_key


def found(point: Endpoint) -> Iterable[Found]:
    """The buttons of an endpoint."""
    for value in point.of(c.CENTRAL_SCENE):
        if value.id.property == "scene":
            scene = str(value.id.property_key)
            yield Found("button", "button", point.number, key=button_key(scene), label=value.label)
    if slow := point.get(c.CENTRAL_SCENE, "slowRefresh"):
        yield toggle(slow, "slow_refresh")
    if point.get(c.SCENE_ACTIVATION, "sceneId"):
        yield Found(SCENE_KEY, "button", point.number, key=SCENE_KEY)
    if point.get(c.BASIC, "event"):
        yield Found(BASIC_KEY, "button", point.number, key=BASIC_KEY)
    if point.has(c.ENTRY_CONTROL):
        yield Found(KEYPAD_KEY, "keypad", point.number, key=KEYPAD_KEY)
