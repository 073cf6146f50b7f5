"""Outlets and people from a file: created or updated by code, all or nothing, every fault named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import bindparam, select, update

from foundation import audit
from foundation.database import db
from foundation.fault_words import Words
from foundation.localisation import LANGUAGES
from foundation.merging import Merged, merge
from foundation.tables import Faults, file_name, read_table
from network.models import BRANDS, KINDS, LEVELS, ROLES, STATUSES, Outlet, Person
from network.operations import announce_arrival, new_session_key
from network.rules import is_email, normal_email, sponsorship_circles

OUTLET_COLUMNS = (
    "outlet",
    "name",
    "kind",
    "brands",
    "country",
    "region",
    "department",
    "city",
    "activity",
    "potential",
    "group",
    "agreement_on",
)
PEOPLE_COLUMNS = ("person", "name", "email", "outlet", "role", "status", "sponsor", "language")
_COUNTRY = re.compile(r"[A-Z]{2}")

Source = str | Path | BinaryIO
Cells = dict[str, str]


def import_outlets(file: Source, *, by: str, at: datetime) -> Merged:
    """Create or update outlets by code. Raises Faulty with every fault of the file; then nothing was written."""
    faults = Faults(file_name(file))
    rows = []
    lines: dict[str, int] = {}
    for line, cells in read_table(file, OUTLET_COLUMNS, ("health",), faults=faults):
        row = _outlet(line, cells, faults)
        _once(lines, row["code"], line, "outlet", faults)
        rows.append(row)
    faults.check()
    merged = merge(Outlet.__table__, "code", rows)  # type: ignore[arg-type]
    audit.record(
        "network.outlets_imported",
        faults.file,
        by=by,
        at=at,
        created=len(merged.created),
        updated=len(merged.updated),
    )
    return merged


def _outlet(line: int, cells: Cells, faults: Faults) -> dict[str, Any]:
    def text(column: str, longest: int, *, optional: bool = True) -> str:
        return faults.text(line, column, cells[column], longest=longest, optional=optional) or ""

    code = text("outlet", 120, optional=False)
    country = cells["country"]
    if not _COUNTRY.fullmatch(country):
        faults.add(
            line,
            "country",
            repr(country) if country else Words("vide"),
            Words("écrivez deux lettres capitales comme FR"),
        )
    return {
        "code": code,
        "name": text("name", 200, optional=False),
        "kind": faults.choice(line, "kind", cells["kind"], KINDS) or "",
        "brands": faults.choice(line, "brands", cells["brands"], BRANDS, optional=True) or "",
        "country": country,
        "region": text("region", 100),
        "department": text("department", 20),
        "city": text("city", 100),
        "activity": faults.choice(line, "activity", cells["activity"], LEVELS, optional=True) or "",
        "potential": faults.choice(line, "potential", cells["potential"], LEVELS, optional=True) or "",
        "group_code": text("group", 120) or code,
        "agreement_on": faults.date(line, "agreement_on", cells["agreement_on"], optional=True),
        "health": faults.choice(line, "health", cells["health"], ("yes", "no"), optional=True) == "yes",
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """Someone the network already has."""

    id: int
    role: str
    email: str | None
    sponsor: str | None


def import_people(file: Source, *, by: str, at: datetime, roles: Sequence[str] = ROLES) -> Merged:
    """Create or update people by code. Raises Faulty with every fault of the file; then nothing was written.

    `roles` are those the author may give and change. People who become resellers, new or not, are announced
    (`operations.people_arrived`).
    """
    faults = Faults(file_name(file))
    rows, lines = [], {}  # type: list[dict[str, Any]], dict[str, int]
    for line, cells in read_table(file, PEOPLE_COLUMNS, faults=faults):
        row = _person(line, cells, faults)
        _once(lines, row["code"], line, "person", faults)
        rows.append(row | {"line": line})
    known, outlets = _known_people(), _known_outlets()
    for row in rows:
        _check_ties(row, known, lines, outlets, roles, faults)
    _check_emails(rows, known, faults)
    _check_sponsors(rows, known, lines, faults)
    faults.check()
    merged = _write_people(rows, known, outlets, at)
    audit.record(
        "network.people_imported",
        faults.file,
        by=by,
        at=at,
        created=len(merged.created),
        updated=len(merged.updated),
    )
    arrived = {row["code"] for row in rows if row["role"] == "reseller"} - {
        code for code, person in known.items() if person.role == "reseller"
    }
    announce_arrival([person.id for code, person in _known_people().items() if code in arrived], at=at)
    return merged


RESERVED = ("issue", "spent", "expired", "forgiven")  # the brand's own accounts in the books of the ledger


def _person(line: int, cells: Cells, faults: Faults) -> dict[str, Any]:
    if cells["person"] in RESERVED:
        faults.add(
            line, "person", Words("%(code)s est réservé", code=repr(cells["person"])), Words("écrivez un autre code")
        )

    def text(column: str, longest: int, *, optional: bool = True) -> str:
        return faults.text(line, column, cells[column], longest=longest, optional=optional) or ""

    email = normal_email(cells["email"])
    if email and not is_email(email):
        faults.add(
            line, "email", repr(cells["email"][:80]), Words("écrivez une adresse comme prenom@boutique.fr, ou rien")
        )
    return {
        "code": text("person", 120, optional=False),
        "name": text("name", 200, optional=False),
        "email": email or None,
        "outlet": text("outlet", 120),
        "role": faults.choice(line, "role", cells["role"], ROLES) or "",
        "status": faults.choice(line, "status", cells["status"], STATUSES) or "",
        "sponsor": text("sponsor", 120),
        "language": faults.choice(line, "language", cells["language"], tuple(LANGUAGES), optional=True) or "fr",
    }


def _once(lines: dict[str, int], code: str, line: int, column: str, faults: Faults) -> None:
    """Each code is there once; an empty one has its own fault."""
    if code and lines.setdefault(code, line) != line:
        faults.add(
            line,
            column,
            Words("%(code)s est déjà à la ligne %(line)s", code=repr(code), line=lines[code]),
            Words("gardez une ligne par code"),
        )


def _known_people() -> dict[str, _Known]:
    sponsor = Person.__table__.alias("sponsor")
    query = select(Person.code, Person.id, Person.role, Person.email, sponsor.c.code).outerjoin(
        sponsor, sponsor.c.id == Person.sponsor_id
    )
    return {row[0]: _Known(*row[1:]) for row in db.session.execute(query)}


def _known_outlets() -> dict[str, int]:
    return {row.code: row.id for row in db.session.execute(select(Outlet.code, Outlet.id))}


def _check_ties(
    row: dict[str, Any],
    known: dict[str, _Known],
    lines: dict[str, int],
    outlets: dict[str, int],
    roles: Sequence[str],
    faults: Faults,
) -> None:
    """The outlet and the sponsor exist, a reseller has an outlet, and the author may touch this role."""
    line, before = row["line"], known.get(row["code"])
    if row["outlet"] and row["outlet"] not in outlets:
        faults.add(
            line,
            "outlet",
            Words("%(code)s n’est pas un point de vente du réseau", code=repr(row["outlet"])),
            Words("importez-le d’abord, ou écrivez-en un autre"),
        )
    if row["role"] == "reseller" and not row["outlet"]:
        faults.add(line, "outlet", Words("vide pour un participant"), Words("écrivez le code d’un point de vente"))
    for role in {row["role"], before.role if before else row["role"]} - {"", *roles}:
        faults.add(
            line,
            "role",
            Words("seul un administrateur donne ou change %(role)s", role=repr(role)),
            Words("écrivez %(roles)s", roles=", ".join(roles)),
        )
    if row["sponsor"] and row["sponsor"] not in known and row["sponsor"] not in lines:
        faults.add(
            line,
            "sponsor",
            Words("%(code)s n’est ni dans le réseau, ni dans ce fichier", code=repr(row["sponsor"])),
            Words("écrivez le code d’une personne, ou rien"),
        )


def _check_emails(rows: list[dict[str, Any]], known: dict[str, _Known], faults: Faults) -> None:
    """An address belongs to one person, counting those the file does not name."""
    named = {row["code"] for row in rows}
    owners = {
        person.email: Words("%(code)s l’a", code=repr(code))
        for code, person in known.items()
        if person.email and code not in named
    }
    for row in rows:
        email = row["email"]
        if email is None:
            continue
        if email in owners:
            faults.add(
                row["line"],
                "email",
                Words("%(email)s est prise : %(owner)s", email=repr(email), owner=owners[email]),
                Words("donnez à chacun la sienne"),
            )
        else:
            owners[email] = Words("la ligne %(line)s l’a", line=row["line"])


def _check_sponsors(
    rows: list[dict[str, Any]], known: dict[str, _Known], lines: dict[str, int], faults: Faults
) -> None:
    """Nobody is their own sponsor, by themselves or through others."""
    sponsors = {code: person.sponsor for code, person in known.items() if person.sponsor}
    for row in rows:
        sponsors.pop(row["code"], None)
        if row["code"] and row["sponsor"]:
            sponsors[row["code"]] = row["sponsor"]
    for code in sponsorship_circles(sponsors):
        if code in lines:
            faults.add(
                lines[code],
                "sponsor",
                Words(
                    "%(sponsor)s a pour parrain %(code)s, directement ou par d’autres",
                    sponsor=repr(sponsors[code]),
                    code=repr(code),
                ),
                Words("une chaîne de parrains doit finir"),
            )


def _write_people(
    rows: list[dict[str, Any]], known: dict[str, _Known], outlets: dict[str, int], at: datetime
) -> Merged:
    """Insert, then update, then tie to sponsors, who may be new themselves."""
    # Addresses may be swapped between two people of the file: those that change are first let go.
    released = [
        known[row["code"]].id
        for row in rows
        if row["code"] in known and known[row["code"]].email not in (None, row["email"])
    ]
    before = {code: person.id for code, person in known.items()}
    sponsor_ids = {row["code"]: before.get(row["sponsor"]) for row in rows}
    connection = db.session.connection()
    people: Any = Person.__table__
    if released:
        connection.execute(
            update(people).where(people.c.id == bindparam("who")).values(email=None), [{"who": who} for who in released]
        )
    merged = merge(
        people,
        "code",
        [
            {
                "code": row["code"],
                "name": row["name"],
                "email": row["email"],
                "outlet_id": outlets[row["outlet"]] if row["outlet"] else None,
                "role": row["role"],
                "status": row["status"],
                "sponsor_id": sponsor_ids[row["code"]],
                "language": row["language"],
            }
            for row in rows
        ],
        new=lambda: {"created_at": at, "session_key": new_session_key()},
    )
    late = [row for row in rows if row["sponsor"] and row["sponsor"] not in before]
    if late:
        after = {code: person.id for code, person in _known_people().items()}
        connection.execute(
            update(people).where(people.c.id == bindparam("who")).values(sponsor_id=bindparam("whom")),
            [{"who": after[row["code"]], "whom": after[row["sponsor"]]} for row in late],
        )
    return merged
