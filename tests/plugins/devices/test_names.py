import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.sdk import Device, InvalidValueError, slug
from plugins.devices.names import NAME_LIMIT, check_area, check_labels, check_name, closest, default_name

NAMES = st.text(min_size=1, max_size=NAME_LIMIT).filter(lambda text: text.isprintable() and bool(text.strip()))


@pytest.mark.parametrize("name", ["Hall lamp", "hall-lamp", "HALL  LAMP", " hall_lamp ", "Hall, lamp!"])
def test_however_a_name_is_written_it_has_one_slug(name: str) -> None:
    assert slug(name) == "hall-lamp"


@pytest.mark.parametrize(
    ("one", "other"), [("Lamp 1", "Lamp 11"), ("Küche", "Kuche"), ("की", "का"), ("💡", "🔥"), ("?", "!")]
)
def test_different_names_have_different_slugs(one: str, other: str) -> None:
    assert slug(one) != slug(other)


@given(NAMES)
def test_a_slug_finds_itself_and_every_case_of_the_name(name: str) -> None:
    found = slug(name)
    assert found
    assert slug(found) == found
    assert slug(name.casefold()) == found
    assert slug(f"  {name} ") == found


@given(st.text(max_size=80))
def test_a_name_is_refused_or_printable_and_short(name: str) -> None:
    try:
        checked = check_name(name)
    except InvalidValueError:
        return
    assert checked == name.strip()
    assert 1 <= len(checked) <= NAME_LIMIT
    assert checked.isprintable()


@given(st.text(max_size=300), st.text(max_size=300), st.sets(NAMES, max_size=3))
def test_every_device_gets_a_name_that_is_valid_and_free(wished: str, model: str, taken: set[str]) -> None:
    slugs = {slug(name) for name in taken}
    name = default_name(Device("a", "radio", model=model, suggested_name=wished), lambda one: slug(one) in slugs)
    assert check_name(name) == name
    assert slug(name) not in slugs


def test_the_second_of_a_model_gets_a_number() -> None:
    taken = {"V-Lamp White"}
    assert default_name(Device("a", "radio", model="V-Lamp White"), taken.__contains__) == "V-Lamp White 2"
    assert default_name(Device("a", "radio"), taken.__contains__) == "radio device"


def test_labels_and_areas_are_tidied() -> None:
    assert check_labels([" night ", "Night", "lamps"]) == ("night", "lamps")
    assert check_area("  ") == ""
    assert check_area(" Hall") == "Hall"
    with pytest.raises(InvalidValueError, match="32 labels at most, not 33"):
        check_labels([str(number) for number in range(33)])
    with pytest.raises(InvalidValueError, match="a label must be 1 to 64 printable characters"):
        check_labels(["a\nb"])
    with pytest.raises(InvalidValueError, match="an area must be"):
        check_area("x" * 65)


def test_a_mistyped_name_is_answered_with_the_closest() -> None:
    assert closest("hal lamp", ["Hall lamp", "Oven"]) == ", did you mean 'Hall lamp'?"
    assert closest("zebra", ["Hall lamp", "Oven"]) == ""
