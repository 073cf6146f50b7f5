"""What the law forbids in a challenge, each refusal beside its lawful neighbour; warnings; what stops a publication."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from challenges.definition import WrongDefinition, definition_from
from challenges.exports import challenge_file
from challenges.facts import Facts, facts_about
from challenges.imports import import_challenge
from challenges.lifecycle import Unlawful, freeze_rules
from challenges.linter import blocking, findings, most_for_one
from challenges.models import Challenge
from challenges.queries import challenge_by_code
from foundation.database import db
from foundation.programme import change_setting
from foundation.transactions import transaction
from network.models import Outlet, Person
from tests.cast import JOINED_AT, Cast

AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
TODAY = AT.date()
SALE = {"id": "vente", "counts": "declaration", "points": 10}
SHARED = {"kind": "convert", "every": 10, "into": 1}
ARTICLE = {"kind": "rank", "from": 1, "to": 3, "reward": "spa"}
DRAW = {"kind": "draw", "winners": 1, "tickets_per": 5, "wallet": 1}
TO_CONFIRM = frozenset({"reward_statement_due", "vdi_statement_months"})
MIXED = Facts(TODAY, people=9, employees=4, home_sellers=3, outlets=6, home_outlets=2)
HOME = Facts(TODAY, people=3, home_sellers=3, outlets=3, home_outlets=3)
PHARMACIES = Facts(TODAY, people=5, employees=5, health=5, outlets=2, health_outlets=2)


def written(**changes: Any) -> dict[str, Any]:
    """The values of a challenge of January 2026 that nothing is wrong with."""
    return {
        "code": "hiver",
        "name": "Hiver",
        "starts_on": "2026-01-05",
        "ends_on": "2026-02-01",
        "rules": [SALE],
        "payouts": [SHARED],
    } | changes


def found(facts: Facts, **changes: Any) -> list[Any]:
    """What is found in a challenge."""
    return findings(definition_from(written(**changes)), facts)


# — by words the product has no key for: refused while reading, with the article —

FORBIDDEN = [
    # points for recruiting
    ("L121-15", {"rules": [{"id": "a", "counts": "sponsorship", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"rules": [{"id": "a", "counts": "recruitment", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"rules": [{"id": "a", "counts": "new_recruits", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"rules": [{"id": "parrainage", "counts": "people", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"rules": [{"id": "a", "counts": "starter_kit", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"rules": [{"id": "a", "counts": "sell-in", "points": 5}]}, {"rules": [SALE]}),
    ("L121-15", {"sponsorship": {"points": 100}}, {}),
    ("L121-15", {"payouts": [{"kind": "recruitment", "wallet": 5}]}, {"payouts": [SHARED]}),
    (
        "L121-15",
        {"rules": [{"id": "a", "counts": "milestone", "measure": "recruits", "at": 3, "points": 5}]},
        {"rules": [SALE, {"id": "a", "counts": "milestone", "measure": "declarations", "at": 3, "points": 5}]},
    ),
    # scoring on the price, the discount or the margin the reseller chose
    ("L442-6", {"rules": [{"id": "a", "counts": "price", "points": 5}]}, {"rules": [SALE | {"counts": "value"}]}),
    ("L442-6", {"rules": [{"id": "a", "counts": "discount", "points": 5}]}, {"rules": [SALE | {"counts": "value"}]}),
    ("L442-6", {"rules": [{"id": "a", "counts": "margin", "points": 5}]}, {"rules": [SALE | {"counts": "value"}]}),
    ("L442-6", {"rules": [{"id": "a", "counts": "prix_de_revente", "points": 5}]}, {"rules": [SALE]}),
    ("L442-6", {"rules": [SALE | {"unit_price": 1990}]}, {"rules": [SALE]}),
    (
        "L442-6",
        {"rules": [SALE | {"when": {"unit_price_above": 20}}]},
        {"rules": [SALE | {"when": {"min_units": 2}}]},
    ),
    (
        "L442-6",
        {"objective": {"measure": "margin", "default": 5}},
        {"objective": {"measure": "value", "default": 5}},
    ),
    # the identity of a customer
    (
        "RGPD art. 5",
        {"rules": [{"id": "a", "counts": "customer_email", "points": 5}]},
        {"rules": [SALE | {"counts": "profile"}]},
    ),
    ("RGPD art. 5", {"rules": [SALE | {"when": {"telephone": "06"}}]}, {"rules": [SALE]}),
    # a ticket for a purchase
    (
        "L322-1",
        {"payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5, "tickets_for": "purchase"}]},
        {"payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5}]},
    ),
    (
        "L322-1",
        {"payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5, "counts": "order"}]},
        {"payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5}]},
    ),
    (
        "L322-1",
        {
            "rules": [{"id": "a", "counts": "purchase", "points": 10}],
            "payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5}],
        },
        {"payouts": [{"kind": "draw", "winners": 1, "tickets_per": 10, "wallet": 5}]},
    ),
]


@pytest.mark.any_engine
@pytest.mark.parametrize(("article", "refused", "lawful"), FORBIDDEN)
def test_what_no_challenge_may_ask_for_is_refused_with_the_article_and_its_neighbour_passes(
    app: Flask, article: str, refused: dict[str, Any], lawful: dict[str, Any]
) -> None:
    with pytest.raises(WrongDefinition) as refusal:
        definition_from(written(**refused))
    assert [problem.wrong for problem in refusal.value.problems if article in problem.wrong]
    assert all(problem.right for problem in refusal.value.problems)
    assert blocking(found(MIXED, **lawful)) == []


@pytest.mark.any_engine
@pytest.mark.parametrize(
    "changes",
    [
        {"rules": [SALE | {"counts": "bonus"}]},
        {"rules": [SALE | {"colour": "order"}], "order_by": "points"},
        {"colour": "prix"},
        {"tie_break": "order"},
        {"rules": [SALE | {"counts": "list_price"}]},
    ],
)
def test_an_ordinary_mistake_is_not_called_unlawful(app: Flask, changes: dict[str, Any]) -> None:
    with pytest.raises(WrongDefinition) as refusal:
        definition_from(written(**changes))
    wrong = " ".join(problem.wrong for problem in refusal.value.problems if problem.where != ("rules", 0, "colour"))
    assert not any(article in wrong for article in ("L121-15", "L442-6", "L322-1"))


# — in a valid challenge —

ONLINE = {"rules": [SALE | {"when": {"channels": ["online"]}}]}
AT_HOME = {"rules": [SALE | {"when": {"channels": ["meeting", "face_to_face"]}}]}
VDI = {"audience": {"kinds": "vdi"}}
REFUSALS = [
    # (article, facts, refused, its lawful neighbour, facts of the neighbour)
    ("L135-1", HOME, ONLINE | VDI, AT_HOME | VDI, HOME),
    ("L135-1", HOME, {"rules": [SALE | {"when": {"channels": ["store", "online"]}}]} | VDI, ONLINE, MIXED),
    ("L135-1", Facts(TODAY), ONLINE | VDI, ONLINE | {"audience": {"kinds": "reseller"}}, MIXED),
    (
        "L135-1",
        HOME,
        ONLINE | {"audience": {"outlets": ["VDI-NINA"]}},
        ONLINE | {"audience": {"brands": "multi"}},
        HOME,
    ),
    ("L1453-3", PHARMACIES, {}, {"ranks": "outlet", "payouts": [ARTICLE]}, PHARMACIES),
    ("L1453-3", PHARMACIES, {"payouts": [ARTICLE]}, {"payouts": []}, PHARMACIES),
    ("L1453-3", PHARMACIES, {"ranks": "outlet"}, {"ranks": "outlet", "payouts": [ARTICLE]}, PHARMACIES),
    (
        "L1453-3",
        PHARMACIES,
        {"payouts": [{"kind": "threshold", "points": 5, "wallet": 5}]},
        {"payouts": [{"kind": "threshold", "points": 5, "wallet": 5}]},
        Facts(TODAY, people=6, employees=6, health=5, outlets=3, health_outlets=2),
    ),
]


@pytest.mark.any_engine
@pytest.mark.parametrize(("article", "facts", "refused", "lawful", "neighbour"), REFUSALS)
def test_what_the_law_leaves_nobody_to_win_is_blocked_with_the_article_and_its_neighbour_passes(
    app: Flask, article: str, facts: Facts, refused: dict[str, Any], lawful: dict[str, Any], neighbour: Facts
) -> None:
    stopped = blocking(found(facts, **refused))
    assert stopped and all(article in finding.article for finding in stopped)
    assert all(finding.wrong and finding.mend and finding.where for finding in stopped)
    assert all(finding.article in finding.text and finding.mend in finding.text for finding in stopped)
    assert blocking(found(neighbour, **lawful)) == []


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("facts", "changes", "article", "words"),
    [
        (MIXED, ONLINE, "L135-1", "un VDI n’y gagne rien"),
        (HOME, {"rules": [SALE | {"when": {"channels": ["online", "meeting"]}}]} | VDI, "L135-1", "« vente »"),
        (HOME, {"rules": [SALE | {"when": {"channels": ["reorder"]}}]} | VDI, "L135-1", "réassort"),
        (Facts(TODAY, people=9, health=2, outlets=4, health_outlets=1), {}, "L1453-3", "2 personnes"),
        (Facts(TODAY, people=9, employees=4, without_agreement=1), {}, "L242-1-4", "1 salarié"),
        (Facts(TODAY, people=9, staff=2), {}, "L242-1", "2 personnes"),
        (MIXED, {"payouts": [DRAW]}, "L322-1", "5 janvier 2026"),
        (MIXED, {"rules": [SALE | {"id": "parrainage"}]}, "L121-15", "parrainage"),
        (MIXED, {"description": "Parrainez un collègue."}, "L121-15", "la présentation parle de recrutement"),
        (Facts(date(2026, 1, 5), people=3), {"payouts": [SHARED, DRAW]}, "L322-1", "ne peut plus être publié"),
        (MIXED, {"pending_at_close": "reject"}, "RGPD art. 22", "12 février 2026 est écartée"),
        (
            Facts(TODAY, people=3, independents=2, costs={"spa": 240_001}, das2_cents=240_000),
            {"payouts": [ARTICLE, SHARED]},
            "CGI art. 240",
            "2 400,01 €",
        ),
        (Facts(TODAY, people=3, organiser_named=False), {}, "", "ne nomme pas encore l’organisateur"),
        (MIXED, {"payouts": [SHARED | {"into": 100}], "cap_total": 99}, "L242-1-4", "SMIC de 2026"),
        (Facts(TODAY, people=1, employees=1, unconfirmed=TO_CONFIRM), {}, "L242-1-4", "juriste"),
        (Facts(TODAY, people=1, home_sellers=1, unconfirmed=TO_CONFIRM), {}, "L135-1", "juriste"),
        (Facts(TODAY), {}, "", "vide"),
        (MIXED, {"payouts": []}, "", "rien n’est à gagner"),
        (MIXED, {"picture": "hiver.png"}, "", "hiver.png"),
        (MIXED, {"rules": [SALE | {"id": f"r{n}"} for n in range(4)]}, "", "4 règles"),
        (MIXED, {"payouts": [ARTICLE]}, "", "première marche"),
        (
            Facts(date(2026, 1, 20), people=3),
            {"rules": [SALE, SALE | {"id": "debut", "when": {"to": "2026-01-10"}}]},
            "",
            "« debut » ne compte plus rien",
        ),
    ],
)  # fmt: skip
def test_what_may_be_done_but_had_better_not_is_a_warning_that_stops_nothing(
    app: Flask, facts: Facts, changes: Mapping[str, Any], article: str, words: str
) -> None:
    seen = found(facts, **changes)
    assert blocking(seen) == []
    (one,) = [finding for finding in seen if words in finding.text.replace("\u00a0", " ").replace("\u202f", " ")]
    assert (one.level, article in one.article, bool(one.mend)) == ("warning", True, True)


@pytest.mark.any_engine
def test_a_challenge_without_fault_says_nothing(app: Flask) -> None:
    facts = Facts(TODAY, people=9, employees=4, bands=(27_345, 273_455))
    assert found(facts) == []
    assert found(facts, pending_at_close="wait", description="Pour nos commerciaux.") == []
    independents = Facts(TODAY, people=3, independents=2, costs={"spa": 240_000}, das2_cents=240_000)
    assert found(independents, payouts=[ARTICLE, SHARED]) == []
    assert found(facts, **AT_HOME) == []
    assert found(MIXED, **AT_HOME) == []


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("payouts", "changes", "most"),
    [
        ([ARTICLE | {"to": 1}, ARTICLE | {"from": 2, "reward": "bon"}], {}, 9_000),
        ([ARTICLE, {"kind": "threshold", "points": 5, "wallet": 300}, {"kind": "threshold", "points": 9, "wallet": 40}],
         {}, 9_340),
        ([ARTICLE, {"kind": "draw", "winners": 2, "tickets_per": 5, "reward": "bon"}], {}, 11_000),
        ([SHARED | {"into": 7}], {}, 0),
        ([SHARED | {"into": 7}], {"cap_total": 109}, 70),
        ([ARTICLE], {"budget": 50}, 5_000),
        ([ARTICLE], {"ranks": "outlet"}, 0),
    ],
)  # fmt: skip
def test_what_one_person_can_receive_at_most(
    app: Flask, payouts: list[dict[str, Any]], changes: dict[str, Any], most: int
) -> None:
    facts = Facts(TODAY, people=2, costs={"spa": 9_000, "bon": 2_000})
    assert most_for_one(definition_from(written(payouts=payouts, **changes)), facts) == most


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("cost", "words"),
    [(27_345, None), (27_346, "contribution de 20\u00a0%"), (273_455, "20\u00a0%"), (273_456, "droit commun")],
)
def test_rewards_to_employees_are_compared_with_the_bands(app: Flask, cost: int, words: str | None) -> None:
    facts = Facts(
        TODAY, people=2, employees=2, costs={"spa": cost}, bands=(27_345, 273_455), contribution=Decimal("20")
    )
    amounts = [one.text for one in found(facts, payouts=[ARTICLE]) if "L242-1-4" in one.article]
    assert (len(amounts), words is None or words in amounts[0]) == (0 if words is None else 1, True)


CAPPED = Facts(
    TODAY, people=2, employees=2, costs={"spa": 27_346}, bands=(27_345, 273_455), contribution=Decimal("20"),
    benefit_cap="15",
)  # fmt: skip


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("facts", "changes", "words"),
    [
        (CAPPED, {"payouts": [ARTICLE]}, "un salarié peut gagner jusqu’à 273,46 €, plus que les 273,45 € par an"),
        (replace(CAPPED, costs={"spa": 27_345}), {"payouts": [ARTICLE]}, None),
        (replace(CAPPED, benefit_cap="150"), {"payouts": [ARTICLE]}, None),
        (replace(CAPPED, benefit_cap="none"), {"payouts": [ARTICLE]}, None),
        (replace(CAPPED, employees=0), {"payouts": [ARTICLE]}, None),
        (replace(CAPPED, without_agreement=2), {"payouts": [ARTICLE]}, None),
        (CAPPED, {"payouts": [ARTICLE], "ranks": "outlet"}, None),
        (CAPPED, {"payouts": [SHARED]}, "rien ne borne ce qu’un salarié peut recevoir"),
        (CAPPED, {"payouts": [SHARED], "budget": 274}, "jusqu’à 274,00 €"),
        (CAPPED, {"payouts": [SHARED], "budget": 273}, None),
        (CAPPED, {"payouts": [SHARED], "cap_total": 100}, None),
        (replace(CAPPED, bands=None), {"payouts": [ARTICLE]}, "la clôture l’attendra"),
    ],
)
def test_a_reward_that_the_programmes_yearly_cap_would_keep_back_is_said(
    app: Flask, facts: Facts, changes: dict[str, Any], words: str | None
) -> None:
    told = [one for one in found(facts, **changes) if "benefit_cap" in one.text]
    assert len(told) == (0 if words is None else 1) and all(one.level == "warning" for one in told)
    assert words is None or words in told[0].text.replace("\xa0", " ")


def test_the_check_reads_the_cap_of_the_programme(cast: Cast, runner: FlaskCliRunner, tmp_path: Path) -> None:
    facts = facts_about(definition_from(written()), on=TODAY)
    assert (facts.benefit_cap, facts.cap_cents) == ("none", None)
    with transaction():
        change_setting("benefit_cap", "150", by="ADA", at=datetime(2026, 1, 1, tzinfo=UTC))
    facts = facts_about(definition_from(written()), on=TODAY)
    assert (facts.benefit_cap, facts.cap_cents) == ("150", 273_455)


# — with a network —


def pharmacy() -> None:
    """A pharmacy with a seller, beside the cast."""
    with transaction():
        outlet = Outlet(
            code="PHA-1", name="Pharmacie", kind="reseller", brands="multi", country="FR", region="Corse",
            department="2A", city="Ajaccio", activity="low", potential="low", group_code="PHA-1", agreement_on=None,
            health=True,
        )  # fmt: skip
        db.session.add(outlet)
        db.session.add(
            Person(
                code="PAUL", name="Paul", email=None, outlet=outlet, role="reseller", status="employee",
                language="fr", created_at=JOINED_AT, session_key="k",
            )
        )  # fmt: skip


def test_facts_are_counted_in_the_audience(cast: Cast) -> None:
    pharmacy()
    everybody = facts_about(definition_from(written()), on=TODAY)
    assert (everybody.people, everybody.employees, everybody.without_agreement) == (5, 3, 1)
    assert (everybody.home_sellers, everybody.health, everybody.staff) == (1, 1, 0)
    assert (everybody.outlets, everybody.home_outlets, everybody.health_outlets) == (4, 1, 1)
    assert (everybody.bands, everybody.contribution) == ((27_345, 273_455), Decimal("20"))
    assert (everybody.independents, everybody.das2_cents) == (1, 240_000)
    assert not everybody.organiser_named
    assert "reward_statement_due" in everybody.unconfirmed
    corsica = facts_about(definition_from(written(audience={"regions": "Corse"})), on=TODAY)
    assert (corsica.people, corsica.health, corsica.outlets, corsica.health_outlets) == (1, 1, 1, 1)
    nobody = facts_about(definition_from(written(audience={"regions": "Lune"})), on=TODAY)
    assert (nobody.people, nobody.employees, nobody.outlets) == (0, 0, 0)


def file(folder: Path, **changes: Any) -> Path:
    """A challenge as a file."""
    path = folder / "hiver.toml"
    path.write_text(challenge_file(definition_from(written(**changes))), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("article", "changes", "lawful"),
    [
        ("C. com. L135-1", ONLINE | VDI, AT_HOME | VDI),
        ("CSP L1453-3", {"audience": {"regions": ["Corse"]}}, {"audience": {"regions": ["Corse", "Bretagne"]}}),
    ],
)
def test_check_and_import_refuse_with_line_and_article_and_write_nothing(
    cast: Cast,
    runner: FlaskCliRunner,
    tmp_path: Path,
    article: str,
    changes: dict[str, Any],
    lawful: dict[str, Any],
) -> None:
    pharmacy()
    path = file(tmp_path, **changes)
    for words in (("check", path), ("import", path, "--publish")):
        (line,) = runner.run("challenges", *words, exits=1).stderr.splitlines()
        assert line.startswith(f"{path}:") and article in line and not line.startswith(f"{path}:1:")
        assert challenge_by_code("hiver") is None
    runner.run("challenges", "import", path)  # as a draft it may be kept, and mended
    path = file(tmp_path, **lawful)
    assert article in runner.run("challenges", "check", path).stdout or article.startswith("C. com.")
    runner.run("challenges", "import", path, "--publish")
    again = challenge_by_code("hiver")
    assert again is not None and again.state == "published"


def test_check_refuses_a_forbidden_word_with_its_line_and_article(
    cast: Cast, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    path = file(tmp_path)
    path.write_text(path.read_text().replace('"declaration"', '"recruitment"'))
    (line,) = runner.run("challenges", "check", path, exits=1).stderr.splitlines()
    assert "rules[1].counts" in line and "L121-15" in line


def test_check_tells_its_warnings_in_the_language_asked_for(cast: Cast, runner: FlaskCliRunner, tmp_path: Path) -> None:
    path = file(tmp_path, payouts=[SHARED, {"kind": "draw", "winners": 1, "tickets_per": 5, "wallet": 1}])
    french = runner.run("challenges", "check", path).stdout
    assert "Attention\u00a0: un tirage au sort" in french and "L322-1" in french


def draft(**changes: Any) -> Challenge:
    """A draft."""
    with transaction():
        return import_challenge(definition_from(written(**changes)), by="MARC", at=AT)


def _hash(page: str) -> str:
    """The fingerprint of what the page shows."""
    return page.split('name="hash" value="')[1][:64]


def test_publishing_from_the_studio_is_stopped_with_the_article_and_the_draft_stays(
    cast: Cast, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foundation.clock.now", lambda: AT)
    draft(**(ONLINE | VDI))
    client.sign_in(cast.marc)
    shown = client.get("/studio/hiver/draft", follow_redirects=True).text
    assert "Ce challenge ne peut pas être publié" in shown and "L135-1" in shown
    page = client.get("/studio/hiver/publication").text
    assert "ne peut pas être publié" in page and "C. com. L135-1" in page
    answer = client.post("/studio/hiver/publication", data={"hash": _hash(page)})
    assert answer.status_code == 422 and "C. com. L135-1" in answer.text
    kept = challenge_by_code("hiver")
    assert kept is not None and kept.state == "draft"
    draft(**(AT_HOME | VDI))
    assert "ne peut pas être publié" not in client.get("/studio/hiver/draft", follow_redirects=True).text
    client.post("/studio/hiver/publication", data={"hash": _hash(client.get("/studio/hiver/publication").text)})
    kept = challenge_by_code("hiver")
    assert kept is not None and kept.state == "published"


def test_no_door_publishes_what_the_law_forbids(cast: Cast) -> None:
    challenge = draft(**(ONLINE | VDI))
    with pytest.raises(Unlawful, match="L135-1"), transaction():
        freeze_rules(db.session.merge(challenge), by="MARC", at=AT)


def test_every_reference_challenge_of_a_mixed_network_passes_the_check(app: Flask, runner: FlaskCliRunner) -> None:
    folder = Path(__file__).parents[1] / "reference/data"
    runner.run("network", "import-outlets", folder / "mixed/outlets.csv")
    runner.run("network", "import-people", folder / "mixed/people.csv")
    runner.run("catalogue", "import", folder / "mixed/products.csv")
    runner.run("rewards", "import", folder / "rewards.csv")
    files = sorted((folder / "challenges").glob("mixed-*.toml"))
    assert files
    for path in files:
        told = runner.run("challenges", "check", path).stdout
        assert "Empreinte des règles" in told
    assert "CSP L1453-3" in runner.run("challenges", "check", folder / "challenges/mixed-feedback.toml").stdout


@pytest.mark.any_engine
def test_no_reference_challenge_is_blocked(app: Flask) -> None:
    folder = Path(__file__).parents[1] / "reference/data/challenges"
    for path in folder.glob("*.toml"):
        definition = definition_from(tomllib.loads(path.read_text(encoding="utf-8")))
        for facts in (MIXED, Facts(TODAY), Facts(TODAY, people=8, home_sellers=3, health=2, outlets=5)):
            assert blocking(findings(definition, facts)) == [], path.name
