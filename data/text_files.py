"""Files of text as they come: plain, gzipped or zipped, in whatever encoding the tool that wrote them likes."""

import codecs
import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from data.bad_values import whole_file
from domain.errors import OntimeError

TABLES = (".csv", ".txt")
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Unreadable(OntimeError):  # noqa: N818  the name says what happened
    """A file cannot be opened or unpacked, so nothing is known of what it holds."""


def text_of(path: Path) -> str:
    """Return a file's text, lines parted by a line feed alone.

    Raises
    ------
    Unreadable
        If the file cannot be opened or unpacked.
    BadFile
        If it is no text, or an archive without exactly one table.
    """
    return _decoded(_bytes(path)).replace("\r\n", "\n").replace("\r", "\n")


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix.lower() == ".gz":
            return gzip.decompress(path.read_bytes())
        if path.suffix.lower() == ".zip":
            return _zipped(path)
        return path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise Unreadable(f"cannot be unpacked, is it whole? {error}") from error
    except NotImplementedError as error:
        raise Unreadable(f"is packed in a way that is not known here: {error}") from error
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror or error}") from error


def _zipped(path: Path) -> bytes:
    """Return the one table of an archive; what an operating system adds beside it does not count."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not _hidden(PurePosixPath(name))]
        for ending in TABLES:
            tables = [name for name in names if name.lower().endswith(ending)]
            if len(tables) == 1:
                return archive.read(tables[0])
            if tables:
                break
    raise whole_file("expected one CSV file in the archive", ", ".join(tables) or "none")


def _hidden(name: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode(_encoding(raw))
    except UnicodeDecodeError as error:
        raise whole_file("expected text", str(error)) from error
    if "\x00" in text:
        raise whole_file("expected text, the file is binary")
    return text


def _encoding(raw: bytes) -> str:
    if raw.startswith(UTF16):
        return "utf-16"
    # ASCII in UTF-16 has a zero in every other byte, also without the mark at its beginning.
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros = raw[first:200:2]
        if zeros and not any(zeros):
            return encoding
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"
