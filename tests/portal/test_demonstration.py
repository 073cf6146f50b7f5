"""The demonstration network: invented, plausible, always fresh, and made through the real operations."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections import Counter
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import func, select

from badges.models import BadgeGrant
from challenges.definition import Known, definition_from
from challenges.models import Challenge
from declarations.models import Declaration, Revision
from foundation.clock import parse_instant
from foundation.database import db
from foundation.models import AuditEntry
from leaderboards.models import Standing
from network.models import Notice, Outlet, Person
from network.queries import demonstration_people
from points.models import Account, Adjustment, AdjustmentDecision, Entry, Lot
from portal.demonstration.content import FOLDER, read_content
from portal.demonstration.pictures import DRAWN, picture_of
from portal.demonstration.plans import ZONE, challenge_plans
from portal.demonstration.sales import all_sales, first_day
from rewards.models import STATES, Award, Order, Reward, VoucherCode
from tests.cast import PRODUCTS
from tests.conftest import Client, Runner

AT = "2026-02-10T15:30:00+01:00"
CONTENT = read_content()
INSTANTS = [
    AT,
    "2024-02-29T00:00:30+01:00",  # a leap day, just begun
    "2025-03-30T03:30:00+02:00",  # clocks went forward an hour ago
    "2025-10-26T02:30:00+01:00",  # the second half past two of the day clocks go back
    "2026-01-01T12:00:00+01:00",
    "2026-08-03T18:00:00+02:00",
    "2027-12-31T23:59:00+01:00",
]


def test_the_network_has_every_kind_of_outlet_and_the_cases_the_law_knows() -> None:
    outlets = Counter(outlet.kind for outlet in CONTENT.outlets)
    assert outlets["reseller"] + outlets["distributor"] == 14
    assert outlets["franchisee"] == 7 and outlets["vdi"] == 20
    assert sum(outlet.row["health"] == "yes" for outlet in CONTENT.outlets) == 1
    unsigned = [outlet for outlet in CONTENT.outlets if outlet.kind != "vdi" and not outlet.row["agreed_months_ago"]]
    assert len(unsigned) == 1
    assert 60 <= len(CONTENT.people) <= 80
    assert len({person.name for person in CONTENT.people}) == len(CONTENT.people)
    assert len({outlet.row["group"] for outlet in CONTENT.outlets if outlet.row["group"]}) >= 3


def test_departments_are_real_and_their_source_is_named() -> None:
    kept = json.loads((FOLDER / "departments.json").read_text(encoding="utf-8"))
    assert "Licence Ouverte" in kept["notice"]
    assert {outlet.department for outlet in CONTENT.outlets} <= set(CONTENT.departments)
    assert CONTENT.departments["35"] == {"name": "Ille-et-Vilaine", "region": "Bretagne"}


def test_products_have_valid_codes_that_belong_to_no_real_brand() -> None:
    with (FOLDER / "products.csv").open(encoding="utf-8") as file:
        codes = [row["ean"] for row in csv.DictReader(file)]
    assert len(set(codes)) == len(codes) >= 40
    for code in codes:
        weights = (1, 3) * 6
        control = -sum(int(digit) * weight for digit, weight in zip(code, weights, strict=False)) % 10
        assert len(code) == 13 and code.startswith("20") and int(code[-1]) == control


def test_nobody_can_be_reached_by_the_addresses_of_the_demonstration() -> None:
    sales = all_sales(CONTENT, [], parse_instant(AT))
    addresses = [person.email for person in CONTENT.people]
    for sale in sales:
        addresses += [word for word in sale.submission.comment.split() if "@" in word]
    assert all(address.rstrip(".").endswith("@example.org") for address in addresses)


@pytest.mark.parametrize("at", INSTANTS)
def test_challenges_can_be_played_whatever_the_day(at: str) -> None:
    now = parse_instant(at)
    today = now.astimezone(ZONE).date()
    plans = challenge_plans(CONTENT, now)
    assert len({plan.code for plan in plans}) == len(plans) == 9
    with (FOLDER / "rewards.csv").open(encoding="utf-8") as file:
        rewards = {row["reward"] for row in csv.DictReader(file)}
    known = Known([(one.sku, one.category, one.family) for one in CONTENT.products], rewards)
    for plan in plans:
        written = definition_from(_toml(plan.text), known)
        assert (written.code, written.starts_on, written.ends_on) == (plan.code, plan.starts_on, plan.ends_on)
    ended = [plan for plan in plans if plan.ends_on < today]
    running = [plan for plan in plans if plan.starts_on <= today <= plan.ends_on]
    assert len(ended) == 5 and max(plan.ends_on for plan in ended) == today - timedelta(days=1)
    assert len(running) == 2
    assert all(plan.publish_at is None or plan.publish_at <= now for plan in plans)


def _toml(text: str) -> dict[str, object]:
    return tomllib.loads(text)


@pytest.mark.parametrize("at", INSTANTS)
def test_fourteen_months_of_sales_are_told_before_the_present(at: str) -> None:
    now = parse_instant(at)
    sales = all_sales(CONTENT, challenge_plans(CONTENT, now), now)
    assert 4_000 <= len(sales) <= 7_000
    assert len({sale.submission.id for sale in sales}) == len(sales)
    assert all(first_day(now) <= sale.submission.sold_on for sale in sales)
    assert all(sale.submission.sold_on <= sale.declared_at.astimezone(ZONE).date() for sale in sales)
    assert max(sale.declared_at for sale in sales) < now
    assert [sale.declared_at for sale in sales] == sorted(sale.declared_at for sale in sales)


def test_the_same_instant_gives_the_same_sales() -> None:
    now = parse_instant(AT)
    plans = challenge_plans(CONTENT, now)
    assert all_sales(CONTENT, plans, now) == all_sales(read_content(), plans, now)


def test_sales_follow_seasons_and_customers_say_many_different_things() -> None:
    now = parse_instant(AT)
    sales = [sale.submission for sale in all_sales(CONTENT, challenge_plans(CONTENT, now), now)]
    months = Counter(sale.sold_on.strftime("%Y-%m") for sale in sales)
    assert months["2025-12"] > 2 * months["2025-08"]
    weekdays = Counter(sale.sold_on.isoweekday() for sale in sales)
    assert weekdays[6] == max(weekdays.values()) and weekdays[7] == min(weekdays.values())
    comments = [sale.comment for sale in sales if sale.comment]
    assert len(set(comments)) >= 250
    assert not any("{" in comment for comment in comments)
    per_person = Counter(sale.person for sale in sales)
    assert max(per_person.values()) > 10 * min(per_person.values())
    vdi = {person.code for person in CONTENT.people if person.status == "vdi"}
    legal = [sale.channel in ("meeting", "face_to_face") for sale in sales if sale.person in vdi]
    assert 0.8 < sum(legal) / len(legal) < 1


def test_every_article_has_its_words_and_its_picture_always_the_same() -> None:
    with (FOLDER / "rewards.csv").open(encoding="utf-8") as file:
        codes = {row["reward"] for row in csv.DictReader(file)}
    assert codes == set(DRAWN) == set(CONTENT.shop["descriptions"])
    pictures = {code: picture_of(code) for code in codes}
    assert len(set(pictures.values())) == len(codes)
    assert pictures["week-end-spa"] == picture_of("week-end-spa")
    with Image.open(io.BytesIO(pictures["week-end-spa"])) as opened:
        assert opened.size == (800, 600)


def test_the_command_fills_an_empty_database_and_refuses_any_other(runner: Runner, client: Client) -> None:
    answer = runner.run("demo", "--at", AT)
    assert "demo-camille@example.org" in answer.stdout and "demo-agnes@example.org" in answer.stdout

    states = dict(db.session.execute(select(Challenge.state, func.count()).group_by(Challenge.state)).all())
    assert states == {"closed": 4, "closing": 1, "running": 2, "published": 1, "draft": 1}
    assert db.session.scalar(select(func.count()).select_from(Outlet)) == len(CONTENT.outlets)
    assert db.session.scalar(select(func.count()).select_from(Person)) == len(CONTENT.people)
    statuses = dict(db.session.execute(select(Declaration.status, func.count()).group_by(Declaration.status)).all())
    assert statuses["in_review"] == 4 and statuses["rejected"] == 1 and statuses["withdrawn"] == 1
    assert 4_000 <= statuses["accepted"] <= 6_500

    kinds = set(db.session.scalars(select(Award.kind).where(Award.status == "granted")))
    assert kinds == {"rank", "threshold", "convert", "draw"}
    assert db.session.scalar(select(func.max(Account.balance))) > 0
    running = select(func.count()).join(Challenge).where(Challenge.state == "running", Standing.points > 0)
    assert db.session.scalar(running.select_from(Standing)) > 50
    barred = set(db.session.scalars(select(Revision.barred).distinct()))
    assert {"no_agreement", "vdi_channel"} <= barred
    assert set(db.session.scalars(select(BadgeGrant.badge).distinct())) >= {"first-sale", "podium"}
    months = {at.strftime("%Y-%m") for at in db.session.scalars(select(BadgeGrant.granted_at))}
    assert len(months) > 6, "badges carry the dates at which they were earned"

    comments = " ".join(db.session.scalars(select(Revision.comment).where(Revision.comment != "")))
    assert "@example.org" not in comments and "06 39 98" not in comments
    assert "[e-mail]" in comments

    authors = set(db.session.scalars(select(AuditEntry.act).distinct()))
    assert {"challenge.published", "challenge.closed", "declarations.received", "declaration.rejected"} <= authors

    shop = dict(db.session.execute(select(Order.state, func.count()).group_by(Order.state)).all())
    assert set(shop) == set(STATES), "orders in every state"
    mine = select(Order.state).join(Person).where(Person.code == "DEMO-CAMILLE")
    assert set(db.session.scalars(mine)) == set(STATES), "and the first person of the list has them all"
    assert db.session.scalar(select(func.count()).where(Reward.picture.is_(None), Reward.description == "")) == 0
    assert set(db.session.scalars(select(Reward.code).join(VoucherCode).distinct())) == set(CONTENT.shop["pools"])
    assert db.session.scalar(select(func.count()).where(VoucherCode.order_id.is_not(None))) == 2
    waiting = select(func.count()).select_from(Adjustment).outerjoin(AdjustmentDecision)
    undecided = waiting.where(Adjustment.needs_approval, AdjustmentDecision.adjustment_id.is_(None))
    assert db.session.scalar(undecided) == 2 and db.session.scalar(waiting) == len(CONTENT.shop["adjustments"])
    soon = parse_instant(AT) + timedelta(days=30)
    lots = select(Lot.expires_at).join(Account).join(Person).where(Person.code == "DEMO-CAMILLE")
    assert any(at is not None and parse_instant(AT) < at < soon for at in db.session.scalars(lots))
    assert db.session.scalar(select(func.count()).where(Entry.reference.startswith("expiry/"))) > 0
    titles = set(db.session.scalars(select(Notice.title)))
    assert {"Enceinte portable est de retour", "Plus de code pour Deux places de cinéma"} <= titles

    offered = demonstration_people()
    assert {person.role for person in offered} == {"reseller", "animator", "brand", "admin"}
    assert {person.outlet.kind for person in offered if person.outlet} == {
        "reseller",
        "distributor",
        "franchisee",
        "vdi",
    }
    newcomer = next(person for person in offered if person.code == "DEMO-BEATRICE")
    mine = select(func.count()).select_from(BadgeGrant).where(BadgeGrant.person_id == newcomer.id)
    assert db.session.scalar(mine) == 0, "somebody is there to earn a first badge"

    assert "points" in runner.run("points", "verify").stdout
    for code in db.session.scalars(select(Challenge.code).where(Challenge.state == "closed")).all():
        runner.run("challenges", "verify", code)

    again = runner.run("demo", "--at", AT, exits=1)
    assert "not empty" in again.stderr


def test_a_present_without_time_zone_is_refused(runner: Runner) -> None:
    assert "time zone" in runner.run("demo", "--at", "2026-02-10T15:30:00", exits=1).stderr
    assert db.session.scalar(select(func.count()).select_from(Person)) == 0


@pytest.mark.any_engine
def test_every_code_that_a_camera_may_read_has_its_check_digit() -> None:
    demonstration = [product.row["ean"] for product in read_content().products]
    for ean in [*demonstration, *(product[0] for product in PRODUCTS.values())]:
        total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(ean))
        assert len(ean) == 13 and total % 10 == 0, ean
