"""Archives: read without unpacking, and refused where they were made to do harm."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import Invalid
from models.sources import archive
from models.sources.archive import Archive, opened

Build = Callable[[zipfile.ZipFile], object]


def zipped(path: Path, build: Build, *, packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as file:
        build(file)
    return path


def contents(found: Archive) -> dict[str, bytes]:
    read = {}
    for name in found.members:
        with found.open(name) as stream:
            read[name] = stream.read()
    return read


def refused(path: Path) -> str:
    """Return why an archive is refused, which is one line."""
    with pytest.raises(Invalid) as caught, opened(path) as found:
        contents(found)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    return caught.value.message


def fill(file: zipfile.ZipFile) -> None:
    file.mkdir("general")
    file.writestr("channels.json", "[]")
    file.writestr("general/2026-03-02.json", "[1]")
    file.writestr("__MACOSX/general/._2026-03-02.json", "x")
    file.writestr("general/.DS_Store", "x")


def test_a_zip_and_the_folder_it_was_unpacked_to_are_the_same(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", fill)
    with opened(path) as found:
        assert found.members == {"channels.json": 2, "general/2026-03-02.json": 3}
        held = contents(found)
    zipfile.ZipFile(path).extractall(tmp_path / "export")
    outside = tmp_path / "secret.json"
    outside.write_text("secret")
    (tmp_path / "export" / "general" / "2026-03-03.json").symlink_to(outside)
    with opened(tmp_path / "export") as folder:
        assert contents(folder) == held


@pytest.mark.parametrize(
    "name",
    [
        "../up.json",
        "/etc/passwd",
        "a/../../b.json",
        "C:/x.json",
        "a\\b.json",
        "a\x07.json",
        "a\nb.json",
        "n" * 1001,
    ],
)
def test_a_name_that_leads_out_or_is_none_is_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "bad.zip", lambda file: file.writestr(zipfile.ZipInfo(name), "x"))
    assert "not read" in refused(path)


def test_a_name_that_hides_behind_a_nul_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "nul.zip", lambda file: file.writestr("a.json_/../b", "x"))
    path.write_bytes(path.read_bytes().replace(b"a.json_", b"a.json\x00"))
    assert "leads out" in refused(path)


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    def twice(file: zipfile.ZipFile) -> None:
        file.writestr("a.json", "x")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.json", "y")

    assert "twice" in refused(zipped(tmp_path / "twice.zip", twice))


def test_a_link_and_a_device_are_refused(tmp_path: Path) -> None:
    for mode in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        member = zipfile.ZipInfo("a.json")
        member.external_attr = (mode | 0o644) << 16
        path = zipped(
            tmp_path / f"{mode}.zip", lambda file, member=member: file.writestr(member, "/etc/passwd")
        )  # type: ignore[misc]
        assert "no plain file" in refused(path)


def test_bombs_are_refused_before_a_byte_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", lambda file: file.writestr("a.json", b"0" * 3_000_000))
    assert "200 times" in refused(path)
    with opened(
        zipped(tmp_path / "small.zip", lambda file: file.writestr("a.json", b"0" * 500_000))
    ) as found:
        assert len(contents(found)["a.json"]) == 500_000


def test_a_member_beyond_all_measure_and_too_many_of_them_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "big.zip", fill)
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 2)
    assert "MiB" in refused(path)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    assert "more than 3 files" in refused(path)


def test_a_member_that_says_less_than_it_holds_ends_where_it_said(tmp_path: Path) -> None:
    """A table of contents that lies about sizes cannot make us unpack more than it says."""
    path = zipped(tmp_path / "liar.zip", lambda file: file.writestr("a.json", b"0" * 900_000))
    raw = bytearray(path.read_bytes())
    size = struct.pack("<L", 900_000)
    crc = struct.pack("<L", zlib.crc32(b"0" * 900_000))
    for place in (raw.index(size), raw.rindex(size)):
        raw[place : place + 4] = struct.pack("<L", 10)
    assert raw.count(crc) == 2
    path.write_bytes(raw)
    assert "damaged" in refused(path)


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "overlap.zip", lambda file: file.writestr("a.json", bytes(range(256)) * 40))
    raw = path.read_bytes()
    end = raw.rindex(b"PK\x05\x06")
    start = raw.index(b"PK\x01\x02")
    entry = raw[start:end]
    many = b"".join(entry.replace(b"a.json", b"%c.json" % (97 + at)) for at in range(20))
    counts = struct.pack("<HHLL", 20, 20, len(many), start)
    path.write_bytes(raw[:start] + many + raw[end : end + 8] + counts + raw[end + 20 :])
    assert "overlap" in refused(path)


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "locked.zip", lambda file: file.writestr("a.json", "x"), packed=zipfile.ZIP_STORED
    )
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert "encrypted" in refused(path)


def test_what_is_no_zip_or_broken_off_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("id,text\n")
    assert "no ZIP" in refused(tmp_path / "text.zip")
    path = zipped(tmp_path / "whole.zip", fill)
    path.write_bytes(path.read_bytes()[:-30])
    assert "no ZIP" in refused(path)
    held = zipped(tmp_path / "flipped.zip", lambda file: file.writestr("a.json", "abcdefgh" * 50))
    raw = bytearray(held.read_bytes())
    raw[40] ^= 0xFF
    held.write_bytes(raw)
    assert "damaged" in refused(held)
    assert "no ZIP" in refused(tmp_path / "missing.zip")


def test_a_stream_is_read_in_pieces(tmp_path: Path) -> None:
    path = zipped(tmp_path / "export.zip", fill)
    with opened(path) as found, found.open("general/2026-03-02.json") as stream:
        assert (stream.read(1), stream.read(1), io.BytesIO(stream.read()).read()) == (b"[", b"1", b"]")
