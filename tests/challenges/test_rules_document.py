"""The rules of each published version, as a page and as a PDF; and their acceptance, where a challenge asks for it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from flask_babel import force_locale
from pypdf import PdfReader
from sqlalchemy import func, select

from challenges.acceptance import accept_rules, acceptances_of
from challenges.definition import definition_from, definition_hash
from challenges.lifecycle import NotPossible
from challenges.models import Acceptance, Amendment, Challenge, Draw, RulesVersion
from challenges.queries import version_in_force
from challenges.rules_document import Told, in_force, rules_document
from challenges.rules_pdf import rules_pdf
from foundation.database import db
from foundation.documents import writable
from foundation.models import AuditEntry
from foundation.transactions import transaction
from rewards.models import Reward
from tests.cast import Cast
from tests.declarations.stage import NOW, publish, sell

SPA = {"kind": "rank", "from": 1, "to": 1, "reward": "SPA"}
SHARED = {"kind": "convert", "every": 10, "into": 1}
DRAW = {"kind": "draw", "winners": 2, "tickets_per": 10, "wallet": 100}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is read on 4 February 2026 at noon."""
    monkeypatch.setattr("foundation.clock.now", lambda: NOW)


@pytest.fixture
def spa(cast: Cast) -> None:
    """A week-end in the reward catalogue, worth 200 euros."""
    with transaction():
        db.session.add(
            Reward(
                code="SPA", name="Week-end spa", kind="experience", cost_cents=20_000, price_points=None, stock=None,
                limit_per_person=None, countries="", starts_on=None, ends_on=None,
            )
        )  # fmt: skip


def amended(challenge: Challenge, starts_on: date, notice: str = "Le sérum compte double.", **changes: Any) -> None:
    """Another version of a challenge's rules."""
    with transaction():
        challenge = db.session.merge(challenge)
        last = db.session.scalar(select(func.max(RulesVersion.number)).where(RulesVersion.challenge_id == challenge.id))
        definition = definition_from(challenge.definition | changes).canonical()
        db.session.add(
            RulesVersion(
                challenge_id=challenge.id, number=last + 1, starts_on=starts_on, definition=definition,
                hash=definition_hash(definition), frozen_at=NOW,
            )
        )  # fmt: skip
        db.session.add(
            Amendment(
                challenge_id=challenge.id, version=last + 1, kind="rules", notice=notice, decided_at=NOW,
                decided_by="MARC",
            )
        )  # fmt: skip


def words(client: FlaskClient, address: str, status: int = 200) -> str:
    """The words of a page, without its tags."""
    answer = client.get(address)
    assert answer.status_code == status, answer.status
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("&#39;", "'")
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def pdf_words(content: bytes) -> str:
    """The words of a PDF, as another program reads them."""
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


# — the document —


def test_the_rules_of_a_version_say_all_that_binds_and_carry_their_date_and_fingerprint(
    cast: Cast, spa: None, client: FlaskClient, runner: FlaskCliRunner
) -> None:
    challenge = publish(payouts=[SPA, SHARED], budget=500, cap_per_day=300)
    for name, value in (
        ("brand_name", "Maison Łucja"),
        ("brand_address", "3 rue de Siam, 29200 Brest"),
        ("contact", "challenge@maison.example"),
    ):
        runner.run("programme", "set", name, value)
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/rules/1")
    version = db.session.scalars(select(RulesVersion)).one()
    for expected in (
        "Nom : Maison Łucja.",
        "Adresse : 3 rue de Siam, 29200 Brest.",
        "Comptent les ventes faites du 5 janvier 2026 au 1er mars 2026",
        "Tout le réseau",
        "Règle 2 : 15 points par avis de client avec un commentaire d’au moins 20 caractères.",
        "Au plus 300 points par jour de vente.",
        "À égalité, le premier à avoir atteint son total passe devant.",
        "1re place : Week-end spa (valeur 200,00 €).",
        "Un point de cagnotte vaut 0,01 €",
        "Le budget total des gains est de 500,00 €.",
        "Fin des déclarations : 5 mars 2026 à 00:00.",
        "Il se conteste une fois",
        "La réponse est attendue sous 3 jours.",
        "L’identité des clients n’est pas demandée",
        "Demandes : challenge@maison.example.",
        "Ce règlement ne demande pas d’acceptation",
        "CSS art. L242-1-4",
        "C. com. L135-1 à L135-3",
        "CSP L1453-3",
        "Version 1 du règlement de « hiver », publiée le 5 janvier 2026 à 12:00, en vigueur le 5 janvier 2026.",
        version.hash,
    ):
        assert expected in page, expected
    assert "Tirage au sort" not in page and "Ce qui change" not in page
    assert version.hash == definition_hash(challenge.definition)


def test_a_challenge_that_comes_back_says_how_often_and_until_when(cast: Cast, client: FlaskClient) -> None:
    week = {"starts_on": "2026-02-02", "ends_on": "2026-02-08", "repeat": "weekly"}
    publish(code="semaine", **week)
    publish(code="semaine-deux", repeat_until="2026-06-30", **week)
    client.sign_in(cast.awa)
    page = words(client, "/challenges/semaine/rules")
    assert "Il revient chaque semaine, avec un classement et des gains propres à chaque semaine." in page
    assert "La dernière période" not in page
    assert "La dernière période commence au plus tard le 30 juin 2026." in words(
        client, "/challenges/semaine-deux/rules"
    )
    assert "Il revient" not in words(client, f"/challenges/{publish().code}/rules")


def test_only_the_law_that_concerns_the_audience_is_told(cast: Cast, client: FlaskClient) -> None:
    publish(audience={"kinds": "vdi"})
    client.sign_in(cast.nina)
    page = words(client, "/challenges/hiver/rules")
    assert "VDI : seules comptent" in page
    assert "Salariés :" not in page and "Points de vente de santé" not in page


def test_what_the_brand_has_not_written_is_shown_to_be_completed(cast: Cast, client: FlaskClient) -> None:
    publish()
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/rules")
    assert "Nom : à compléter." in page and "Demandes : à compléter." in page


def test_a_draw_is_told_with_its_commitment(cast: Cast, client: FlaskClient) -> None:
    publish(starts_on="2026-01-20", payouts=[DRAW])
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/rules")
    assert db.session.scalars(select(Draw)).one().commitment in page
    assert db.session.scalars(select(Draw)).one().seed not in page
    assert "jamais d’un achat" in page and "L322-1" in page


def test_the_version_of_today_is_shown_and_the_others_are_a_tap_away(cast: Cast, client: FlaskClient) -> None:
    challenge = publish()
    amended(challenge, date(2026, 2, 10), rules=[{"id": "soin", "counts": "units", "points": 20}])
    client.sign_in(cast.awa)
    page = client.get("/challenges/hiver/rules").text
    assert "Règle 1 : 10" in page.replace("\u00a0", " ").replace("\u202f", " ")
    assert 'href="/challenges/hiver/rules/1"' in page and 'href="/challenges/hiver/rules/2"' in page
    assert "Version 2, à partir du 10 février 2026 Les règles sont modifiées : Le sérum compte double." in words(
        client, "/challenges/hiver/rules"
    )
    coming = words(client, "/challenges/hiver/rules/2")
    assert "Cette version vaut à partir du 10 février 2026." in coming
    assert "Les règles sont modifiées : Le sérum compte double." in coming
    assert "Règle « soin » : 20 points par unité (avant : 10 points par unité de la catégorie Soin)." in coming
    assert "Règle « avis », supprimé : 15 points par avis de client" in coming
    assert "Ce qui a été gagné avant reste gagné." in coming
    assert client.get("/challenges/hiver/rules/3").status_code == 404
    assert client.get("/challenges/hiver/rules/3.pdf").status_code == 404


@pytest.mark.any_engine
def test_the_version_in_force_is_the_last_that_has_started() -> None:
    one, two, three = (
        RulesVersion(number=number, starts_on=date(2026, 1, day)) for number, day in ((1, 5), (2, 20), (3, 20))
    )
    days = {3: one, 5: one, 19: one, 20: three, 31: three}
    assert {day: in_force([three, one, two], date(2026, 1, day)) for day in days} == days
    assert in_force([], date(2026, 1, 5)) is None


def test_the_page_and_the_select_choose_the_same_version(cast: Cast) -> None:
    challenge = publish()
    for day in (10, 12, 12):
        amended(challenge, date(2026, 2, day), cap_per_day=1_000 - day)
    rows = db.session.scalars(select(RulesVersion)).all()
    for day in (date(2026, 1, 1), date(2026, 2, 9), date(2026, 2, 10), date(2026, 2, 12), date(2026, 9, 1)):
        assert in_force(rows, day) is version_in_force(challenge.id, day)


def test_what_is_not_mine_has_no_rules_for_me_and_a_draft_is_no_document(cast: Cast, client: FlaskClient) -> None:
    publish(audience={"regions": "Bretagne"})
    client.sign_in(cast.bruno)
    for address in ("/challenges/hiver/rules", "/challenges/hiver/rules/1", "/challenges/hiver/rules/1.pdf"):
        assert client.get(address).status_code == 404
    assert client.post("/challenges/hiver/acceptance").status_code == 404


# — the PDF —


@pytest.fixture
def document(cast: Cast, spa: None) -> Iterator[Any]:
    """The document of a version with everything in it, in French."""
    challenge = publish(starts_on="2026-01-20", payouts=[SPA, SHARED, DRAW], acceptance="required", name="Zażółć ő ș")
    version = db.session.scalars(select(RulesVersion)).one()
    with force_locale("fr"):
        yield rules_document(challenge, version, Told(draw=db.session.get(Draw, challenge.id)))


def test_the_pdf_says_what_the_page_says(document: Any) -> None:
    text = pdf_words(rules_pdf(document))
    for section in document.sections:
        assert section.title in text
        for sentence in section.sentences:
            # a line may end after a hyphen, and long fingerprints are cut where the line ends
            assert writable(sentence).replace("\u00a0", " ").replace(" ", "") in text.replace(" ", ""), sentence


def test_the_pdf_has_a_title_a_language_an_outline_and_embedded_letters(document: Any) -> None:
    reader = PdfReader(io.BytesIO(rules_pdf(document)))
    assert reader.metadata is not None
    assert reader.metadata.title == "Règlement — Zażółć ő ș — version 1"
    assert reader.metadata.subject == document.hash
    assert reader.metadata.creation_date == document.dated
    assert reader.trailer["/Root"]["/Lang"] == "fr"
    assert [one["/Title"] for one in reader.outline] == [section.title for section in document.sections]
    fonts = {font for page in reader.pages for font in page["/Resources"]["/Font"].values()}
    assert fonts and all("Figtree" in font.get_object()["/BaseFont"] for font in fonts)
    assert "Zażółć ő ș" in pdf_words(rules_pdf(document))


def test_the_same_version_gives_the_same_bytes_whenever_it_is_asked_for(
    document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rules_pdf(document)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert rules_pdf(document) == first
    assert b"2026" in first and b"2033" not in first


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1\u202f250 pts", "1\u00a0250 pts"),
        ("Zażółć gęślą jaźń, őű, ăâîșț, İığş", "Zażółć gęślą jaźń, őű, ăâîșț, İığş"),
        ("e\u0301té", "été"),
        ("№ ﬁn", "No fin"),
        ("Ωmega 特 🎁", "?mega ? ?"),
    ],
)
def test_names_of_all_latin_alphabets_are_written_and_nothing_else_breaks_the_page(text: str, right: str) -> None:
    assert writable(text) == right


def test_the_pdf_is_downloaded_in_the_readers_language(cast: Cast, client: FlaskClient) -> None:
    publish()
    client.sign_in(cast.awa)
    answer = client.get("/challenges/hiver/rules/1.pdf")
    assert answer.mimetype == "application/pdf"
    assert "attachment" in answer.headers["Content-Disposition"] and "hiver" in answer.headers["Content-Disposition"]
    assert "Vérification et contestation" in pdf_words(answer.data)
    client.post("/language", data={"language": "en", "next": "/"})
    english = pdf_words(client.get("/challenges/hiver/rules/1.pdf").data)
    assert "Review and appeal" in english and "Winter" in english and "contestation" not in english


# — acceptance —


def accepted() -> list[tuple[int, str]]:
    """What has been accepted: version and fingerprint."""
    db.session.rollback()
    return [
        (one.version, one.rules_hash) for one in db.session.scalars(select(Acceptance).order_by(Acceptance.version))
    ]


def test_a_participant_accepts_once_and_is_told_when(cast: Cast, client: FlaskClient) -> None:
    publish(acceptance="required")
    version = db.session.scalars(select(RulesVersion)).one()
    client.sign_in(cast.awa)
    assert "Le règlement attend votre accord" in words(client, "/challenges/hiver")
    for page in ("/", "/declare", "/acceptances"):
        assert "Le règlement du challenge « Hiver » attend votre accord. Lire et accepter" in words(client, page)
    for _ in range(2):  # a second tap, another tab
        answer = client.post("/challenges/hiver/acceptance", data={"version": "1"})
        assert answer.location == "/challenges/hiver"
    assert accepted() == [(1, version.hash)]
    traces = select(AuditEntry.by, AuditEntry.details).where(AuditEntry.act == "rules.accepted")
    assert [tuple(row) for row in db.session.execute(traces)] == [("AWA", {"version": 1, "hash": version.hash})]
    assert "Vous avez accepté la version 1 du règlement le 4 févr. 2026" in words(client, "/challenges/hiver")
    assert "Rien n’attend votre accord" in words(client, "/acceptances")
    for page in ("/", "/declare"):
        assert "accepter" not in words(client, page) and "/acceptances" not in client.get(page).text
    client.sign_in(cast.chloe)  # for her nothing has changed
    assert "Le règlement attend votre accord" in words(client, "/challenges/hiver")


def test_a_newer_version_asks_again_once_it_is_in_force(
    cast: Cast, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = publish(acceptance="required")
    client.sign_in(cast.awa)
    client.post("/challenges/hiver/acceptance", data={"version": "1"})
    amended(challenge, date(2026, 2, 10), rules=[{"id": "soin", "counts": "units", "points": 20}])
    assert "Vous avez accepté la version 1" in words(client, "/challenges/hiver")
    monkeypatch.setattr("foundation.clock.now", lambda: NOW + timedelta(days=6))
    assert "Le règlement attend votre accord" in words(client, "/challenges/hiver")
    # a page that was left open still names the first version: nothing is recorded, and the new one is shown
    answer = client.post("/challenges/hiver/acceptance", data={"version": "1"})
    assert answer.location == "/challenges/hiver/rules"
    assert [number for number, _ in accepted()] == [1]
    client.post("/challenges/hiver/acceptance", data={"version": "2"})
    assert [number for number, _ in accepted()] == [1, 2]


def test_sales_count_accepted_or_not(cast: Cast) -> None:
    publish(acceptance="required")
    assert sell("AWA", [("CREME", 3)]).status == "accepted"
    assert db.session.scalar(select(func.count()).select_from(Acceptance)) == 0


def test_animators_count_the_acceptances_of_the_version_in_force(cast: Cast) -> None:
    challenge = publish(acceptance="required")
    with transaction():
        assert accept_rules(db.session.merge(challenge), 1, cast.awa, by="AWA", at=NOW)
        assert not accept_rules(db.session.merge(challenge), 1, cast.awa, by="AWA", at=NOW)
    challenge = db.session.merge(challenge)
    found = acceptances_of(challenge, at=NOW)
    assert found is not None and (found.version, found.people, found.participants) == (1, 1, 4)
    amended(challenge, date(2026, 2, 10), cap_per_day=50)
    later = acceptances_of(db.session.merge(challenge), at=NOW + timedelta(days=6))
    assert later is not None and (later.version, later.people) == (2, 0)


def test_where_nothing_is_asked_nothing_is_shown_nor_kept(cast: Cast, client: FlaskClient) -> None:
    challenge = publish()
    client.sign_in(cast.awa)
    assert "attend votre accord" not in words(client, "/challenges/hiver")
    assert client.post("/challenges/hiver/acceptance", data={"version": "1"}).status_code == 404
    assert accepted() == [] and acceptances_of(db.session.merge(challenge), at=NOW) is None
    client.sign_in(cast.marc)
    assert client.post("/challenges/hiver/acceptance", data={"version": "1"}).status_code == 404


@pytest.mark.parametrize("said", [{}, {"version": ""}, {"version": "deux"}, {"version": "9"}, {"version": "-1"}])
def test_a_version_nobody_could_have_read_is_not_accepted(
    cast: Cast, client: FlaskClient, said: dict[str, str]
) -> None:
    publish(acceptance="required")
    client.sign_in(cast.awa)
    assert client.post("/challenges/hiver/acceptance", data=said).location == "/challenges/hiver/rules"
    assert accepted() == []


def test_nothing_more_is_accepted_once_the_challenge_is_over(cast: Cast, client: FlaskClient) -> None:
    challenge = publish(acceptance="required")
    with transaction():
        db.session.merge(challenge).state = "closed"
    with pytest.raises(NotPossible, match="closed"), transaction():
        accept_rules(db.session.merge(challenge), 1, cast.awa, by="AWA", at=NOW)
    client.sign_in(cast.awa)
    assert "attend votre accord" not in words(client, "/challenges/hiver")


def test_every_version_is_listed(cast: Cast, client: FlaskClient) -> None:
    challenge = publish(acceptance="required")
    for day in range(10, 20):
        amended(challenge, date(2026, 2, day), cap_per_day=1_000 - day)
    client.sign_in(cast.awa)
    page = words(client, "/challenges/hiver/rules")
    assert "Version 11" in page and "En vigueur" in page


@pytest.mark.any_engine
def test_challenges_that_say_nothing_of_acceptance_keep_their_fingerprint() -> None:
    plain = {"code": "a", "name": "A", "starts_on": "2026-01-05", "ends_on": "2026-01-06",
             "rules": [{"id": "r", "counts": "declaration", "points": 1}]}  # fmt: skip
    assert "acceptance" not in definition_from(plain).canonical()
    kept = "0d2d69a8f56ea977eb59a0a6f946049a209277fae76a364dacfc79ec61f02881"
    assert definition_hash(definition_from(plain).canonical()) == kept
