"""A month of real sales under challenges of every shape: what a backtest says of it, and what really running it gives.

    python -m tests.rewards.months FOLDER DATABASE_URL

does it with the four files of any network, on a migrated, empty database, and says how much was compared.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from app import create_app
from benchmarks.run import settings_for
from catalogue.imports import import_products
from challenges.definition import Definition, definition_from
from challenges.models import Challenge, Draw
from declarations.imports import import_declarations
from declarations.publishing import publish_definition
from foundation.database import db
from foundation.transactions import transaction
from leaderboards.models import FinalStanding
from network.imports import import_outlets, import_people
from points.models import Account, Book, Entry
from rewards.backtest import Backtest, backtest
from rewards.imports import import_rewards
from rewards.jobs import advance_challenges
from rewards.models import Award, Reward

MONTH = date(2011, 4, 1), date(2011, 4, 30)
EVE, IMPORTED = datetime(2011, 3, 31, 9, tzinfo=UTC), datetime(2012, 6, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
SEED = "graine"

UNITS = {"id": "unites", "counts": "units", "points": 3, "per": 10}
VALUE = {"id": "valeur", "counts": "value", "points": 1, "per": 5}
SALE = {"id": "vente", "counts": "declaration", "points": 7}
CONVERT = {"kind": "convert", "every": 10, "into": 3}
BASELINE = {"from": "2011-02-01", "to": "2011-02-28", "factor": "1.10", "at_least": 20}

# What each challenge has beside its code, name, zone and days.
SHAPES: dict[str, dict[str, Any]] = {
    "caps": {
        "rules": [
            UNITS | {"cap": {"points": 60, "per": "declaration"}},
            VALUE | {"cap": {"points": 80, "per": "day"}},
            SALE | {"cap": {"points": 21, "per": "challenge"}},
        ],
        "cap_per_day": 120,
        "cap_total": 500,
        "payouts": [CONVERT],
    },
    "boosts": {
        "rules": [
            UNITS,
            VALUE | {"when": {"families": ["22", "23"]}},
            {"id": "dimanche", "counts": "boost", "factor": "1.35", "of": ["unites"], "when": {"weekdays": [7]}},
            {
                "id": "quinzaine", "counts": "boost", "factor": "2", "cap": {"points": 150, "per": "day"},
                "when": {"from": "2011-04-08", "to": "2011-04-21"},
            },
        ],
        "payouts": [{"kind": "rank", "from": 1, "to": 3, "reward": "panier"}],
    },
    "milestones": {
        "tie_break": "shared",
        "rules": [
            UNITS,
            {"id": "p-unites", "counts": "milestone", "measure": "units", "at": 400, "points": 50},
            {"id": "p-valeur", "counts": "milestone", "measure": "value", "at": 300, "points": 30},
            {"id": "p-ventes", "counts": "milestone", "measure": "declarations", "at": 2, "points": 15},
            {"id": "p-points", "counts": "milestone", "measure": "points", "at": 200, "points": 75},
        ],
        "payouts": [
            {"kind": "threshold", "points": 100, "wallet": 50},
            {"kind": "threshold", "points": 300, "wallet": 9},
        ],
    },
    "leagues": {
        "league_by": "country",
        "rules": [VALUE],
        "payouts": [{"kind": "rank", "from": 1, "to": 1, "reward": "coffret"}, CONVERT],
    },
    "progress": {
        "rank_by": "progress",
        "league_by": "potential",
        "objective": {"measure": "units", "default": 150, "baseline": BASELINE},
        "rules": [SALE, UNITS],
        "payouts": [{"kind": "objective", "reward": "arbre"}, {"kind": "rank", "from": 1, "to": 2, "wallet": 500}],
    },
    "outlets": {
        "ranks": "outlet",
        "league_by": "region",
        "audience": {"potential": ["high", "medium"]},
        "rules": [UNITS, SALE],
        "payouts": [{"kind": "rank", "from": 1, "to": 2, "reward": "panier"}, CONVERT],
    },
    "race": {
        "rules": [UNITS, VALUE],
        "payouts": [
            {"kind": "race", "points": 150, "first": 5, "reward": "bon-20"},
            {"kind": "draw", "winners": 4, "tickets_per": 50, "reward": "coffret"},
        ],
    },
    "budget": {
        "league_by": "potential",
        "budget": 900,
        "rules": [VALUE],
        "payouts": [
            {"kind": "rank", "from": 1, "to": 2, "reward": "panier"},
            {"kind": "threshold", "points": 150, "reward": "bon-20"},
            CONVERT,
        ],
    },
    "shares": {
        "budget": 20,
        "budget_policy": "pro_rata",
        "rules": [VALUE, SALE],
        "payouts": [CONVERT],
    },
}  # fmt: skip


def played(shape: str) -> Definition:
    """The challenge of the month itself."""
    first, last = MONTH
    own = {
        "code": f"mois-{shape}", "name": shape, "timezone": "Europe/London", "starts_on": first.isoformat(),
        "ends_on": last.isoformat(),
    }  # fmt: skip
    return definition_from(own | SHAPES[shape])


def drafted(shape: str) -> Definition:
    """The same as a draft for the year after, 52 weeks later, its dates likewise."""
    year = timedelta(weeks=52)

    def later(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: later(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [later(one) for one in value]
        if isinstance(value, str) and value.startswith("2011-"):
            return (date.fromisoformat(value) + year).isoformat()
        return value

    return definition_from(later(played(shape).canonical()))


def read_network(folder: Path, rewards: Path) -> None:
    """Outlets, people, products and articles, but no sale."""
    for read, file in (
        (import_outlets, folder / "outlets.csv"),
        (import_people, folder / "people.csv"),
        (import_products, folder / "products.csv"),
        (import_rewards, rewards),
    ):
        with transaction():
            read(file, by="ADA", at=EVE)


def really(folder: Path, shapes: list[str]) -> None:
    """Sales of the months before; challenges published on the eve; the month's sales; and the closing.

    The eve, because targets are fixed then, from the sales of the baseline.
    """
    with tempfile.TemporaryDirectory() as name:
        earlier, later = _split(next(folder.glob("declarations.csv*")), Path(name))
        _import(earlier)
        for shape in shapes:
            with transaction():
                challenge, _ = publish_definition(played(shape), by="ADA", at=EVE)
                drawn = db.session.get(Draw, challenge.id)
                if drawn is not None:
                    drawn.seed = SEED
        _import(later)
    list(advance_challenges(IMPORTED))


def _import(file: Path) -> None:
    with transaction():
        import_declarations(file, by="ADA", at=IMPORTED, zone=LONDON, historical=True)


def _split(file: Path, folder: Path) -> tuple[Path, Path]:
    """The sales before the month, and the others, as two files."""
    raw = file.read_bytes()
    rows = csv.DictReader(io.StringIO((gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")))
    paths = folder / "earlier.csv", folder / "later.csv"
    with paths[0].open("w", encoding="utf-8", newline="") as one, paths[1].open("w", newline="") as other:
        writers = [csv.DictWriter(target, rows.fieldnames or ()) for target in (one, other)]
        for writer in writers:
            writer.writeheader()
        for row in rows:
            writers[row["sold_on"] >= MONTH[0].isoformat()].writerow(row)
    return paths


def foreseen(shape: str) -> Backtest:
    """The draft of the year after on this month."""
    return backtest(drafted(shape), *MONTH, at=IMPORTED, seed=SEED)


def differences(shape: str, found: Backtest) -> Iterator[str]:
    """What a backtest says otherwise than the closed challenge: standings, awards, and points in the ledger."""
    challenge = db.session.scalars(select(Challenge).where(Challenge.code == f"mois-{shape}")).one()
    if challenge.state != "closed":
        yield f"{shape}: the challenge is {challenge.state}"
    final = FinalStanding
    standings = db.session.execute(
        select(
            final.league, final.rank, final.competitor, final.name, final.points, final.progress_bp, final.reached_at
        )
        .where(final.challenge_id == challenge.id)
        .order_by(final.league, final.rank, final.competitor)
    ).all()  # fmt: skip
    yield from _unequal(f"{shape} standings", found.standings, standings)
    awards = db.session.execute(
        select(
            Award.payout, Award.kind, Award.league, Award.rank, Award.competitor, Award.points, Reward.code,
            Award.wallet_points, Award.cost_cents, Award.status,
        )
        .outerjoin(Reward, Reward.id == Award.reward_id)
        .where(Award.challenge_id == challenge.id)
        .order_by(Award.payout, Award.league, Award.rank, Award.competitor)
    ).all()  # fmt: skip
    yield from _unequal(f"{shape} awards", found.awards, awards)
    book = select(Book.id).where(Book.name == f"challenge:{challenge.code}").scalar_subquery()
    posted = db.session.scalar(
        select(func.sum(Entry.amount))
        .join(Account, Account.id == Entry.destination_id)
        .where(Account.book_id == book, Account.person_id.is_not(None))
    )
    if posted != found.points:
        yield f"{shape}: {found.points} points foreseen, {posted} in the ledger"


def _unequal(what: str, foreseen: Any, given: Any) -> Iterator[str]:
    if not given:
        yield f"{what}: nothing was given, the case says nothing"
    if len(foreseen) != len(given):
        yield f"{what}: {len(foreseen)} lines foreseen, {len(given)} given"
    for one, other in zip(foreseen, given, strict=False):
        if tuple(one) != tuple(other):
            yield f"{what}: {tuple(one)} foreseen, {tuple(other)} given"


def main(folder: Path, url: str) -> int:
    """Compare every shape on a network and print a line for each; answers how many things differ."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        app = create_app(settings_for(url, Path(name)))
        with app.app_context():
            read_network(folder, Path(__file__).parents[1] / "reference" / "data" / "rewards.csv")
            really(folder, list(SHAPES))
            for shape in SHAPES:
                found = foreseen(shape)
                faults = list(differences(shape, found))
                wrong += len(faults)
                print(
                    f"{shape:<12}{found.people:>6} people{found.active:>6} active{len(found.standings):>6} ranked"
                    f"{len(found.awards):>6} awards{found.points:>9} points, {len(faults)} differences"
                )
                for fault in faults[:5]:
                    print("  " + fault)
            db.engine.dispose()
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), sys.argv[2]) else 0)
