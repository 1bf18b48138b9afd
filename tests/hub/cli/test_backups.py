"""`hub backup`: what it says of folders."""

from pathlib import Path

from tests.hub.cli.conftest import Terminal


async def test_a_folder_that_is_not_there_is_no_empty_one(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    empty = await terminal.run("backup", "list", str(tmp_path / "stick"))
    gone = await terminal.run("backup", "list", str(tmp_path / "gone"))

    assert (empty.code, empty.err) == (0, "")
    assert gone.code == 1
    assert gone.err.startswith(f"hub: there is no folder {tmp_path / 'gone'}; name one")
