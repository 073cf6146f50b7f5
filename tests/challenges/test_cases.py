"""Every case of the tables in cases/, through the pure fold and through the real product, which must agree.

The product is played as in life: the challenge is published, sales are received one after another, and then the
preview before each sale, the ledger, the answer to the person, its statement and the board all say the same.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import select, update

from catalogue.models import Product
from challenges.definition import Definition, definition_from, definition_hash
from challenges.lifecycle import claim
from challenges.models import Challenge, RulesVersion
from challenges.queries import closable, due_steps
from challenges.rules import Sale, SoldLine, Window, fold, progress_bp, target_for, version_from
from challenges.wording import explain, explain_bar
from declarations import operations, queries
from declarations.models import Declaration
from declarations.publishing import publish_definition
from declarations.rules import Submission, SubmittedLine, barred, clock, comment_length
from declarations.verification import differences
from foundation.audit import SYSTEM
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from leaderboards.exports import export_standings
from leaderboards.models import Standing
from leaderboards.rules import Competitor, ranks
from network.models import Outlet, Person
from points.exports import export_statement
from rewards.closing import close
from rewards.exports import export_awards
from rewards.models import Closure, Reward
from rewards.verification import differences as recounted
from tests.cast import OUTLETS, PEOPLE, PRODUCTS, engage
from tests.challenges.cases import Case, read_cases
from tests.conftest import copied_database, make_app, make_settings

CASES = read_cases()
FIRST_DAY = date(2026, 1, 5)
PUBLISHED_AT = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
AFTER = datetime(2026, 3, 1, tzinfo=UTC)
REVIEW_ABOVE = 1_000
STATUS = {code: (status, outlet) for code, _, role, status, outlet in PEOPLE.values() if role == "reseller" and outlet}
ATTRIBUTES = ("name", "kind", "brands", "region", "department", "city", "activity", "potential", "group")


@dataclass
class Told:
    """A sale of a case as told: what was submitted, when it came in, and what has become of it."""

    row: dict[str, Any]
    submission: Submission
    received_at: datetime
    declared_at: datetime
    lines: list[SoldLine]
    bar: str
    status: str

    @property
    def sale(self) -> Sale:
        """What scoring sees of it."""
        one = self.submission
        return Sale(
            one.id, self.declared_at, self.received_at, one.sold_on, one.channel, one.customer, one.age_band, one.area,
            one.rating, comment_length(one.comment), self.lines,
            sum(line.units for line in self.lines), sum(line.value for line in self.lines),
        )  # fmt: skip


@dataclass
class Play:
    """A case being played: the world as the pure rules see it."""

    case: Case
    definition: Definition = field(init=False)
    goods: dict[str, tuple[str, str, int]] = field(init=False)
    told: dict[str, Told] = field(default_factory=dict)
    at: datetime = PUBLISHED_AT

    def __post_init__(self) -> None:
        """Read the challenge, and the catalogue as the cast has it."""
        data = {"code": "cas", "name": "Cas", "starts_on": FIRST_DAY, "ends_on": date(2026, 2, 1)}
        more = self.case.data.get("challenge", {})
        self.definition = definition_from(data | {"rules": self.case.data["rules"]} | more)
        self.goods = {sku: (category, family, cents) for sku, (_, _, category, family, cents) in PRODUCTS.items()}

    @property
    def versions(self) -> list[dict[str, Any]]:
        """The definitions of all versions, the first one first, each with its start."""
        first = self.definition.canonical()
        later = [first | _plain(version) for version in self.case.data.get("versions", ())]
        for version in later:
            definition_from(version | {"starts_on": first["starts_on"]})
        return [first, *later]

    def moment(self, row: dict[str, Any], number: int) -> datetime:
        """When a row happens: its own `at`, else noon of its day and a minute for each row before it."""
        if "at" in row:
            return row["at"].astimezone(UTC)
        day = row.get("on", FIRST_DAY)
        noon = datetime(day.year, day.month, day.day, 12, 0, tzinfo=UTC) + timedelta(minutes=number)
        return noon if "sells" in row and "correct" not in row else max(self.at, noon) + timedelta(minutes=1)

    def tell(self, row: dict[str, Any], number: int) -> Told:
        """The sale of a row, with what reception decides about it by the pure rules."""
        at = self.moment(row, number)
        lines = []
        for part in row["sells"].split(","):
            units, sku = part.split()
            lines.append(SubmittedLine(sku, int(units), row.get("paid")))
        submission = Submission(
            row.get("id") or f"sale-{number:04}", row.get("by", "BRUNO"), row.get("on", FIRST_DAY), row.get("declared"),
            row.get("channel", "store"), tuple(lines), row.get("customer", ""), row.get("age_band", ""),
            row.get("area", ""), row.get("rating"), None, row.get("comment", ""),
        )  # fmt: skip
        return Told(row, submission, at, clock(submission.declared_at, at)[0], *self.judge(submission))

    def judge(self, submission: Submission) -> tuple[list[SoldLine], str, str]:
        """The lines at today's prices, the bar of the law, and whether the sale waits for a review."""
        status, outlet = STATUS[submission.person]
        agreement = self.case.data.get("agreement", date(2020, 1, 1)) if outlet == "PDV-BREST" else date(2020, 1, 1)
        reorder = self.case.data.get("setting", {}).get("vdi_reorder", False)
        bar = barred(
            status, agreement or None, submission.sold_on, submission.channel, submission.customer, vdi_reorder=reorder
        )
        lines = []
        for line in submission.lines:
            category, family, cents = self.goods[line.sku]
            lines.append(SoldLine(line.sku, category, family, line.units, line.units * cents))
        waits = any(line.units > REVIEW_ABOVE for line in submission.lines)
        return lines, bar, "in_review" if waits else "accepted"

    def happen(self, row: dict[str, Any], number: int) -> None:
        """Let what a row says happen in the pure world."""
        if "correct" in row:
            before = self.told[row["correct"]]
            kept = {key: before.row[key] for key in ("by", "on") if key in before.row}
            frozen = {line.sku: (line.category, line.family, line.value // line.units) for line in before.lines}
            today, self.goods = self.goods, self.goods | frozen
            after = self.tell({**kept, **row, "id": row["correct"]}, number)
            self.goods = today
            before.submission, before.lines = after.submission, after.lines
            before.bar, before.status = after.bar, after.status
        elif "sells" in row:
            told = self.tell(row, number)
            self.told[told.submission.id] = told
        elif "price" in row:
            category, family, _ = self.goods[row["price"]]
            self.goods[row["price"]] = (category, family, row["cents"])
        elif "category" in row:
            _, family, cents = self.goods[row["category"]]
            self.goods[row["category"]] = (row["named"], family, cents)
        for verb, status in (("withdraw", "withdrawn"), ("accept", "accepted"), ("reject", "rejected")):
            if verb in row:
                self.told[row[verb]].status = status
        self.at = self.moment(row, number)

    def plays(self, person: str) -> bool:
        """Whether the challenge's audience holds somebody; cases name regions only."""
        audience = self.definition.audience
        return audience is None or _attribute(STATUS[person][1], "region") in (audience.regions or ())

    def counting(self) -> dict[str, list[Sale]]:
        """The sales that count, by person."""
        found: dict[str, list[Sale]] = defaultdict(list)
        window = Window(self.definition.starts_on, self.definition.ends_on, self.definition.declares_until)
        for told in self.told.values():
            one = told.sale
            if (
                told.status == "accepted"
                and not told.bar
                and self.plays(told.submission.person)
                and window.holds(one.sold_on, one.declared_at, one.received_at)
            ):
                found[told.submission.person].append(one)
        return found

    def folded(self) -> tuple[dict[str, tuple[int, list[str]]], list[str]]:
        """What each sale gives and says by the pure fold, and the board."""
        rules = [
            version_from(version, number, date.fromisoformat(version["starts_on"]))
            for number, version in enumerate(self.versions, 1)
        ]
        objective = self.definition.objective
        measure = objective.measure if objective is not None else "units"
        found: dict[str, tuple[int, list[str]]] = {
            name: (0, [explain_bar(told.bar)] if told.bar and told.status == "accepted" else [])
            for name, told in self.told.items()
        }
        totals: dict[str, tuple[int, int, datetime | None]] = dict.fromkeys(STATUS, (0, 0, None))
        for person, sales in self.counting().items():
            scored, tally = fold(rules, sales, measure=measure, rank_by=self.definition.rank_by)
            totals[person] = (tally.points, tally.measure, tally.reached_at)
            for one in scored:
                found[one.sale.id] = (one.points, [explain(gain.why, NAMES) for gain in one.gains])
        return found, self.board(totals)

    def board(self, totals: dict[str, tuple[int, int, datetime | None]]) -> list[str]:
        """The standings by the pure rules, a line for each rank."""
        definition = self.definition
        target = target_for(definition.canonical().get("objective", {}), None, None)
        teams: dict[str, list[str]] = defaultdict(list)
        for person in filter(self.plays, totals):
            teams[person if definition.ranks == "person" else STATUS[person][1]].append(person)
        competitors = []
        for code, people in teams.items():
            points, moved = sum(totals[one][0] for one in people), sum(totals[one][1] for one in people)
            reached = [at for one in people if totals[one][0] > 0 and (at := totals[one][2]) is not None]
            league = _attribute(STATUS[people[0]][1], definition.league_by) if definition.league_by else ""
            progress = progress_bp(moved, target * len(people), "units")
            competitors.append(Competitor(code, league, points, progress, max(reached, default=PUBLISHED_AT)))
        places = ranks(competitors, rank_by=definition.rank_by, tie_break=definition.tie_break)
        ordered = sorted((one.league, places[one.code], one.code, one.points) for one in competitors if one.points)
        return ["|".join(map(str, line)) for line in ordered]


NAMES = {sku: name for sku, (_, name, *_) in PRODUCTS.items()}


def _plain(version: dict[str, Any]) -> dict[str, Any]:
    return version | {"starts_on": version["starts_on"].isoformat()}


def _attribute(outlet: str, name: str) -> str:
    return OUTLETS[outlet][ATTRIBUTES.index(name)]


def _spaces(text: str) -> str:
    """Spaces that do not break are written as plain ones in the tables."""
    return text.replace("\u202f", " ").replace("\u00a0", " ")


def expected(case: Case) -> dict[str, tuple[int, list[str]]]:
    """What the table says of each sale."""
    return {
        row.get("id") or f"sale-{number:04}": (row["gives"], row["says"])
        for number, row in enumerate(case.data["sales"], 1)
        if "sells" in row and "correct" not in row
    }


@pytest.fixture(scope="module")
def world(
    engine_name: str, template_database: str, run_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """One database with the cast for all cases: each is played in a transaction that is undone."""
    folder = tmp_path_factory.mktemp("cases")
    with copied_database(engine_name, template_database, run_folder, folder) as url:
        app = make_app(make_settings(url, folder))
        with app.app_context():
            engage()
            with transaction():
                db.session.add(
                    Reward(
                        code="SPA", name="Week-end spa", kind="experience", cost_cents=20_000, price_points=None,
                        stock=None, limit_per_person=None, countries="", starts_on=None, ends_on=None,
                    )
                )  # fmt: skip
            yield app
            db.session.remove()
            db.engine.dispose()


@pytest.mark.any_engine
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_pure_fold_gives_what_the_table_says(app: Flask, case: Case) -> None:
    play = Play(case)
    with app.test_request_context("/"), force_locale("fr"):
        for number, row in enumerate(case.data["sales"], 1):
            play.happen(row, number)
        found, board = play.folded()
    assert {name: (points, [_spaces(one) for one in says]) for name, (points, says) in found.items()} == expected(case)
    if "board" in case.data:
        assert board == case.data["board"]


class Undone(Exception):
    """The case is over: nothing of it remains."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_product_gives_what_the_table_says(world: Flask, case: Case) -> None:
    with pytest.raises(Undone), transaction(), world.test_request_context("/"), force_locale("fr"):
        _play_for_real(Play(case))
        raise Undone


def _play_for_real(play: Play) -> None:
    case = play.case
    if "agreement" in case.data:
        agreed = update(Outlet).where(Outlet.code == "PDV-BREST").values(agreement_on=case.data["agreement"] or None)
        db.session.execute(agreed)
    if "health" in case.data:
        db.session.execute(update(Outlet).where(Outlet.code == case.data["health"]).values(health=True))
    if case.data.get("setting"):
        change_setting("vdi_reorder", "yes", by="ADA", at=PUBLISHED_AT)
    challenge, _ = publish_definition(play.definition, by="MARC", at=PUBLISHED_AT)
    for number, version in enumerate(play.versions[1:], 2):
        starts_on = date.fromisoformat(version["starts_on"])
        written = {
            "challenge_id": challenge.id, "number": number, "starts_on": starts_on, "definition": version,
            "hash": definition_hash(version), "frozen_at": PUBLISHED_AT,
        }  # fmt: skip
        db.session.add(RulesVersion(**written))
    db.session.flush()
    for number, row in enumerate(case.data["sales"], 1):
        _happen_for_real(play, challenge, row, number)
        play.happen(row, number)
    for name, wanted in expected(case).items():
        _check_told(challenge, name, wanted, play.told[name].row)
    if "board" in case.data:
        assert _standings(challenge) == case.data["board"]
    assert list(differences()) == []
    for at, state in case.data.get("states", ()):
        _advance(challenge, at)
        assert challenge.state == state, at
    if "awards" in case.data:
        _advance(challenge, AFTER)
        if "withdrawn_after" in case.data:
            operations.withdraw(_declaration(case.data["withdrawn_after"]), by="AWA", at=AFTER)
        target = io.StringIO()
        export_awards(challenge, target)
        assert ["|".join(row.values()) for row in _rows(target)] == case.data["awards"]
    if "final" in case.data:
        assert _standings(challenge) == case.data["final"]
    if challenge.state == "closed":
        closure = db.session.get_one(Closure, challenge.id)
        assert list(recounted(challenge, closure)) == []


def _standings(challenge: Challenge) -> list[str]:
    target = io.StringIO()
    export_standings(challenge, target)
    return [f"{row['league']}|{row['rank']}|{row['person']}|{row['points']}" for row in _rows(target)]


def _advance(challenge: Challenge, at: datetime) -> None:
    """Take every step that is due, as the clock does, but inside the transaction of the case."""
    while steps := due_steps(at):
        for challenge_id, before, after in steps:
            assert claim(challenge_id, before, after, by=SYSTEM, at=at)
    if challenge.id in closable(at):
        close(challenge, by=SYSTEM, at=at)
    db.session.refresh(challenge)


def _happen_for_real(play: Play, challenge: Challenge, row: dict[str, Any], number: int) -> None:
    """Let what a row says happen in the product; before a sale the preview says what the total will move by."""
    at, zone = play.moment(row, number), play.definition.zone
    if "correct" in row:
        before = play.told[row["correct"]]
        kept = {key: before.row[key] for key in ("by", "on") if key in before.row}
        changed = play.tell({**kept, **row, "id": row["correct"]}, number).submission
        operations.correct(_declaration(row["correct"]), changed, by=changed.person, at=at, zone=zone)
    elif "sells" in row:
        told = play.tell(row, number)
        person = db.session.scalars(select(Person).where(Person.code == told.submission.person)).one()
        preview = 0
        if not told.bar and told.status == "accepted":
            playing = queries.played_on(person.id, told.submission.sold_on)
            preview = sum(one.points for one in queries.expected_points(person.id, [told.sale], playing))
        before_points = _total(challenge, person)
        [receipt] = operations.receive([told.submission], by=person.code, at=at, zone=zone)
        assert receipt.status == told.status
        moved = _total(challenge, person) - before_points
        assert moved == preview == row.get("first", row["gives"]), "the preview, and what the total moved by"
    elif "again" in row:
        told = play.told[row["again"]]
        [receipt] = operations.receive([told.submission], by=told.submission.person, at=at, zone=zone)
        assert receipt.replay
    elif "price" in row:
        db.session.execute(update(Product).where(Product.sku == row["price"]).values(list_price_cents=row["cents"]))
    elif "category" in row:
        db.session.execute(update(Product).where(Product.sku == row["category"]).values(category=row["named"]))
    elif "withdraw" in row:
        operations.withdraw(_declaration(row["withdraw"]), by="BRUNO", at=at)
    elif "accept" in row:
        operations.accept(_declaration(row["accept"]), by="MARC", at=at)
    else:
        operations.reject(_declaration(row["reject"]), "other", by="MARC", at=at)


def _check_told(challenge: Challenge, name: str, wanted: tuple[int, list[str]], row: dict[str, Any]) -> None:
    """The answer to the person, and the entries of its statement."""
    gives, says = wanted
    declaration = _declaration(name)
    revision = operations.current_revision(declaration)
    answer = queries.answer(declaration, revision, at=declaration.received_at)
    heard = [(gain.points, _spaces(explain(gain.why, answer.names))) for one in answer.challenges for gain in one.gains]
    if declaration.status == "accepted":
        assert answer.points == gives
        barred = [_spaces(explain_bar(revision.barred))] if revision.barred else []
        assert [text for _, text in heard] + barred == says
    person = db.session.get_one(Person, declaration.person_id)
    statement = io.StringIO()
    export_statement(person, statement)
    mine = [line for line in _rows(statement) if line["subject"] == name]
    assert sum(int(line["amount"]) for line in mine) == gives
    told = [text for points, text in heard if points] if declaration.status == "accepted" else []
    assert [_spaces(line["explanation"]) for line in mine] == row.get("entries", told)


def _declaration(name: str) -> Declaration:
    return db.session.scalars(select(Declaration).where(Declaration.public_id == name)).one()


def _total(challenge: Challenge, person: Person) -> int:
    return (
        db.session.scalar(
            select(Standing.points).where(Standing.challenge_id == challenge.id, Standing.person_id == person.id)
        )
        or 0
    )


def _rows(written: io.StringIO) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written.getvalue().removeprefix("\ufeff"))))


def test_there_are_enough_cases_and_none_twice() -> None:
    print(f"{len(CASES)} cases in {len({case.table for case in CASES})} tables")
    assert len(CASES) >= 120
    assert len({str(case) for case in CASES}) == len(CASES)
