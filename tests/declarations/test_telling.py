"""Who told a sale that waited hears what became of it: once, in their own words, with what they can do about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from declarations import operations
from declarations.models import Declaration
from foundation import audit, clock, web_push
from foundation.database import db
from foundation.models import OutboxMessage
from foundation.transactions import transaction
from network import pushing, topics
from network.models import Device, Notice, Person, Push
from network.notices import notices_of
from network.operations import choose_language, suspend
from rewards.closing import close
from tests.cast import Cast
from tests.conftest import Client, Runner
from tests.declarations.stage import NOW, publish, sell
from tests.portal.test_statements import counted


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def waiting(name: str = "sale-1", person: str = "AWA", units: int = 1_500, **said: object) -> Declaration:
    """A sale of so many creams that somebody must look at it."""
    receipt = sell(person, [("CREME", units)], name=name, **said)  # type: ignore[arg-type]
    assert receipt.status == "in_review"
    return db.session.get_one(Declaration, receipt.declaration_id)


def named(*names: str) -> list[Declaration]:
    return list(
        db.session.scalars(select(Declaration).where(Declaration.public_id.in_(names)).order_by(Declaration.id))
    )


def accept(*names: str, by: str = "MARC") -> None:
    with transaction():
        operations.accept_all(named(*names), by=by, at=NOW)


def refuse(*names: str, by: str = "MARC", note: str = "", reason: str = "wrong_quantity") -> None:
    with transaction():
        operations.reject_all(named(*names), reason, by=by, at=NOW, note=note)


def contest(name: str) -> None:
    with transaction():
        operations.contest(named(name)[0], by="AWA", at=NOW)


def mine(person: Person) -> list[Notice]:
    """What somebody was told, newest first."""
    return list(db.session.scalars(notices_of(person)))


def test_an_accepted_sale_is_told_with_the_points_it_brings_and_opens_its_page(client: Client, cast: Cast) -> None:
    publish()
    waiting()
    client.sign_in(cast.marc)
    client.post("/review/sale-1/acceptance")
    [notice] = mine(cast.awa)
    assert (notice.kind, notice.title) == ("accepted", "Vente acceptée\u00a0: +15\u202f000 pts")
    assert notice.text == "1\u202f500\u00a0×\u00a0Crème de jour, vendu le 4 févr. 2026."
    assert mine(cast.bruno) == mine(cast.marc) == []
    client.sign_in(cast.awa)
    assert "+15\u202f000 pts" in client.get("/notices").text
    page = client.get(f"/notices/{notice.id}").text
    assert 'href="/declarations/sale-1"' in page
    assert client.get(notice.address).status_code == 200
    client.sign_in(cast.bruno)
    assert client.get(f"/notices/{notice.id}").status_code == 404
    assert client.get(notice.address).status_code == 404


def test_a_refusal_is_told_with_its_reason_and_sentence_and_its_page_is_where_it_is_contested(
    client: Client, cast: Cast
) -> None:
    waiting()
    client.sign_in(cast.marc)
    client.post("/review/sale-1/rejection", data={"reason": "wrong_quantity", "note": "Le ticket en montre 20."})
    [notice] = mine(cast.awa)
    assert (notice.kind, notice.title) == ("refused", "Vente refusée\u00a0: Quantité inexacte")
    assert notice.text.startswith("Le ticket en montre 20.\n\n1\u202f500\u00a0×\u00a0Crème de jour")
    assert notice.text.endswith("Vous pouvez contester ce refus une fois, sur la page de la vente.")
    client.sign_in(cast.awa)
    page = client.get(f"/notices/{notice.id}").text
    assert "Vente refusée\u00a0: Quantité inexacte" in page and "Le ticket en montre 20." in page
    assert 'href="/declarations/sale-1"' in page
    assert "Contester ce refus" in client.get(notice.address).text


@pytest.mark.parametrize("second", ["accepted", "refused"])
def test_what_was_contested_is_told_again_as_the_last_word(client: Client, cast: Cast, second: str) -> None:
    publish()
    waiting()
    refuse("sale-1")
    contest("sale-1")
    assert len(mine(cast.awa)) == 1, "contesting tells oneself nothing"
    (accept if second == "accepted" else refuse)("sale-1", by="ADA")
    notice, first = mine(cast.awa)
    assert "contester ce refus une fois" in first.text
    assert "regardée à nouveau, comme vous l’aviez demandé" in notice.text
    assert ("réponse est définitive" in notice.text) == (second == "refused")
    assert "une fois" not in notice.text
    client.sign_in(cast.awa)
    assert "Contester ce refus" not in client.get(notice.address).text


def test_the_command_tells_as_the_page_does(runner: Runner, cast: Cast) -> None:
    waiting()
    waiting("sale-2")
    runner.run("declarations", "review", "accept", "sale-1", "--by", "MARC")
    runner.run("declarations", "review", "reject", "sale-2", "--reason", "duplicate", "--by", "MARC")
    assert [one.title for one in mine(cast.awa)] == ["Vente refusée\u00a0: Vente déjà déclarée", "Vente acceptée"]
    assert "ne rapporte pas de points" in mine(cast.awa)[1].text, "no challenge holds it"


def test_a_sale_that_nobody_had_to_look_at_tells_nothing(cast: Cast) -> None:
    publish()
    sell("AWA", [("CREME", 2)])
    with transaction():
        operations.withdraw(named("sale-1")[0], by="AWA", at=NOW)
    assert mine(cast.awa) == []


def test_a_decision_that_does_not_hold_is_not_told(cast: Cast) -> None:
    waiting()
    accept("sale-1")
    with pytest.raises(operations.NotPossible):
        refuse("sale-1")
    assert [one.kind for one in mine(cast.awa)] == ["accepted"]


def test_everybody_reads_it_in_their_own_language(cast: Cast) -> None:
    publish()
    waiting()
    waiting("sale-2", "BRUNO")
    with transaction():
        choose_language(cast.awa, "en", by="AWA", at=NOW)
    refuse("sale-1", "sale-2", note="Le ticket en montre 20.")
    [english], [french] = mine(cast.awa), mine(cast.bruno)
    assert (english.title, french.title) == ("Sale refused: Wrong quantity", "Vente refusée\u00a0: Quantité inexacte")
    assert "1,500\u00a0×\u00a0Crème de jour, sold on 4 Feb 2026." in english.text
    assert english.text.startswith("Le ticket en montre 20."), "what somebody wrote is not translated"


def test_several_decided_together_are_one_message_for_each_person(client: Client, cast: Cast) -> None:
    publish()
    for number in range(12):
        waiting(f"awa-{number:02}", units=1_001 + number)
    waiting("bruno", "BRUNO")
    with transaction():
        suspend(cast.bruno, by="MARC", at=NOW)
    accept(*[f"awa-{number:02}" for number in range(12)], "bruno")
    [notice] = mine(cast.awa)
    assert notice.title == "12 ventes acceptées\u00a0: +120\u202f780 pts"
    lines = notice.text.split("\n")
    assert lines[0] == "1\u202f001\u00a0×\u00a0Crème de jour, vendu le 4 févr. 2026 – 10\u202f010 pts"
    assert len(lines) == 11 and lines[-1] == "et 2 autres"
    assert mine(cast.bruno) == [], "who is suspended could not read it"
    client.sign_in(cast.awa)
    assert "1\u202f012\u00a0×" in client.get(notice.address).text.replace("&nbsp;", "\u00a0")


def test_several_refused_together_can_each_be_contested_from_the_list_they_open(client: Client, cast: Cast) -> None:
    for name in ("sale-1", "sale-2"):
        waiting(name)
    refuse("sale-1", "sale-2", reason="no_proof", note="Le ticket manque.")
    [notice] = mine(cast.awa)
    assert notice.title == "2 ventes refusées\u00a0: Preuve manquante ou illisible"
    assert notice.text.startswith("Le ticket manque.\n\n")
    assert notice.text.endswith("Chaque refus peut être contesté une fois, sur la page de la vente.")
    client.sign_in(cast.awa)
    page = client.get(notice.address).text
    assert 'href="/declarations/sale-1"' in page and 'href="/declarations/sale-2"' in page
    contest("sale-1")
    waiting("sale-3")
    refuse("sale-1", "sale-3", by="ADA")
    assert "dit si son refus peut encore être contesté" in mine(cast.awa)[0].text


def test_many_sales_are_decided_and_told_in_as_many_statements_as_one(cast: Cast) -> None:
    publish()
    found = []
    for size in (2, 1, 12):
        names = [f"{person}-{size}-{number}" for number in range(size) for person in ("awa", "bruno")]
        for name in names:
            waiting(name, name.split("-")[0].upper())
        with counted() as sent:
            accept(*names)
        aside = ("INSERT INTO audit_entries", "INSERT INTO badge_grants")
        found.append([one for one in sent if not one.startswith(aside)])
    del found[0]  # the first points of all open accounts
    assert len(found[0]) == len(found[1]), "\n".join(found[1])
    for sent in found:
        assert len([one for one in sent if one.startswith("INSERT INTO notices")]) == 1


def test_all_or_none_are_decided(cast: Cast) -> None:
    waiting()
    waiting("sale-2")
    accept("sale-1")
    with pytest.raises(operations.NotPossible):
        refuse("sale-1", "sale-2")
    assert [one.status for one in named("sale-1", "sale-2")] == ["accepted", "in_review"]
    with transaction():
        cast.marc.outlet_id = cast.bruno.outlet_id
    waiting("sale-3", "BRUNO")
    with pytest.raises(operations.NotPossible, match="MARC may not decide on sale-3"):
        accept("sale-2", "sale-3")
    assert [one.status for one in named("sale-2", "sale-3")] == ["in_review", "in_review"]


def test_what_a_closing_decides_is_told_too_without_the_words_of_the_audit(cast: Cast) -> None:
    challenge = publish(pending_at_close="reject", review_until="2026-03-12T00:00:00+01:00")
    waiting()
    waiting("sale-2")
    with transaction():
        challenge.state = "reviewing"
    with transaction():
        assert close(challenge, by=audit.SYSTEM, at=NOW + timedelta(days=40)) is not None
    [notice] = [one for one in mine(cast.awa) if one.kind == "refused"]
    assert notice.text.startswith("Le challenge s’est clos avant que quelqu’un les ait vérifiées.")
    assert "before a review" not in notice.text


@pytest.mark.parametrize("chosen", ["as it comes", "push off", "mail on"])
def test_it_leaves_as_each_has_chosen_and_waits_for_the_end_of_the_night(app: Flask, cast: Cast, chosen: str) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], push_key=web_push.new_key())
    with transaction():
        db.session.add(
            Device(
                person_id=cast.awa.id, endpoint="https://fcm.googleapis.com/a", p256dh="", auth="", name="Chrome",
                timezone="Europe/Paris", created_at=NOW,
            )
        )  # fmt: skip
        if chosen != "as it comes":
            topics.choose(cast.awa, {"sales": {"push": False, "mail": chosen == "mail on"}})
    waiting()
    night = NOW + timedelta(hours=10)  # nine in the evening
    with transaction():
        operations.accept(named("sale-1")[0], by="MARC", at=night)
    with transaction():
        pushing.set_off(at=night)
    [notice] = mine(cast.awa)
    assert not notice.outward and notice.read_at is None, "it is in the application whatever was chosen"
    pushes = db.session.scalars(select(Push)).all()
    assert [(one.notice_id, one.not_before) for one in pushes] == (
        [(notice.id, NOW + timedelta(hours=20))] if chosen == "as it comes" else []
    )
    mails = db.session.scalars(select(OutboxMessage)).all()
    assert [one.subject for one in mails] == (["Vente acceptée"] if chosen == "mail on" else [])
    assert all(one.not_before == NOW + timedelta(hours=20) for one in mails)


def test_the_profile_offers_the_choice_and_keeps_it(client: Client, cast: Cast) -> None:
    client.sign_in(cast.awa)
    page = client.get("/me").text
    assert "Réponses à vos ventes en vérification" in page and 'name="sales.mail"' in page
    client.post("/me/notifications", data={"sales.mail": "1"})
    assert topics.choices_of(cast.awa.id)["sales"]["mail"] is True


def test_an_id_from_a_file_that_is_too_long_for_an_address_opens_the_list(client: Client, cast: Cast) -> None:
    name = "é" * 120
    waiting(name)
    accept(name)
    [notice] = mine(cast.awa)
    assert notice.address == "/declarations?status=accepted"
    waiting("caisse 2/été")
    accept("caisse 2/été")
    client.sign_in(cast.awa)
    assert "1\u202f500" in client.get(mine(cast.awa)[0].address).text
