"""Plugins that cannot hurt the house: each misbehaves in its own way in a running hub, and only itself suffers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli.errors import RefusedError
from tests.e2e.house import House
from tests.harness import Process, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_one_that_fails_to_start(house: House, spawn: Callable[..., Process]) -> None:
    house.write("bad", "class Bad(Plugin):\n    async def start(self):\n        raise ValueError('no bulb')\n")
    house.start(spawn)
    bad = until(lambda: (one := house.plugin("bad"))["status"] == "failed" and one, what="it has failed")

    assert bad["reason"] == "ValueError: no bulb"
    assert "ValueError: no bulb" in house.listed()
    house.is_quick()
    house.unload("bad")
    house.stop()


def test_one_that_fails_in_a_handler_and_in_a_task(house: House, spawn: Callable[..., Process]) -> None:
    code = """
    class Bad(Plugin):
        async def start(self):
            self.ctx.events.subscribe("state.changed", self.plain, subject="witness/beat")
            self.ctx.events.subscribe("state.changed", self.slow, subject="witness/beat")
            self.ctx.tasks.start("works", self.work())

        def plain(self, event):
            raise ValueError("no plain bulb")

        async def slow(self, event):
            await asyncio.sleep(0)
            sys.exit(3)

        async def work(self):
            await asyncio.sleep(0.1)
            raise RuntimeError("no work today")
    """
    house.write("bad", code, 'read = ["witness/beat"]')
    house.start(spawn)
    until(lambda: house.plugin("bad")["errors"] > 100, what="its errors are counted")
    house.is_quick()

    assert house.plugin("bad")["status"] == "running"
    assert house.plugin("bad")["trouble"]
    assert house.plugin("witness")["errors"] == 0
    assert "errors" in next(line for line in house.listed().splitlines() if line.lstrip().startswith("bad"))
    house.unload("bad")
    assert any("no work today" in record["message"] for record in house.log())
    house.stop()


def test_one_that_blocks_the_loop(house: House, spawn: Callable[..., Process]) -> None:
    code = '''
    class Bad(Plugin):
        @service
        async def doze(self) -> None:
            """Block."""
            time.sleep(2)
    '''
    house.write("bad", code, 'offer = ["bad.doze"]')
    house.start(spawn)
    line = (house.plugins / "bad" / "plugin.py").read_text().split("\n").index("        time.sleep(2)") + 1
    with house.client.events("hub.loop_blocked") as feed:
        house.client.call("bad.doze", {})
        event = next(iter(feed))

    assert event["subject"] == "plugin/bad"
    assert event["data"]["plugin"] == "bad"
    assert event["data"]["where"] == f"{house.plugins}/bad/plugin.py:{line} in Bad.doze"
    assert event["data"]["seconds"] >= 2
    assert f"plugin.py:{line}" in house.plugin("bad")["trouble"]
    assert f"plugin.py:{line}" in house.listed()
    assert house.statistics()["loop"]["blocked"] == 1
    assert house.figures("bad")["blocked"] == 1
    assert any(f"plugin.py:{line}" in record["message"] for record in house.log())
    house.is_quick()
    house.unload("bad")
    house.stop()


def test_one_that_leaks_subscriptions_tasks_timers_and_memory(house: House, spawn: Callable[..., Process]) -> None:
    code = '''
    class Bad(Plugin):
        async def start(self):
            self.hoard = []
            self.ctx.tasks.start("forgets ends", self.leak_tasks())
            self.ctx.tasks.start("forgets undos", self.leak_others())

        async def leak_tasks(self):
            number = 0
            while True:
                number += 1
                self.ctx.tasks.start(f"waits {number}", asyncio.Event().wait())
                await asyncio.sleep(0)

        async def leak_others(self):
            while True:
                self.ctx.events.subscribe("state.changed", self.hear, subject="witness/beat")
                self.ctx.clock.call_later(3600, lambda: None)
                self.ctx.storage.watch("", lambda key, value: None)
                self.hoard.append(bytearray(b"x" * 400_000))
                await asyncio.sleep(0)

        async def hear(self, event):
            """Take no notice."""
    '''
    house.write("bad", code, 'read = ["witness/beat"]')
    house.start(spawn)
    until(lambda: house.plugin("bad")["errors"] == 2, 30, "it is stopped twice")
    house.is_quick()
    full = house.statistics()["rss_mib"]

    assert 300 < house.figures("bad")["subscriptions"] < 400
    assert "bad may not have more than" in house.plugin("bad")["trouble"]
    assert "bad may not have more than" in house.listed()
    said = " ".join(record["message"] for record in house.log())
    assert "bad may not have more than 2000 tasks at a time" in said
    assert "bad may not have more than 1000 subscriptions, services, timers and watches at a time" in said
    house.unload("bad")
    assert full - house.statistics()["rss_mib"] > 80
    assert house.statistics()["loop"]["blocked"] == 0
    house.stop()


def test_one_that_floods_events_and_state(house: House, spawn: Callable[..., Process]) -> None:
    code = """
    @event("bad.noise")
    class Noise(msgspec.Struct, frozen=True):
        number: int

    class Bad(Plugin):
        emits = (Noise,)

        @service
        async def begin(self) -> None:
            self.ctx.tasks.start("shouts", self.shout())
            self.ctx.tasks.start("scribbles", self.scribble())

        @on("bad.noise")
        async def hear(self, event):
            await asyncio.sleep(0.01)

        async def shout(self):
            number = 0
            while True:
                for _ in range(200):
                    number += 1
                    self.ctx.events.publish("bad.noise", "bad", Noise(number))
                await asyncio.sleep(0)

        async def scribble(self):
            number = 0
            while True:
                number += 1
                self.ctx.state.set(f"bad/{number}", number)
                if number % 100 == 0:
                    await asyncio.sleep(0)
    """
    house.write("bad", code, 'publish = ["bad.noise"]\nhear = ["bad.noise"]\nwrite = ["bad/#"]\noffer = ["bad.begin"]')
    house.start(spawn)
    house.client.call("bad.begin", {})
    until(lambda: "state paths" in house.plugin("bad")["trouble"], 60, "its states are stopped")
    until(lambda: house.figures("bad")["dropped"] > 0, 60, "what it cannot hear is dropped")
    house.is_quick()

    assert house.statistics()["state_entries"] < 25_000
    assert "state paths" in house.listed()
    assert house.figures("witness")["dropped"] == 0
    house.unload("bad")
    house.is_quick()
    house.stop()


def test_one_that_floods_the_log(house: House, spawn: Callable[..., Process]) -> None:
    code = '''
    class Bad(Plugin):
        async def start(self):
            self.said = 0
            self.ctx.tasks.start("chatters", self.chatter())

        async def chatter(self):
            while True:
                for _ in range(100):
                    self.said += 1
                    self.ctx.log.warning("noise number %d", self.said)
                await asyncio.sleep(0.001)

        @service
        async def words(self) -> int:
            """How much it said."""
            return self.said
    '''
    house.write("bad", code, 'offer = ["bad.words"]')
    house.start(spawn)
    until(lambda: house.client.call("bad.words", {}) > 20_000, 60, "it has said much")
    house.is_quick()
    assert house.plugin("bad")["trouble"].startswith("it logs too much: ")
    assert "it logs too much" in house.listed()
    house.unload("bad")
    output = house.stop()

    noise = [record for record in house.log() if record["owner"] == "bad"]
    assert 50 < len(noise) < 3_000
    assert any("records of bad before this one were left out" in record["message"] for record in noise)
    assert output.count("noise number") < 3_000


def test_one_that_hangs_in_its_stop(house: House, spawn: Callable[..., Process]) -> None:
    code = '''
    class Bad(Plugin):
        async def start(self):
            self.ctx.state.watch("witness/beat", self.hear)
            self.ctx.tasks.start("stays", self.stay())

        def hear(self, event):
            """Listen."""

        async def stay(self):
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        async def stop(self):
            await asyncio.Event().wait()
    '''
    house.write("bad", code, 'read = ["witness/beat"]')
    house.start(spawn)
    info = house.client.call("hub.restart_plugin", {"plugin": "bad"}, limit=60)

    assert info["status"] == "running"
    assert info["trouble"] == "tasks would not end: bad:stays"
    assert "tasks would not end: bad:stays" in house.listed()
    assert any("bad" in record["message"] and "would not end" in record["message"] for record in house.log())
    house.is_quick()
    house.unload("bad")
    house.stop()


def test_one_that_does_what_it_may_not(house: House, spawn: Callable[..., Process]) -> None:
    code = """
    class Bad(Plugin):
        async def start(self):
            self.ctx.tasks.start("tries", self.attempt())

        async def attempt(self):
            await self.ctx.services.call("hub.stop")
    """
    house.write("bad", code)
    house.write("worse", 'class Worse(Plugin):\n    @on("device.**")\n    def hear(self, event): ...\n')
    house.start(spawn)
    until(lambda: house.plugin("bad")["errors"] and house.plugin("worse")["reason"], what="both are refused")

    line = f'add "hub.stop" to call in [permissions] of {house.plugins}/bad/plugin.toml'
    assert line in house.plugin("bad")["trouble"]
    assert line in house.listed()
    worse = house.plugin("worse")
    assert worse["status"] in {"failed", "quarantined"}
    line = f'add "device.**" to hear in [permissions] of {house.plugins}/worse/plugin.toml'
    assert line in worse["reason"]
    assert line in house.listed()
    house.is_quick()
    house.unload("bad")
    house.stop()


def test_those_that_cannot_start_as_they_are(house: House, spawn: Callable[..., Process]) -> None:
    house.write("bad", "class Bad(Plugin): ...\n", extra='requires = { worse = "*" }')
    house.write("worse", "class Worse(Plugin): ...\n", extra='requires = { bad = "*" }')
    (house.plugins / "broken").mkdir()
    (house.plugins / "broken" / "plugin.toml").write_text("id = \n")
    house.write("lonely", "class Lonely(Plugin): ...\n", extra='requires = { nobody = ">=1" }')
    code = """
    class Thief(Plugin):
        async def start(self):
            self.ctx.services.register("witness.latency", self.latency)

        async def latency(self) -> list[float]: ...
    """
    house.write("thief", code, 'offer = ["witness.latency"]', extra='after = ["witness"]')
    house.start(spawn)

    assert "goes in a circle" in house.plugin("bad")["reason"]
    assert "goes in a circle" in house.plugin("worse")["reason"]
    assert house.plugin("lonely")["reason"].startswith("lonely requires nobody")
    thief = until(lambda: house.plugin("thief")["reason"], what="who claims another's name is refused")
    assert thief == "thief cannot offer 'witness.latency': a service is called thief.<verb>"
    assert all(house.plugin(name)["reason"] in house.listed() for name in ("bad", "worse", "lonely", "thief", "broken"))
    assert any("broken/plugin.toml" in record["message"] for record in house.log())
    assert house.plugin("broken")["reason"].startswith(f"{house.plugins}/broken/plugin.toml:1: is not TOML here")
    with pytest.raises(RefusedError, match="is not TOML here"):
        house.client.call("hub.restart_plugin", {"plugin": "broken"})
    house.is_quick()
    house.stop()
