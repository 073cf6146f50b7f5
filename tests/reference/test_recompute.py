"""The reference itself, held against cases computed by hand."""

import hashlib
from pathlib import Path

import pytest

from tests.reference import enrich
from tests.reference.aggregate import insight
from tests.reference.recompute import (
    as_text,
    awards,
    barred,
    compute,
    declare_until,
    draw_winners,
    explain,
    load,
    read_rows,
    standings,
    standings_hash,
)

pytestmark = pytest.mark.any_engine

DATA = Path(__file__).parent / "data"

OUTLETS = """\
outlet,name,kind,brands,country,region,department,city,activity,potential,group,agreement_on,health
A,Alpha,reseller,multi,FR,Bretagne,35,,high,high,,2026-01-01,
B,Beta,reseller,multi,FR,Corse,2A,,low,low,,,yes
V,Vega,vdi,single,FR,Bretagne,35,,low,low,,,
"""
PEOPLE = """person,name,email,outlet,role,status,sponsor,language
ann,Ann,ann@example.org,A,reseller,employee,,fr
bob,Bob,bob@example.org,A,reseller,independent,,fr
cat,Cat,cat@example.org,B,reseller,independent,,fr
vic,Vic,vic@example.org,V,reseller,vdi,,fr
ani,Ani,ani@example.org,A,animator,staff,,fr
"""
PRODUCTS = """sku;ean;name;category;family;list_price;starts_on;ends_on
S1;;Crème;Soin;C;9,99;;
S2;;Savon;Bain;S;0,50;;
"""
SALES_HEADER = "declaration,person,sold_on,declared_at,channel,sku,units,unit_price,customer,age_band,area"
HEAD = """code = "t"
name = "T"
timezone = "Europe/Paris"
starts_on = 2026-01-05
ends_on = 2026-03-27
"""


@pytest.fixture
def game(tmp_path):
    """A function: rows of sales and the text of a challenge in, arguments of the reference out."""

    def write(sales, challenge):
        (tmp_path / "outlets.csv").write_text(OUTLETS, encoding="utf-8")
        (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
        (tmp_path / "products.csv").write_text(PRODUCTS, encoding="utf-8-sig")
        header = SALES_HEADER + ",rating,recommend,comment"
        lines = [header]
        for row in sales:
            lines.append(row + "," * (header.count(",") - row.count(",")))
        (tmp_path / "declarations.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tmp_path / "challenge.toml").write_text(HEAD + challenge, encoding="utf-8")
        return tmp_path, tmp_path / "challenge.toml"

    return write


def sale(code, person, day, sku="S1", units=1, channel="store", clock="10:00:00+01:00", rest=""):
    """One line of a sale of 2026, declared on its day."""
    row = f"{code},{person},2026-{day},2026-{day}T{clock},{channel},{sku},{units},"
    return f"{row},{rest}" if rest else row


def points(rows):
    """Points by person."""
    return {row["person"]: row["points"] for row in rows}


def test_units_and_value_are_floored_per_sale_and_value_once_over_its_lines(game):
    sales = [
        sale("1", "bob", "01-05", units=5),
        sale("1", "bob", "01-05", sku="S2", units=1),
        sale("2", "bob", "01-06", units=1),
    ]
    rules = """
[[rules]]
id = "u"
counts = "units"
points = 10
per = 3
[[rules]]
id = "v"
counts = "value"
points = 1
"""
    # Sale 1: 6 units = 2 threes = 20; 49.95 + 0.50 = 50.45 EUR = 50. Sale 2: 0; 9.99 = 9. Together 79.
    assert points(standings(*game(sales, rules))) == {"bob": 79}


def test_own_caps_then_boosts_then_caps_of_the_challenge_which_cut_the_last_amounts_first(game):
    sales = [
        sale("1", "bob", "01-10", units=9),
        sale("2", "bob", "01-10", units=9),
        sale("3", "bob", "01-11"),
    ]
    rules = """cap_per_day = 27
[[rules]]
id = "u"
counts = "units"
points = 1
cap = { points = 15, per = "day" }
[[rules]]
id = "b"
counts = "boost"
factor = "1.5"
when = { weekdays = [6] }
[[rules]]
id = "d"
counts = "declaration"
points = 4
[[rules]]
id = "m"
counts = "milestone"
measure = "points"
at = 27
points = 100
"""
    # Sale 1: 9 + 4, boost ⌊13 × 1.5⌋ − 13 = 6: 19. Sale 2: 6 under the day's cap, + 4, boost 5: 15, cut
    # to the 8 left of 27: the boost goes first, then 2 of the 4; then the milestone at 27. Sale 3: 1 + 4.
    network, challenge = game(sales, rules)
    lines = explain(network, challenge, "bob")
    assert [line.split(": ")[1] for line in lines[:-1]] == ["u 9, d 4, b 6", "u 6, d 2, m 100", "u 1, d 4"]
    assert points(standings(network, challenge)) == {"bob": 132}


def test_a_milestone_does_not_help_another_of_the_same_sale_but_does_at_the_next(game):
    rules = """
[[rules]]
id = "d"
counts = "declaration"
points = 10
when = { skus = ["S1"] }
[[rules]]
id = "m1"
counts = "milestone"
measure = "points"
at = 10
points = 5
[[rules]]
id = "m2"
counts = "milestone"
measure = "points"
at = 15
points = 1
"""
    first = sale("1", "bob", "01-05")
    assert points(standings(*game([first], rules))) == {"bob": 15}
    assert points(standings(*game([first, sale("2", "bob", "01-06", sku="S2")], rules))) == {"bob": 16}


def test_feedback_counts_trimmed_characters_and_profile_wants_all_three(game):
    sales = [
        sale("1", "bob", "01-05", rest="new,35-49,35,5,,  dix carac.\u00a0 "),
        sale("2", "bob", "01-06", rest="new,35-49,,5,,neuf car."),
        sale("3", "bob", "01-07", rest="new,35-49,35,,9,dix carac. et plus"),
    ]
    rules = """
[[rules]]
id = "f"
counts = "feedback"
points = 100
min_comment = 10
[[rules]]
id = "p"
counts = "profile"
points = 1
"""
    assert points(standings(*game(sales, rules))) == {"bob": 102}


def test_the_law_keeps_sales_outside_and_only_resellers_play(game):
    sales = [
        sale("1", "vic", "01-05", channel="online"),
        sale("2", "vic", "01-06", channel="meeting"),
        sale("3", "vic", "01-07", channel="reorder", rest="returning"),
        sale("4", "vic", "01-08", channel="reorder", rest="new"),
        sale("5", "ani", "01-08"),
    ]
    rules = '\n[[rules]]\nid = "d"\ncounts = "declaration"\npoints = 1\n'
    network, challenge = game(sales, rules)
    assert points(standings(network, challenge)) == {"vic": 1}
    assert points(standings(network, challenge, vdi_reorder=True)) == {"vic": 2}
    sales = [sale("1", "ann", "01-05").replace("2026-01-05,", "2025-12-31,")]
    network, challenge = game(sales, rules)
    assert barred(load(network), load(network).declarations[0])


def test_the_default_end_of_declaring_follows_the_clocks(game):
    # Clocks go forward on 29 March 2026: 00:00 on the 31st in Paris is 22:00 UTC the day before.
    network, challenge = game([], "")
    board = compute(network, challenge)
    assert declare_until(board.challenge).isoformat() == "2026-03-30T22:00:00+00:00"


def test_an_ordinary_import_replaces_a_clock_that_cannot_be_right(game):
    sales = [
        sale("1", "bob", "01-06", clock="12:05:00+01:00"),
        sale("2", "cat", "01-06", clock="12:05:01+01:00"),
    ]
    rules = '\n[[rules]]\nid = "d"\ncounts = "declaration"\npoints = 1\n'
    rows = standings(*game(sales, rules), historical=False, received_at="2026-01-06T12:00:00+01:00")
    assert [(row["person"], row["reached_at"]) for row in rows] == [
        ("cat", "2026-01-06T11:00:00.000000Z"),
        ("bob", "2026-01-06T11:05:00.000000Z"),
    ]


def test_ties_ranks_and_leagues(game):
    rules = '\n[[rules]]\nid = "u"\ncounts = "units"\npoints = 1\n'
    sales = [
        sale("1", "bob", "01-05", units=5, clock="10:00:00+01:00"),
        sale("2", "cat", "01-05", units=5, clock="09:00:00Z"),
        sale("3", "ann", "01-06", units=5),
        sale("4", "vic", "01-06", units=9, channel="meeting"),
    ]
    rows = standings(*game(sales, rules))
    assert [(row["rank"], row["person"]) for row in rows] == [(1, "vic"), (2, "bob"), (2, "cat"), (4, "ann")]
    rows = standings(*game(sales, 'tie_break = "shared"\n' + rules))
    assert [(row["rank"], row["person"]) for row in rows] == [(1, "vic"), (2, "ann"), (2, "bob"), (2, "cat")]
    rows = standings(*game(sales, 'league_by = "region"\nranks = "outlet"\n' + rules))
    assert [list(row.values()) for row in rows] == [
        ["Bretagne", 1, "A", "Alpha", 10, "", "2026-01-06T09:00:00.000000Z"],
        ["Bretagne", 2, "V", "Vega", 9, "", "2026-01-06T09:00:00.000000Z"],
        ["Corse", 1, "B", "Beta", 5, "", "2026-01-05T09:00:00.000000Z"],
    ]
    text = "Bretagne\t1\tA\t10\t\t2026-01-06T09:00:00.000000Z\n"
    assert standings_hash(as_text(rows[:1])) == hashlib.sha256(text.encode()).hexdigest()


def test_progress_over_targets_uploaded_from_the_baseline_and_by_default(game, tmp_path):
    objective = """rank_by = "progress"
[objective]
measure = "value"
default = 40
baseline = { from = 2025-12-01, to = 2025-12-31, factor = "1.10", at_least = 5 }
[[rules]]
id = "d"
counts = "declaration"
points = 1
when = { skus = ["S1"] }
"""
    sales = [
        sale("0", "bob", "01-05", units=2).replace("2026-01-05,", "2025-12-31,"),
        sale("1", "bob", "01-05"),
        sale("2", "bob", "01-09", sku="S2", units=3),
        sale("3", "cat", "01-05"),
        sale("4", "ann", "01-05", units=3),
    ]
    network, challenge = game(sales, objective)
    (tmp_path / "targets.csv").write_text("person,target\nann,20\n", encoding="utf-8")
    rows = standings(network, challenge, tmp_path / "targets.csv")
    # Ann: 29.97 of 20. Bob: 11.49 of floor(19.98 × 1.10) = 21, last measured on 9 January. Cat: 9.99 of 40.
    assert [(row["person"], row["progress_bp"], row["reached_at"][:10]) for row in rows] == [
        ("ann", 14985, "2026-01-05"),
        ("bob", 5471, "2026-01-09"),
        ("cat", 2497, "2026-01-05"),
    ]


def test_awards_stop_where_the_budget_ends_and_leave_health_outlets_out(game, tmp_path):
    rules = """budget = 10.30
[[rules]]
id = "u"
counts = "units"
points = 1
[[payouts]]
kind = "rank"
from = 1
to = 2
reward = "mug"
[[payouts]]
kind = "convert"
every = 4
into = 10
"""
    sales = [
        sale("1", "bob", "01-05", units=9),
        sale("2", "cat", "01-05", units=8),
        sale("3", "ann", "01-06", units=7),
        sale("4", "vic", "01-06", units=20, channel="meeting"),
    ]
    network, challenge = game(sales, rules)
    (tmp_path / "rewards.csv").write_text('reward,name,kind,cost\nmug,Mug,gift,"5,00"\n', encoding="utf-8")
    rows = awards(network, challenge, tmp_path / "rewards.csv")
    assert [tuple(row.values()) for row in rows] == [
        (1, "rank", "vic", 1, 20, "mug", "", 500, "granted"),
        (1, "rank", "bob", 2, 9, "mug", "", 500, "granted"),
        (2, "convert", "vic", 1, 20, "", 50, 50, "not_funded"),
        (2, "convert", "bob", 2, 9, "", 20, 20, "not_funded"),
        (2, "convert", "ann", 4, 7, "", 10, 10, "not_funded"),
    ]


def test_a_draw_is_the_same_for_the_same_seed_and_a_winner_wins_once():
    tickets = {"b": 3, "a": 1, "c": 0, "d": 6}
    drawn = draw_winners(tickets, 3, "seed", "00" * 32)
    assert sorted(drawn) == ["a", "b", "d"]
    assert drawn == draw_winners(dict(sorted(tickets.items())), 3, b"seed", "00" * 32)


def test_insight_withholds_small_cells_and_the_next_smallest_with_them(game):
    sales = []
    for number in range(12):
        person = ("bob", "cat", "vic")[number % 3]
        rest = "new,,,5,10,bien" if number % 2 else "returning,,,4,6, "
        sales.append(sale(f"s{number}", person, f"01-{number + 5:02d}", channel="meeting", rest=rest))
    sales += [sale(f"o{number}", "bob", "02-10", channel="online") for number in range(2)]
    sales += [sale(f"r{place}", who, "02-11", channel="reorder") for place, who in enumerate(["cat", "vic"] * 3)]
    network, _ = game(sales + [sale("r9", "bob", "02-12", channel="reorder")], "")
    rows = insight(network, "2026-01-01", "2026-12-31", ["channel"])
    # Online fails alone; reorder (7 sales, three groups) is the smallest that is shown: both go.
    assert [(row["channel"], row["withheld"]) for row in rows] == [
        ("meeting", 0),
        ("online", 1),
        ("reorder", 1),
        ("TOTAL", 0),
    ]
    assert list(rows[0].values()) == ["meeting", 12, 12, 11988, 1, 5000, 4500, 0, 6, 0]
    assert list(rows[1].values()) == ["online", *[""] * 8, 1]
    assert rows[-1]["declarations"] == 21


def test_the_committed_networks_hold_what_they_should_and_come_out_of_the_script_again(tmp_path, monkeypatch):
    before = {path.name: path.read_bytes() for path in (DATA / "mixed").iterdir()}
    monkeypatch.setattr(enrich, "MIXED", tmp_path)
    enrich.main()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    lines = [len(declaration.lines) for declaration in load(DATA / "slice").declarations]
    assert (len(lines), sum(lines), max(lines)) == (849, 11825, 23)


def cases():
    """Every challenge file with its network and targets."""
    for path in sorted((DATA / "challenges").glob("*.toml")):
        network = path.name.split("-")[0]
        targets = DATA / f"targets-{network}.csv" if "progress" in path.name else None
        yield pytest.param(DATA / network, path, targets, id=path.stem)


@pytest.mark.parametrize(("network", "challenge", "targets"), list(cases()))
def test_every_challenge_file_has_winners_and_every_rule_of_it_gives_something(network, challenge, targets):
    board = compute(network, challenge, targets)
    gave = {code for one in board.folds.values() for _, amounts in one.steps for code, _ in amounts}
    assert gave == {rule["id"] for rule in board.challenge["rules"]}
    paid = awards(network, challenge, DATA / "rewards.csv", targets, seed="graine")
    assert {row["payout"] for row in paid} == set(range(1, len(board.challenge["payouts"]) + 1))


def test_insight_cases_are_readable():
    for row in read_rows(DATA / "insight-cases.csv"):
        rows = insight(DATA / row["network"], row["from"], row["until"], row["by"])
        assert next(iter(rows[-1].values())) == "TOTAL"
