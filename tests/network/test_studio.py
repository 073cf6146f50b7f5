"""People and outlets for animators: found by filters, suspended and reinstated, imported. Not for anybody else."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import select

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from network.models import Outlet, Person

PAGES = (
    "/studio/network/people",
    "/studio/network/people/AWA",
    "/studio/network/outlets",
    "/studio/network/outlets/PDV-BREST",
    "/studio/network/outlets/PDV-BREST/sheet",
    "/studio/network/import",
)


@pytest.fixture
def marc(client, cast):
    """The animator's browser."""
    client.sign_in(cast.marc)
    return client


def names(page) -> set[str]:
    known = ("Awa Diallo", "Bruno Martin", "Nina Costa", "Chloé Le Gall", "Marc Petit", "Inès Roux", "Ada Faure")
    listed = page.text.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page.text else ""
    return {name for name in known if name in listed}


@pytest.mark.parametrize("address", PAGES)
def test_the_pages_are_for_animators_and_administrators_alone(client, cast, address):
    assert client.get(address).headers["Location"].startswith("/sign-in?next=")
    for person, status in ((cast.awa, 404), (cast.ines, 404), (cast.marc, 200), (cast.ada, 200)):
        client.sign_in(person)
        assert client.get(address).status_code == status


@pytest.mark.parametrize("act", ["people/BRUNO/suspension", "people/BRUNO/reinstatement", "people/BRUNO/invitation"])
def test_what_animators_do_others_cannot(client, cast, act):
    for person in (cast.awa, cast.ines):
        client.sign_in(person)
        assert client.post(f"/studio/network/{act}").status_code == 404
    assert cast.bruno.suspended_at is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("q=diallo", {"Awa Diallo"}),
        ("q=NINA@", {"Nina Costa"}),
        ("q=bellecour", {"Bruno Martin"}),
        ("q=%25", set()),
        ("q=chloe", {"Chloé Le Gall"}),
        ("q=CHLOÉ", {"Chloé Le Gall"}),
        ("q=beaute", {"Bruno Martin"}),
        ("role=animator", {"Marc Petit"}),
        ("status=vdi", {"Nina Costa"}),
        ("kind=reseller", {"Awa Diallo", "Chloé Le Gall"}),
        ("region=Occitanie", {"Nina Costa"}),
        ("role=reseller&kind=franchisee", {"Bruno Martin"}),
        ("suspended=yes", {"Chloé Le Gall"}),
        ("suspended=no&kind=reseller", {"Awa Diallo"}),
        ("role=nothing", set()),
    ],
)
def test_people_are_found_by_search_and_filters(marc, cast, filters, found):
    with transaction():
        cast.chloe.suspended_at = clock.now()
    assert names(marc.get(f"/studio/network/people?{filters}")) == found


def test_a_list_says_when_nobody_matches(marc):
    assert "Personne ne correspond" in marc.get("/studio/network/people?q=xyz").text


def test_the_people_of_an_outlet_are_listed_as_in_a_directory_whatever_the_accents_and_capitals(marc):
    lines = [
        f"Z-{n},{name},,PDV-BREST,reseller,employee,,\n" for n, name in enumerate(["Zoé", "Élodie", "Emma", "eva"])
    ]
    assert upload(marc, "people", PEOPLE + "".join(lines)).status_code == 200
    page = marc.get("/studio/network/outlets/PDV-BREST").text
    order = [name for name in re.findall(r">\s*([^<>]+?)\s*<", page) if name in ("Zoé", "Élodie", "Emma", "eva")]
    assert order == ["Élodie", "Emma", "eva", "Zoé"]


def test_an_accented_capital_is_found_by_its_small_letter_with_or_without_the_accent(marc):
    assert upload(marc, "people", PEOPLE + "Z-1,Émilie Œuvrard,,PDV-BREST,reseller,employee,,\n").status_code == 200
    for typed in ("émilie", "emilie", "Émilie", "oeuvrard", "Œuv"):
        assert "Émilie Œuvrard" in marc.get(f"/studio/network/people?q={typed}").text, typed


def test_outlets_are_found_by_search_and_filters(marc):
    assert "Parfumerie du Port" in marc.get("/studio/network/outlets?q=brest").text
    only = marc.get("/studio/network/outlets?kind=franchisee").text
    assert "Beauté Bellecour" in only and "Parfumerie du Port" not in only


def test_lists_are_paged_with_their_filters_kept(marc, cast):
    with transaction():
        outlet = cast.outlet("PDV-BREST").id
        db.session.add_all(
            Person(
                code=f"X-{n:03}",
                name=f"Xavier {n:03}",
                outlet_id=outlet,
                role="reseller",
                status="employee",
                language="fr",
                created_at=clock.now(),
                session_key="k",
            )
            for n in range(60)
        )
    first = marc.get("/studio/network/people?q=xavier").text
    assert "Xavier 000" in first and "Xavier 030" not in first
    assert "60 personnes" in first and "page=2" in first and "q=xavier" in first
    assert "Xavier 030" in marc.get("/studio/network/people?q=xavier&page=2").text
    assert "Xavier 059" in marc.get("/studio/network/people?q=xavier&page=99").text
    assert "page=2" in marc.get("/studio/network/outlets/PDV-BREST").text


def test_htmx_gets_the_list_alone(marc):
    part = marc.get("/studio/network/people?q=awa", headers={"HX-Request": "true"}).text
    assert "Awa Diallo" in part and "<html" not in part


def test_an_outlet_shows_its_people(marc):
    page = marc.get("/studio/network/outlets/PDV-BREST").text
    assert "Awa Diallo" in page and "Chloé Le Gall" in page and "Bruno Martin" not in page


def test_an_animator_suspends_and_reinstates_a_reseller(marc, cast):
    marc.post("/studio/network/people/AWA/suspension")
    assert cast.awa.suspended_at is not None
    assert "Suspendu" in marc.get("/studio/network/people/AWA").text
    marc.post("/studio/network/people/AWA/reinstatement")
    assert cast.awa.suspended_at is None
    acts = db.session.scalars(select(AuditEntry.act).where(AuditEntry.subject == "AWA").order_by(AuditEntry.id)).all()
    assert acts == ["person.suspended", "person.reinstated"]


def test_nobody_suspends_themselves(client, cast):
    for person, code in ((cast.marc, "MARC"), (cast.ada, "ADA")):
        client.sign_in(person)
        client.post(f"/studio/network/people/{code}/suspension")
        assert "Vous ne pouvez pas vous suspendre vous-même" in client.get("/studio/network/people").text
    assert cast.marc.suspended_at is None and cast.ada.suspended_at is None


def test_an_animator_does_not_suspend_staff_and_an_administrator_does(client, cast):
    client.sign_in(cast.marc)
    assert client.post("/studio/network/people/INES/suspension").status_code == 404
    client.sign_in(cast.ada)
    assert client.post("/studio/network/people/INES/suspension").status_code == 302
    assert cast.ines.suspended_at is not None


def test_someone_who_is_not_there_is_404(marc):
    assert marc.get("/studio/network/people/NOBODY").status_code == 404
    assert marc.post("/studio/network/people/NOBODY/suspension").status_code == 404
    assert marc.get("/studio/network/outlets/NOWHERE").status_code == 404


def test_a_code_with_a_slash_has_a_page_too(marc, cast):
    with transaction():
        cast.awa.code = "A/1"
    assert "Awa Diallo" in marc.get("/studio/network/people/A/1").text
    marc.post("/studio/network/people/A/1/suspension")
    assert db.session.scalar(select(Person.suspended_at).where(Person.code == "A/1")) is not None


def upload(browser, what, text, name="file.csv"):
    return browser.post("/studio/network/import", data={"what": what, "file": (io.BytesIO(text.encode()), name)})


OUTLETS = "outlet;name;kind;brands;country;region;department;city;activity;potential;group;agreement_on\n"
PEOPLE = "person,name,email,outlet,role,status,sponsor,language\n"


def test_a_file_of_outlets_is_sent_from_the_page(marc):
    page = upload(marc, "outlets", OUTLETS + "N-1;Nouveau;vdi;;FR;;;;;;;\n")
    assert "1 créés, 0 mis à jour, 0 inchangés" in page.text
    assert db.session.scalar(select(Outlet.name).where(Outlet.code == "N-1")) == "Nouveau"


def test_the_faults_of_a_file_are_listed_and_nothing_is_written(marc):
    page = upload(
        marc, "people", PEOPLE + "N-1,,bad,NOWHERE,reseller,vdi,,\nN-2,Zoé,,PDV-BREST,reseller,vdi,,\n", "p.csv"
    )
    assert page.status_code == 422
    assert "3 fautes" in page.text
    assert "p.csv:2: name: vide\u202f; écrivez une valeur" in page.text
    assert "n’est pas un point de vente du réseau\u202f; importez-le d’abord" in page.text
    assert db.session.scalar(select(Person).where(Person.code == "N-2")) is None


def test_the_faults_of_a_file_are_told_in_the_language_of_the_reader(marc):
    marc.post("/language", data={"language": "en", "next": "/"})
    page = upload(marc, "people", PEOPLE + "N-1,,,PDV-BREST,reseller,vdi,,\n", "p.csv")
    assert "1 fault: nothing was written" in page.text and "p.csv:2: name: empty; write a value" in page.text


def test_an_animator_makes_resellers_and_an_administrator_also_staff(client, cast):
    text = PEOPLE + "N-1,Max,,,animator,staff,,fr\n"
    client.sign_in(cast.marc)
    assert "seul un administrateur donne ou change" in upload(client, "people", text).text
    client.sign_in(cast.ada)
    assert upload(client, "people", text).status_code == 200


def test_without_a_file_the_page_says_so(marc):
    page = marc.post("/studio/network/import", data={"what": "outlets"})
    assert page.status_code == 422
    assert "Choisissez un fichier." in page.text
