"""Tables in and out as CSV: read strictly with every fault named, written so that no cell runs as a formula.

Reading a file of outlets, say:

    faults = Faults("outlets.csv")
    for line, cells in read_table(path, ("outlet", "name"), ("health",), faults=faults):
        opened = faults.date(line, "agreement_on", cells["agreement_on"], optional=True)
        ...
    faults.check()        # raises Faulty when anything was wrong; nothing has been written yet

A missing or unknown column, a file that is not UTF-8 or whose quotes never close cannot be read on: they raise Faulty
at once. Everything else is collected, so that the person mends the file in one go.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from foundation import clock

KEPT_FAULTS = 50_000
# A few kilobytes can decompress to gigabytes: a line, and what is sent through the web, end somewhere.
LONGEST_LINE = 1024 * 1024
MOST_UNPACKED = 128 * 1024 * 1024
FIRST_YEAR, LAST_YEAR = 1900, 2200

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_PRICE = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: where, what is wrong, what would be right. `line` counts from 1, the header's line."""

    file: str
    line: int
    column: str
    wrong: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.column}: " if self.column else "")
        return f"{place}{self.wrong}; {self.right}"


class Faulty(ValueError):
    """A file was refused. `faults` are the first ones in order, `total` how many there are in all."""

    def __init__(self, faults: Sequence[Fault], total: int | None = None) -> None:
        self.faults = list(faults)
        self.total = len(self.faults) if total is None else total
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line per fault, then how many more there are."""
        more = self.total - len(self.faults)
        return [str(fault) for fault in self.faults] + ([f"and {more} more"] if more else [])


class Faults:
    """Collects what is wrong in one file, and reads cells: each reader answers the value, or None after a fault.

    With `optional=True` an empty cell is None and no fault.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.kept: list[Fault] = []
        self.total = 0

    def __bool__(self) -> bool:
        return self.total > 0

    def add(self, line: int, column: str, wrong: str, right: str) -> None:
        """Note a fault; the first KEPT_FAULTS are kept in full."""
        self.total += 1
        if len(self.kept) < KEPT_FAULTS:
            self.kept.append(Fault(self.file, line, column, wrong, right))

    def check(self) -> None:
        """Raise Faulty when there was any fault; lines in order."""
        if self.total:
            raise Faulty(sorted(self.kept, key=lambda fault: fault.line), self.total)

    def stop(self, line: int, column: str, wrong: str, right: str) -> Faulty:
        """Note a fault after which the file cannot be read on; `raise faults.stop(…)`."""
        self.add(line, column, wrong, right)
        return Faulty(sorted(self.kept, key=lambda fault: fault.line), self.total)

    def text(self, line: int, column: str, text: str, *, longest: int, optional: bool = False) -> str | None:
        """A text of at most `longest` code points, trimmed."""
        text = text.strip()
        if not text:
            if not optional:
                self.add(line, column, "empty", "write a value")
            return None
        if len(text) > longest:
            self.add(line, column, f"{len(text)} characters", f"write at most {longest}")
            return None
        if not text.isprintable():
            self.add(line, column, f"{text!r} holds an invisible character", "write plain text on one line")
            return None
        return text

    def integer(
        self, line: int, column: str, text: str, *, lowest: int, highest: int, optional: bool = False
    ) -> int | None:
        """A whole number between two bounds, both included."""
        text = text.strip()
        if not text and optional:
            return None
        if not _INTEGER.fullmatch(text) or not lowest <= int(text) <= highest:
            self.add(line, column, _quoted(text), f"write a whole number from {lowest} to {highest}")
            return None
        return int(text)

    def cents(self, line: int, column: str, text: str, *, optional: bool = False) -> int | None:
        """A price in euros with a dot or a comma and at most two decimals, as cents."""
        text = text.strip()
        if not text and optional:
            return None
        match = _PRICE.fullmatch(text)
        if match is None or int(match[1]) > 20_000_000:
            self.add(line, column, _quoted(text), "write a price in euros such as 12.50 or 12,50")
            return None
        return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))

    def date(self, line: int, column: str, text: str, *, optional: bool = False) -> date | None:
        """A calendar date such as 2026-02-04."""
        text = text.strip()
        if not text and optional:
            return None
        try:
            if not _DATE.fullmatch(text):
                raise ValueError
            found = date.fromisoformat(text)
            if not FIRST_YEAR <= found.year <= LAST_YEAR:
                raise ValueError
        except ValueError:
            self.add(line, column, _quoted(text), f"write a date of {FIRST_YEAR} to {LAST_YEAR} such as 2026-02-04")
            return None
        return found

    def instant(self, line: int, column: str, text: str, *, optional: bool = False) -> datetime | None:
        """An ISO 8601 instant with its offset, in UTC."""
        text = text.strip()
        if not text and optional:
            return None
        try:
            found = clock.parse_instant(text)
            if not FIRST_YEAR <= found.year <= LAST_YEAR:
                raise ValueError
        except ValueError:
            self.add(
                line,
                column,
                _quoted(text),
                "write an instant with its offset such as 2026-02-04T14:05:00+01:00",
            )
            return None
        return found

    def choice(
        self, line: int, column: str, text: str, choices: Sequence[str], *, optional: bool = False
    ) -> str | None:
        """One of a few words."""
        text = text.strip()
        if text in choices and text:
            return text
        if text or not optional:
            self.add(line, column, _quoted(text), f"write {', '.join(choices[:-1])} or {choices[-1]}")
        return None


def _quoted(text: str) -> str:
    if not text:
        return "empty"
    return repr(text if len(text) <= 60 else text[:60] + "…")


def file_name(source: str | Path | BinaryIO) -> str:
    """What to call a source in a fault: the file's own name, or "file" for an upload without one."""
    if isinstance(source, str | Path):
        return str(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return Path(str(name)).name if name else "file"


def read_table(
    source: str | Path | BinaryIO, required: Sequence[str], optional: Sequence[str] = (), *, faults: Faults
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row as (line, {column: trimmed cell}); an absent optional column is "" in every row.

    Rows with too few or too many cells are noted in `faults` and left out. Raises Faulty where reading cannot go on.
    """
    columns, rows = read_rows(source, required, optional, faults=faults)
    absent = dict.fromkeys((name for name in optional if name not in columns), "")
    names = sorted(columns, key=columns.__getitem__)
    for line, row in rows:
        yield line, dict(zip(names, map(str.strip, row), strict=True)) | absent


def read_rows(
    source: str | Path | BinaryIO, required: Sequence[str], optional: Sequence[str] = (), *, faults: Faults
) -> tuple[dict[str, int], Iterator[tuple[int, list[str]]]]:
    """The lean way to read a large file: ({column: position}, rows as (line, cells as they are)).

    The header is read and checked at once; rows are read as they are asked for, in constant memory. Absent optional
    columns have no position.
    """
    lines = _lines(source, faults)
    header = next(lines, "")
    known = (*required, *optional)
    delimiter = _delimiter(header, known)
    names = [
        name.strip() for name in next(iter(_strictly(csv.reader([header], delimiter=delimiter), faults, 0)), (0, []))[1]
    ]
    _check_header(names, required, optional, faults)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    return {name: place for place, name in enumerate(names)}, _whole_rows(reader, len(names), faults)


def _check_header(names: list[str], required: Sequence[str], optional: Sequence[str], faults: Faults) -> None:
    expected = ",".join((*required, *(f"[{name}]" for name in optional)))
    if not any(names):
        raise faults.stop(1, "", "there is no header", f"the first line must be {expected}")
    known = (*required, *optional)
    wrong = False
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            faults.add(1, name, "unknown column", f"write {close[0]}" if close else f"the columns are {expected}")
            wrong = True
    for name in {name: None for name in names if names.count(name) > 1}:
        faults.add(1, name, "this column is there twice", "keep one of them")
        wrong = True
    for name in required:
        if name not in names:
            faults.add(1, name, "this column is missing", f"the columns are {expected}")
            wrong = True
    if wrong:
        faults.check()


def _delimiter(header: str, known: Sequence[str]) -> str:
    """Comma or semicolon: the one that finds more known columns in the header."""

    def found(delimiter: str) -> int:
        return sum(name.strip(' "\r\n') in known for name in header.split(delimiter))

    return ";" if found(";") > found(",") else ","


def _whole_rows(reader: Any, width: int, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Rows that have as many cells as the header; blank lines are passed over."""
    for line, row in _strictly(reader, faults, 1):
        if len(row) == width:
            yield line, row
        elif row:
            faults.add(
                line,
                "",
                f"{len(row)} cells where the header has {width}",
                "write one cell per column; is the file whole?",
            )


def _strictly(reader: Any, faults: Faults, above: int) -> Iterator[tuple[int, list[str]]]:
    """Rows of a csv reader with the line each starts on, `above` being the lines read before."""
    line = above + 1
    try:
        for row in reader:
            yield line, row
            line = above + reader.line_num + 1
    except csv.Error as error:
        raise faults.stop(
            line, "", f"broken quoting ({error})", 'close every " and double those inside a cell'
        ) from error


def _lines(source: str | Path | BinaryIO, faults: Faults) -> Iterator[str]:
    """The lines of a plain or gzipped UTF-8 file, decoded one by one so that a wrong byte has its line."""
    file: IO[bytes] = Path(source).open("rb") if isinstance(source, str | Path) else source  # noqa: SIM115 - below
    number = 0
    try:
        buffered: Any = file if hasattr(file, "peek") else io.BufferedReader(io.BytesIO(file.read()))
        start = buffered.peek(4)[:4]
        if start[:2] == b"\x1f\x8b":
            buffered = io.BufferedReader(gzip.GzipFile(fileobj=buffered), 1 << 16)  # reads lines in C
        elif start == b"PK\x03\x04":
            raise faults.stop(1, "", "this is a workbook", "save it as CSV UTF-8")
        elif start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise faults.stop(1, "", "the text is UTF-16", "save it as CSV UTF-8")
        left = MOST_UNPACKED
        while raw := buffered.readline(LONGEST_LINE + 1):
            number += 1
            left -= len(raw)
            if len(raw) > LONGEST_LINE:
                raise faults.stop(number, "", "a line of more than 1 MB", "write one row per line")
            if left < 0 and file is source:
                raise faults.stop(
                    number, "", f"the file unpacks to more than {MOST_UNPACKED // 2**20} MB", "send it in several files"
                )
            if b"\0" in raw:
                raise faults.stop(number, "", "a NUL byte", "save the file as CSV UTF-8")
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise faults.stop(
            number, "", f"byte 0x{error.object[error.start]:02x} is not UTF-8", "save the file as CSV UTF-8"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise faults.stop(number + 1, "", "the compressed file is cut or damaged", "send the whole file") from error
    finally:
        if file is not source:
            file.close()


def inert(value: Any) -> Any:
    """A cell as it is written: a text that a spreadsheet would run begins with an apostrophe; numbers stay numbers.

    Instants are written in UTC (clock.format_instant), dates as 2026-02-04, None as nothing, yes and no as 1 and 0.
    """
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return clock.format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


class _UnixLines:
    """The csv module quotes a carriage return in a cell only when lines end with one; ours end with a line feed."""

    def __init__(self, target: IO[str]) -> None:
        self._write = target.write

    def write(self, line: str) -> None:
        """One whole line, as the csv module hands it over."""
        self._write(line.removesuffix("\r\n") + "\n")


def write_table(
    target: str | Path | IO[str],
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    bom: bool = False,
    remarks: Sequence[str] = (),
) -> None:
    """Write a CSV with commas and UTF-8. `bom` for files that people open in Excel; `remarks` are lines that begin
    with # before the header."""
    if isinstance(target, str | Path):
        with Path(target).open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
            write_table(file, header, rows, remarks=remarks)
        return
    if bom:
        target.write("\ufeff")
    for remark in remarks:
        target.write(f"# {' '.join(remark.split())}\n")
    writer = csv.writer(_UnixLines(target))
    writer.writerow(header)
    writer.writerows([inert(cell) for cell in row] for row in rows)
