"""Standings and awards of a challenge, recomputed from the input files alone.

This module is a second opinion. It was written from the prose of the rules only, imports nothing but the
standard library, and never looks at the product: if the two agree on every column, two people who could not
copy from each other understood the rules alike.

It is written for reading, not for speed: everything is folded from scratch, in plain loops.

Amounts are integers. Money is kept in cents. A division is floored, once, at the end.
"""

import csv
import gzip
import hashlib
import hmac
import io
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

STANDINGS_COLUMNS = ["league", "rank", "person", "name", "points", "progress_bp", "reached_at"]
AWARDS_COLUMNS = [
    "payout", "kind", "person", "rank", "points", "reward", "wallet_points", "cost_cents", "status",
]  # fmt: skip

AUDIENCE_COLUMNS = {
    "kinds": "kind",
    "regions": "region",
    "countries": "country",
    "brands": "brands",
    "activity": "activity",
    "potential": "potential",
    "departments": "department",
    "outlets": "outlet",
}
WHEN_KEYS = {
    "skus", "categories", "families", "channels", "weekdays", "from", "to", "customer", "min_units",
}  # fmt: skip
PLAIN_COUNTS = {"units", "value", "declaration", "feedback", "profile"}


# --- what the files say ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of a sale; `price` is the list price of one unit in cents."""

    sku: str
    units: int
    price: int
    category: str
    family: str

    @property
    def cents(self):
        return self.units * self.price


@dataclass(frozen=True)
class Declaration:
    """One sale as told; instants are UTC, texts are as submitted."""

    id: str
    person: str
    sold_on: date
    declared_at: datetime
    received_at: datetime
    channel: str
    lines: tuple
    customer: str
    age_band: str
    area: str
    rating: str
    recommend: str
    comment: str

    @property
    def place(self):
        """Where the sale stands in the fold."""
        return (self.declared_at, self.received_at, self.id)


@dataclass(frozen=True)
class Network:
    """The four input files; outlets and people are the rows of their files, by code."""

    outlets: dict
    people: dict
    products: dict
    declarations: list
    _by_person: dict = field(default_factory=dict)

    def sales_of(self, person):
        """The person's declarations, counted or not."""
        if not self._by_person:
            for declaration in self.declarations:
                self._by_person.setdefault(declaration.person, []).append(declaration)
        return self._by_person.get(person, [])


def read_rows(path):
    """The rows of a CSV file (UTF-8 with or without BOM, `,` or `;`, gzipped or not) as dicts."""
    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    text = raw.decode("utf-8-sig")
    header = text.split("\n", 1)[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def find(network_dir, name):
    """The file `name`.csv or `name`.csv.gz of a network folder."""
    for ending in (".csv", ".csv.gz"):
        path = Path(network_dir) / (name + ending)
        if path.exists():
            return path
    raise FileNotFoundError(f"{network_dir}: no {name}.csv or {name}.csv.gz")


def cents_of(text):
    """`"12,50"` or `"12.5"` as 1250; a fraction of a cent is an error."""
    cents = Fraction(text.strip().replace(",", ".")) * 100
    if cents.denominator != 1:
        raise ValueError(f"price {text!r} has a fraction of a cent")
    return int(cents)


def instant_of(text):
    """An ISO 8601 text with offset, in UTC; a naive one is an error."""
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"instant {text!r} has no offset")
    return instant.astimezone(UTC)


def load(network_dir, historical=True, received_at=None):
    """Read a network folder.

    `historical`: `received_at` of each sale is its `declared_at`, no clock check. Otherwise every sale was
    received at `received_at` (an ISO text or an aware datetime), which also replaces a `declared_at` that is
    missing, more than 14 days earlier or more than 5 minutes later.
    """
    if isinstance(received_at, str):
        received_at = instant_of(received_at)
    outlets = {row["outlet"]: row for row in read_rows(find(network_dir, "outlets"))}
    people = {row["person"]: row for row in read_rows(find(network_dir, "people"))}
    products = {row["sku"]: row for row in read_rows(find(network_dir, "products"))}
    grouped = {}
    for row in read_rows(find(network_dir, "declarations")):
        grouped.setdefault(row["declaration"], []).append(row)
    declarations = []
    for code, rows in grouped.items():
        first = rows[0]
        told = instant_of(first["declared_at"]) if first["declared_at"].strip() else None
        if historical:
            received = told or received_at
            if received is None:
                raise ValueError(f"declaration {code}: no declared_at and no instant of reception")
            declared = received
        else:
            if received_at is None:
                raise ValueError("an ordinary import needs received_at")
            received = received_at
            in_time = told and received - timedelta(days=14) <= told <= received + timedelta(minutes=5)
            declared = told if in_time else received
        lines = []
        for row in rows:
            product = products[row["sku"]]
            lines.append(
                Line(
                    sku=row["sku"],
                    units=int(row["units"]),
                    price=cents_of(product["list_price"]),
                    category=product["category"],
                    family=product["family"],
                )
            )
        optional = {
            name: (first.get(name) or "").strip()
            for name in ("customer", "age_band", "area", "rating", "recommend", "comment")
        }
        declarations.append(
            Declaration(
                id=code,
                person=first["person"],
                sold_on=date.fromisoformat(first["sold_on"]),
                declared_at=declared,
                received_at=received,
                channel=first["channel"],
                lines=tuple(lines),
                **optional,
            )
        )
    return Network(outlets, people, products, declarations)


# --- who plays, what counts -----------------------------------------------------------------------------


def as_list(value):
    """A list stays; anything else is a list of one."""
    return value if isinstance(value, list) else [value]


def outlet_of(network, person):
    """The outlet row of a person's code."""
    return network.outlets[network.people[person]["outlet"]]


def takes_part(network, challenge, person):
    """Only resellers play, and only those whose outlet meets every key of the audience."""
    if network.people[person]["role"] != "reseller":
        return False
    outlet = outlet_of(network, person)
    for key, wanted in challenge.get("audience", {}).items():
        if (outlet[AUDIENCE_COLUMNS[key]] or "") not in as_list(wanted):
            return False
    return True


def barred(network, declaration, vdi_reorder=False):
    """Whether the law keeps the sale out of every fold.

    A home seller scores face to face and at meetings; a reorder only for a returning customer, and only when
    the programme allows it. An employee scores from the day of the employer's agreement on.
    """
    status = network.people[declaration.person]["status"]
    if status == "vdi":
        if declaration.channel in ("face_to_face", "meeting"):
            return False
        if declaration.channel == "reorder":
            return not (vdi_reorder and declaration.customer == "returning")
        return True
    if status == "employee":
        agreed = (outlet_of(network, declaration.person).get("agreement_on") or "").strip()
        return not agreed or declaration.sold_on < date.fromisoformat(agreed)
    return False


def declare_until(challenge):
    """The first instant at which it is too late to declare, in UTC."""
    given = challenge.get("declare_until")
    if given is not None:
        if given.tzinfo is None:
            raise ValueError("declare_until has no offset")
        return given.astimezone(UTC)
    zone = ZoneInfo(challenge.get("timezone", "Europe/Paris"))
    midnight = datetime.combine(challenge["ends_on"] + timedelta(days=4), time(0), tzinfo=zone)
    return midnight.astimezone(UTC)


def counts_in(network, challenge, declaration, vdi_reorder=False):
    """Whether a sale of somebody in the audience is folded at all."""
    limit = declare_until(challenge)
    return (
        challenge["starts_on"] <= declaration.sold_on <= challenge["ends_on"]
        and declaration.declared_at < limit
        and declaration.received_at < limit + timedelta(hours=24)
        and not barred(network, declaration, vdi_reorder)
    )


# --- from one sale to points ----------------------------------------------------------------------------


def matching(when, declaration):
    """The lines of a sale that meet every key of `when`; none when there are too few units of them."""
    unknown = set(when) - WHEN_KEYS
    if unknown:
        raise ValueError(f"unknown keys in when: {sorted(unknown)}")
    if "channels" in when and declaration.channel not in as_list(when["channels"]):
        return []
    if "weekdays" in when and declaration.sold_on.isoweekday() not in as_list(when["weekdays"]):
        return []
    if "from" in when and declaration.sold_on < when["from"]:
        return []
    if "to" in when and declaration.sold_on > when["to"]:
        return []
    if "customer" in when and declaration.customer not in as_list(when["customer"]):
        return []
    lines = []
    for line in declaration.lines:
        if "skus" in when and line.sku not in as_list(when["skus"]):
            continue
        if "categories" in when and line.category not in as_list(when["categories"]):
            continue
        if "families" in when and line.family not in as_list(when["families"]):
            continue
        lines.append(line)
    if sum(line.units for line in lines) < when.get("min_units", 0):
        return []
    return lines


def plain_amount(rule, declaration):
    """What a rule that is neither boost nor milestone gives one sale, before any cap."""
    lines = matching(rule.get("when", {}), declaration)
    if not lines:
        return 0
    points = rule["points"]
    counts = rule["counts"]
    if counts == "units":
        return points * (sum(line.units for line in lines) // rule.get("per", 1))
    if counts == "value":
        return points * (sum(line.cents for line in lines) // (rule.get("per", 1) * 100))
    if counts == "declaration":
        return points
    if counts == "feedback":
        rated = declaration.rating != ""
        long_enough = len(declaration.comment) >= rule.get("min_comment", 0)
        return points if rated and long_enough else 0
    if counts == "profile":
        return points if declaration.customer and declaration.age_band and declaration.area else 0
    raise ValueError(f"rule {rule['id']}: unknown counts {counts!r}")


def boost_amount(rule, base, declaration):
    """What a boost adds to `base` points, before its cap."""
    if not matching(rule.get("when", {}), declaration):
        return 0
    raised = base * Fraction(str(rule["factor"]))
    return raised.numerator // raised.denominator - base


def measured(measure, lines):
    """What lines add to a measure: units, or cents of list price."""
    if measure == "units":
        return sum(line.units for line in lines)
    if measure == "value":
        return sum(line.cents for line in lines)
    raise ValueError(f"unknown measure {measure!r}")


@dataclass
class Fold:
    """What one person's sales gave, in order.

    `steps`: one `(declaration, [(rule id, points given), …])` per counted sale, zeros left out.
    `measure`: the total of the objective's measure (`value` in cents). Instants are None when never set.
    `by_hand`: `(instant, points)` given or taken back by staff, outside caps and milestones.
    """

    points: int = 0
    reached_at: datetime | None = None
    measure: int = 0
    measure_at: datetime | None = None
    steps: list = field(default_factory=list)
    by_hand: list = field(default_factory=list)


class CapUse:
    """How much of a rule's own cap is used."""

    def __init__(self):
        self.used = {}

    def cut(self, rule, declaration, amount):
        """Cut `amount` to the room left under the rule's cap, and count it as used."""
        cap = rule.get("cap")
        if not cap:
            return amount
        scope = {
            "declaration": declaration.id,
            "day": declaration.sold_on,
            "challenge": None,
        }[cap["per"]]
        key = (rule["id"], scope)
        amount = min(amount, max(0, cap["points"] - self.used.get(key, 0)))
        self.used[key] = self.used.get(key, 0) + amount
        return amount


def by_kind(challenge):
    """The rules of one version: plain ones, boosts, milestones."""
    rules = challenge.get("rules", [])
    plain = [rule for rule in rules if rule["counts"] in PLAIN_COUNTS]
    boosts = [rule for rule in rules if rule["counts"] == "boost"]
    milestones = [rule for rule in rules if rule["counts"] == "milestone"]
    if len(plain) + len(boosts) + len(milestones) != len(rules):
        raise ValueError("a rule counts something unknown")
    return plain, boosts, milestones


def version_of(versions, day):
    """The file that holds for sales of a day: the last one that has started, else the first."""
    found = versions[0][1]
    for first_day, challenge in versions[1:]:
        if first_day <= day:
            found = challenge
    return found


def fold(versions, declarations):
    """Fold the counted sales of one person into points.

    `versions`: `(first day, challenge)` in the order in which they were decided; what a person has used of a cap
    and climbed towards a milestone goes on from one to the next under the rule's id.
    """
    objective = versions[-1][1].get("objective", {}).get("measure")
    result = Fold()
    caps = CapUse()
    given_on = {}
    given_in_all = 0
    running = {}
    passed = set()

    for declaration in sorted(declarations, key=lambda one: one.place):
        challenge = version_of(versions, declaration.sold_on)
        plain, boosts, milestones = by_kind(challenge)
        # Rules in file order, each cut by its own cap; then boosts on what the rules gave.
        amounts = []
        for rule in plain:
            amounts.append([rule["id"], caps.cut(rule, declaration, plain_amount(rule, declaration))])
        by_rule = dict(amounts)
        for rule in boosts:
            base = sum(by_rule[code] for code in rule.get("of", list(by_rule)))
            extra = boost_amount(rule, base, declaration)
            amounts.append([rule["id"], caps.cut(rule, declaration, extra)])

        # The caps of the challenge cut the last amounts first.
        total = sum(amount for _, amount in amounts)
        allowed = total
        if "cap_per_day" in challenge:
            allowed = min(allowed, max(0, challenge["cap_per_day"] - given_on.get(declaration.sold_on, 0)))
        if "cap_total" in challenge:
            allowed = min(allowed, max(0, challenge["cap_total"] - given_in_all))
        too_much = total - allowed
        for item in reversed(amounts):
            less = min(item[1], too_much)
            item[1] -= less
            too_much -= less
        given = sum(amount for _, amount in amounts)
        given_on[declaration.sold_on] = given_on.get(declaration.sold_on, 0) + given
        given_in_all += given

        # Milestones: no cap; the points of this sale's own milestones do not help to reach another.
        earned = result.points + given
        for rule in milestones:
            code = rule["id"]
            if rule["measure"] == "points":
                reached = earned >= rule["at"]
            else:
                lines = matching(rule.get("when", {}), declaration)
                more = (1 if lines else 0) if rule["measure"] == "declarations" else measured(rule["measure"], lines)
                running[code] = running.get(code, 0) + more
                in_cents = 100 if rule["measure"] == "value" else 1
                reached = running[code] >= rule["at"] * in_cents
            if reached and code not in passed:
                passed.add(code)
                amounts.append([code, rule["points"]])

        step = sum(amount for _, amount in amounts)
        result.points += step
        if step:
            result.reached_at = declaration.declared_at
        result.steps.append((declaration, [(code, amount) for code, amount in amounts if amount]))

        if objective == "points":
            more = step
        elif objective == "declarations":
            more = 1
        elif objective:
            more = measured(objective, declaration.lines)
        else:
            more = 0
        result.measure += more
        if more:
            result.measure_at = declaration.declared_at
    return result


def adjust(one, instant, points, objective):
    """Add to a fold what staff gave (`points` > 0) or took back at an instant.

    A bonus counts at its own instant; what is taken back moves no instant. A target moves only where it is of points;
    who has nothing but a bonus is there from that bonus on.
    """
    one.points += points
    one.by_hand.append((instant, points))
    if objective == "points":
        one.measure += points
    if points > 0:
        one.reached_at = max(one.reached_at or instant, instant)
        if one.measure_at is None or objective == "points":
            one.measure_at = max(one.measure_at or instant, instant)


# --- targets --------------------------------------------------------------------------------------------


def read_targets(path):
    """A `person,target` file as a dict."""
    return {row["person"]: int(row["target"]) for row in read_rows(path)}


def target_of(network, challenge, person, uploaded, vdi_reorder=False):
    """A person's own target: uploaded, else from the baseline, else the default; at least 1."""
    objective = challenge["objective"]
    if person in uploaded:
        return max(1, uploaded[person])
    baseline = objective.get("baseline")
    at_least = 1
    if baseline and objective["measure"] != "points":
        at_least = max(1, baseline.get("at_least", 1))
        before = [
            declaration
            for declaration in network.sales_of(person)
            if baseline["from"] <= declaration.sold_on <= baseline["to"]
            and not barred(network, declaration, vdi_reorder)
        ]
        if before:
            if objective["measure"] == "declarations":
                total = Fraction(len(before))
            else:
                total = Fraction(sum(measured(objective["measure"], one.lines) for one in before))
                if objective["measure"] == "value":
                    total /= 100
            raised = total * Fraction(str(baseline.get("factor", "1")))
            return max(at_least, raised.numerator // raised.denominator)
    if "default" in objective:
        return max(1, objective["default"])
    return at_least


def progress_bp(challenge, measure, target):
    """Measure over target in basis points, floored; `measure` of value is in cents, targets are in euros."""
    if challenge["objective"]["measure"] == "value":
        return 10_000 * measure // (100 * target)
    return 10_000 * measure // target


# --- standings ------------------------------------------------------------------------------------------


@dataclass
class Entrant:
    """A person or an outlet of the board; `members` are the codes of the people behind it."""

    code: str
    name: str
    league: str
    members: list
    points: int
    measure: int
    target: int | None
    reached_at: datetime | None
    rank: int | None = None
    progress: int | str = ""


@dataclass
class Board:
    """Everything computed for a challenge: the folds by person and the entrants, ranked or not."""

    network: Network
    challenge: dict
    folds: dict
    targets: dict
    entrants: list


def instant_text(instant):
    """UTC with microseconds and Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def compute(
    network_dir, challenge_toml, targets=None, historical=True, *, received_at=None, vdi_reorder=False, amended=(),
    adjusted=(),
):  # fmt: skip
    """Fold everybody and rank the board; see `standings` for the arguments."""
    network = load(network_dir, historical, received_at)
    files = [(date.min, challenge_toml), *amended]
    versions = [(first_day, tomllib.loads(Path(file).read_text(encoding="utf-8"))) for first_day, file in files]
    return compute_board(network, versions, read_targets(targets) if targets else {}, vdi_reorder, adjusted)


def compute_board(network, versions, uploaded=None, vdi_reorder=False, adjusted=()):
    """The same from what the files say: `versions` as in `fold`, `uploaded` the targets by person, `adjusted` too."""
    challenge = versions[-1][1]
    uploaded = uploaded or {}
    has_objective = "objective" in challenge

    people = sorted(code for code in network.people if takes_part(network, challenge, code))
    counted = {code: [] for code in people}
    for declaration in network.declarations:
        if declaration.person in counted and counts_in(network, challenge, declaration, vdi_reorder):
            counted[declaration.person].append(declaration)
    folds = {code: fold(versions, counted[code]) for code in people}
    for code, instant, points in sorted(adjusted, key=lambda one: one[1]):
        adjust(folds[code], instant, points, challenge.get("objective", {}).get("measure"))
    own_target = {}
    if has_objective:
        own_target = {code: target_of(network, challenge, code, uploaded, vdi_reorder) for code in people}

    by_progress = challenge.get("rank_by", "points") == "progress"
    league_by = challenge.get("league_by")

    def instant(code):
        return folds[code].measure_at if by_progress else folds[code].reached_at

    if challenge.get("ranks", "person") == "outlet":
        teams = {}
        for code in people:
            teams.setdefault(network.people[code]["outlet"], []).append(code)
        names = {code: network.outlets[code]["name"] for code in teams}
    else:
        teams = {code: [code] for code in people}
        names = {code: network.people[code]["name"] for code in teams}

    entrants = []
    for code, members in teams.items():
        scorers = [one for one in members if folds[one].points > 0]
        entrant = Entrant(
            code=code,
            name=names[code],
            league=(outlet_of(network, members[0])[league_by] or "") if league_by else "",
            members=members,
            points=sum(folds[one].points for one in members),
            measure=sum(folds[one].measure for one in members),
            target=sum(own_target[one] for one in members) if has_objective else None,
            reached_at=max((instant(one) for one in scorers if instant(one)), default=None),
        )
        if has_objective:
            entrant.progress = progress_bp(challenge, entrant.measure, entrant.target)
        entrants.append(entrant)
    rank(entrants, by_progress, challenge.get("tie_break", "earliest"))
    return Board(network, challenge, folds, own_target, entrants)


def rank(entrants, by_progress, tie_break):
    """Set the ranks, per league: 1, 2, 2, 4. Nobody without points has one."""
    for league in {one.league for one in entrants}:
        playing = [one for one in entrants if one.league == league and one.points > 0]
        for one in playing:
            better = 0
            for other in playing:
                mine = one.progress if by_progress else one.points
                theirs = other.progress if by_progress else other.points
                sooner = tie_break == "earliest" and other.reached_at < one.reached_at
                better += theirs > mine or (theirs == mine and sooner)
            one.rank = better + 1


def standings(
    network_dir, challenge_toml, targets=None, historical=True, *, received_at=None, vdi_reorder=False, amended=(),
    adjusted=(),
):  # fmt: skip
    """The rows of `flask leaderboards export`, as dicts in order.

    `network_dir`: folder with outlets, people, products and declarations; `challenge_toml`: the challenge as
    a file; `targets`: path of a `person,target` file; `historical` and `received_at`: see `load`;
    `vdi_reorder`: whether the programme lets home sellers score for reorders; `amended`: later versions as
    `(first day, path of the file)`, in the order in which they were decided: a sale scores by the version of its
    day, everything else is as the last one says; `adjusted`: what staff gave or took back in the challenge, as
    `(person, instant, points)`.
    `rank`, `points` and `progress_bp` are integers (`progress_bp` is "" without an objective), the rest text.
    """
    board = compute(
        network_dir, challenge_toml, targets, historical, received_at=received_at, vdi_reorder=vdi_reorder,
        amended=amended, adjusted=adjusted,
    )  # fmt: skip
    return standings_rows(board)


def standings_rows(board):
    """The ranked entrants of a board as rows of the export."""
    ranked = [one for one in board.entrants if one.rank is not None]
    ranked.sort(key=lambda one: (one.league, one.rank, one.code))
    return [
        {
            "league": one.league,
            "rank": one.rank,
            "person": one.code,
            "name": one.name,
            "points": one.points,
            "progress_bp": one.progress,
            "reached_at": instant_text(one.reached_at),
        }
        for one in ranked
    ]


def standings_hash(rows):
    """SHA-256, in hexadecimal, over the rows without their names: tabs between fields, LF after each row."""
    columns = [column for column in STANDINGS_COLUMNS if column != "name"]
    lines = ["\t".join(str(row[column]) for column in columns) + "\n" for row in rows]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def as_text(rows):
    """The same rows with every value as text, as `csv.DictReader` would give them back."""
    return [{column: str(value) for column, value in row.items()} for row in rows]


def explain(network_dir, challenge_toml, person, targets=None, historical=True, **options):
    """For a person who asks why: one line of text per counted sale, then the total."""
    board = compute(network_dir, challenge_toml, targets, historical, **options)
    one = board.folds[person]
    lines = []
    for declaration, amounts in one.steps:
        parts = ", ".join(f"{code} {amount}" for code, amount in amounts) or "0"
        instant = instant_text(declaration.declared_at)
        lines.append(f"{instant} {declaration.id} sold {declaration.sold_on} {declaration.channel}: {parts}")
    lines.append(f"total {one.points}, measure {one.measure}, target {board.targets.get(person)}")
    return lines


# --- awards ---------------------------------------------------------------------------------------------


@dataclass
class Award:
    """One gain of one winner, before the budget has been looked at."""

    payout: int
    kind: str
    league: str
    rank: int
    code: str
    points: int
    reward: str = ""
    wallet: int | str = ""
    status: str = "granted"
    cost: int = 0


def point_events(board, members):
    """`(instant, points)` of the members' sales and of what was given by hand, in order, zeros left out."""
    steps = [step for code in members for step in board.folds[code].steps]
    steps.sort(key=lambda step: step[0].place)
    events = []
    for declaration, amounts in steps:
        points = sum(amount for _, amount in amounts)
        if points:
            events.append((declaration.declared_at, points))
    events += [event for code in members for event in board.folds[code].by_hand]
    return sorted(events, key=lambda event: event[0])


def first_crossing(board, members, points):
    """The instant at which the members together first had `points`, or None."""
    total = 0
    for instant, more in point_events(board, members):
        total += more
        if total >= points:
            return instant
    return None


def draw_winners(tickets, winners, seed, standings_hex):
    """The codes drawn, in order. `tickets`: `{code: number of tickets}`; `seed`: bytes or text."""
    if isinstance(seed, str):
        seed = seed.encode("utf-8")
    left = [code for code in sorted(tickets) for _ in range(tickets[code])]
    drawn = []
    k = 0
    while left and len(drawn) < winners:
        message = f"{standings_hex}:{k}".encode("ascii")
        number = int.from_bytes(hmac.new(seed, message, hashlib.sha256).digest(), "big")
        k += 1
        if number >= 2**256 // len(left) * len(left):
            continue
        code = left[number % len(left)]
        drawn.append(code)
        left = [one for one in left if one != code]
    return drawn


def awards(
    network_dir, challenge_toml, rewards_csv=None, targets=None, historical=True, *,
    seed=None, received_at=None, vdi_reorder=False, wallet_point_cents=1, amended=(),
    adjusted=(),
):  # fmt: skip
    """The rows of `flask rewards awards`, as dicts in order: payout, league, rank, person.

    `rewards_csv`: the reward catalogue (needed when a payout names an article); `seed`: of the draw; the rest
    as in `standings`. Integers, or "" where a column does not apply.
    """
    board = compute(
        network_dir, challenge_toml, targets, historical, received_at=received_at, vdi_reorder=vdi_reorder,
        amended=amended, adjusted=adjusted,
    )  # fmt: skip
    costs = {}
    if rewards_csv:
        costs = {row["reward"]: cents_of(row["cost"]) for row in read_rows(rewards_csv)}
    return award_rows(board, costs, seed, wallet_point_cents)


def award_rows(board, costs, seed=None, wallet_point_cents=1):
    """The same from a board; `costs` in cents by article."""
    challenge = board.challenge
    network = board.network
    outlets_compete = challenge.get("ranks", "person") == "outlet"
    ranked = [one for one in board.entrants if one.rank is not None]
    ranked.sort(key=lambda one: (one.league, one.rank, one.code))

    def may_win(code):
        """Whoever works in a health outlet wins nothing for themselves."""
        return (outlet_of(network, code).get("health") or "").strip() != "yes"

    found = []
    for position, payout in enumerate(challenge.get("payouts", []), start=1):
        kind = payout["kind"]
        if kind == "convert":
            for one in ranked:
                for member in one.members:
                    total = board.folds[member].points
                    wallet = payout["into"] * (total // payout["every"])
                    if wallet and may_win(member):
                        award = Award(position, kind, one.league, one.rank, member, total, wallet=wallet)
                        found.append(award)
            continue
        for one in winners_of(board, payout, ranked, seed, may_win, outlets_compete):
            found.append(
                Award(
                    position,
                    kind,
                    one.league,
                    one.rank,
                    one.code,
                    one.points,
                    reward=payout.get("reward", ""),
                    wallet=payout.get("wallet", ""),
                )
            )
    found.sort(key=lambda award: (award.payout, award.league, award.rank, award.code))
    for award in found:
        award.cost = costs[award.reward] if award.reward else award.wallet * wallet_point_cents
    fund(challenge, found, wallet_point_cents)
    return [
        {
            "payout": award.payout,
            "kind": award.kind,
            "person": award.code,
            "rank": award.rank,
            "points": award.points,
            "reward": award.reward,
            "wallet_points": award.wallet,
            "cost_cents": award.cost,
            "status": award.status,
        }
        for award in found
    ]


def winners_of(board, payout, ranked, seed, may_win, outlets_compete):
    """The entrants a payout other than `convert` rewards."""
    kind = payout["kind"]
    if kind == "rank":
        won = [one for one in ranked if payout["from"] <= one.rank <= payout["to"]]
    elif kind == "threshold":
        won = [one for one in ranked if one.points >= payout["points"]]
    elif kind == "objective":
        won = [one for one in ranked if one.progress >= 10_000]
    elif kind == "race":
        times = {one.code: first_crossing(board, one.members, payout["points"]) for one in ranked}
        arrived = sorted(instant for instant in times.values() if instant)
        won = [
            one
            for one in ranked
            if times[one.code] and sum(1 for instant in arrived if instant < times[one.code]) < payout["first"]
        ]
    elif kind == "draw":
        tickets = {
            one.code: one.points // payout["tickets_per"] for one in ranked if outlets_compete or may_win(one.code)
        }
        drawn = draw_winners(tickets, payout["winners"], seed, standings_hash(standings_rows(board)))
        won = [one for one in ranked if one.code in drawn]
    else:
        raise ValueError(f"unknown payout {kind!r}")
    return [one for one in won if outlets_compete or may_win(one.code)]


def fund(challenge, found, wallet_point_cents):
    """Go through the awards in order and set what the budget does not pay to `not_funded`."""
    if "budget" not in challenge:
        return
    left = int(Fraction(str(challenge["budget"])) * 100)
    shares = challenge.get("budget_policy", "stop") == "pro_rata"
    stopped = False
    done = set()
    for award in found:
        if stopped:
            award.status = "not_funded"
            continue
        if shares and award.kind == "convert" and award.payout not in done:
            done.add(award.payout)
            together = [other for other in found if other.payout == award.payout]
            needed = sum(other.cost for other in together)
            if needed > left:
                money = left
                for other in together:
                    other.wallet = other.wallet * money // needed
                    other.cost = other.wallet * wallet_point_cents
        if award.cost > left:
            stopped = True
            award.status = "not_funded"
            continue
        left -= award.cost
