"""The protected insight export, recomputed from the input files alone.

Like `recompute.py`: written from the rules in prose, standard library only, no line shared with the product.
"""

from datetime import date

from tests.reference.recompute import load, outlet_of

MEASURES = [
    "declarations",
    "units",
    "value_cents",
    "units_per_declaration",
    "returning_share_bp",
    "rating_avg_milli",
    "nps",
    "comments",
]
DIMENSIONS = [
    "day",
    "week",
    "month",
    "country",
    "region",
    "department",
    "outlet_kind",
    "channel",
    "category",
    "family",
    "sku",
    "customer",
    "age_band",
]
MIN_DECLARATIONS = 5
MIN_GROUPS = 3
MAX_SHARE_PERCENT = 85
MIN_ANSWERS = 5


def value_of(dimension, network, declaration, line):
    """The text one line of a sale has in a dimension."""
    outlet = outlet_of(network, declaration.person)
    year, week, _ = declaration.sold_on.isocalendar()
    values = {
        "day": declaration.sold_on.isoformat(),
        "week": f"{year:04d}-W{week:02d}",
        "month": declaration.sold_on.isoformat()[:7],
        "country": outlet["country"],
        "region": outlet["region"],
        "department": outlet["department"],
        "outlet_kind": outlet["kind"],
        "channel": declaration.channel,
        "category": line.category,
        "family": line.family,
        "sku": line.sku,
        "customer": declaration.customer,
        "age_band": declaration.age_band,
    }
    return values[dimension] or ""


class Cell:
    """What falls in one cell: distinct declarations by id, and lines with the legal group of their outlet."""

    def __init__(self):
        self.declarations = {}
        self.units = 0
        self.cents_by_group = {}

    def add(self, declaration, line, group):
        """Count one line."""
        self.declarations[declaration.id] = declaration
        self.units += line.units
        self.cents_by_group[group] = self.cents_by_group.get(group, 0) + line.cents

    def join(self, other):
        """Count everything another cell holds; a declaration that is in both counts once."""
        self.declarations.update(other.declarations)
        self.units += other.units
        for group, cents in other.cents_by_group.items():
            self.cents_by_group[group] = self.cents_by_group.get(group, 0) + cents

    def passes(self):
        """The three tests of disclosure control."""
        total = sum(self.cents_by_group.values())
        largest = max(self.cents_by_group.values(), default=0)
        return (
            len(self.declarations) >= MIN_DECLARATIONS
            and len(self.cents_by_group) >= MIN_GROUPS
            and 100 * largest <= MAX_SHARE_PERCENT * total
        )

    def measures(self):
        """The measures of a shown cell; "" where there is no answer to give."""
        all_of_it = self.declarations.values()
        kinds = [one.customer for one in all_of_it if one.customer]
        ratings = [int(one.rating) for one in all_of_it if one.rating]
        recommends = [int(one.recommend) for one in all_of_it if one.recommend]
        promoters = sum(1 for answer in recommends if answer >= 9)
        detractors = sum(1 for answer in recommends if answer <= 6)
        count = len(self.declarations)
        return {
            "declarations": count,
            "units": self.units,
            "value_cents": sum(self.cents_by_group.values()),
            "units_per_declaration": self.units // count,
            "returning_share_bp": 10_000 * kinds.count("returning") // len(kinds) if kinds else "",
            "rating_avg_milli": 1_000 * sum(ratings) // len(ratings) if len(ratings) >= MIN_ANSWERS else "",
            "nps": (100 * (promoters - detractors) // len(recommends) if len(recommends) >= MIN_ANSWERS else ""),
            "comments": sum(1 for one in all_of_it if one.comment),
        }


def insight(network_dir, from_, until, by, historical=True, *, received_at=None):
    """The rows of `flask insights export`, as dicts: the dimensions, the measures, `withheld`.

    `from_`, `until`: dates (or ISO texts) of sale, both included; `by`: dimension names, as a list or joined
    by commas. Rows in order of the dimensions (text, by code point), the TOTAL row last: its first dimension
    says TOTAL, the others are empty. Numbers are integers; withheld rows have empty measures.
    """
    if isinstance(by, str):
        by = by.split(",")
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown or not by:
        raise ValueError(f"unknown dimensions: {unknown}")
    first = date.fromisoformat(str(from_))
    last = date.fromisoformat(str(until))

    network = load(network_dir, historical, received_at)
    cells = {}
    total = Cell()
    for declaration in network.declarations:
        if not first <= declaration.sold_on <= last:
            continue
        outlet = outlet_of(network, declaration.person)
        group = outlet["group"] or outlet["outlet"]
        for line in declaration.lines:
            key = tuple(value_of(name, network, declaration, line) for name in by)
            cells.setdefault(key, Cell()).add(declaration, line, group)
            total.add(declaration, line, group)

    rows = []
    hidden = withheld(cells)
    for key in sorted(cells):
        rows.append(row_of(by, key, None if key in hidden else cells[key]))
    total_key = ("TOTAL",) + ("",) * (len(by) - 1)
    rows.append(row_of(by, total_key, total if total.passes() else None))
    return rows


def withheld(cells):
    """The keys of the cells to withhold: those that fail, and those that would give them away."""
    hidden = {key for key, cell in cells.items() if not cell.passes()}
    if not hidden:
        return hidden
    together = Cell()
    for key in hidden:
        together.join(cells[key])
    shown = sorted((key for key in cells if key not in hidden), key=lambda key: (len(cells[key].declarations), key))
    while shown and not together.passes():
        key = shown.pop(0)
        hidden.add(key)
        together.join(cells[key])
    return hidden


def row_of(by, key, cell):
    """One row of the export; `cell` is None when it is withheld."""
    row = dict(zip(by, key, strict=True))
    row.update(cell.measures() if cell else dict.fromkeys(MEASURES, ""))
    row["withheld"] = 0 if cell else 1
    return row
