"""Messages inside the application: who gets one, in which language, what is new, and that nobody reads another's."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from foundation.database import db
from foundation.transactions import transaction
from network.models import Notice, Person
from network.notices import notices_of, notify, read, read_all
from network.operations import choose_language, suspend
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW
from tests.portal.test_statements import counted

LATER = NOW + timedelta(hours=1)


def tell(cast: Cast, *people: Person, title: str = "Le challenge est prolongé") -> None:
    with transaction():
        notify([one.id for one in people], "extension", title, "Jusqu’à dimanche.", "/challenges/hiver", at=NOW)


def mine(person: Person) -> list[Notice]:
    return list(db.session.scalars(notices_of(person)))


def test_everybody_named_gets_one_in_a_single_statement(cast: Cast):
    people = [cast.awa, cast.bruno, cast.nina]
    with counted() as sent, transaction():
        notify([one.id for one in people], "rules", "Titre", "Texte", "/challenges/hiver", at=NOW)
    assert len(sent) == 4  # the three looks at the cast's people after the commit before, and one insert
    for person in (cast.awa, cast.bruno, cast.nina):
        [notice] = mine(person)
        assert (notice.title, notice.text, notice.address) == ("Titre", "Texte", "/challenges/hiver")
        assert notice.created_at == NOW and notice.read_at is None
    assert mine(cast.chloe) == []


def test_a_select_of_people_is_as_good_as_a_list_and_the_suspended_are_left_out(cast: Cast):
    with transaction():
        suspend(cast.chloe, by="MARC", at=NOW)
        notify(select(Person.id).where(Person.role == "reseller"), "rules", "Titre", "Texte", "/", at=NOW)
    assert [len(mine(one)) for one in (cast.awa, cast.bruno, cast.nina, cast.chloe, cast.marc)] == [1, 1, 1, 0, 0]


def test_everybody_is_told_in_their_own_language(cast: Cast):
    with transaction():
        choose_language(cast.awa, "en", by="AWA", at=NOW)
        notify(
            [cast.awa.id, cast.bruno.id], "rules", {"fr": "Le règlement change", "en": "The rules change"}, "…", "/",
            at=NOW,
        )  # fmt: skip
    assert [mine(one)[0].title for one in (cast.awa, cast.bruno)] == ["The rules change", "Le règlement change"]


def test_reading_counts_the_first_time_and_only_for_ones_own(cast: Cast):
    tell(cast, cast.awa, cast.bruno)
    [notice] = mine(cast.awa)
    with transaction():
        assert read(cast.bruno, notice.id, at=LATER) is None
    assert mine(cast.awa)[0].read_at is None
    for at in (LATER, LATER + timedelta(days=1)):
        with transaction():
            assert read(cast.awa, notice.id, at=at) is not None
    assert mine(cast.awa)[0].read_at == LATER


def test_all_of_ones_own_can_be_marked_as_read(cast: Cast):
    tell(cast, cast.awa, cast.bruno)
    tell(cast, cast.awa)
    with transaction():
        assert read_all(cast.awa, at=LATER) == 2
    with transaction():
        assert read_all(cast.awa, at=LATER) == 0
    assert [one.read_at for one in mine(cast.awa)] == [LATER, LATER]
    assert mine(cast.bruno)[0].read_at is None


# --- pages -----------------------------------------------------------------------------------------------------------


def test_the_bell_counts_what_is_new_and_opening_reads_it(client: Client, cast: Cast):
    tell(cast, cast.awa, title="Première nouvelle")
    tell(cast, cast.awa, title="Seconde nouvelle")
    client.sign_in(cast.awa)
    assert "Messages\u00a0: 2 non lus" in client.get("/challenges").text
    page = client.get("/notices").text
    assert page.index("Seconde nouvelle") < page.index("Première nouvelle")
    assert page.count("Nouveau") == 2
    newest = mine(cast.awa)[0]
    shown = client.get(f"/notices/{newest.id}").text
    assert "Jusqu’à dimanche." in shown and 'href="/challenges/hiver"' in shown
    assert "Messages\u00a0: 1 non lu" in shown
    assert client.get("/notices").text.count("Nouveau") == 1
    client.post("/notices/reading")
    page = client.get("/notices").text
    assert "Nouveau" not in page and "non lu" not in page


def test_somebody_elses_notice_does_not_exist(client: Client, cast: Cast):
    tell(cast, cast.awa)
    [notice] = mine(cast.awa)
    client.sign_in(cast.bruno)
    assert client.get(f"/notices/{notice.id}").status_code == 404
    assert mine(cast.awa)[0].read_at is None
    client.sign_in(cast.awa)
    assert client.get(f"/notices/{notice.id}").status_code == 200


def test_who_has_no_notice_is_told_what_will_come_here_whatever_the_role(client: Client, cast: Cast):
    for person in (cast.awa, cast.marc, cast.ines, cast.ada):
        client.sign_in(person)
        assert "Aucun message" in client.get("/notices").text


def test_notices_are_paged(client: Client, cast: Cast):
    for number in range(25):
        tell(cast, cast.awa, title=f"Nouvelle {number:02}")
    client.sign_in(cast.awa)
    assert "Nouvelle 24" in client.get("/notices").text and "Nouvelle 04" not in client.get("/notices").text
    assert "Nouvelle 04" in client.get("/notices?page=2").text


def test_a_title_is_text_and_never_markup(client: Client, cast: Cast):
    tell(cast, cast.awa, title="<b>gras</b> & co")
    client.sign_in(cast.awa)
    assert "&lt;b&gt;gras&lt;/b&gt; &amp; co" in client.get("/notices").text
