"""The virtual radio serves a host that is not ours."""

import pytest

from scripts.tools import interop_herdsman as interop
from scripts.tools.interop_herdsman import Step, UnavailableError

STEPS = {"form", "join", "interview", "read", "report", "bind", "configure reporting", "command", "resume"}


@pytest.mark.timeout(400)
@pytest.mark.allow_blocking
@pytest.mark.parametrize("ezsp", interop.VERSIONS)
def test_herdsman_lives_with_the_virtual_radio(ezsp: int) -> None:
    try:
        interop.node()
        folder = interop.install()
    except UnavailableError as error:
        pytest.skip(str(error))
    steps = interop.check(ezsp, folder)
    assert [step for step in steps if not step.ok] == []
    assert {step.step for step in steps} >= STEPS


def test_a_failed_step_is_shown_with_its_reason() -> None:
    steps = [Step(13, "form", ok=True, seconds=1.0, detail=""), Step(14, "form", ok=False, seconds=2.0, detail="no")]
    assert interop.table(steps).splitlines() == [
        "      EZSP 13    EZSP 14  ",
        "form  1.0 s      FAILED   ",
        "EZSP 14, form: no",
    ]
