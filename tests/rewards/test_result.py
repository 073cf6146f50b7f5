"""What a participant reads once a challenge is closed: place, prizes and why, what was missed by how much, proof."""

from __future__ import annotations

import hashlib
import html
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageChops
from sqlalchemy import func, select, update

from challenges.models import Challenge
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Notice, Outlet, Person
from rewards.jobs import advance_challenges, release_held
from rewards.models import PodiumConsent, Reward
from rewards.podium import podium_picture
from tests.cast import Cast
from tests.declarations.stage import publish, sell
from tests.rewards.test_order_pages import statements

AFTER = datetime(2026, 3, 10, tzinfo=UTC)
PAYOUTS: list[dict[str, Any]] = [
    {"kind": "rank", "from": 1, "to": 1, "reward": "SPA"},
    {"kind": "threshold", "points": 30, "wallet": 5},
    {"kind": "race", "points": 40, "first": 1, "wallet": 7},
    {"kind": "convert", "every": 20, "into": 1},
]


@pytest.fixture
def closed(app: Flask, cast: Cast) -> Challenge:
    """The winter challenge, closed: Awa has 40 points, Bruno 30, Nina 10, Chloé none."""
    with transaction():
        db.session.add(
            Reward(
                code="SPA", name="Week-end spa", kind="experience", cost_cents=20_000, price_points=None, stock=None,
                limit_per_person=None, countries="", starts_on=None, ends_on=None,
            )
        )  # fmt: skip
    challenge = publish(payouts=PAYOUTS)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    sell("NINA", [("CREME", 1)], name="n", channel="meeting")
    list(advance_challenges(AFTER))
    return challenge


def page(client: FlaskClient, person: Person, code: str = "hiver") -> str:
    """The result as somebody reads it."""
    client.sign_in(person)  # type: ignore[attr-defined]
    answer = client.get(f"/challenges/{code}/result")
    assert answer.status_code == 200
    return html.unescape(answer.text).replace("\u202f", " ").replace("\xa0", " ")


def test_the_first_reads_what_was_won_and_why(closed: Challenge, client: FlaskClient, cast: Cast) -> None:
    shown = page(client, cast.awa)
    assert "Week-end spa" in shown and "Rang 1 : c’est gagné." in shown
    assert "Il fallait 30 ; le total est de 40 points." in shown
    assert "Total de 40 points atteint parmi les premiers." in shown
    assert "2 points de cagnotte" in shown and "40 points ÷ 20, arrondi à l’entier inférieur, × 1." in shown
    assert "Ce qui a manqué" not in shown


def test_the_others_read_by_how_much_they_missed(closed: Challenge, client: FlaskClient, cast: Cast) -> None:
    shown = page(client, cast.nina)
    assert "Rien cette fois." in shown
    for missing in ("Il manquait 30 points.", "Il manquait 20 points.", "Il manquait 10 points."):
        assert missing in shown
    assert "Sans point dans ce challenge" in page(client, cast.chloe)


def test_before_the_closing_and_for_strangers_there_is_no_result(
    app: Flask, cast: Cast, client: FlaskClient, closed: Challenge
) -> None:
    publish(code="ouvert", audience={"regions": ["Bretagne"]})
    client.sign_in(cast.awa)  # type: ignore[attr-defined]
    assert client.get("/challenges/ouvert/result").status_code == 404
    assert client.get("/challenges/hiver/result").status_code == 200
    client.sign_in(cast.bruno)  # type: ignore[attr-defined]
    assert client.get("/challenges/ouvert/result").status_code == 404


def test_what_the_budget_did_not_reach_is_told_as_such(app: Flask, cast: Cast, client: FlaskClient) -> None:
    publish(payouts=[{"kind": "threshold", "points": 10, "wallet": 500}], budget=5)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    list(advance_challenges(AFTER))
    assert "Non financé" not in page(client, cast.awa)
    assert "Le budget du challenge était épuisé" in page(client, cast.bruno)


CONVERT: list[dict[str, Any]] = [{"kind": "convert", "every": 10, "into": 100}]


def write_agreement(day: date | None) -> None:
    """Awa's and Chloé's employer revokes its agreement, or gives it again."""
    with transaction():
        db.session.execute(update(Outlet).where(Outlet.code == "PDV-BREST").values(agreement_on=day))


def cap_at_fifteen_percent() -> None:
    """273.45 € in 2026."""
    with transaction():
        change_setting("benefit_cap", "15", by="ADA", at=datetime(2025, 1, 1, tzinfo=UTC))


def notices(kind: str) -> dict[str, str]:
    """Who was told something of a kind, and what."""
    db.session.rollback()
    found = select(Person.code, Notice.text).join(Notice, Notice.person_id == Person.id).where(Notice.kind == kind)
    return {code: text.replace("\xa0", " ") for code, text in db.session.execute(found)}


def test_what_is_held_is_told_with_the_reason_and_what_comes_next_then_given(
    app: Flask, cast: Cast, client: FlaskClient
) -> None:
    publish(payouts=CONVERT)
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    write_agreement(None)
    list(advance_challenges(AFTER))
    shown = page(client, cast.awa)
    assert "Gardé pour vous" in shown and "400 points de cagnotte" in shown
    assert "L’accord de votre employeur" in shown and "il vous est remis dès que l’accord est de retour" in shown
    assert "1 gardé en attendant l’accord d’un employeur" in shown
    assert "Gardé pour vous" not in page(client, cast.bruno)
    told = notices("closed")
    assert "attend l’accord de votre employeur" in told["AWA"]
    assert [code for code, text in told.items() if "accord" in text] == ["AWA"], "Chloé won nothing"
    assert set(told) == {"AWA", "BRUNO", "CHLOE", "NINA"}

    write_agreement(date(2020, 1, 1))
    list(release_held(AFTER))
    list(release_held(AFTER))
    assert notices("award") == {"AWA": "400 points de cagnotte : ce gain attendait l’accord de votre employeur."}
    shown = page(client, cast.awa)
    assert "Gardé pour vous" not in shown and "il vous a été remis le 10 mars 2026" in shown


def test_what_passes_the_yearly_cap_is_told_with_its_figures(app: Flask, cast: Cast, client: FlaskClient) -> None:
    cap_at_fifteen_percent()
    publish(payouts=[{"kind": "threshold", "points": at, "wallet": 20_000} for at in (30, 40)])
    sell("AWA", [("CREME", 4)], name="a")
    list(advance_challenges(AFTER))
    shown = page(client, cast.awa)
    assert shown.count("Au-delà du plafond") == 1
    assert "plus de 273,45 € par an à un salarié (15 % du SMIC mensuel)" in shown
    assert "ce gain de 200,00 € aurait dépassé le plafond" in shown and "ne le sera pas plus tard" in shown


def test_participants_read_how_many_were_kept_back_and_staff_whom(app: Flask, cast: Cast, client: FlaskClient) -> None:
    cap_at_fifteen_percent()
    publish(payouts=[{"kind": "threshold", "points": at, "wallet": 20_000} for at in (10, 20)])
    sell("AWA", [("CREME", 4)], name="a")
    write_agreement(None)
    list(advance_challenges(AFTER))
    client.sign_in(cast.bruno)  # type: ignore[attr-defined]
    told = client.get("/challenges/hiver/certificate").get_json()
    assert (told["held"], told["benefit_cap"]["people"]) == (1, 1)
    assert "AWA" not in client.get("/challenges/hiver/certificate").text
    client.sign_in(cast.marc)  # type: ignore[attr-defined]
    told = client.get("/challenges/hiver/certificate").get_json()
    assert told["held"] == ["AWA"]
    assert told["benefit_cap"]["people"] == [{"person": "AWA", "received_cents": 0}]


def test_a_share_of_a_conversion_says_that_the_budget_was_short(app: Flask, cast: Cast, client: FlaskClient) -> None:
    publish(payouts=CONVERT, budget=5, budget_policy="pro_rata")
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    list(advance_challenges(AFTER))
    shown = page(client, cast.awa)  # 400 × 500 ÷ 700
    assert "285 points de cagnotte" in shown
    assert "Le budget ne suffisait pas à ces 400 points de cagnotte : chacun en reçoit la même part." in shown


def test_the_result_takes_the_same_statements_however_many_took_part_and_whatever_was_won(
    app: Flask, cast: Cast, client: FlaskClient
) -> None:
    many = [*CONVERT, *({"kind": "threshold", "points": 10 * n, "wallet": n} for n in range(1, 9))]
    for code, payouts, sellers in (("court", CONVERT, ["AWA"]), ("long", many, ["AWA", "BRUNO", "CHLOE"])):
        publish(code=code, payouts=payouts, rules=[{"id": code, "counts": "units", "points": 10}])
        for seller in sellers:
            sell(seller, [("CREME", 4)], name=f"{code}-{seller}")
    list(advance_challenges(AFTER))
    client.sign_in(cast.awa)  # type: ignore[attr-defined]
    counts = [
        statements(app, lambda code=code: client.get(f"/challenges/{code}/result")) for code in ("court", "long")
    ]  # fmt: skip
    assert counts[0] == counts[1]


def test_a_health_outlet_reads_the_article_that_bars_its_prize(app: Flask, cast: Cast, client: FlaskClient) -> None:
    with transaction():
        cast.outlet("PDV-BREST").health = True
    publish(payouts=[{"kind": "rank", "from": 1, "to": 2, "wallet": 50}])
    sell("AWA", [("CREME", 4)], name="a")
    sell("BRUNO", [("CREME", 3)], name="b")
    list(advance_challenges(AFTER))
    assert "CSP L1453-3" in page(client, cast.awa)
    assert "CSP L1453-3" not in page(client, cast.bruno)


def test_where_outlets_compete_the_article_is_the_outlets_and_the_conversion_ones_own(
    app: Flask, cast: Cast, client: FlaskClient, closed: Challenge
) -> None:
    payouts = [{"kind": "rank", "from": 1, "to": 1, "reward": "SPA"}, {"kind": "convert", "every": 10, "into": 1}]
    publish(code="equipes", ranks="outlet", payouts=payouts)
    list(advance_challenges(AFTER))
    shown = page(client, cast.awa, "equipes")
    assert "La place de votre point de vente" in shown and "Week-end spa" in shown and "4 points de cagnotte" in shown
    assert "Votre image à partager" not in shown


def test_the_fingerprint_is_that_of_the_file_and_the_same_for_every_participant(
    closed: Challenge, client: FlaskClient, cast: Cast
) -> None:
    told = []
    for person in (cast.awa, cast.bruno):
        shown = page(client, person)
        content = client.get("/challenges/hiver/certificate?download=1").data
        assert hashlib.sha256(content).hexdigest() in shown
        told.append(content)
    assert told[0] == told[1]


def test_everybody_who_took_part_is_told_once_in_their_language(closed: Challenge, cast: Cast) -> None:
    list(advance_challenges(AFTER))
    notices = db.session.scalars(select(Notice).where(Notice.kind == "closed").order_by(Notice.person_id)).all()
    assert [notice.person_id for notice in notices] == sorted(
        person.id for person in (cast.awa, cast.bruno, cast.nina, cast.chloe)
    )
    assert notices[0].title == "Hiver\u00a0: les résultats"
    assert notices[0].address == "/challenges/hiver/result"


def test_staff_read_how_many_were_ranked(closed: Challenge, client: FlaskClient, cast: Cast) -> None:
    from_page = page(client, cast.marc)
    assert "3 participants classés" in from_page


# --- the picture of the podium ---------------------------------------------------------------------------------------


def agree(client: FlaskClient, answer: str = "yes") -> int:
    """Answer the question of the page."""
    return client.post("/challenges/hiver/podium", data={"agreed": answer}).status_code


def test_the_picture_comes_with_ones_consent_and_goes_with_it(
    closed: Challenge, client: FlaskClient, cast: Cast
) -> None:
    assert "D’accord, dessiner mon image" in page(client, cast.awa)
    assert client.get("/challenges/hiver/podium.png").status_code == 404, "nobody has agreed"
    assert agree(client) == 302
    assert agree(client) == 302, "a second tap changes nothing"
    picture = client.get("/challenges/hiver/podium.png")
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert "private" in picture.headers["Cache-Control"]
    client.sign_in(cast.bruno)  # type: ignore[attr-defined]
    assert client.get("/challenges/hiver/podium.png").status_code == 404, "the consent of another is not mine"
    client.sign_in(cast.awa)  # type: ignore[attr-defined]
    assert agree(client, "no") == 302
    assert client.get("/challenges/hiver/podium.png").status_code == 404
    assert db.session.scalar(select(func.count()).select_from(PodiumConsent)) == 0


def test_whoever_is_not_on_the_podium_has_no_picture(closed: Challenge, client: FlaskClient, cast: Cast) -> None:
    client.sign_in(cast.chloe)  # type: ignore[attr-defined]
    assert agree(client) == 404
    assert client.get("/challenges/hiver/podium.png").status_code == 404
    client.sign_in(cast.marc)  # type: ignore[attr-defined]
    assert agree(client) == 404


@pytest.mark.any_engine
@pytest.mark.parametrize(("rank", "medal"), [(1, (229, 165, 10)), (2, (170, 180, 192)), (3, (207, 146, 96))])
def test_the_picture_is_light_and_shows_the_medal_and_the_step_of_the_rank(rank: int, medal: tuple[int, ...]) -> None:
    texts = {"place": "1er", "challenge": "Hiver", "points": "1 250 points", "brand": "Maison"}
    content = podium_picture(name="Awa Diallo", rank=rank, **texts)
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    assert picture.size == (1080, 1080) and len(content) < 60_000

    def near(place: tuple[int, int], colour: tuple[int, ...]) -> bool:
        pixel: Any = picture.getpixel(place)
        return all(abs(one - other) <= 12 for one, other in zip(pixel, colour, strict=True))

    assert near((540, 200), medal), "the medal"
    steps = {1: (430, 960), 2: (190, 960), 3: (670, 960)}
    assert [step for step, place in steps.items() if near(place, medal)] == [rank]
    other = Image.open(io.BytesIO(podium_picture(name="Bruno", rank=rank, **texts))).convert("RGB")
    difference = ImageChops.difference(picture, other).convert("L").point(lambda value: 255 * (value > 40))
    box = difference.getbbox()
    assert box is not None and box[1] >= 480 and box[3] <= 590, "a name is written in its own place and only there"


@pytest.mark.any_engine
def test_a_very_long_name_stays_inside_the_picture() -> None:
    content = podium_picture(
        name="W" * 200, rank=1, place="1er", challenge="M" * 200, points="1 point", brand="B" * 200
    )
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    edges = [picture.getpixel((x, y)) for x in (20, 1059) for y in range(60, 960)]
    assert len(set(edges)) == 1, "nothing touches the edges"
