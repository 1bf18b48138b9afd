"""The rules of `tests/harness/rules.py` fail the tests they are meant to fail, and no other."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Process, eventually, free_port, until
from tests.harness.side_by_side import readable

ROOT = Path(__file__).resolve().parents[1]

CONFTEST = """
from tests.harness import leaks

leaks.GRACE_S = 0.2
pytest_plugins = ["tests.harness.rules"]
"""

# Each test is named for the complaint it must earn.
LEAKY = """
import asyncio, pty, socket, subprocess, sys, threading, time, warnings
import pytest
import hub
from tests.harness import rules

KEPT = []

async def test_task():
    KEPT.append(asyncio.get_running_loop().create_task(asyncio.sleep(99), name="lost"))

def test_thread():
    threading.Thread(target=threading.Event().wait, name="lost", daemon=True).start()

def test_socket():
    KEPT.append(socket.socket())

def test_terminal():
    KEPT.append(pty.openpty())

def test_file(tmp_path):
    KEPT.append((tmp_path / "lost.db").open("w"))

def test_child():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_loop():
    KEPT.append(rules.new_loop())

async def test_coroutine():
    async def lost(): pass
    lost()

def test_warning():
    warnings.warn("old", DeprecationWarning)

async def test_blocking():
    exec(compile("time.sleep(0.01)", hub.__path__[0] + "/nap.py", "exec"))
"""

COMPLAINTS = {
    "task": r"left tasks running: .*name='lost'",
    "thread": r"left behind: thread 'lost'",
    "socket": r"left behind: descriptor \d+ \(socket:",
    "terminal": r"left behind: descriptor \d+ \(/dev/(ptmx|pts)",
    "file": r"left behind: descriptor \d+ \(.*lost\.db",
    "child": r"left behind: child process \d+ \(.*input\(\)",
    "loop": r"left behind: event loop",
    "coroutine": r"Exception ignored in: <coroutine object .*lost",
    "warning": r"DeprecationWarning: old",
    "blocking": r"BlockingError: Blocking call to time.sleep",
}

TIDY = """
import asyncio, sys
import pytest
import hub

@pytest.fixture
async def owned():
    task = asyncio.get_running_loop().create_task(asyncio.sleep(99))
    yield task
    task.cancel()

async def test_runs_on_uvloop(owned):
    assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")

async def test_uses_a_thread_of_the_loop(tmp_path):
    await asyncio.to_thread((tmp_path / "note").write_text, "kept")

async def test_talks_through_a_socket():
    async def greet(reader, writer):
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()
    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()

async def test_writes_its_own_file(tmp_path):
    (tmp_path / "note").write_text("kept")

@pytest.mark.allow_blocking
async def test_blocks_on_purpose():
    exec(compile("import time; time.sleep(0.01)", hub.__path__[0] + "/nap.py", "exec"))

def test_starts_a_child(spawn):
    spawn(sys.executable, "-c", "input()")
"""


def run_pytest(folder: Path, source: str) -> str:
    """Run one test file under the rules, in a pytest of its own, and return what it said."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_inner.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", f"{ROOT}/pyproject.toml", "-p", "no:cacheprovider", "--tb=line"]
    # Coverage would look for the source of the product's code that these tests make up.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    result = subprocess.run(
        [*command, "--rootdir", str(folder), str(folder / "test_inner.py")],
        cwd=ROOT,
        env=environment | {"COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return result.stdout + result.stderr


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_pytest(tmp_path_factory.mktemp("leaky"), LEAKY)


@pytest.mark.parametrize("kind", COMPLAINTS)
def test_a_leak_fails_the_test_that_made_it(leaky: str, kind: str) -> None:
    blamed = [line for line in leaky.splitlines() if re.match(rf"(ERROR|FAILED) .*::test_{kind} - ", line)]

    assert len(blamed) == 1, leaky
    assert re.search(COMPLAINTS[kind], blamed[0]), leaky


def test_a_tidy_test_passes(tmp_path: Path) -> None:
    said = run_pytest(tmp_path, TIDY)

    assert re.search(r"6 passed in", said), said


async def test_eventually_returns_the_first_truthy_result() -> None:
    answers = iter([None, 0, "yes", "no"])

    assert await eventually(lambda: next(answers)) == "yes"


@pytest.mark.parametrize("complaint", ["the lamp is on did not hold within 0.02 s", "last result: False"])
async def test_eventually_fails_with_what_it_waited_for(complaint: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        await eventually(lambda: False, within=0.02, what="the lamp is on")


def test_until_waits_without_a_loop() -> None:
    began = time.monotonic()

    assert until(lambda: time.monotonic() > began)
    with pytest.raises(AssertionError, match="the condition did not hold"):
        until(lambda: False, within=0.02)


def test_what_is_no_utf8_travels_written_out() -> None:
    told = {"sections": [("log", "na\udcffme")], "when": 1.5, "bad\ud800": None}
    assert readable(told) == {"sections": [("log", "na\\udcffme")], "when": 1.5, "bad\\ud800": None}


def test_a_free_port_can_be_bound() -> None:
    assert 1024 <= free_port() <= 65535


def test_a_process_is_heard_while_it_runs(spawn: Callable[..., Process]) -> None:
    process = spawn(sys.executable, "-uc", "print('ready on 7'); import time; time.sleep(60)")

    assert process.wait_for(r"ready on (\d)").group(1) == "7"
    assert process.returncode is None


def test_a_process_that_ends_early_says_what_it_said(spawn: Callable[..., Process]) -> None:
    process = spawn(sys.executable, "-uc", "print('no radio'); raise SystemExit(3)")

    with pytest.raises(AssertionError, match=r"(?s)ended with 3 before a line matched 'ready'.*no radio"):
        process.wait_for("ready")
    assert process.wait() == 3


def test_a_process_takes_its_own_environment(tmp_path: Path) -> None:
    with Process(sys.executable, "-c", "import os; print(os.environ['ROOM'], os.getcwd())",
                 env={"ROOM": "hall"}, cwd=tmp_path) as process:  # fmt: skip
        assert process.wait() == 0

    assert process.output == f"hall {tmp_path}\n"
