"""Files in are refused with every fault named; files out open safely in a spreadsheet."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, date, datetime

import pytest

from foundation import tables
from foundation.tables import KEPT_FAULTS, Fault, Faults, Faulty, read_rows, read_table, write_table

pytestmark = pytest.mark.any_engine


def read(text, required=("outlet", "name"), optional=("health",)):
    faults = Faults("outlets.csv")
    content = text if isinstance(text, bytes) else text.encode()
    rows = list(read_table(io.BytesIO(content), required, optional, faults=faults))
    faults.check()
    return rows


def refused(text, **kwargs):
    with pytest.raises(Faulty) as caught:
        read(text, **kwargs)
    return caught.value.lines()


@pytest.mark.parametrize(
    "text",
    [
        "outlet,name\nA,Brest\n",
        "outlet;name\nA;Brest\n",
        "\ufeffoutlet,name\nA,Brest",
        "\ufeffoutlet;name\r\nA;Brest\r\n",
        '"outlet","name"\n"A","Brest"\n',
        "outlet,name\n\n A , Brest \n",
        gzip.compress(b"outlet,name\nA,Brest\n", mtime=0),
    ],
)
def test_the_usual_forms_of_csv_read_the_same(text):
    assert [cells for _, cells in read(text)] == [{"outlet": "A", "name": "Brest", "health": ""}]


def test_columns_may_come_in_any_order_and_optional_ones_are_read():
    assert read("health,name,outlet\nyes,Brest,A\n") == [(2, {"outlet": "A", "name": "Brest", "health": "yes"})]


def test_a_semicolon_inside_a_name_does_not_make_a_semicolon_file():
    assert read('outlet,name\nA,"Soin; visage"\n')[0][1]["name"] == "Soin; visage"


def test_lines_are_counted_as_in_an_editor_even_after_a_cell_of_two_lines():
    assert [line for line, _ in read('outlet,name\nA,"two\nlines"\n\nB,Lyon\n')] == [2, 5]


def test_unknown_and_missing_columns_are_named():
    assert refused("outlet,nmae,city\n") == [
        "outlets.csv:1: nmae: unknown column; write name",
        "outlets.csv:1: city: unknown column; the columns are outlet,name,[health]",
        "outlets.csv:1: name: this column is missing; the columns are outlet,name,[health]",
    ]


def test_a_column_given_twice_is_named():
    assert refused("outlet,name,name\n") == ["outlets.csv:1: name: this column is there twice; keep one of them"]


@pytest.mark.parametrize("text", ["", "\n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_header(text):
    assert refused(text) == ["outlets.csv:1: there is no header; the first line must be outlet,name,[health]"]


def test_half_a_file_is_refused():
    assert refused("outlet,name,health\nA,Brest,yes\nB,Ly") == [
        "outlets.csv:3: 2 cells where the header has 3; write one cell per column; is the file whole?"
    ]


def test_half_a_compressed_file_is_refused():
    whole = gzip.compress(b"outlet,name\n" + b"".join(b"P%d,Brest\n" % n for n in range(5000)))
    [line] = refused(whole[: len(whole) // 2])
    assert line.endswith("the compressed file is cut or damaged; send the whole file")


def test_broken_quoting_is_refused():
    [line] = refused('outlet,name\nA,"Brest\nB,Lyon\n')
    assert line.startswith("outlets.csv:2: broken quoting")
    [line] = refused('outlet,name\nA,Brest\nB,"Ly"on\n')
    assert line.startswith("outlets.csv:3: broken quoting")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line():
    assert refused("outlet,name\nA,Brest\nB,Chloé\n".encode("latin-1")) == [
        "outlets.csv:3: byte 0xe9 is not UTF-8; save the file as CSV UTF-8"
    ]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("outlet,name".encode("utf-16"), "the text is UTF-16"),
        (b"PK\x03\x04....", "this is a workbook"),
        (b"outlet,name\nA,B\x00\n", "a NUL byte"),
    ],
)
def test_other_kinds_of_files_are_recognised(content, wrong):
    assert wrong in refused(content)[0]


def test_all_faults_are_listed_in_order_and_a_flood_is_cut_short():
    faults = Faults("f.csv")
    for line in range(KEPT_FAULTS + 300, 0, -1):
        faults.add(line, "units", "'x'", "write a number")
    with pytest.raises(Faulty) as caught:
        faults.check()
    lines = caught.value.lines()
    assert len(lines) == KEPT_FAULTS + 1
    assert lines[-1] == "and 300 more"
    assert lines[0] == "f.csv:301: units: 'x'; write a number"


@pytest.mark.parametrize(
    ("text", "cents"),
    [("12.50", 1250), ("12,5", 1250), ("0", 0), ("7", 700), (" 9.90 ", 990)]
    + [(wrong, None) for wrong in ("-1", "1.234", "1 000", "", "abc", "1e3", "٣", "1,", "99999999999", "NaN")],
)
def test_prices(text, cents):
    faults = Faults("f.csv")
    assert faults.cents(2, "list_price", text) == cents
    assert bool(faults) == (cents is None)


@pytest.mark.parametrize(
    ("text", "units"),
    [("1", 1), ("100000", 100_000), (" 12 ", 12)]
    + [(wrong, None) for wrong in ("0", "-3", "1000000000", "1.5", "", "douze", "１２", "9" * 5000)],
)
def test_whole_numbers(text, units):
    faults = Faults("f.csv")
    assert faults.integer(2, "units", text, lowest=1, highest=100_000) == units
    assert bool(faults) == (units is None)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-02-04", date(2026, 2, 4))]
    + [
        (wrong, None)
        for wrong in ("2026-02-30", "04/02/2026", "20260204", "1789-07-14", "9999-12-31", "", "2026-W06-3")
    ],
)
def test_dates(text, day):
    faults = Faults("f.csv")
    assert faults.date(2, "sold_on", text) == day
    assert bool(faults) == (day is None)


@pytest.mark.parametrize(
    ("text", "instant"),
    [("2026-02-04T00:05:00+01:00", datetime(2026, 2, 3, 23, 5, tzinfo=UTC))]
    + [
        (wrong, None)
        for wrong in ("2026-02-04T00:05:00", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z")
    ],
)
def test_instants(text, instant):
    faults = Faults("f.csv")
    assert faults.instant(2, "declared_at", text) == instant
    assert bool(faults) == (instant is None)


def test_choices_and_texts():
    faults = Faults("f.csv")
    assert faults.choice(2, "kind", "vdi", ("reseller", "vdi")) == "vdi"
    assert faults.choice(3, "kind", "shop", ("reseller", "vdi")) is None
    assert faults.choice(3, "kind", "", ("reseller", "vdi"), optional=True) is None
    assert faults.text(4, "name", " Brest ", longest=10) == "Brest"
    assert faults.text(5, "name", "x" * 11, longest=10) is None
    assert faults.text(6, "name", "", longest=10) is None
    assert faults.text(7, "name", "a\u202eb", longest=10) is None
    assert faults.kept == [
        Fault("f.csv", 3, "kind", "'shop'", "write reseller or vdi"),
        Fault("f.csv", 5, "name", "11 characters", "write at most 10"),
        Fault("f.csv", 6, "name", "empty", "write a value"),
        Fault("f.csv", 7, "name", "'a\\u202eb' holds an invisible character", "write plain text on one line"),
    ]


def test_large_files_are_read_row_by_row(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("b,a\n" + "1,2\n" * 1000)
    faults = Faults(path.name)
    columns, rows = read_rows(path, ("a",), ("b", "c"), faults=faults)
    assert columns == {"b": 0, "a": 1}
    assert next(rows) == (2, ["1", "2"])
    assert sum(1 for _ in rows) == 999


def test_text_that_a_spreadsheet_would_run_is_made_inert_and_numbers_stay_numbers():
    out = io.StringIO()
    write_table(
        out,
        ("name", "points"),
        [("=HYPERLINK()", -5), ("+33", 1), ("-x", 2), ("@me", 3), ("\tx", 4), ("\rx", 5), ("Chloé, Brest", None)],
    )
    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [
        ["name", "points"],
        ["'=HYPERLINK()", "-5"],
        ["'+33", "1"],
        ["'-x", "2"],
        ["'@me", "3"],
        ["'\tx", "4"],
        ["'\rx", "5"],
        ["Chloé, Brest", ""],
    ]


def test_a_file_for_people_opens_with_its_accents_and_can_carry_remarks(tmp_path):
    path = tmp_path / "insight.csv"
    rows = [("Chloé", datetime(2026, 2, 3, 23, 5, tzinfo=UTC), date(2026, 2, 4), True)]
    write_table(path, ("who", "at", "day", "yes"), rows, bom=True, remarks=("from 2026-01-01", "two\nlines"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf# from")
    assert path.read_text("utf-8-sig").splitlines() == [
        "# from 2026-01-01",
        "# two lines",
        "who,at,day,yes",
        "Chloé,2026-02-03T23:05:00.000000Z,2026-02-04,1",
    ]


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one_line = io.BytesIO(gzip.compress(b"a,b\n" + b"x" * (2 * tables.LONGEST_LINE)))
    with pytest.raises(Faulty, match="more than 1 MB"):
        list(read_table(one_line, ("a", "b"), faults=Faults("bomb.csv")))

    monkeypatch.setattr(tables, "MOST_UNPACKED", 1000)
    many_lines = io.BytesIO(gzip.compress(b"a,b\n" + b"x,y\n" * 1000))
    with pytest.raises(Faulty, match="unpacks to more"):
        list(read_table(many_lines, ("a", "b"), faults=Faults("bomb.csv")))
