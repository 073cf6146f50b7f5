# ruff: noqa: E501 - tables read better wide
"""Make `data/mixed` from the real rows of `data/slice`: what the real data lacks, invented.

Real: which products were sold together, in what quantities, when. Ours: everything about who sold to whom, how
and what was said. Every choice is taken from a hash of a fixed seed and a name, so that the folder comes out
byte for byte the same on every machine and Python version.

    python tests/reference/enrich.py
"""

import csv
import gzip
import hashlib
import io
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

SEED = "palmares-mixed-1"
HERE = Path(__file__).resolve().parent
SLICE = HERE / "data" / "slice"
MIXED = HERE / "data" / "mixed"

OUTLETS = [
    # outlet, name, kind, brands, country, region, department, city, activity, potential, group, agreement, health
    ("PDV-001", "Au Joli Comptoir", "reseller", "multi", "FR", "Bretagne", "35", "Rennes", "high", "high", "552100001", "2010-06-01", ""),
    ("PDV-002", "L'Échoppe du Thabor", "reseller", "multi", "FR", "Bretagne", "35", "Rennes", "medium", "medium", "552100001", "2010-06-01", ""),
    ("PDV-003", "Maison Kermarrec", "reseller", "single", "FR", "Bretagne", "29", "Quimper", "medium", "low", "", "2011-03-01", ""),
    ("PDV-004", "Les Halles Fleuries", "reseller", "multi", "FR", "Île-de-France", "75", "Paris", "high", "high", "552100002", "2009-01-15", ""),
    ("PDV-005", "Comptoir d'Auteuil", "reseller", "single", "FR", "Île-de-France", "75", "Paris", "high", "medium", "552100002", "2009-01-15", ""),
    ("PDV-006", "Rive Gauche", "reseller", "multi", "FR", "Île-de-France", "92", "Sèvres", "low", "low", "552100002", "", ""),
    ("PDV-007", "Pharmacie du Port", "reseller", "multi", "FR", "Bretagne", "29", "Brest", "high", "high", "", "2010-01-01", "yes"),
    ("PDV-008", "Bastia Cadeaux", "reseller", "multi", "FR", "Corse", "2B", "Bastia", "medium", "medium", "", "2010-09-01", "no"),
    ("PDV-009", "La Case Créole", "reseller", "single", "FR", "La Réunion", "974", "Saint-Denis", "medium", "high", "", "2010-01-01", ""),
    ("PDV-010", "Lyon Presqu'île", "reseller", "multi", "FR", "Auvergne-Rhône-Alpes", "69", "Lyon", "high", "high", "552100003", "2010-01-01", ""),
    ("PDV-011", "Croix-Rousse", "reseller", "multi", "FR", "Auvergne-Rhône-Alpes", "69", "Lyon", "low", "medium", "552100003", "2010-01-01", ""),
    ("DIS-001", "Distribution Ouest", "distributor", "multi", "FR", "Bretagne", "56", "Vannes", "high", "high", "552100004", "2010-01-01", ""),
    ("DIS-002", "Distribution Wallonne", "distributor", "multi", "BE", "Wallonie", "", "Namur", "medium", "medium", "BE0400001", "2010-01-01", ""),
    ("DIS-003", "Léman Négoce", "distributor", "single", "CH", "Vaud", "", "Lausanne", "low", "low", "", "2011-05-01", ""),
    ("FRA-001", "Franchise Nantes", "franchisee", "single", "FR", "Pays de la Loire", "44", "Nantes", "high", "high", "", "2010-01-01", ""),
    ("FRA-002", "Franchise Bordeaux", "franchisee", "single", "FR", "Nouvelle-Aquitaine", "33", "Bordeaux", "medium", "high", "552100005", "2010-01-01", ""),
    ("FRA-003", "Franchise Arcachon", "franchisee", "single", "FR", "Nouvelle-Aquitaine", "33", "Arcachon", "low", "medium", "552100005", "", ""),
    ("FRA-004", "Franchise Montréal", "franchisee", "single", "CA", "Québec", "", "Montréal", "high", "medium", "", "2010-01-01", ""),
    ("VDI-001", "Aïcha Ben Salem", "vdi", "single", "FR", "Bretagne", "35", "Fougères", "high", "high", "", "", ""),
    ("VDI-002", "Zoé Le Goff", "vdi", "single", "FR", "Bretagne", "22", "Dinan", "medium", "medium", "", "", ""),
    ("VDI-003", "Ève Dupont-Marchand", "vdi", "single", "FR", "Île-de-France", "78", "Poissy", "medium", "low", "", "", ""),
    ("VDI-004", "Björn Legrand", "vdi", "single", "FR", "Grand Est", "67", "Strasbourg", "low", "low", "", "", ""),
    ("VDI-005", "Noëlle O'Brien", "vdi", "single", "FR", "Occitanie", "31", "Toulouse", "high", "high", "", "", ""),
    ("VDI-006", "Maë Payet", "vdi", "single", "FR", "La Réunion", "974", "Saint-Pierre", "medium", "medium", "", "", ""),
]  # fmt: skip

EDGES = [
    # sold_on, declared_at: the first and last day of a period and the days beside them; the last microsecond in
    # which a sale may be declared and the instants after it, where clocks have just gone forward.
    ("2011-01-31", "2011-02-01T00:30:00+01:00"),
    ("2011-02-01", "2011-02-01T00:30:00+01:00"),
    ("2011-03-12", "2011-03-16T03:59:59.999999+00:00"),
    ("2011-03-12", "2011-03-16T04:00:00+00:00"),
    ("2011-03-12", "2011-03-16T04:30:00+00:00"),
    ("2011-03-13", "2011-03-13T18:00:00+00:00"),
    ("2011-03-25", "2011-03-28T21:59:59.999999+00:00"),
    ("2011-03-25", "2011-03-28T22:00:00+00:00"),
    ("2011-03-25", "2011-03-28T22:30:00+00:00"),
    ("2011-03-26", "2011-03-26T12:00:00+00:00"),
]

FIRST = ["Anaïs", "Bruno", "Chloé", "David", "Élodie", "Fatou", "Gaël", "Hélène", "Inès", "Jérôme", "Karim",
         "Léa", "Maëlle", "Noé", "Océane", "Paul", "Quentin", "Rémi", "Sofía", "Tiphaine", "Ugo", "Véra"]  # fmt: skip
LAST = ["Abel", "Bérard", "Çelik", "Durand", "Évrard", "Fabre", "Guillou", "Hervé", "Ibáñez", "Joly", "Kervella",
        "Lefèvre", "Müller", "N'Diaye", "Œuvrard", "Petit", "Rossi", "Şahin", "Tanguy", "Ünal"]  # fmt: skip

CATEGORIES = {"22": "Cuisine", "21": "Fête", "23": "Papeterie", "20": "Sacs", "84": "Décoration", "85": "Décoration",
              "47": "Bain & Soin", "82": "Décoration", "15": "", "37": "Cuisine"}  # fmt: skip

COMMENTS = [
    "Très joli, la cliente est revenue.",
    "  Cadeau d'anniversaire   ",
    "Vingt caractères tt.",
    "Dix-neuf caractères",
    "\u00a0Espace insécable autour du commentaire\u00a0",
    "«\u202fParfait\u202f» selon elle ; à refaire !",
    "Couleur un peu pâle… mais l'idée plaît 👍🏽",
    "👩‍👩‍👧 offert en famille",
    "Trop cher\u00a0?",
    "Pas convaincue par l'emballage, cartons abîmés à l'arrivée.",
    "=SOMME(A1:A9) ne marche pas",
    "+33 6 12 34 56 78 à rappeler demain",
    "Ecrire à marie.curie@example.org pour la suite",
    "Œuf de Pâques, naïveté, cœur, ça, là, où, ÿ",
    "E\u0301le\u0301gant (accents combinants)",
    'Deux lignes\nde commentaire, avec "guillemets"',
    "Elle l'a vu à la télé ; le voulait « tout de suite ».",
    "ok",
    "   ",
    "Rupture la semaine passée, dommage\t",
    "@maman adore, -10 ans !",
    "Sympa mais fragile ; un bris au déballage.",
    "Conseillé par Mme Lefèvre, voisine du magasin.",
    "Zéro\u200bwidth au milieu d'un mot",
]

AREAS = ["35", "29", "75", "92", "2A", "2B", "974", "69", "33", "BE", "CH", "FR", "44"]
ZONES = [0, 1, 1, 1, 2, -5, 4]


def number(*names):
    """A large integer that depends on the seed and the names alone."""
    text = "|".join([SEED, *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")


def pick(options, *names):
    """One of the options."""
    return options[number(*names) % len(options)]


def chance(percent, *names):
    """True in `percent` of a hundred cases."""
    return number(*names) % 100 < percent


def people_rows():
    """The people of the network: several per outlet, one per home seller, and the animator, brand and admin."""
    rows = []
    for place, outlet in enumerate(OUTLETS):
        code, kind = outlet[0], outlet[2]
        if kind == "vdi":
            sponsor = "V-01" if place % 3 == 0 and code != "VDI-001" else ""
            rows.append(("V-" + code[-2:], outlet[1], code, "reseller", "vdi", sponsor, "fr"))
            continue
        for index in range(1 + number("size", code) % 4):
            status = "independent" if kind == "franchisee" and index == 0 else "employee"
            if kind == "reseller" and index == 0 and chance(30, "owner", code):
                status = "independent"
            name = f"{pick(FIRST, 'first', code, index)} {pick(LAST, 'last', code, index)}"
            language = "en" if chance(15, "language", code, index) else "fr"
            # Upper and lower case and a digit first: orders by code point differ from those of a dictionary.
            prefix = pick(["p", "P", "e", "0"], "prefix", code, index)
            rows.append((f"{prefix}-{code}-{index + 1}", name, code, "reseller", status, "", language))
    # Two pairs who sell the same things at the same instants, and one who says it a day later.
    rows.append(("twin-a", "Jumelle Première", "PDV-001", "reseller", "independent", "", "fr"))
    rows.append(("twin-b", "Jumelle Seconde", "PDV-004", "reseller", "independent", "", "fr"))
    rows.append(("twin-c", "Cousine Tardive", "PDV-010", "reseller", "independent", "", "fr"))
    rows.append(("edge", "Juste À Temps", "PDV-010", "reseller", "independent", "", "fr"))
    rows.append(("idle", "Jamais Vue", "PDV-010", "reseller", "employee", "", "fr"))
    rows.append(("anim-1", "Nadia Animatrice", "PDV-001", "animator", "staff", "", "fr"))
    rows.append(("brand-1", "Marc Marque", "PDV-001", "brand", "staff", "", "fr"))
    rows.append(("admin-1", "Alex Admin", "PDV-001", "admin", "staff", "", "en"))
    return rows


def real_sales():
    """The sales of the slice in order, as `(declaration, sold_on, declared_at, [(sku, units)])`."""
    text = gzip.decompress((SLICE / "declarations.csv.gz").read_bytes()).decode("utf-8")
    sales = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        if int(row["units"]) > 5000:
            continue
        key = row["declaration"]
        sale = sales.setdefault(key, (key, date.fromisoformat(row["sold_on"]), row["declared_at"], []))
        sale[3].append((row["sku"], row["units"], row["unit_price"]))
    return list(sales.values())


def instant_text(instant, name):
    """The same instant as different devices would write it."""
    zone = timezone(timedelta(hours=pick(ZONES, "zone", name)))
    text = instant.astimezone(zone).isoformat()
    return text.replace("+00:00", "Z") if chance(50, "z", name) else text


def channel_of(status, name):
    """Mostly what the status suggests, sometimes what the law does not let score."""
    if status == "vdi":
        return pick(["face_to_face"] * 4 + ["meeting"] * 4 + ["reorder"] * 3 + ["online", "store"], "channel", name)
    return pick(["store"] * 8 + ["online"] * 2 + ["face_to_face", "meeting", "reorder"], "channel", name)


def code_of(invoice, name):
    """Codes of several shapes: their order by code point is not that of any dictionary."""
    shape = number("shape", name) % 5
    if shape == 0:
        return hashlib.md5(name.encode("utf-8"), usedforsecurity=False).hexdigest()
    return [f"T-{invoice}", f"t-{invoice}", f"É-{invoice}", f"{invoice}/x"][shape - 1]


def declaration_rows(people):
    """The rows of declarations.csv."""
    sellers = [row for row in people if row[3] == "reseller" and row[0][:4] not in ("idle", "edge", "twin")]
    # Some are busy, many are not.
    urn = [row for place, row in enumerate(sellers) for _ in range(1 + (12 if place % 7 == 0 else place % 5))]
    rows = []

    def tell(code, person, status, sold_on, instant, lines, name, channel=None):
        customer = pick(["", "new", "new", "returning"], "customer", name)
        known = chance(65, "known", name)
        rated = chance(60, "rated", name)
        first = {
            "customer": customer,
            "age_band": pick(["18-24", "25-34", "35-49", "50-64", "65+"], "age", name) if known else "",
            "area": pick(AREAS, "area", name) if known and chance(85, "area?", name) else "",
            "rating": str(1 + max(number("r1", name) % 5, number("r2", name) % 5)) if rated else "",
            "recommend": str(max(number("n1", name) % 11, number("n2", name) % 11)) if chance(50, "n?", name) else "",
            "comment": pick(COMMENTS, "comment", name) if chance(50, "c?", name) else "",
        }
        channel = channel or channel_of(status, name)
        for place, (sku, units, price) in enumerate(lines):
            row = {
                "declaration": code,
                "person": person,
                "sold_on": sold_on.isoformat(),
                "declared_at": instant_text(instant, name) if place == 0 else "",
                "channel": channel,
                "sku": sku,
                "units": units,
                "unit_price": price if chance(50, "price", name) else "",
            }
            # The other rows of a declaration say nothing about the customer, or something that is not read.
            noise = {"customer": "new", "rating": "1"} if chance(3, "noise", name, place) else {}
            row.update(first if place == 0 else noise)
            rows.append(row)

    sales = real_sales()
    for invoice, sold_on, told, lines in sales[::2]:
        name = f"sale {invoice}"
        person, _, _, _, status, _, _ = pick(urn, "seller", name)
        instant = datetime.fromisoformat(told)
        if chance(35, "late", name):
            instant += timedelta(days=number("days", name) % 7, seconds=number("seconds", name) % 7200)
        if chance(20, "micro", name):
            instant += timedelta(microseconds=number("micro", name) % 1_000_000)
        keep = 1 + number("lines", name) % 5
        tell(code_of(invoice, name), person, status, sold_on, instant, lines[:keep], name)
        # Now and then several sales are sent at the very same instant, as after a day without network.
        if chance(12, "burst", name):
            for extra in range(1 + number("burst", name) % 2):
                more = f"{name} again {extra}"
                rest = lines[keep + extra * 2 : keep + extra * 2 + 2] or lines[:1]
                code = f"{pick(['B', 'a', 'Z', '1'], 'b', more)}-{invoice}-{extra}"
                tell(code, person, status, sold_on, instant, rest, more)
    for place, (invoice, sold_on, told, lines) in enumerate(sales[1::60]):
        for person in ("twin-a", "twin-b", "twin-c"):
            instant = datetime.fromisoformat(told) + timedelta(days=1 if person == "twin-c" else 0)
            tell(
                f"{person}-{place}",
                person,
                "independent",
                sold_on,
                instant,
                lines[:3],
                f"twins {invoice}",
                "store",
            )
    for place, (sold_on, told) in enumerate(EDGES):
        lines = sales[3 * place][3][:2]
        instant = datetime.fromisoformat(told)
        tell(
            f"edge-{place}",
            "edge",
            "independent",
            date.fromisoformat(sold_on),
            instant,
            lines,
            f"edge {place}",
        )
    return rows


def write(name, header, rows, delimiter=",", bom=False):
    """Write one CSV file with LF line ends."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    (MIXED / name).write_bytes(buffer.getvalue().encode("utf-8-sig" if bom else "utf-8"))


def main():
    """Write the four files of `data/mixed`."""
    MIXED.mkdir(parents=True, exist_ok=True)
    header = "outlet,name,kind,brands,country,region,department,city,activity,potential,group,agreement_on,health"
    write("outlets.csv", header.split(","), OUTLETS, delimiter=";", bom=True)

    people = people_rows()
    header = "person,name,email,outlet,role,status,sponsor,language"
    write(
        "people.csv",
        header.split(","),
        [(code, name, f"{code.lower()}@example.org", *rest) for code, name, *rest in people],
    )

    rows = declaration_rows(people)
    header = "declaration,person,sold_on,declared_at,channel,sku,units,unit_price,customer,age_band,area,rating"
    header = [*header.split(","), "recommend", "comment"]
    write("declarations.csv", header, [[row.get(column, "") for column in header] for row in rows])

    sold = {row["sku"] for row in rows}
    products = []
    with open(SLICE / "products.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = reader.fieldnames
        for row in reader:
            if row["sku"] in sold:
                row["category"] = CATEGORIES.get(row["family"], "Divers")
                row["list_price"] = row["list_price"].replace(".", ",")
                products.append([row[column] for column in header])
    write("products.csv", header, products, delimiter=";")


if __name__ == "__main__":
    main()
