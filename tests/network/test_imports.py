"""Outlets and people from files: created and updated by code, all or nothing, every fault named."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from foundation.database import db
from foundation.models import AuditEntry
from foundation.tables import Faulty
from foundation.transactions import transaction
from network.imports import OUTLET_COLUMNS, PEOPLE_COLUMNS, import_outlets, import_people
from network.models import Outlet, Person
from network.operations import people_arrived
from tests.cast import JOINED_AT as NOW

OUTLET = {
    "outlet": "PDV-1",
    "name": "Le Comptoir",
    "kind": "reseller",
    "brands": "multi",
    "country": "FR",
    "region": "Bretagne",
    "department": "35",
    "city": "Rennes",
    "activity": "high",
    "potential": "low",
    "group": "G1",
    "agreement_on": "2020-01-01",
}
PERSON = {
    "person": "P-1",
    "name": "Zoé Martin",
    "email": "zoe@example.org",
    "outlet": "PDV-BREST",
    "role": "reseller",
    "status": "employee",
    "sponsor": "",
    "language": "fr",
}


def table(path: Path, columns: tuple[str, ...], base: dict[str, str], *changes: dict[str, str], delimiter=",") -> Path:
    """A file with one row per change of the base row."""
    extra = [name for name in {key: None for change in changes for key in change} if name not in columns]
    names = [*columns, *extra]
    rows = [delimiter.join((base | change).get(name, "") for name in names) for change in changes]
    path.write_text("\n".join([delimiter.join(names), *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def outlets(tmp_path):
    """outlets({...}, {...}): imports a file of outlets that differ from OUTLET by these cells."""

    def load(*changes, **options):
        file = table(tmp_path / "outlets.csv", OUTLET_COLUMNS, OUTLET, *changes, **options)
        with transaction():
            return import_outlets(file, by="MARC", at=NOW)

    return load


@pytest.fixture
def people(tmp_path, cast):
    """people({...}, {...}): imports a file of people that differ from PERSON by these cells."""

    def load(*changes, **options):
        file = table(tmp_path / "people.csv", PEOPLE_COLUMNS, PERSON, *changes)
        with transaction():
            return import_people(file, by="MARC", at=NOW, **options)

    return load


def outlet(code: str) -> Outlet:
    return db.session.execute(select(Outlet).where(Outlet.code == code)).scalar_one()


def person(code: str) -> Person:
    return db.session.execute(select(Person).where(Person.code == code)).scalar_one()


def told(faulty) -> list[tuple[int, str]]:
    """Where the faults are: (line, column)."""
    return [(fault.line, fault.column) for fault in faulty.value.faults]


def test_outlets_are_created_then_updated_then_left_alone(app, outlets):
    assert str(outlets({}, {"outlet": "PDV-2", "group": ""})) == "created 2, updated 0, unchanged 0"
    assert str(outlets({"city": "Brest"}, {"outlet": "PDV-2", "group": ""})) == "created 0, updated 1, unchanged 1"
    assert outlet("PDV-1").city == "Brest"


def test_the_group_of_an_outlet_is_itself_unless_said(app, outlets):
    outlets({"group": ""}, {"outlet": "PDV-2", "group": "552100001"})
    assert (outlet("PDV-1").group_code, outlet("PDV-2").group_code) == ("PDV-1", "552100001")


def test_what_is_not_known_of_an_outlet_may_stay_empty(app, outlets):
    outlets({"brands": "", "activity": "", "potential": "", "agreement_on": "", "region": "", "city": ""})
    found = outlet("PDV-1")
    assert (found.brands, found.activity, found.potential, found.agreement_on) == ("", "", "", None)
    assert found.health is False


def test_a_pharmacy_says_so_in_an_optional_column(app, outlets):
    outlets({"health": "yes"}, {"outlet": "PDV-2", "health": "no"}, {"outlet": "PDV-3", "health": ""})
    assert [outlet(code).health for code in ("PDV-1", "PDV-2", "PDV-3")] == [True, False, False]


def test_semicolons_and_a_byte_order_mark_are_read_as_well(app, tmp_path):
    file = table(tmp_path / "o.csv", OUTLET_COLUMNS, OUTLET, {}, delimiter=";")
    file.write_text("\ufeff" + file.read_text(), encoding="utf-8")
    with transaction():
        assert len(import_outlets(file, by="MARC", at=NOW).created) == 1


def test_codes_differ_by_their_capitals(app, outlets):
    assert len(outlets({"outlet": "pdv-1"}, {"outlet": "PDV-1"}).created) == 2


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("outlet", ""),
        ("outlet", "X" * 121),
        ("name", ""),
        ("kind", "shop"),
        ("kind", ""),
        ("brands", "both"),
        ("country", ""),
        ("country", "France"),
        ("country", "fr"),
        ("activity", "huge"),
        ("potential", "9"),
        ("agreement_on", "01/02/2020"),
        ("agreement_on", "2020-02-30"),
        ("health", "maybe"),
    ],
)
def test_a_wrong_cell_of_an_outlet_is_named_and_nothing_is_written(app, outlets, column, wrong):
    with pytest.raises(Faulty) as faulty:
        outlets({"outlet": "PDV-0"}, {column: wrong})
    assert (3, column) in told(faulty)
    assert db.session.scalar(select(func.count()).select_from(Outlet)) == 0


@pytest.mark.parametrize("country", ["FR", "ZZ", "EU"])
def test_a_country_is_two_capitals_even_when_nobody_lives_there(app, outlets, country):
    outlets({"country": country})
    assert outlet("PDV-1").country == country


def test_every_fault_of_a_file_is_told_at_once(app, outlets):
    with pytest.raises(Faulty) as faulty:
        outlets({"kind": "shop", "country": "f"}, {"outlet": "PDV-2"}, {"outlet": "PDV-2", "name": ""})
    assert sorted(told(faulty)) == [(2, "country"), (2, "kind"), (4, "name"), (4, "outlet")]
    assert "'PDV-2' is already on line 3" in str(faulty.value)


def test_unknown_and_missing_columns_are_refused_by_name(app, tmp_path):
    file = tmp_path / "o.csv"
    file.write_text("outlet,nom\nA,B\n")
    with pytest.raises(Faulty, match="nom: unknown column") as faulty:
        import_outlets(file, by="MARC", at=NOW)
    assert "kind: this column is missing" in str(faulty.value)


def test_an_import_leaves_its_author_in_the_audit_trail(app, outlets):
    outlets({})
    entry = db.session.scalar(select(AuditEntry))
    assert (entry.by, entry.act, entry.details["created"]) == ("MARC", "network.outlets_imported", 1)


def test_people_are_created_then_updated_then_left_alone(people):
    assert str(people({}, {"person": "P-2", "email": ""})) == "created 2, updated 0, unchanged 0"
    key = person("P-1").session_key
    assert str(people({"name": "Zoé Durand"}, {"person": "P-2", "email": ""})) == "created 0, updated 1, unchanged 1"
    assert person("P-1").name == "Zoé Durand"
    assert person("P-1").session_key == key, "an update must not sign anybody out"


def test_a_changed_role_status_or_outlet_is_an_update(people):
    people({})
    people({"role": "animator", "status": "staff", "outlet": ""})
    assert (person("P-1").role, person("P-1").status, person("P-1").outlet) == ("animator", "staff", None)


def test_addresses_are_kept_in_lower_case_and_may_be_empty(people):
    people({"email": " Zoe.MARTIN@Example.ORG "}, {"person": "P-2", "email": ""}, {"person": "P-3", "email": ""})
    assert person("P-1").email == "zoe.martin@example.org"
    assert person("P-2").email is None


def test_without_a_language_one_is_spoken_to_in_french(people):
    people({"language": ""}, {"person": "P-2", "email": "", "language": "en"})
    assert (person("P-1").language, person("P-2").language) == ("fr", "en")


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("person", ""),
        ("name", ""),
        ("email", "zoe"),
        ("email", "zoe@example"),
        ("email", "zoe@a.fr max@a.fr"),
        ("email", "awa@example.org"),
        ("email", "AWA@Example.org"),
        ("outlet", "PDV-NOWHERE"),
        ("outlet", ""),
        ("role", "boss"),
        ("role", ""),
        ("status", "retired"),
        ("status", ""),
        ("sponsor", "NOBODY"),
        ("sponsor", "P-1"),
        ("language", "de"),
    ],
)
def test_a_wrong_cell_of_a_person_is_named_and_nothing_is_written(people, column, wrong):
    before = db.session.scalar(select(func.count()).select_from(Person))
    with pytest.raises(Faulty) as faulty:
        people({"person": "P-0", "email": ""}, {column: wrong})
    assert told(faulty) == [(3, column)]
    assert db.session.scalar(select(func.count()).select_from(Person)) == before


def test_staff_need_no_outlet(people):
    people({"role": "brand", "status": "staff", "outlet": ""})
    assert person("P-1").outlet_id is None


def test_the_same_address_twice_in_a_file_is_a_fault(people):
    with pytest.raises(Faulty, match="'zoe@example.org' is taken: line 2 has it"):
        people({}, {"person": "P-2", "email": "ZOE@example.org"})


def test_two_people_may_swap_their_addresses(people):
    people({}, {"person": "P-2", "email": "max@example.org"})
    people({"email": "max@example.org"}, {"person": "P-2", "email": "zoe@example.org"})
    assert (person("P-1").email, person("P-2").email) == ("max@example.org", "zoe@example.org")


def test_an_address_can_be_taken_over_from_someone_who_gives_it_up_in_the_same_file(people):
    people({})
    people({"email": ""}, {"person": "P-2", "email": "zoe@example.org"})
    assert (person("P-1").email, person("P-2").email) == (None, "zoe@example.org")


def test_a_sponsor_may_be_in_the_network_or_further_down_the_file(people):
    people({"sponsor": "P-2"}, {"person": "P-2", "email": "", "sponsor": "AWA"})
    assert person("P-1").sponsor_id == person("P-2").id
    assert person("P-2").sponsor_id == person("AWA").id
    assert str(people({"sponsor": "P-2"})) == "created 0, updated 0, unchanged 1"
    people({"sponsor": ""})
    assert person("P-1").sponsor_id is None


def test_sponsors_cannot_go_round_in_a_circle(people):
    people({"sponsor": "P-2"}, {"person": "P-2", "email": ""})
    with pytest.raises(Faulty) as faulty:
        people({"person": "P-2", "email": "", "sponsor": "P-1"})
    assert told(faulty) == [(2, "sponsor")]


@pytest.fixture
def arrivals():
    """What was announced: a list of sets of person ids."""
    heard = []

    def hear(_sender, *, person_ids, at):
        heard.append((set(person_ids), at))

    with people_arrived.connected_to(hear):
        yield heard


def test_new_resellers_are_announced_once(people, arrivals):
    people({}, {"person": "P-2", "email": "", "role": "brand", "status": "staff"})
    assert arrivals == [({person("P-1").id}, NOW)]
    people({"name": "Zoé Autre"})
    assert len(arrivals) == 1


def test_someone_who_becomes_a_reseller_is_announced(people, arrivals):
    people({"role": "animator", "status": "staff"})
    assert arrivals == []
    people({})
    assert arrivals == [({person("P-1").id}, NOW)]


def test_when_enrolment_fails_nobody_was_imported(people):
    def refuse(_sender, **_news):
        raise RuntimeError("no")

    with people_arrived.connected_to(refuse), pytest.raises(RuntimeError):
        people({})
    assert db.session.scalar(select(Person).where(Person.code == "P-1")) is None


def test_an_animators_file_makes_resellers_and_nothing_more(people):
    people({}, roles=("reseller",))
    with pytest.raises(Faulty) as faulty:
        people({"role": "admin", "status": "staff"}, roles=("reseller",))
    assert told(faulty) == [(2, "role")]
    with pytest.raises(Faulty) as faulty:
        people({"person": "ADA", "email": "thief@example.org"}, roles=("reseller",))
    assert told(faulty) == [(2, "role")]


def test_the_command_says_what_it_did(runner, tmp_path, cast):
    outlets_file = table(tmp_path / "o.csv", OUTLET_COLUMNS, OUTLET, {})
    people_file = table(tmp_path / "p.csv", PEOPLE_COLUMNS, PERSON, {"outlet": "PDV-1"})
    assert runner.run("network", "import-outlets", outlets_file).stdout == "created 1, updated 0, unchanged 0\n"
    assert runner.run("network", "import-people", people_file).stdout == "created 1, updated 0, unchanged 0\n"
    assert runner.run("network", "import-people", people_file).stdout == "created 0, updated 0, unchanged 1\n"


def test_the_command_exits_1_with_a_line_per_fault(runner, tmp_path, cast):
    file = table(tmp_path / "p.csv", PEOPLE_COLUMNS, PERSON, {"role": "boss"}, {"person": "P-2", "email": "x"})
    result = runner.run("network", "import-people", file, exits=1)
    lines = result.stderr.splitlines()
    assert [line.removeprefix(f"{file}:").split(":")[:2] for line in lines] == [["2", " role"], ["3", " email"]]
    assert "write reseller, animator, brand or admin" in lines[0]


def test_a_file_that_is_not_there_is_wrong_usage(runner, tmp_path):
    runner.run("network", "import-people", tmp_path / "none.csv", exits=2)


def test_an_import_takes_a_number_of_statements_that_does_not_grow_with_the_file(app, outlets, people, statements):
    def load(count):
        with statements() as made:
            people(*({"person": f"P-{count}-{n}", "email": f"p{count}-{n}@example.org"} for n in range(count)))
        return len(made)

    few, many = load(5), load(200)
    assert many <= few + 1


@pytest.fixture
def statements():
    """with statements() as made: … ; made lists the SQL sent, an executemany counting once."""

    @contextmanager
    def listen():
        made = []

        def note(_connection, _cursor, statement, *_rest):
            made.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield made
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return listen
