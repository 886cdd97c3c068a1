"""An export that is many files: a ZIP, or the folder that it was unpacked to. Nothing is ever unpacked to disk.

A member is read as a stream, and never past the size that the archive's table of contents names. A name that leaves
the archive, a member that is no plain file, and one that grows beyond all measure are refused: an archive like that
was made to do harm.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from models.errors import Invalid

MAX_MEMBERS = 1_000_000
MAX_MEMBER_BYTES = 256 * 1024 * 1024
MAX_RATIO = 200
"""How many times its packed size a member may have: chats as JSON have about ten times, a bomb a thousand."""
SMALL_BYTES = 1 << 20
"""Members up to this size may have any ratio: a day without a word packs well."""
MAX_NAME_CHARS = 1000

_IGNORED = ("__MACOSX/", ".DS_Store")
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class Archive(Protocol):
    """Plain files by name, with their sizes in bytes."""

    @property
    def members(self) -> Mapping[str, int]:
        """Name the files, parts joined by "/", with their sizes in bytes."""

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one file for reading; raise `Invalid` where it is damaged or larger than it may be."""


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a ZIP or a folder; raise `Invalid` with one line for what is neither, damaged, or made to do harm."""
    if path.is_dir():
        yield Folder(path)
        return
    try:
        file = zipfile.ZipFile(path)
    except _FAULTS as error:
        raise Invalid(f"{path.name}: no ZIP that can be read ({_said(error)})", field="file") from None
    with file:
        yield Zip(file, _checked(file.infolist(), path))


def _said(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _checked(found: list[zipfile.ZipInfo], path: Path) -> Mapping[str, zipfile.ZipInfo]:
    """Refuse an archive by its table of contents; return its plain files by name."""
    if len(found) > MAX_MEMBERS:
        raise Invalid(f"{path.name}: more than {MAX_MEMBERS:,} files in it", field="file")
    if sum(each.compress_size for each in found) > path.stat().st_size:
        raise Invalid(f"{path.name}: its files overlap: made to do harm, and not read", field="file")
    members: dict[str, zipfile.ZipInfo] = {}
    for each in found:
        reason = _fault(each, members)
        if reason is not None:
            name = each.orig_filename[:100].encode("unicode_escape").decode()
            raise Invalid(f"{path.name}: {name} {reason}", field="file")
        if not each.is_dir() and not _is_ignored(each.filename):
            members[each.filename] = each
    return members


def _fault(member: zipfile.ZipInfo, known: Mapping[str, zipfile.ZipInfo]) -> str | None:
    """Say what is wrong with a member; None where nothing is."""
    mode = member.external_attr >> 16
    if not _is_inside(member.orig_filename):
        return "is a name that leads out of the archive, or none at all: not read"
    if member.filename in known:
        return "is there twice: not read"
    if member.flag_bits & 1:
        return "is encrypted: unpack it, and name the folder"
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        return "is no plain file: not read"
    if member.file_size > MAX_MEMBER_BYTES:
        return f"has more than {MAX_MEMBER_BYTES // 1024 // 1024} MiB: not read"
    if member.file_size > max(SMALL_BYTES, MAX_RATIO * member.compress_size):
        return f"is more than {MAX_RATIO} times as large unpacked: not read"
    return None


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    is_plain = name.isprintable() and "\\" not in name and ":" not in name and len(name) <= MAX_NAME_CHARS
    return is_plain and bool(parts) and not name.startswith("/") and ".." not in parts


def _is_ignored(name: str) -> bool:
    return name.startswith(_IGNORED[0]) or name.rpartition("/")[2] == _IGNORED[1]


@dataclass(frozen=True, slots=True)
class Zip:
    """A ZIP whose table of contents was checked."""

    file: zipfile.ZipFile
    found: Mapping[str, zipfile.ZipInfo]

    @property
    def members(self) -> Mapping[str, int]:
        """The files by name, with their sizes unpacked."""
        return {name: each.file_size for name, each in self.found.items()}

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one file; what is damaged in it shows while it is read."""
        try:
            with self.file.open(self.found[name]) as stream:
                yield cast(BinaryIO, stream)
        except _FAULTS as error:
            raise Invalid(f"{name}: damaged ({_said(error)})", field="file") from None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; links that lead out of it are not followed."""

    path: Path

    @property
    def members(self) -> Mapping[str, int]:
        """The plain files below it."""
        found = (each for each in self.path.rglob("*") if each.is_file() and not each.is_symlink())
        sizes = {each.relative_to(self.path).as_posix(): each.stat().st_size for each in found}
        return {name: size for name, size in sizes.items() if not _is_ignored(name)}

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one file."""
        try:
            with (self.path / name).open("rb") as stream:
                yield stream
        except OSError as error:
            raise Invalid(f"{name}: cannot be read ({error.strerror})", field="file") from None
