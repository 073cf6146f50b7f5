"""Taking a credit back: by a command and in the studio, once, at most what there is; and what the person is told."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from foundation import clock
from foundation.database import db
from foundation.models import AuditEntry
from foundation.transactions import transaction
from network.models import Notice, Person
from points import wallet
from points.models import Entry, Lot
from points.queries import wallet_points
from points.rules import NotPossible
from points.verification import differences
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.test_concurrency import at_once
from tests.points.test_wallet import AT, choose, credit, days, spend


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: AT)


def words(html: str) -> str:
    text = markup.unescape(re.sub(r"<[^>]+>", " ", html))
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def adjust(person: Person, amount: int, *, at: datetime = AT) -> Any:
    with transaction():
        return wallet.adjust(db.session.get_one(Person, person.id), amount, "Salon de Lyon", by="MARC", at=at)


def notices(person: Person) -> list[tuple[str, str, str]]:
    """What a person was told, oldest first."""
    db.session.rollback()
    mine = select(Notice).where(Notice.person_id == person.id).order_by(Notice.id)
    return [
        (one.kind, one.title.replace("\xa0", " "), one.text.replace("\xa0", " ")) for one in db.session.scalars(mine)
    ]


def page_of(lot: int, code: str = "AWA") -> str:
    return f"/studio/network/people/{code}/credits/{lot}/reversal"


def take_back(client: Client, lot: int, **changes: str) -> Any:
    form = {"points": "50", "reason": "Vente annulée"} | changes
    return client.post(page_of(lot), data=form, follow_redirects=True)


def lot_of(reference: str) -> int:
    return db.session.scalars(select(Lot.id).where(Lot.reference == reference)).one()


# --- the operation ---------------------------------------------------------------------------------------------------


def test_part_of_a_credit_is_taken_back_and_then_no_more_of_it(cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    with transaction():
        assert wallet.revert("one", "Compté deux fois", points=20, by="MARC", at=AT) == 20
    with pytest.raises(NotPossible, match="already been taken back"), transaction():
        wallet.revert("one", "Encore", points=10, by="MARC", at=AT)
    assert wallet_points(cast.awa.id) == 30 and list(differences()) == []


@pytest.mark.parametrize("points", [0, -1, 51, 1_000_000])
def test_never_more_than_the_whole_credit_is_taken_back(cast: Cast, points: int) -> None:
    credit(cast.awa, 50, "one")
    credit(cast.awa, 500, "two")
    with pytest.raises(
        NotPossible, match=f"{points} points of 'one' cannot be taken back; write a number from 1 to 50"
    ):
        with transaction():
            wallet.revert("one", "Erreur", points=points, by="MARC", at=AT)
    with transaction():
        assert wallet.revert("one", "Erreur", points=50, by="MARC", at=AT) == 50


def test_what_has_expired_is_no_longer_part_of_the_credit(cast: Cast) -> None:
    credit(cast.awa, 50, "one", lasting=1)
    spend(cast.awa, 30, "order/1")
    with pytest.raises(NotPossible, match="from 1 to 30"), transaction():
        wallet.revert("one", "Erreur", points=31, by="MARC", at=days(3))
    with transaction():
        assert wallet.revert("one", "Erreur", by="MARC", at=days(3)) == 30


def test_nobody_takes_back_points_of_their_own(cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    with pytest.raises(NotPossible, match="of their own"), transaction():
        wallet.revert("one", "Erreur", by="AWA", at=AT)
    with transaction():
        assert wallet.revert("one", "Erreur", by="MARC", at=AT) == 50


# --- what the person is told -----------------------------------------------------------------------------------------


def test_a_bonus_and_a_correction_are_each_told_once_with_their_reason(cast: Cast) -> None:
    adjust(cast.awa, 50)
    adjust(cast.awa, -20)
    assert notices(cast.awa) == [
        ("points", "Bonus : 50 pts", "Cagnotte – Salon de Lyon"),
        ("points", "Repris : 20 pts", "Cagnotte – Salon de Lyon"),
    ]
    assert notices(cast.bruno) == []


def test_what_waits_is_told_when_it_is_approved_and_never_when_it_is_refused(cast: Cast) -> None:
    choose("adjustment_points_above", "0")
    first, second = adjust(cast.awa, 50), adjust(cast.awa, 60)
    assert notices(cast.awa) == []
    with transaction():
        wallet.approve(db.session.merge(first), by="ADA", at=AT)
    with pytest.raises(NotPossible), transaction():
        wallet.approve(db.session.merge(first), by="ADA", at=AT)
    assert [title for _, title, _ in notices(cast.awa)] == ["Bonus : 50 pts"]
    assert second.needs_approval


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("debt", "30 pts étaient déjà dépensés : les prochains points reçus combleront ce manque."),
        ("forgive", "30 pts étaient déjà dépensés : ils vous sont laissés."),
    ],
)
def test_a_reversal_says_why_and_what_becomes_of_points_already_spent(cast: Cast, policy: str, told: str) -> None:
    choose("reversal_policy", policy)
    credit(cast.awa, 50, "one")
    spend(cast.awa, 30, "order/1")
    with transaction():
        wallet.revert("one", "Clôture refaite", by="MARC", at=AT)
    assert notices(cast.awa) == [("points", "Repris : 50 pts", f"Cagnotte – Clôture refaite\n\n{told}")]


def test_each_person_is_told_in_their_language(cast: Cast) -> None:
    with transaction():
        db.session.get_one(Person, cast.awa.id).language = "en"
    adjust(cast.awa, 1_000)
    adjust(cast.bruno, 1_000)
    assert notices(cast.awa)[-1][1:] == ("Bonus: 1,000 pts", "Wallet – Salon de Lyon")
    assert notices(cast.bruno)[-1][1].replace("\u202f", " ") == "Bonus : 1 000 pts"


def test_many_who_take_the_same_credit_back_take_it_once_and_tell_it_once(app: Flask, cast: Cast) -> None:
    credit(cast.awa, 50, "one")

    def revert(_number: int) -> bool:
        try:
            with transaction():
                wallet.revert("one", "Erreur", by="MARC", at=AT)
        except NotPossible:
            return False
        return True

    assert sorted(at_once(app, revert, 6)) == [False] * 5 + [True]
    assert len(notices(cast.awa)) == 1 and wallet_points(cast.awa.id) == 0


def test_what_fails_half_way_is_not_told(cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    with pytest.raises(RuntimeError), transaction():
        wallet.revert("one", "Erreur", by="MARC", at=AT)
        raise RuntimeError
    assert notices(cast.awa) == []


def test_the_notice_leads_to_the_wallet(client: Client, cast: Cast) -> None:
    adjust(cast.awa, 50)
    client.sign_in(cast.awa)
    assert "Bonus : 50 pts" in words(client.get("/notices").text)
    number = db.session.scalars(select(Notice.id)).one()
    page = client.get(f"/notices/{number}")
    assert "Salon de Lyon" in page.text and "/points?challenge=cagnotte" in page.text
    assert "Bonus : Salon de Lyon" in words(client.get("/points?challenge=cagnotte").text)


# --- the command -----------------------------------------------------------------------------------------------------


def test_a_credit_is_taken_back_from_the_command_line(runner: Any, cast: Cast) -> None:
    credit(cast.awa, 50, "closing/hiver/1/AWA")
    credit(cast.awa, 10, "closing/hiver/2/AWA")
    told = runner.run("points", "revert", "closing/hiver/1/AWA", "--reason", "Fraude", "--by", "MARC").stdout
    assert told == "closing/hiver/1/AWA: 50 points taken back\n"
    part = runner.run("points", "revert", "closing/hiver/2/AWA", "--points", 4, "--reason", "x", "--by", "ADA").stdout
    assert part == "closing/hiver/2/AWA: 4 points taken back\n"
    assert wallet_points(cast.awa.id) == 6
    acts = select(AuditEntry.by, AuditEntry.subject).where(AuditEntry.act == "points.reverted")
    assert db.session.execute(acts.order_by(AuditEntry.id)).all() == [
        ("MARC", "closing/hiver/1/AWA"), ("ADA", "closing/hiver/2/AWA"),
    ]  # fmt: skip
    runner.run("points", "verify")


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("none", "--reason", "x", "--by", "MARC"), "'none' is not a credit of a wallet; write the reference of one"),
        (("order/1", "--reason", "x", "--by", "MARC"), "'order/1' is not a credit of a wallet"),
        (("one", "--reason", " ", "--by", "MARC"), "a reason of at most 300 characters is needed"),
        (("one", "--reason", "x" * 301, "--by", "MARC"), "a reason of at most 300 characters is needed"),
        (("one", "--reason", "x", "--by", "INES"), "'INES' may not adjust points; write the code of an animator"),
        (("one", "--points", "51", "--reason", "x", "--by", "MARC"), "51 points of 'one' cannot be taken back"),
        (("two", "--reason", "x", "--by", "MARC"), "'two' has already been taken back"),
    ],
)
def test_a_wrong_command_is_one_line_and_writes_nothing(
    runner: Any, cast: Cast, arguments: tuple[str, ...], refusal: str
) -> None:
    credit(cast.awa, 50, "one")
    credit(cast.awa, 5, "two")
    spend(cast.awa, 10, "order/1")
    runner.run("points", "revert", "two", "--reason", "x", "--by", "MARC")
    before = db.session.scalars(select(Entry.reference)).all()
    answer = runner.run("points", "revert", *arguments, exits=1)
    assert answer.stderr.startswith(refusal) and answer.stderr.count("\n") == 1
    assert db.session.scalars(select(Entry.reference)).all() == before


# --- in the studio ---------------------------------------------------------------------------------------------------


def test_an_animator_takes_a_credit_back_and_the_person_reads_why(client: Client, cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    client.sign_in(cast.marc)
    assert "/studio/network/people/AWA/credits" in client.get("/studio/network/people/AWA/points").text
    listed = words(client.get("/studio/network/people/AWA/credits").text)
    assert "Reprendre" in listed and "50 pts" in listed
    page = words(client.get(page_of(lot_of("one"))).text)
    assert "Rien de ce crédit n’est dépensé : la cagnotte aura 0 pt." in page
    done = words(take_back(client, lot_of("one")).text)
    assert "50 pts ont été repris à Awa Diallo." in done and "Repris : 50 pts" in done
    client.sign_in(cast.awa)
    assert "Points repris : Vente annulée" in words(client.get("/points").text)
    assert [one.act for one in db.session.scalars(select(AuditEntry)) if one.by == "MARC"] == ["points.reverted"]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("debt", "30 pts sont déjà dépensés : d’après le réglage du programme, ils sont dus. La cagnotte aura -30 pts"),
        ("forgive", "30 pts sont déjà dépensés : d’après le réglage du programme, ils sont laissés à la personne"),
    ],
)
def test_the_confirmation_says_what_the_setting_makes_of_points_already_spent(
    client: Client, cast: Cast, policy: str, told: str
) -> None:
    choose("reversal_policy", policy)
    credit(cast.awa, 50, "one")
    spend(cast.awa, 30, "order/1")
    client.sign_in(cast.marc)
    assert told in words(client.get(page_of(lot_of("one"))).text)
    take_back(client, lot_of("one"))
    assert wallet_points(cast.awa.id) == (-30 if policy == "debt" else 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"points": "51"}, "Au plus 50 pts de ce crédit peuvent être repris."),
        ({"points": "0"}, "Écrivez au moins 1 point."),
        ({"points": "tout"}, "Nombre de points"),
        ({"reason": " "}, "Écrivez la raison."),
        ({"reason": "x" * 301}, "300 caractères au plus."),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_writes_nothing(
    client: Client, cast: Cast, changes: dict[str, str], told: str
) -> None:
    credit(cast.awa, 50, "one")
    client.sign_in(cast.marc)
    answer = take_back(client, lot_of("one"), **changes)
    assert answer.status_code == 422 and told in words(answer.text)
    assert wallet_points(cast.awa.id) == 50
    assert take_back(client, lot_of("one")).status_code == 200 and wallet_points(cast.awa.id) == 0


def test_a_credit_taken_back_or_expired_offers_no_second_time(client: Client, cast: Cast) -> None:
    credit(cast.awa, 50, "one")
    credit(cast.awa, 7, "gone", at=days(-9), lasting=2)
    client.sign_in(cast.marc)
    take_back(client, lot_of("one"))
    for again in (client.get(page_of(lot_of("one")), follow_redirects=True), take_back(client, lot_of("one"))):
        assert "Ce crédit a déjà été repris : 50 pts." in words(again.text)
    expired = words(client.get(page_of(lot_of("gone")), follow_redirects=True).text)
    assert "Tous les points de ce crédit ont expiré" in expired
    assert "Reprendre" not in words(client.get("/studio/network/people/AWA/credits").text)


def test_a_credit_of_somebody_else_is_not_there(client: Client, cast: Cast) -> None:
    credit(cast.bruno, 50, "one")
    client.sign_in(cast.marc)
    assert client.get(page_of(lot_of("one"))).status_code == take_back(client, lot_of("one")).status_code == 404
    assert client.get(page_of(lot_of("one"), "BRUNO")).status_code == 200


@pytest.mark.parametrize("person", ["awa", "ines"])
def test_those_who_do_not_animate_neither_see_nor_take_back(client: Client, cast: Cast, person: str) -> None:
    credit(cast.awa, 50, "one")
    client.sign_in(getattr(cast, person))
    assert client.get("/studio/network/people/AWA/credits").status_code == 404
    assert client.get(page_of(lot_of("one"))).status_code == take_back(client, lot_of("one")).status_code == 404
    assert wallet_points(cast.awa.id) == 50


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """The statements sent to the database."""
    found: list[str] = []

    def note(*arguments: Any) -> None:
        found.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def test_the_list_is_paged_and_takes_as_many_statements_however_long(
    client: Client, cast: Cast, sent: list[str]
) -> None:
    credit(cast.awa, 50, "one")
    client.sign_in(cast.marc)
    sent.clear()
    client.get("/studio/network/people/AWA/credits")
    few = len(sent)
    for number in range(40):
        credit(cast.awa, 5, f"more/{number}")
    sent.clear()
    assert "Page 1 sur" in words(client.get("/studio/network/people/AWA/credits").text)
    assert len(sent) == few
