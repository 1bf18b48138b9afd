"""A running hub whose disk falls sick: it goes on from memory, says so, refuses what must be durable, and recovers."""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hub.cli.client import Client
from hub.cli.errors import CommandError, RefusedError
from tests.e2e.disk import Disk, disk
from tests.harness import Process, until
from tests.hub.running_hub import UP, plugin, stopped

KEEPER = """from random import randbytes

from hub.api import Event, Plugin, on, service


class It(Plugin):
    @service
    async def fill(self, count: int) -> None:
        for number in range(count):
            self.ctx.state.set(f"keeper/{number % 50}", randbytes(500).hex())

    def __init__(self, ctx):
        super().__init__(ctx)
        self.heard = []

    @service
    async def keep(self, value: int) -> None:
        await self.ctx.storage.set("value", value, durable=True)

    @service
    async def kept(self) -> int:
        return await self.ctx.storage.get("value", 0)

    @service
    async def push(self, value: int) -> None:
        self.ctx.state.set("keeper/button", value)

    @service
    async def troubles(self) -> list[list[str]]:
        return self.heard

    @on("state.changed", subject="keeper/button")
    async def follow(self, event: Event) -> None:
        self.ctx.state.set("keeper/lamp", event.data.value)

    @on("storage.*")
    async def trouble(self, event: Event) -> None:
        self.heard.append([event.type, event.data.file, event.data.reason])
"""
ABOUT = """id = "keeper"
version = "1.0"
api = "1"
entry = "keeper.plugin:It"
[permissions]
offer = ["keeper.*"]
hear = ["state.changed", "storage.*"]
read = ["keeper/#"]
write = ["keeper/#"]
"""


class House:
    """A hub whose data lies in `data`; its plugins and logs lie elsewhere."""

    def __init__(self, spawn: Callable[..., Process], place: Path, data: Path) -> None:
        self._spawn = spawn
        self._place = place
        self.data = data
        plugin(place / "plugins", "keeper", KEEPER, ABOUT)
        config = f'[hub]\nplugin_dirs = ["{place / "plugins"}"]\n[journal]\ncommit_window = 0.2\n'
        (place / "hub.toml").write_text(
            f'{config}[log]\nfile = false\n[plugin.api_gateway]\nsocket = "{place / "hub.sock"}"\n'
        )
        self.client = Client(place / "hub.sock")
        self.start()

    def start(self) -> None:
        words = ("-m", "hub", "run", "--config", str(self._place / "hub.toml"), "--data", str(self.data))
        self.process = self._spawn(sys.executable, *words)
        self.process.wait_for(UP)
        try:
            until(self._answers, 30, "the hub answers")
        except AssertionError as error:
            raise AssertionError(self.process.output) from error

    def _answers(self) -> bool:
        assert self.process.returncode is None, self.process.output
        with suppress(CommandError):
            return bool(self.client.call("keeper.troubles", {}) is not None)
        return False

    def ask(self, service: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        return self.client.call(service, arguments)

    def health(self) -> str:
        """What the health check says of the hub itself."""
        found = self.ask("health.check")["checks"]["hub"]
        return f"{found['status']}: {found['reason']}"

    def automates(self, value: int) -> None:
        """A change of state still makes another one."""
        self.ask("keeper.push", value=value)
        until(lambda: self.lamp() == (value, False), 10, "the lamp follows")

    def lamp(self) -> tuple[int, bool]:
        one = self.client.get("state", prefix="keeper/")["keeper/lamp"]
        return one["value"], one["restored"]

    def refuses(self, why: str) -> None:
        """A durable write is refused at once, with one sentence."""
        with pytest.raises(RefusedError, match=why) as refusal:
            self.ask("keeper.keep", value=-1)
        assert "\n" not in str(refusal.value)

    def sick(self) -> bool:
        """Whether both files are known to be sick."""
        figures = self.ask("hub.statistics")
        return bool(figures["storage"]["failure"] and figures["journal"]["failure"])

    def well(self) -> bool:
        """Whether neither is, and nothing waits."""
        figures = self.ask("hub.statistics")
        return not (figures["storage"]["failure"] or figures["journal"]["failure"] or figures["journal"]["waiting"])

    def told(self, kind: str) -> set[str]:
        """Files of which an event of this kind told."""
        return {file for type_, file, _ in self.ask("keeper.troubles") if type_ == f"storage.{kind}"}


@contextmanager
def house_on_a_disk(spawn: Callable[..., Process], tmp_path: Path) -> Iterator[tuple[House, Disk]]:
    with disk() as made:
        house = House(spawn, tmp_path, made.folder / "data")
        house.ask("keeper.keep", value=1)
        house.automates(1)
        until(house.well, 20, "all is written")
        try:
            yield house, made
        finally:
            made.mend()
            house.process.stop()


BOTH = {"hub.db", "telemetry.db"}


def goes_on_while(house: House, why: str, numbers: Iterator[int]) -> None:
    """What the hub does as long as the disk is sick, however long that is."""
    house.refuses(why)
    until(lambda: _pushed(house, numbers) and house.sick(), 30, "the hub knows of its disk")
    assert house.told("failing") == BOTH
    assert house.health().startswith("failing: storage: cannot write storage")
    assert "; journal: " in house.health()
    for _ in range(3):
        house.automates(next(numbers))
    assert house.ask("keeper.kept") in {1, -1}  # reads go on from memory
    house.process.wait_for(f"cannot write storage .*telemetry.db: .*{why}.*; events and states are kept in memory")
    house.process.wait_for(f"cannot write storage .*hub.db: .*{why}.*kept in memory and tried again")


def _pushed(house: House, numbers: Iterator[int]) -> bool:
    house.automates(next(numbers))
    return True


def recovers(house: House, last: int) -> None:
    """By itself; what happened meanwhile is in the journal, and the states come back after a restart."""
    until(house.well, 60, "the hub has recovered")
    assert house.told("recovered") == BOTH
    assert house.health() == "ok: "
    house.ask("keeper.keep", value=77)
    pushed = [one["data"]["value"] for one in _journal(house, "keeper/button")]
    assert pushed == [*range(1, last)], "every change is recorded once and in order"
    assert stopped(house.process) == 0, house.process.output
    house.start()
    assert house.lamp() == (last - 1, True)
    assert house.ask("keeper.kept") == 77
    assert "Traceback" not in house.process.output
    assert stopped(house.process) == 0


def _journal(house: House, subject: str) -> list[Any]:
    found: list[Any] = house.ask("hub.read_journal", type="state.changed", subject=subject, limit=5000)["records"]
    return found


@pytest.mark.timeout(180)
def test_a_full_disk(spawn: Callable[..., Process], tmp_path: Path) -> None:
    numbers = iter(range(2, 10_000))
    with house_on_a_disk(spawn, tmp_path) as (house, made):
        made.fill()
        for _ in range(400):  # what room is left in its own files is soon used up
            with suppress(RefusedError):
                house.ask("keeper.keep", value=-1)
                continue
            break
        goes_on_while(house, "full", numbers)
        made.mend()
        recovers(house, next(numbers))


@pytest.mark.timeout(180)
def test_a_disk_that_becomes_read_only(spawn: Callable[..., Process], tmp_path: Path) -> None:
    numbers = iter(range(2, 10_000))
    with house_on_a_disk(spawn, tmp_path) as (house, made):
        made.freeze()
        goes_on_while(house, "(read-only|the disk failed)", numbers)
        made.replace()
        recovers(house, next(numbers))


@pytest.mark.timeout(180)
def test_a_disk_that_gives_io_errors(spawn: Callable[..., Process], tmp_path: Path) -> None:
    numbers = iter(range(2, 10_000))
    with house_on_a_disk(spawn, tmp_path) as (house, made):
        made.fail()
        goes_on_while(house, "the disk failed", numbers)
        made.mend()
        recovers(house, next(numbers))


@pytest.mark.timeout(180)
def test_a_page_of_the_telemetry_that_is_corrupted_under_a_running_hub(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    house = House(spawn, tmp_path, tmp_path / "data")
    path = house.data / "telemetry.db"
    for _ in range(8):  # more than SQLite holds in memory
        house.ask("keeper.fill", count=1000)
        until(house.well, 20, "all is written")
    with path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x99" * 300_000)
    [told] = house.ask("hub.check_storage")
    assert re.search(
        r"telemetry.db.*damaged.*; it was set aside as telemetry.db.damaged-1 and a new one begun, with", told
    )
    house.process.wait_for(r"telemetry.db.*set aside as telemetry.db.damaged-1 and a new one begun")
    house.automates(1)
    until(house.well, 20, "all is written")
    assert house.told("repaired") == {"telemetry.db"}
    assert house.ask("hub.check_storage") == []
    info = house.ask("hub.journal")
    assert {gap["why"] for gap in info["gaps"]} == {"damaged"}
    assert 0 < info["stats"]["missing"] < 4000
    assert stopped(house.process) == 0
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    house.start()
    assert house.lamp() == (1, True)
    assert len(house.client.get("state", prefix="keeper/")) == 52
    assert stopped(house.process) == 0


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1024:] = b"\x99" * len(content[1024:])
    path.write_bytes(content)


@pytest.mark.timeout(180)
def test_a_damaged_registry_is_restored_from_the_newest_good_backup(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    house = House(spawn, tmp_path, tmp_path / "data")
    house.ask("keeper.keep", value=5)
    made = [*house.client.stream("hub.create_backup", {})][-1]["backup"]["file"]
    house.ask("keeper.keep", value=6)
    bad = Path(made).with_name("hub-newer.hubbackup").with_suffix(Path(made).suffix)
    bad.write_bytes(Path(made).read_bytes()[:-100])
    assert stopped(house.process) == 0
    registry = house.data / "hub.db"
    spoil(registry)
    house.start()
    house.process.wait_for(
        rf"hub.db is damaged .*; it was set aside as hub.db.damaged-1 and restored from {Path(made).name}, made at \d+"
    )
    assert house.ask("keeper.kept") == 5
    assert "restored from" in house.ask("hub.statistics")["storage"]["repaired"]
    house.ask("keeper.keep", value=7)
    # Once more, under a hub that runs: its next full look finds it.
    with registry.open("r+b") as file:
        file.seek(0)
        file.write(b"\x99" * registry.stat().st_size)
    with suppress(RefusedError):
        house.ask("hub.check_storage")
    until(lambda: house.told("repaired") == {"hub.db"}, 30, "the registry is mended")
    assert house.ask("keeper.kept") == 5
    house.automates(1)
    assert stopped(house.process) == 0
    with closing(sqlite3.connect(registry)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.timeout(180)
def test_a_damaged_registry_without_a_backup_is_refused_and_left_as_it_is(
    spawn: Callable[..., Process], tmp_path: Path
) -> None:
    house = House(spawn, tmp_path, tmp_path / "data")
    assert stopped(house.process) == 0
    registry = house.data / "hub.db"
    spoil(registry)
    content = registry.read_bytes()
    process = spawn(sys.executable, "-m", "hub", "run", "--data", str(house.data))
    assert process.wait() == 4
    assert process.find(r"hub.db is damaged \(.*\), and there is no good backup in .*backups; keep a copy of it and")
    assert registry.read_bytes() == content


@pytest.mark.timeout(180)
def test_before_an_upgrade_the_registry_is_backed_up(spawn: Callable[..., Process], tmp_path: Path) -> None:
    house = House(spawn, tmp_path, tmp_path / "data")
    house.ask("keeper.keep", value=5)
    assert stopped(house.process) == 0
    with closing(sqlite3.connect(house.data / "hub.db")) as db, db:
        db.execute("DROP TABLE log")
        db.execute("PRAGMA user_version = 2")
    house.start()
    house.process.wait_for(r"hub.db is upgraded from schema 2; as it was it is in .*before-schema-2")
    assert house.ask("keeper.kept") == 5
    [kept] = house.ask("hub.backups")
    assert "before-schema-2" in kept["file"]
    assert kept["problem"] == ""
    assert stopped(house.process) == 0
    house.start()
    assert len(house.ask("hub.backups")) == 1
    assert stopped(house.process) == 0
