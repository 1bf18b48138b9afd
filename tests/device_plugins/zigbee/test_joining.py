"""Asking a device that does not always answer, without any radio."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from device_plugins.sdk import CommandTimeoutError, UnreachableError, UnsupportedError
from device_plugins.zigbee.joining import SilentError, learn_facts, read_values, set_up
from device_plugins.zigbee.mapping import Endpoint, Facts, Report, Send, Signature, Write, describe
from device_plugins.zigbee.mapping.signature import Raw
from device_plugins.zigbee.network import Ears, Wishes

LAMP = Signature(endpoints=(Endpoint(1, 0x0104, 0x0101, (0x0000, 0x0006, 0x0008, 0x0300)),), mains=True)


class Scripted:
    """A node that answers as `answers` has it: called with what is asked and how often that was asked before."""

    ieee = "0011223344556677"
    lqi: int | None = 200
    rssi: int | None = -60
    is_waiting = False

    def __init__(self, answers: Callable[[str, int], object], wishes: Wishes | None = None) -> None:
        self._answers = answers
        self._wishes = wishes or Wishes()
        self.asked: list[str] = []

    def _ask(self, what: str) -> object:
        before = self.asked.count(what)
        self.asked.append(what)
        return self._answers(what, before)

    async def ready(self) -> None:
        return

    def signature(self) -> Signature:
        return LAMP

    def diagnose(self, facts: Facts) -> dict[str, Any]:
        raise NotImplementedError

    def listen(
        self, told: Iterable[tuple[int, int, bool]], sent: Iterable[tuple[int, int]], ears: Ears
    ) -> Callable[[], None]:
        raise NotImplementedError

    async def read(
        self, endpoint: int, cluster: int, attributes: Iterable[int], *, background: bool = False, output: bool = False
    ) -> tuple[dict[int, Raw], set[int]]:
        del endpoint, background, output
        told = self._ask(f"read {cluster:04x}")
        return (dict.fromkeys(attributes, told) if isinstance(told, int | float) else {}), set()

    async def bind(self, endpoint: int, cluster: int, *, output: bool = False) -> None:
        del endpoint, output
        self._ask(f"bind {cluster:04x}")

    async def configure_reporting(self, endpoint: int, cluster: int, reports: Mapping[int, Report]) -> dict[int, str]:
        del endpoint, reports
        self._ask(f"report {cluster:04x}")
        return {}

    async def enroll(self, endpoint: int) -> None:
        raise NotImplementedError

    async def answer_enroll(self, endpoint: int) -> None:
        raise NotImplementedError

    def wishes(self) -> Wishes:
        return self._wishes

    def converted(self, endpoint: int, name: str, raw: Raw) -> Raw | None:
        raise NotImplementedError

    async def take_steps(self) -> None:
        self._ask("steps")

    async def ready_for(self, endpoint: int, request: Send | Write) -> None:
        raise NotImplementedError

    async def carry_out(self, endpoint: int, request: Send | Write) -> None:
        raise NotImplementedError


def nothing() -> Facts:
    return Facts(values={}, unsupported=[])


async def test_an_answer_that_got_lost_is_asked_for_again() -> None:
    def answers(what: str, before: int) -> None:
        if what == "bind 0006" and before == 0:
            raise CommandTimeoutError("lost")

    node = Scripted(answers)
    assert await set_up(node, describe(LAMP, nothing())) == ([], [])
    assert node.asked.count("bind 0006") == 2
    assert node.asked[-1] == "bind 0006"
    assert {node.asked.count(what) for what in node.asked} == {1, 2}


async def test_what_is_never_answered_is_named_though_the_rest_is_done() -> None:
    def answers(what: str, before: int) -> None:
        del before
        if what in {"report 0006", "report 0300"}:
            raise CommandTimeoutError("lost")

    node = Scripted(answers)
    outcome = await set_up(node, describe(LAMP, nothing()))
    assert outcome == ([], ["reporting of 0x0006", "reporting of 0x0300"])
    assert node.asked.count("report 0008") == 1


async def test_a_quirks_steps_come_first_and_once_more_if_they_find_no_answer() -> None:
    def answers(what: str, before: int) -> None:
        del before
        if what == "steps":
            raise CommandTimeoutError("asleep")

    node = Scripted(answers, Wishes(binds=((1, 0x0006, False), (1, 0x000A, False)), steps=True))
    assert await set_up(node, describe(LAMP, nothing())) == ([], ["the steps of its quirk"])
    assert (node.asked[0], node.asked[-1]) == ("steps", "steps")
    assert (node.asked.count("bind 0006"), node.asked.count("bind 000a"), node.asked.count("steps")) == (1, 1, 2)


async def test_what_a_quirk_wants_left_alone_is_told_its_steps_and_the_owners_reporting_alone() -> None:
    mapping = describe(LAMP, nothing())
    node = Scripted(lambda *_: None, Wishes(left_alone=True, binds=((1, 0x000A, False),), steps=True))
    assert await set_up(node, mapping, {"1/0008/0000": Report(1, 60)}) == ([], [])
    assert node.asked == ["steps", "bind 0008", "report 0008"]


async def test_a_refusal_is_not_asked_again() -> None:
    def answers(what: str, before: int) -> None:
        del before
        if what == "bind 0008":
            raise UnsupportedError("no such binding")

    node = Scripted(answers)
    assert await set_up(node, describe(LAMP, nothing())) == (["binding of 0x0008: no such binding"], [])
    assert node.asked.count("bind 0008") == 1


async def test_a_device_that_fell_asleep_is_not_asked_much() -> None:
    def answers(what: str, before: int) -> None:
        del what, before
        raise UnreachableError("asleep", device="zigbee-1")

    node = Scripted(answers)
    with pytest.raises(SilentError, match="zigbee-1 fell silent"):
        await read_values(node, describe(LAMP, nothing()).points)
    assert len(node.asked) == 2


async def test_a_single_question_without_an_answer_is_a_silence_too() -> None:
    def answers(what: str, before: int) -> None:
        del what, before
        raise UnreachableError("asleep")

    plug = describe(Signature(endpoints=(Endpoint(1, 0x0104, 0x0009, (0x0006,)),)), nothing())
    with pytest.raises(SilentError):
        await read_values(Scripted(answers), plug.points)


async def test_facts_learned_before_the_silence_stay() -> None:
    def answers(what: str, before: int) -> float:
        del before
        if what == "read 0000":
            return 7
        raise UnreachableError("asleep", device="zigbee-1")

    facts, clusters = nothing(), (0x0000, 0x0300, 0x0500, 0x0702)
    with pytest.raises(SilentError):
        await learn_facts(Scripted(answers), Signature(endpoints=(Endpoint(1, 0x0104, 0, clusters),)), facts)
    assert facts.values == {"1/0/16384": 7, "1/0/7": 7}


async def test_facts_that_are_no_numbers_are_not_learned() -> None:
    facts = nothing()
    await learn_facts(Scripted(lambda *_: float("nan")), LAMP, facts)
    assert facts.values == {}


async def test_what_a_device_has_after_all_is_lacking_no_more() -> None:
    facts = Facts(values={}, unsupported=["1/0/16384"])
    await learn_facts(Scripted(lambda *_: 7), LAMP, facts)
    assert facts.unsupported == []
