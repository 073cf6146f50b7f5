"""What the law refuses, at the door through which challenges come in: each refusal beside its lawful neighbour.

Read the table: a few lines of a challenge file that `flask challenges check` and `import --publish` refuse, naming the
article, and the lines one would write instead, which both take.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from flask.testing import FlaskCliRunner

from challenges.queries import challenge_by_code
from foundation.database import db
from foundation.transactions import transaction
from network.models import Outlet, Person
from rewards.jobs import advance_challenges
from rewards.models import Award
from tests.cast import JOINED_AT, Cast
from tests.declarations.stage import sell

AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)

BEGINNING = """\
code = "hiver"
name = "Hiver"
starts_on = 2026-01-05
ends_on = 2026-02-01
"""
SALES = """
[[rules]]
id = "vente"
counts = "declaration"
points = 10
"""
SHARED = """
[[payouts]]
kind = "convert"
every = 10
into = 1
"""


class Case(NamedTuple):
    """Lines that are refused, the article that refuses them, where in the file, and the lawful lines."""

    refused: str
    article: str
    place: str
    lawful: str


TABLE = {
    # 1. Points for recruiting.
    "points for a person recruited": Case(
        SALES.replace("declaration", "recruitment") + SHARED, "C. conso. L121-15", "rules[1].counts", SALES + SHARED
    ),
    "points for sponsoring": Case(
        SALES + '[[rules]]\nid = "parrain"\ncounts = "sponsorship"\npoints = 50\n' + SHARED,
        "C. conso. L121-15",
        "rules[2].counts",
        SALES + '[[rules]]\nid = "fidele"\ncounts = "declaration"\npoints = 5\nwhen.customer = "returning"\n' + SHARED,
    ),
    "a prize for so many recruits": Case(
        SALES + '[[payouts]]\nkind = "recruits"\npoints = 3\nwallet = 100\n',
        "C. conso. L121-15",
        "payouts[1].kind",
        SALES + '[[payouts]]\nkind = "threshold"\npoints = 30\nwallet = 100\n',
    ),
    "points for buying a starter kit": Case(
        SALES.replace("declaration", "starter_kit") + SHARED, "C. conso. L121-15", "rules[1].counts", SALES + SHARED
    ),
    "points for stock the outlet buys": Case(
        SALES.replace("declaration", "sell_in") + SHARED, "C. conso. L121-15", "rules[1].counts", SALES + SHARED
    ),
    # 2. Scoring on the resale price.
    "points by the price asked for": Case(
        SALES.replace("declaration", "unit_price") + SHARED,
        "C. com. L442-6",
        "rules[1].counts",
        SALES.replace('"declaration"', '"value"') + SHARED,
    ),
    "points for sales without a discount": Case(
        SALES + "when = { discount = 0 }\n" + SHARED,
        "C. com. L442-6",
        "rules[1].when.discount",
        SALES + "when = { min_units = 2 }\n" + SHARED,
    ),
    "a target in margin": Case(
        SALES + SHARED + '[objective]\nmeasure = "margin"\ndefault = 100\n',
        "C. com. L442-6",
        "objective.measure",
        SALES + SHARED + '[objective]\nmeasure = "value"\ndefault = 100\n',
    ),
    # 3. A ticket of a draw for a purchase.
    "a ticket for an order placed": Case(
        SALES + '[[payouts]]\nkind = "draw"\nwinners = 1\ntickets_per = 10\nwallet = 100\ntickets_for = "order"\n',
        "CSI L322-1 et L322-2",
        "payouts[1].tickets_for",
        SALES + '[[payouts]]\nkind = "draw"\nwinners = 1\ntickets_per = 10\nwallet = 100\n',
    ),
    "a ticket for stock bought": Case(
        SALES + '[[payouts]]\nkind = "draw"\nwinners = 1\ntickets_per_purchase = 1\ntickets_per = 10\nwallet = 9\n',
        "CSI L322-1 et L322-2",
        "payouts[1].tickets_per_purchase",
        SALES + '[[payouts]]\nkind = "draw"\nwinners = 1\ntickets_per = 10\nwallet = 9\n',
    ),
    # 4. An online sale by a home seller.
    "home sellers rewarded for online sales": Case(
        SALES + 'when = { channels = ["online"] }\n' + SHARED + '[audience]\nkinds = ["vdi"]\n',
        "C. com. L135-1",
        "rules[1].when.channels",
        SALES + 'when = { channels = ["face_to_face", "meeting"] }\n' + SHARED + '[audience]\nkinds = ["vdi"]\n',
    ),
    "home sellers rewarded for sales in a shop or online": Case(
        SALES + 'when = { channels = ["store", "online"] }\n' + SHARED + '[audience]\noutlets = ["VDI-NINA"]\n',
        "C. com. L135-1",
        "rules[1].when.channels",
        SALES + 'when = { channels = ["store", "online"] }\n' + SHARED + '[audience]\noutlets = ["PDV-BREST"]\n',
    ),
    # 5. Individual rewards in a health outlet.
    "wallet points for people of pharmacies": Case(
        SALES + SHARED + '[audience]\noutlets = ["PHARMACIE"]\n',
        "CSP L1453-3",
        "payouts[1]",
        SALES + '[audience]\noutlets = ["PHARMACIE"]\n',
    ),
    "prizes by rank for people of pharmacies": Case(
        SALES + '[[payouts]]\nkind = "rank"\nfrom = 1\nto = 3\nwallet = 100\n[audience]\noutlets = ["PHARMACIE"]\n',
        "CSP L1453-3",
        "payouts[1]",
        SALES
        + '[[payouts]]\nkind = "rank"\nfrom = 1\nto = 3\nwallet = 100\n[audience]\n'
        + 'outlets = ["PHARMACIE", "PDV-BREST"]\n',
    ),
    # And beside these: the identity of a customer.
    "points for a customer's e-mail address": Case(
        SALES.replace("declaration", "customer_email") + SHARED,
        "RGPD art. 5",
        "rules[1].counts",
        SALES.replace("declaration", "profile") + SHARED,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def stage(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 2 January 2026, before the start; beside the cast there is a pharmacy with Paul in it."""
    monkeypatch.setattr("foundation.clock.now", lambda: AT)
    with transaction():
        pharmacy = Outlet(
            code="PHARMACIE", name="Pharmacie du Port", kind="reseller", brands="multi", country="FR",
            region="Bretagne", department="29", city="Brest", activity="low", potential="low", group_code="PH",
            agreement_on=date(2020, 1, 1), health=True,
        )  # fmt: skip
        paul = Person(
            code="PAUL", name="Paul Guen", email=None, outlet=pharmacy, role="reseller", status="employee",
            language="fr", created_at=JOINED_AT, session_key="k",
        )  # fmt: skip
        db.session.add_all([pharmacy, paul])


def written(folder: Path, lines: str) -> Path:
    """A challenge file."""
    path = folder / "hiver.toml"
    path.write_text(BEGINNING + lines, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TABLE)
def test_the_law_refuses_with_its_article_and_takes_the_lawful_neighbour(
    name: str, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    case = TABLE[name]
    path = written(tmp_path, case.refused)
    for words in (("check", path), ("import", path, "--publish")):
        told = runner.run("challenges", *words, exits=1).stderr
        [line] = [one for one in told.splitlines() if case.article in one]
        place, _, mend = line.partition(f"({case.article}")
        assert place.startswith(f"{path}:") and f" {case.place}: " in place
        assert "; " in mend and len(mend.partition("; ")[2]) > 10  # what would be right
        assert challenge_by_code("hiver") is None  # nothing was written

    path = written(tmp_path, case.lawful)
    runner.run("challenges", "check", path)
    runner.run("challenges", "import", path, "--publish")
    published = challenge_by_code("hiver")
    assert published is not None and published.state == "published"


def test_what_a_mixed_audience_lets_through_is_barred_when_it_scores_and_pays(
    cast: Cast, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    """The neighbours above let home sellers and pharmacies play among others: the product itself leaves out what the
    law bars. Nina's online sale gives nothing, her sale at a meeting does; Paul is ranked and wins nothing."""
    runner.run("challenges", "import", written(tmp_path, SALES + SHARED), "--publish")
    sold_at = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
    list(advance_challenges(sold_at))
    online = sell("NINA", name="online", at=sold_at, channel="online")
    meeting = sell("NINA", name="meeting", at=sold_at, channel="meeting")
    sell("PAUL", name="paul", at=sold_at)
    assert (online.status, meeting.status) == ("accepted", "accepted")  # kept for insight all the same
    list(advance_challenges(datetime(2026, 2, 20, tzinfo=UTC)))
    db.session.rollback()
    assert [one.competitor for one in db.session.query(Award)] == ["NINA"]
    assert [one.points for one in db.session.query(Award)] == [10]
    board = runner.run("leaderboards", "export", "hiver").stdout
    assert "PAUL" in board and "NINA" in board
