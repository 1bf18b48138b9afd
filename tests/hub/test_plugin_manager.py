"""The plugin manager: order, isolation of faults, retries with growing pauses, restarts, and a clean end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.api import ConfigError, Event, HubError, Plugin, PluginError
from hub.errors import NotPermittedError
from hub.tasks import TaskGroup
from hub.testing import settle
from hub.types import LoopBlocked
from tests.harness import eventually
from tests.hub.world import Rung, Scripted, Step, World, fails_with, forever, made_world, plugin


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


async def test_plugins_start_behind_their_needs_and_stop_before_them(world: World) -> None:
    manager = await world.start(plugin("c", "b"), plugin("a", after=["c"]), plugin("b", description="Bells."))

    assert Scripted.played == ["start b", "start c", "start a"]
    assert [(one.id, one.status, one.reason) for one in manager.infos()] == [
        (name, "running", "") for name in ("a", "b", "c")
    ]
    assert world.info("b").description == "Bells."
    await manager.stop()
    assert Scripted.played[3:] == ["stop a", "stop c", "stop b"]
    assert {one.status for one in manager.infos()} == {"stopped"}
    assert world.statuses[:2] == [("b", "starting"), ("b", "running")]
    assert world.statuses[-3:] == [("a", "stopped"), ("c", "stopped"), ("b", "stopped")]


async def test_independent_plugins_start_side_by_side(world: World) -> None:
    met = asyncio.Barrier(3)

    async def meets(_plugin: Plugin) -> None:
        await met.wait()

    for name in "abc":
        Scripted.script["start", name] = meets
    async with asyncio.timeout(10):
        await world.start(plugin("a"), plugin("b"), plugin("c"))

    assert {world.info(name).status for name in "abc"} == {"running"}


async def test_what_cannot_start_says_why_and_the_rest_runs(world: World) -> None:
    manager = await world.start(
        plugin("free"),
        plugin("lonely", "gone"),
        plugin("picky", requires={"free": ">=2"}),
        plugin("x", "y"),
        plugin("y", "x"),
        plugin("lost", entry="hub.nowhere:Lost"),
    )

    assert {one.id: one.status for one in manager.infos()} == {
        "free": "running",
        "lonely": "failed",
        "lost": "failed",
        "picky": "failed",
        "x": "failed",
        "y": "failed",
    }
    assert "requires gone, which is not there" in world.info("lonely").reason
    assert "requires free >=2, but version 1.0 is installed" in world.info("picky").reason
    assert "goes in a circle" in world.info("x").reason
    assert "cannot be imported" in world.info("lost").reason
    assert (await manager.restart("lonely")).status == "failed"
    await world.clock.advance(1000)
    assert Scripted.played == ["start free"]


async def test_a_failing_start_is_retried_with_growing_pauses_and_then_quarantined(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b"))
    assert world.info("b").status == "running"
    assert (world.info("a").status, world.info("a").reason) == ("failed", "ValueError: no bulb")

    for attempt, pause in enumerate((1, 2, 5, 15, 60), 2):
        await world.clock.advance(pause - 0.5)
        assert Scripted.played.count("start a") == attempt - 1
        await world.clock.advance(0.5)
        await eventually(lambda attempt=attempt: world.info("a").errors == attempt)  # type: ignore[misc]
        await settle()
    assert (world.info("a").status, world.info("a").reason) == ("quarantined", "ValueError: no bulb")
    assert (world.info("a").errors, world.info("a").restarts) == (6, 5)
    await world.clock.advance(10_000)
    assert Scripted.played.count("start a") == 6
    assert world.bus.counts() == {"test": 1, "b": 1}

    del Scripted.script["start", "a"]
    assert (await manager.restart("a")).status == "running"


async def test_a_start_that_succeeds_later_forgets_its_failures(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(HubError("the radio is not there"))
    await world.start(plugin("a"))
    assert world.info("a").reason == "the radio is not there"
    del Scripted.script["start", "a"]
    await world.turn(1, "a", "running")

    assert world.info("a").reason == ""
    assert world.info("a").restarts == 1
    assert world.statuses[-2:] == [("a", "starting"), ("a", "running")]


async def test_what_awaits_something_cancelled_while_starting_fails_alone(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(asyncio.CancelledError())
    await world.start(plugin("a"), plugin("b"))

    assert world.info("b").status == "running"
    assert (world.info("a").status, world.info("a").reason) == ("failed", "a: something it waited for was cancelled")


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("tone must be a text", where="hub.toml:3"),
        PluginError("no such model", plugin="a"),
        NotPermittedError("add bell.rung to publish"),
    ],
)
async def test_what_only_a_person_can_mend_is_not_retried(world: World, error: Exception) -> None:
    world.config["a"] = error
    manager = await world.start(plugin("a"), plugin("b"))
    await world.clock.advance(1000)

    assert (world.info("a").status, world.info("a").reason) == ("failed", str(error))
    assert Scripted.played == ["start b"]
    world.config.clear()
    assert (await manager.restart("a")).status == "running"


async def test_a_start_that_hangs_is_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.hosts.life._START_LIMIT", 0.01)
    Scripted.script["start", "a"] = forever
    await world.start(plugin("a"))

    assert world.info("a").status == "failed"
    assert world.info("a").reason == "a did not start within 0.01 s"


async def test_a_start_whose_own_deadline_passes_says_so(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(TimeoutError("the stick does not answer"))
    await world.start(plugin("a"))

    assert world.info("a").reason == "TimeoutError: the stick does not answer"


async def test_who_needs_a_failed_one_waits_with_it_and_comes_up_with_it(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("c", "b"), plugin("d"))
    for pause in (1, 2, 5, 15, 60):
        assert (world.info("b").status, world.info("b").reason) == ("failed", "b requires a, which is not running")
        assert (world.info("c").status, world.info("c").reason) == ("failed", "c requires b, which is not running")
        before = world.info("a").restarts
        await world.clock.advance(pause)
        await eventually(lambda before=before: world.info("a").restarts > before)  # type: ignore[misc]
        await eventually(lambda: world.info("a").status != "starting")
    assert [world.info(name).status for name in "abcd"] == ["quarantined", "failed", "failed", "running"]
    assert "start b" not in Scripted.played
    assert [(world.info(name).restarts, world.info(name).errors) for name in "bc"] == [(0, 0)] * 2
    assert len([one for one in world.statuses if one[0] == "b"]) == 1

    del Scripted.script["start", "a"]
    await manager.restart("a")
    assert [world.info(name).status for name in "abc"] == ["running"] * 3
    assert Scripted.played[-3:] == ["start a", "start b", "start c"]


async def test_who_waits_comes_up_with_a_retry(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    await world.start(plugin("a"), plugin("b", "a"))
    del Scripted.script["start", "a"]
    await world.turn(1, "b", "running")

    assert world.info("a").status == "running"
    assert world.info("b").restarts == 0


async def test_a_slow_start_is_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    gate = asyncio.Event()

    async def waits(_plugin: Plugin) -> None:
        await gate.wait()

    Scripted.script["start", "a"] = waits
    starting = world.tasks.start("starts", world.start(plugin("a"), plugin("b")))
    await eventually(lambda: sorted(Scripted.played) == ["start a", "start b"])
    await world.clock.advance(4.9)
    assert "still starting" not in caplog.text
    await world.clock.advance(60)
    assert caplog.messages.count("Plugin a is still starting after 5 s") == 1
    assert caplog.text.count("still starting") == 1
    gate.set()
    await starting
    assert world.info("a").status == "running"


async def test_what_tries_to_end_the_process_fails_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    Scripted.script["start", "a"] = fails_with(SystemExit(1))
    Scripted.script["stop", "b"] = fails_with(KeyboardInterrupt())
    manager = await world.start(plugin("a"), plugin("b"), plugin("c", entry="tests.hub.world:Quitter"), plugin("d"))

    assert [world.info(name).status for name in "abcd"] == ["failed", "running", "failed", "running"]
    assert world.info("a").reason == "it tried to end the process (SystemExit)"
    assert world.info("c").reason == "it tried to end the process (SystemExit)"
    await manager.restart("b")
    assert (world.info("b").status, world.info("b").errors) == ("running", 1)
    assert "end the process (KeyboardInterrupt)" in world.info("b").trouble


async def test_a_restart_takes_those_that_require_it_along(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"), plugin("c", "b"), plugin("d"))
    Scripted.played.clear()
    info = await manager.restart("a")

    assert Scripted.played == ["stop c", "stop b", "stop a", "start a", "start b", "start c"]
    assert (info.status, info.restarts) == ("running", 1)
    assert [world.info(name).restarts for name in "abcd"] == [1, 1, 1, 0]


async def test_an_unknown_plugin_is_suggested(world: World) -> None:
    manager = await world.start(plugin("zigbee"))

    with pytest.raises(
        PluginError, match=r"no plugin 'zigbe', did you mean 'zigbee'; `hub plugins list --all` shows all"
    ):
        await manager.restart("zigbe")


async def test_a_restart_overtakes_a_retry(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    del Scripted.script["start", "a"]
    await manager.restart("a")
    await world.clock.advance(1000)

    assert Scripted.played.count("start a") == 2
    assert world.info("a").status == "running"


async def test_a_retry_that_waits_behind_a_restart_does_not_add_another(world: World) -> None:
    gate = asyncio.Event()

    async def waits(plugin: Plugin) -> None:
        await gate.wait()
        await fails_with(ValueError("still no bulb"))(plugin)

    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    Scripted.script["start", "a"] = waits
    restart = world.tasks.start("restarts", manager.restart("a"))
    await eventually(lambda: Scripted.played.count("start a") == 2)
    gate.set()
    await restart

    assert world.info("a").status == "failed"
    del Scripted.script["start", "a"]
    await world.turn(1, "a", "running")
    await world.clock.advance(1000)
    assert Scripted.played.count("start a") == 3


async def test_a_plugin_may_ask_for_its_own_restart(world: World) -> None:
    manager = await world.start(plugin("a"), plugin("b", "a"))
    seen: list[str] = []

    async def restarts_itself(plugin: Plugin) -> None:
        try:
            await manager.restart(plugin.ctx.plugin)
        finally:
            seen.append("its task was ended")

    async def asks(plugin: Plugin) -> None:
        del Scripted.script["start", "a"]
        plugin.ctx.tasks.start("restarts itself", restarts_itself(plugin))

    Scripted.script["start", "a"] = asks
    await manager.restart("a")
    await eventually(lambda: world.info("b").restarts == 2 and world.info("b").status == "running")

    assert seen == ["its task was ended"]
    assert world.info("a").status == "running"
    assert world.info("a").restarts == 2


@pytest.mark.parametrize("step", [fails_with(ValueError("no bulb")), fails_with(asyncio.CancelledError()), forever],
                         ids=["raises", "cancelled", "hangs"])  # fmt: skip
async def test_a_stop_that_goes_wrong_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: Step
) -> None:
    monkeypatch.setattr("hub.hosts.inside._STOP_LIMIT", 0.01)
    Scripted.script["stop", "b"] = step
    manager = await world.start(plugin("a"), plugin("b", "a"))

    assert (await manager.restart("a")).status == "running"
    assert world.info("b").status == "running"
    assert world.info("b").errors == 1
    assert world.info("b").trouble.startswith(("its stop failed: ", "it did not stop within 0.01 s"))
    assert any(message.startswith("Plugin b: ") for message in caplog.messages)
    await manager.stop()
    assert Scripted.played[-2:] == ["stop b", "stop a"]


async def test_faults_of_handlers_and_tasks_are_counted_against_their_plugin(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def starts_broken(plugin: Plugin) -> None:
        plugin.ctx.tasks.start("glows", fails_with(ValueError("no switch"))(plugin))

    Scripted.script["start", "a"] = starts_broken
    await world.start(plugin("a"), plugin("b"))
    world.bus.publish("door.opened", "front")
    await settle()

    assert (world.info("a").errors, world.info("b").errors) == (2, 1)
    assert world.info("a").trouble == "handler of door.opened front failed: ValueError: no bulb for front"
    assert {world.info(name).status for name in "ab"} == {"running"}
    assert "a: handler of door.opened front failed: ValueError: no bulb for front" in caplog.messages
    assert "a: task a:glows failed: ValueError: no switch" in caplog.messages


async def test_a_fault_of_nobody_known_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.start()
    world.bus.subscribe("door.opened", lambda _event: [1].remove(2), tasks=TaskGroup("stranger"))()
    undo = world.bus.subscribe("door.opened", lambda _event: [1].remove(2), tasks=TaskGroup("stranger"))
    world.bus.publish("door.opened", "front")
    undo()

    assert caplog.messages[0].startswith("stranger: handler of door.opened front failed: ValueError")


async def test_services_of_plugins_know_their_callers(world: World) -> None:
    await world.start(plugin("a"), plugin("b"))

    assert await world.core.services.call("a.ring", {}, caller="b") == "b"
    assert [one.owner for one in world.core.services.list()] == ["a", "b"]


async def test_the_hub_can_stop_while_a_start_hangs(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"), plugin("b"))
    Scripted.script["start", "a"] = forever
    await world.clock.advance(1)
    await eventually(lambda: Scripted.played.count("start a") == 2)

    async with asyncio.timeout(10):
        await manager.stop()
    assert {one.status for one in manager.infos()} == {"stopped"}


async def test_a_pending_retry_does_not_outlive_the_hub(world: World) -> None:
    Scripted.script["start", "a"] = fails_with(ValueError("no bulb"))
    manager = await world.start(plugin("a"))
    await manager.stop()
    await world.clock.advance(1000)

    assert Scripted.played.count("start a") == 1


async def test_two_that_declare_one_event_differently_are_named(world: World) -> None:
    undo = world.bus.declare("scripted.rung", None, "gong")
    await world.start(plugin("a"))
    undo()

    assert world.info("a").reason == "a and gong both declare 'scripted.rung' with different data"


async def test_nobody_takes_a_service_of_another(world: World) -> None:
    async def claims(plugin: Plugin) -> None:
        plugin.ctx.services.register("a.ring", forever)

    Scripted.script["start", "b"] = claims
    await world.start(plugin("a"), plugin("b", after=["a"]), plugin("c"))

    reason = "b cannot offer 'a.ring': a service is called b.<verb>"
    assert (world.info("b").status, world.info("b").reason) == ("failed", reason)
    assert [world.info(name).status for name in "ac"] == ["running", "running"]
    assert await world.core.services.call("a.ring", {}, caller="test") == "test"


async def test_who_holds_everybody_up_is_told(world: World) -> None:
    manager = await world.start(plugin("a"))
    manager.blocked(LoopBlocked("a", "a/plugin.py:12 in Bell.ring", 2.345))
    manager.blocked(LoopBlocked("", "hub/app.py:1 in run", 1.0))

    assert world.info("a").trouble == "it held up the whole hub for 2.3 s at a/plugin.py:12 in Bell.ring"
    assert world.info("a").errors == 1
    assert manager.stats()[0].blocked == 1


async def test_trouble_is_one_line(world: World) -> None:
    async def starts_broken(plugin: Plugin) -> None:
        plugin.ctx.tasks.start("glows", fails_with(HubError("one\n  two " + "x" * 400))(plugin))

    Scripted.script["start", "a"] = starts_broken
    await world.start(plugin("a"))
    await settle()

    assert world.info("a").trouble.startswith("task a:glows failed: one two xxx")
    assert len(world.info("a").trouble) == 300


async def test_what_a_plugin_costs_is_counted_over_all_its_lives(world: World) -> None:
    async def works(plugin: Plugin) -> None:
        async def hear(_event: Event) -> None:
            await asyncio.sleep(0)

        plugin.ctx.events.subscribe("door.opened", hear)
        plugin.ctx.tasks.start("glows", forever(plugin))
        plugin.ctx.events.publish("scripted.rung", "x", Rung(1))
        plugin.ctx.state.set("lamp/on", len(Scripted.played))
        await plugin.ctx.storage.set("key", b"1234")

    Scripted.script["start", "a"] = works
    manager = await world.start(plugin("a"), plugin("b", enabled=False))
    for _ in range(3):
        world.bus.publish("door.opened", "front")
    await settle()
    await world.core.services.call("a.ring", {}, caller="b")
    first, off = manager.stats()

    assert (first.id, first.status, first.restarts, first.errors) == ("a", "running", 0, 3)
    assert (first.published, first.heard, first.waiting, first.dropped) == (2, 6, 0, 0)
    assert (first.subscriptions, first.services, first.blocked) == (2, 1, 0)
    assert first.tasks >= 1
    assert first.written_bytes > 0
    assert first.busy_s > 0
    assert (off.id, off.status, off.published, off.tasks, off.busy_s) == ("b", "disabled", 0, 0, 0.0)

    await manager.restart("a")
    again = manager.stats()[0]
    assert (again.published, again.heard, again.restarts, again.errors) == (4, 6, 1, 3)
    assert again.busy_s >= first.busy_s
    assert again.written_bytes > first.written_bytes
    await manager.stop()
    after = manager.stats()[0]
    assert (after.published, after.heard, after.busy_s >= again.busy_s) == (4, 6, True)
    assert (after.subscriptions, after.services, after.tasks) == (0, 0, 0)
