import pytest

from hub.testing import ManualClock
from plugins.demo.narrator import Narrator, readable


class Told:
    """A narrator, what it told, and the clock it waits by."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = ManualClock()
        self.narrator = Narrator(self.lines.append, later=self.clock.call_later, colour=False)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("occupancy", True, "somebody is there"),
        ("contact", False, "open"),
        ("on_off.2", False, "off"),
        ("tamper", True, "tamper yes"),
        ("temperature", 21.456, "temperature 21.46 °C"),
        ("level", 70, "level 70 %"),
        ("color_xy", [0.68, 0.31], "color xy 0.68, 0.31"),
        ("lock", "not_fully_locked", "not fully locked"),
        ("a_makers_own", 3, "a makers own 3"),
    ],
)
def test_values_are_told_in_words(key: str, value: object, said: str) -> None:
    assert readable(key, value) == said


def test_what_says_nothing_to_a_person_is_not_told() -> None:
    told = Told()
    for key, value in (("link_quality", 200), ("color_mode", "xy"), ("availability_reason", ""), ("level", None)):
        told.narrator.value("Hall lamp", key, value)
    assert told.lines == []
    told.narrator.value("Hall lamp", "level", 40)
    told.narrator.value("Hall motion", "occupancy", value=False)
    assert [line.partition(" ")[2] for line in told.lines] == [
        "← Hall lamp        level 40 %\n",
        "→ Hall motion      nobody is there\n",
    ]


async def test_what_travels_is_told_when_it_sets_out_and_where_it_rests() -> None:
    told = Told()
    for position in (80, 60, 40):
        told.narrator.value("Blind", "cover_position", position)
        await told.clock.advance(1.0)
    assert [line.partition(" ")[2] for line in told.lines] == ["← Blind            cover position 80 %\n"]
    await told.clock.advance(10.0)
    assert [line.partition(" ")[2] for line in told.lines[1:]] == ["← Blind            cover position 40 %\n"]
    told.narrator.value("Blind", "cover_position", 30)
    await told.clock.advance(10.0)
    assert [line.partition(" ")[2] for line in told.lines[2:]] == ["← Blind            cover position 30 %\n"]


def test_every_line_of_the_home_fits_eighty_columns() -> None:
    told = Told()
    told.narrator.paired("A lamp with quite a long name", "10/10", ["color_temperature"] * 9)
    told.narrator.pressed("Button", "x" * 90)
    told.narrator.value("Lamp", "text", "y" * 90)
    told.narrator.about("rule", "rule", "z" * 90)
    assert [len(line.rstrip("\n")) for line in told.lines] == [80] * 4
    assert all(line.endswith("…\n") for line in told.lines)


def test_colours_only_where_they_are_wanted() -> None:
    told, clock = list[str](), ManualClock()
    Narrator(told.append, later=clock.call_later, colour=False).tell("wrong", "x")
    Narrator(told.append, later=clock.call_later, colour=True).tell("wrong", "x")
    assert "\x1b" not in told[0]
    assert "\x1b[1;31m! x\x1b[0m" in told[1]
