"""What someone gets who imports a challenge file: a draft, or the line of everything wrong."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from PIL import Image
from sqlalchemy import func, select

from challenges.definition import STUDIO_WORDS, definition_from
from challenges.imports import import_challenge, is_unchanged, read_challenge
from challenges.lifecycle import NotPossible
from challenges.models import Challenge
from foundation.database import db
from foundation.models import AuditEntry
from foundation.tables import Fault, Faulty
from foundation.transactions import transaction
from tests.cast import Cast

AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
GOOD = """\
code = "hiver"
name = "Hiver"
starts_on = 2026-01-05
ends_on = 2026-02-01

[audience]
kinds = ["reseller"]

[[rules]]
id = "creme"
counts = "units"
points = 10
when = { skus = "CREME" }
"""


def write(folder: Path, text: str | bytes) -> Path:
    """A challenge file."""
    path = folder / "hiver.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(folder: Path, text: str | bytes) -> list[Fault]:
    """What is wrong with this text."""
    with pytest.raises(Faulty) as refusal:
        read_challenge(write(folder, text))
    return refusal.value.faults


def test_a_good_file_becomes_a_draft_with_its_columns_and_an_audit_entry(cast: Cast, tmp_path: Path) -> None:
    definition = read_challenge(write(tmp_path, GOOD))
    with transaction():
        import_challenge(definition, by="MARC", at=AT)
    found = db.session.execute(select(Challenge)).scalar_one()
    assert (found.code, found.state, found.timezone) == ("hiver", "draft", "Europe/Paris")
    assert found.declare_until == datetime(2026, 2, 4, 23, 0, tzinfo=UTC)
    assert found.definition == definition.canonical()
    entry = db.session.execute(select(AuditEntry).where(AuditEntry.subject == "hiver")).scalar_one()
    assert (entry.act, entry.by) == ("challenge.imported", "MARC")


def test_the_same_file_again_changes_nothing_and_another_text_changes_the_draft(cast: Cast, tmp_path: Path) -> None:
    definition = read_challenge(write(tmp_path, GOOD))
    with transaction():
        import_challenge(definition, by="MARC", at=AT)
    assert is_unchanged(definition)
    with transaction():
        import_challenge(definition, by="MARC", at=AT)
    count = select(func.count()).select_from(AuditEntry).where(AuditEntry.subject == "hiver")
    assert db.session.scalar(count) == 1
    other = read_challenge(write(tmp_path, GOOD.replace("points = 10", "points = 12")))
    assert not is_unchanged(other)
    with transaction():
        challenge = import_challenge(other, by="MARC", at=AT)
        assert challenge.definition["rules"][0]["points"] == 12
    assert db.session.scalar(count) == 2


def test_published_rules_are_never_overwritten(cast: Cast, tmp_path: Path) -> None:
    definition = read_challenge(write(tmp_path, GOOD))
    with transaction():
        import_challenge(definition, by="MARC", at=AT).state = "published"
    with transaction():
        assert import_challenge(definition, by="MARC", at=AT).state == "published"
    other = read_challenge(write(tmp_path, GOOD.replace("points = 10", "points = 12")))
    with pytest.raises(NotPossible, match="published"), transaction():
        import_challenge(other, by="MARC", at=AT)


@pytest.mark.parametrize(
    ("old", "new", "line", "column"),
    [
        ('name = "Hiver"', 'name = "Hiver"\ncolour = "red"', 3, "colour"),
        ("ends_on = 2026-02-01", "ends_on = 2026-01-01", 4, "ends_on"),
        ("ends_on = 2026-02-01", "ends_on = 2026-02-30", 4, "caractère 11"),
        ("ends_on = 2026-02-01", "", 1, "ends_on"),
        ('kinds = ["reseller"]', 'kinds = [\n  "reseller",\n  "shop",\n]', 9, "audience.kinds[2]"),
        ("points = 10", "points = 0", 12, "rules[1].points"),
        ("points = 10\n", "", 9, "rules[1].points"),
        ('skus = "CREME"', 'skus = ["CREME", "HUILE"]', 13, "rules[1].when.skus[2]"),
        ('skus = "CREME"', 'skus = "CREME", weekday = 1', 13, "rules[1].when.weekday"),
        ("points = 10", "points = ", 12, "caractère 10"),
    ],
)
def test_each_fault_has_its_line(cast: Cast, tmp_path: Path, old: str, new: str, line: int, column: str) -> None:
    found = faults(tmp_path, GOOD.replace(old, new))
    assert [fault.line for fault in found] == [line]
    assert found[0].column in (column, column.replace("caractère", "character"))
    assert found[0].wrong and found[0].right


def test_lines_are_right_below_texts_of_several_lines_and_tables_of_tables(cast: Cast, tmp_path: Path) -> None:
    text = GOOD.replace('name = "Hiver"', 'name = "Hiver"\ndescription = """\n[[rules]]\npoints = 0\n"""').replace(
        'when = { skus = "CREME" }', "[rules.when]\nskus = ['CREME']\n'min_units' = 0 # none\n"
    )
    (fault,) = faults(tmp_path, text)
    assert (fault.line, fault.column) == (19, "rules[1].when.min_units")


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe", b"code = \x00", b"", b"[" * 5000, b'code = "' + b"a" * 2_000_000, "code = 1\ncode = 2", "= 3"],
)
def test_what_is_no_challenge_is_refused_in_a_line(cast: Cast, tmp_path: Path, text: str | bytes) -> None:
    assert faults(tmp_path, text)


def test_check_prints_what_a_participant_would_read(cast: Cast, runner: FlaskCliRunner, tmp_path: Path) -> None:
    answer = runner.run("challenges", "check", write(tmp_path, GOOD)).stdout.replace("\u00a0", " ")
    assert "10 points par unité de « Crème de jour »." in answer
    assert "Public : revendeurs — 2 personnes aujourd’hui." in answer
    assert db.session.scalar(select(func.count()).select_from(Challenge)) == 0


def test_check_refuses_with_a_line_for_each_fault(cast: Cast, runner: FlaskCliRunner, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("points = 10", "points = 0\ncolour = 1"))
    lines = runner.run("challenges", "check", path, exits=1).stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == [f"{path}:12:", f"{path}:13:"]


def test_an_exported_challenge_imports_as_the_same(cast: Cast, runner: FlaskCliRunner, tmp_path: Path) -> None:
    definition = read_challenge(write(tmp_path, GOOD))
    with transaction():
        import_challenge(definition, by="MARC", at=AT)
    written = runner.run("challenges", "export", "hiver").stdout
    assert read_challenge(write(tmp_path, written)) == definition
    target = tmp_path / "again.toml"
    runner.run("challenges", "export", "hiver", "--to", target)
    assert target.read_text(encoding="utf-8") == written
    assert "ete" in runner.run("challenges", "export", "ete", exits=1).stderr


def test_a_reward_must_be_in_the_catalogue(cast: Cast, tmp_path: Path) -> None:
    text = GOOD + '\n[[payouts]]\nkind = "rank"\nfrom = 1\nto = 3\nreward = "lune"\n'
    (fault,) = faults(tmp_path, text)
    assert (fault.line, fault.column) == (19, "payouts[1].reward")


def test_the_picture_beside_the_file_is_kept_clean_and_shown_to_those_who_play(
    cast: Cast, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD.replace('name = "Hiver"', 'name = "Hiver"\npicture = "hiver.png"'))
    assert "hiver.png" in runner.run("challenges", "check", path).stdout
    Image.new("RGB", (3000, 100), "red").save(tmp_path / "hiver.png")
    runner.run("challenges", "import", path, "--publish")
    client.sign_in(cast.awa)
    assert 'src="/challenges/hiver/picture"' in client.get("/challenges/hiver").text
    answer = client.get("/challenges/hiver/picture")
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "private, max-age=3600", "who may not see the challenge gets it nowhere"
    assert Image.open(io.BytesIO(answer.data)).size == (1200, 40)
    client.sign_in(cast.nina)
    assert client.get("/challenges/hiver/picture").status_code == 404


def test_a_picture_that_is_none_is_refused_with_its_line(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "hiver.png").write_bytes(b"not a picture")
    (fault,) = faults(tmp_path, GOOD.replace('name = "Hiver"', 'name = "Hiver"\npicture = "hiver.png"'))
    assert (fault.line, fault.column) == (3, "picture")


def test_a_challenge_file_without_products_reads_without_a_database_of_them(tmp_path: Path) -> None:
    data = {"code": "a", "name": "A", "starts_on": "2026-01-01", "ends_on": "2026-01-02"}
    assert definition_from(data | {"rules": [{"id": "r", "counts": "declaration", "points": 1}]}).zone


def test_a_word_of_the_studio_is_no_code_of_a_new_challenge(cast: Cast, tmp_path: Path) -> None:
    for word in sorted(STUDIO_WORDS):
        (fault,) = faults(tmp_path, GOOD.replace('"hiver"', f'"{word}"'))
        assert (fault.line, fault.column) == (1, "code")
        assert word in fault.wrong and f"{word}-2026" in fault.right
    assert read_challenge(write(tmp_path, GOOD.replace('"hiver"', '"orders-2026"'))).code == "orders-2026"


def test_a_challenge_that_was_called_by_such_a_word_keeps_it(cast: Cast, tmp_path: Path) -> None:
    with transaction():
        columns = {**read_challenge(write(tmp_path, GOOD)).columns(), "code": "orders"}
        db.session.add(Challenge(**columns, state="draft", created_at=AT, published_at=None))
    assert read_challenge(write(tmp_path, GOOD.replace('"hiver"', '"orders"'))).code == "orders"


def test_the_words_of_the_studio_are_those_of_its_addresses(app: Flask) -> None:
    addresses = [rule.rule.split("/") for rule in app.url_map.iter_rules() if rule.rule.startswith("/studio/")]
    assert {parts[2] for parts in addresses if not parts[2].startswith("<")} == STUDIO_WORDS
