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
from foundation.fault_words import Words

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
    wrong: str | Words
    right: str | Words

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " + (f"{self.column}: " if self.column else "")
        between = Words(" ; ") if isinstance(self.right, Words) else "; "
        return f"{place}{self.wrong}{between}{self.right}"


class Faulty(ValueError):
    """A file was refused. `faults` are the first ones in order, `total` how many there are in all."""

    def __init__(self, faults: Sequence[Fault], total: int | None = None) -> None:
        self.faults = list(faults)
        self.total = len(self.faults) if total is None else total
        super().__init__()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """One line per fault, then how many more there are."""
        more = self.total - len(self.faults)
        return [str(fault) for fault in self.faults] + ([str(Words("et %(n)s de plus", n=more))] if more else [])


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

    def add(self, line: int, column: str, wrong: str | Words, right: str | Words) -> None:
        """Note a fault; the first KEPT_FAULTS are kept in full."""
        self.total += 1
        if len(self.kept) < KEPT_FAULTS:
            self.kept.append(Fault(self.file, line, column, wrong, right))

    def check(self) -> None:
        """Raise Faulty when there was any fault; lines in order."""
        if self.total:
            raise Faulty(sorted(self.kept, key=lambda fault: fault.line), self.total)

    def stop(self, line: int, column: str, wrong: str | Words, right: str | Words) -> Faulty:
        """Note a fault after which the file cannot be read on; `raise faults.stop(…)`."""
        self.add(line, column, wrong, right)
        return Faulty(sorted(self.kept, key=lambda fault: fault.line), self.total)

    def text(self, line: int, column: str, text: str, *, longest: int, optional: bool = False) -> str | None:
        """A text of at most `longest` code points, trimmed."""
        text = text.strip()
        if not text:
            if not optional:
                self.add(line, column, Words("vide"), Words("écrivez une valeur"))
            return None
        if len(text) > longest:
            self.add(line, column, Words("%(n)s caractères", n=len(text)), Words("écrivez-en au plus %(n)s", n=longest))
            return None
        if not text.isprintable():
            self.add(
                line,
                column,
                Words("%(text)s contient un caractère invisible", text=repr(text)),
                Words("écrivez un texte simple, sur une ligne"),
            )
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
            self.add(
                line,
                column,
                _quoted(text),
                Words("écrivez un nombre entier de %(lowest)s à %(highest)s", lowest=lowest, highest=highest),
            )
            return None
        return int(text)

    def cents(self, line: int, column: str, text: str, *, optional: bool = False) -> int | None:
        """A price in euros with a dot or a comma and at most two decimals, as cents."""
        text = text.strip()
        if not text and optional:
            return None
        match = _PRICE.fullmatch(text)
        if match is None or int(match[1]) > 20_000_000:
            self.add(line, column, _quoted(text), Words("écrivez un prix en euros comme 12.50 ou 12,50"))
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
            self.add(
                line,
                column,
                _quoted(text),
                Words("écrivez une date de %(first)s à %(last)s comme 2026-02-04", first=FIRST_YEAR, last=LAST_YEAR),
            )
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
                Words("écrivez un instant avec son décalage, comme 2026-02-04T14:05:00+01:00"),
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
            self.add(
                line,
                column,
                _quoted(text),
                Words("écrivez %(choices)s ou %(last)s", choices=", ".join(choices[:-1]), last=choices[-1]),
            )
        return None


def _quoted(text: str) -> str | Words:
    if not text:
        return Words("vide")
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
        raise faults.stop(
            1, "", Words("il n’y a pas d’en-tête"), Words("la première ligne doit être %(columns)s", columns=expected)
        )
    columns = Words("les colonnes sont %(columns)s", columns=expected)
    known = (*required, *optional)
    wrong = False
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            right = Words("écrivez %(column)s", column=close[0]) if close else columns
            faults.add(1, name, Words("colonne inconnue"), right)
            wrong = True
    for name in {name: None for name in names if names.count(name) > 1}:
        faults.add(1, name, Words("cette colonne est là deux fois"), Words("gardez-en une"))
        wrong = True
    for name in required:
        if name not in names:
            faults.add(1, name, Words("cette colonne manque"), columns)
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
                Words("%(n)s cellules, et l’en-tête en a %(width)s", n=len(row), width=width),
                Words("écrivez une cellule par colonne ; le fichier est-il entier ?"),
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
            line,
            "",
            Words("guillemets mal fermés (%(error)s)", error=error),
            Words('fermez chaque " et doublez ceux d’une cellule'),
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
            raise faults.stop(1, "", Words("c’est un classeur"), Words("enregistrez-le en CSV UTF-8"))
        elif start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise faults.stop(1, "", Words("le texte est en UTF-16"), Words("enregistrez-le en CSV UTF-8"))
        left = MOST_UNPACKED
        while raw := buffered.readline(LONGEST_LINE + 1):
            number += 1
            left -= len(raw)
            if len(raw) > LONGEST_LINE:
                raise faults.stop(number, "", Words("une ligne de plus de 1 Mo"), Words("écrivez une rangée par ligne"))
            if left < 0 and file is source:
                raise faults.stop(
                    number,
                    "",
                    Words("le fichier décompressé dépasse %(n)s Mo", n=MOST_UNPACKED // 2**20),
                    Words("envoyez-le en plusieurs fichiers"),
                )
            if b"\0" in raw:
                raise faults.stop(number, "", Words("un octet nul"), Words("enregistrez le fichier en CSV UTF-8"))
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise faults.stop(
            number,
            "",
            Words("l’octet 0x%(byte)s n’est pas de l’UTF-8", byte=f"{error.object[error.start]:02x}"),
            Words("enregistrez le fichier en CSV UTF-8"),
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise faults.stop(
            number + 1, "", Words("le fichier compressé est coupé ou abîmé"), Words("envoyez le fichier entier")
        ) from error
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
