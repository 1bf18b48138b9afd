"""A backup's file: whatever happens to it, it is refused by name, and nothing is written where it does not belong."""

import hashlib
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.backup import archive, sealing
from hub.backup.archive import MAGIC, Head, Manifest, Part, pack, read, read_head, read_manifest
from hub.backup.trial import Folder, check_head
from hub.errors import BackupError
from tests.hub.backup.homes import back_up, home, quiet

NAMES = st.lists(
    st.lists(st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,8}", fullmatch=True), min_size=1, max_size=3).map("/".join),
    max_size=5,
    unique=True,
)
HEAD = Head("Cottage", "0.1.0", 1_767_225_600_000_000_000, {"registry": 1})
SEALED = msgspec.structs.replace(HEAD, sealed="a key")


class Nowhere:
    """Takes nothing."""

    def begin(self, manifest: Manifest) -> None:
        pass

    def open(self, part: Part) -> IO[bytes] | None:
        del part
        return None


def write(path: Path, contents: dict[str, bytes], head: Head = HEAD, key: str = "") -> Manifest:
    folder = path.with_suffix(".contents")
    folder.mkdir(exist_ok=True)
    sources = []
    for number, (name, content) in enumerate(contents.items()):
        (folder / str(number)).write_bytes(content)
        sources.append((Part(name, len(content), hashlib.sha256(content).hexdigest()), folder / str(number)))
    manifest = Manifest(head, {"zigbee": "0.1.0"}, [part for part, _ in sources])
    path.unlink(missing_ok=True)
    pack(path, manifest, sources, key, quiet)
    return manifest


def forge(path: Path, stream: bytes, head: Head = HEAD) -> None:
    """A file that is whole, with whatever inside."""
    encoded, body = msgspec.json.encode(head), zlib.compress(stream)
    size = len(MAGIC) + 12 + len(encoded) + 32 + len(body) + 32
    prelude = struct.pack(">QI", size, len(encoded)) + encoded
    hashes = hashlib.sha256(prelude).digest(), hashlib.sha256(body).digest()
    path.write_bytes(MAGIC + prelude + hashes[0] + body + hashes[1])


def listed(*parts: Part, head: Head = HEAD) -> bytes:
    text = msgspec.json.encode(Manifest(head, {}, [*parts]))
    return struct.pack(">I", len(text)) + text


def part(name: str, content: bytes = b"x", size: int | None = None) -> Part:
    return Part(name, len(content) if size is None else size, hashlib.sha256(content).hexdigest())


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key that no passphrase guards: to unlock one takes seconds, and flips are many."""
    made = sealing.new_key()
    monkeypatch.setattr(sealing, "unseal", lambda *_: made)
    return made  # type: ignore[return-value]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMES, data=st.data(), sealed=st.booleans())
def test_what_is_packed_comes_out_again(
    tmp_path_factory: pytest.TempPathFactory, key: str, names: list[str], data: st.DataObject, *, sealed: bool
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    contents = {f"{number}-{name}": data.draw(st.binary(max_size=5000)) for number, name in enumerate(names)}
    path = folder / "home.hubbackup"
    manifest = write(path, contents, SEALED if sealed else HEAD, key if sealed else "")
    found = read(path, "", Folder(folder / "out"), quiet)
    assert found == manifest
    for name, content in contents.items():
        assert (folder / "out" / name).read_bytes() == content
    assert read_manifest(path, "") == manifest


@pytest.mark.parametrize("sealed", [False, True])
def test_one_flipped_byte_anywhere_is_refused_by_name(tmp_path: Path, key: str, *, sealed: bool) -> None:
    dice = random.Random(1)
    contents = {"hub.db": dice.randbytes(3000) + bytes(5000), "automations/bell.py": b"# ring\n" * 100}
    path = tmp_path / "home.hubbackup"
    write(path, contents, SEALED if sealed else HEAD, key if sealed else "")
    good = path.read_bytes()
    read(path, "", Nowhere(), quiet)
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << dice.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(BackupError, match=r"home\.hubbackup"):
            read(path, "", Nowhere(), quiet)


def test_damage_names_the_part(tmp_path: Path) -> None:
    dice = random.Random(2)
    path = tmp_path / "home.hubbackup"
    write(path, {"first.bin": dice.randbytes(600_000), "second.bin": dice.randbytes(600_000)})
    for share, name in ((0.25, "first.bin"), (0.75, "second.bin")):
        bad = bytearray(path.read_bytes())
        bad[int(len(bad) * share)] ^= 1
        damaged = tmp_path / "damaged.hubbackup"
        damaged.write_bytes(bad)
        with pytest.raises(BackupError, match=f"part {name} is damaged"):
            read(damaged, "", Nowhere(), quiet)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_truncated_file_is_refused(tmp_path: Path, key: str, *, sealed: bool) -> None:
    path = tmp_path / "home.hubbackup"
    write(path, {"hub.db": bytes(9000)}, SEALED if sealed else HEAD, key if sealed else "")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BackupError, match=r"home\.hubbackup"):
            read(path, "", Nowhere(), quiet)
    path.write_bytes(whole[:-40])
    with pytest.raises(BackupError, match="is cut off"):
        read(path, "", Nowhere(), quiet)
    path.write_bytes(whole + b"more")
    with pytest.raises(BackupError, match="behind its end"):
        read(path, "", Nowhere(), quiet)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../evil", "", ".", "a//b", "a/./b", "..", "nul\0", "x" * 2000]
)
def test_a_part_stays_in_the_data_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "home.hubbackup"
    forge(path, listed(part(name)) + b"x")
    with pytest.raises(BackupError, match="would leave the data folder"):
        read(path, "", Folder(tmp_path / "in" / "out"), quiet)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_parts_do_not_meet(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "home.hubbackup"
    forge(path, listed(*map(part, names)) + b"xx")
    with pytest.raises(BackupError, match="meets another"):
        read(path, "", Nowhere(), quiet)


@pytest.mark.parametrize("name", ["hub.lock", ".restore/home/x", "backups/old", "before-restore-1/x", ".work-1/x"])
def test_no_part_takes_the_place_of_what_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / "home.hubbackup"
    forge(path, listed(part(name)) + b"x")
    with pytest.raises(BackupError, match="that stays"):
        read(path, "", Nowhere(), quiet)


def test_bombs_are_refused_before_they_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = tmp_path / "home.hubbackup", tmp_path / "out"
    forge(path, listed(part("hub.db")) + b"x" + bytes(50_000_000))
    with pytest.raises(BackupError, match="followed by something else"):
        read(path, "", Folder(out), quiet)
    forge(path, listed(part("a", size=2**50)))
    with pytest.raises(BackupError, match="larger than any backup may be"):
        read(path, "", Folder(out), quiet)
    forge(path, listed(part("a", size=-1)))
    with pytest.raises(BackupError, match="larger than any backup may be"):
        read(path, "", Folder(out), quiet)
    forge(path, struct.pack(">I", 2**32 - 1) + bytes(50_000_000))
    with pytest.raises(BackupError, match="its manifest is larger"):
        read(path, "", Folder(out), quiet)
    monkeypatch.setattr(archive, "_CONTENT_LIMIT", 2**60)
    forge(path, listed(part("a", size=2**55)))
    with pytest.raises(BackupError, match="has no room"):
        read(path, "", Folder(out), quiet)
    assert sum(one.stat().st_size for one in out.rglob("*") if one.is_file()) <= 1


def test_a_forged_hash_or_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home.hubbackup"
    forge(path, listed(part("hub.db", b"y")) + b"x")
    with pytest.raises(BackupError, match=r"part hub\.db is damaged"):
        read(path, "", Nowhere(), quiet)
    forge(path, listed(part("hub.db"), head=msgspec.structs.replace(HEAD, hub="Other")) + b"x")
    with pytest.raises(BackupError, match="does not fit its head"):
        read(path, "", Nowhere(), quiet)
    forge(path, struct.pack(">I", 9) + b"not  json")
    with pytest.raises(BackupError, match="its manifest cannot be understood"):
        read(path, "", Nowhere(), quiet)
    forge(path, listed(part("hub.db", b"abc")) + b"ab")
    with pytest.raises(BackupError, match=r"part hub\.db ends too early"):
        read(path, "", Nowhere(), quiet)


def test_what_is_no_backup_or_too_new_says_so(tmp_path: Path) -> None:
    path = tmp_path / "home.hubbackup"
    with pytest.raises(BackupError, match="cannot be read"):
        read_head(path)
    path.write_bytes(b"PK\x03\x04 something")
    with pytest.raises(BackupError, match="is not a backup of a hub"):
        read_head(path)
    path.write_bytes(b"domovoi backup 2\n" + bytes(100))
    with pytest.raises(BackupError, match=r"newer hub \(format 2\)"):
        read_head(path)
    forge(path, listed(), head=msgspec.structs.replace(HEAD, made=10**30))
    with pytest.raises(BackupError, match="its head cannot be understood"):
        read_head(path)
    forge(path, listed(), head=msgspec.structs.replace(HEAD, schemas={"registry": 999}))
    with pytest.raises(BackupError, match="its registry has schema 999"):
        check_head(path)


def test_the_passphrase_opens_it_and_no_other(tmp_path: Path) -> None:
    made = back_up(home(tmp_path / "home"), tmp_path / "backups", "right horse")
    path = Path(made.file)
    assert made.encrypted
    assert b"Hall lamp" not in path.read_bytes()
    assert b"automations" not in path.read_bytes()
    assert read_manifest(path, "right horse").plugins == {"radio": "1.0"}
    with pytest.raises(BackupError, match="is not opened by this passphrase"):
        read(path, "wrong horse", Nowhere(), quiet)
    with pytest.raises(BackupError, match="its passphrase is needed"):
        read(path, "", Nowhere(), quiet)
