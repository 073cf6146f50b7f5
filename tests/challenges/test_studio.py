"""Where a challenge begins: a template, a blank page, a past challenge, a file."""

from __future__ import annotations

import html
import io
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select

from challenges import drafts
from challenges.definition import definition_from
from challenges.exports import challenge_file
from challenges.imports import import_challenge
from challenges.lifecycle import freeze_rules
from challenges.models import Challenge, Draft
from challenges.pictures import keep, picture_file
from challenges.queries import challenge_by_code
from challenges.starters import STARTERS
from foundation.database import db
from foundation.transactions import transaction
from tests.cast import Cast

AT = datetime(2026, 1, 28, 11, 0, tzinfo=UTC)
WINTER: dict[str, Any] = {
    "code": "hiver",
    "name": "Hiver",
    "picture": "hiver.jpg",
    "starts_on": "2026-01-05",
    "ends_on": "2026-02-01",
    "rules": [{"id": "soin", "counts": "units", "points": 10}],
    "payouts": [{"kind": "rank", "from": 1, "to": 3, "wallet": 50}],
}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    """28 January 2026 at noon."""
    monkeypatch.setattr("foundation.clock.now", lambda: AT)


def begin(client: FlaskClient, **data: Any) -> Any:
    """Press a button of the page where challenges begin."""
    return client.post("/studio/new", data=data, content_type="multipart/form-data")


def draft_at(location: str) -> Draft:
    """The draft an answer leads to."""
    found = re.fullmatch(r"/studio/drafts/(\d+)/who", location)
    assert found is not None
    db.session.expire_all()
    return db.session.execute(select(Draft).where(Draft.id == int(found[1]))).scalar_one()


def words(page: str) -> str:
    """A page without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.code)
def test_each_template_is_a_draft_that_can_be_published_as_it_is(
    cast: Cast, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path, starter: Any
) -> None:
    client.sign_in(cast.marc)
    assert f'value="{starter.code}"' in client.get("/studio/new").text
    draft = draft_at(begin(client, **{"from": starter.code}).location)
    assert drafts.judge(draft.content, draft.challenge_id).problems == ()
    code = draft.content["code"]
    again = draft_at(begin(client, **{"from": starter.code}).location)
    assert again.content["code"] == f"{code}-2", "the same template twice"
    path = tmp_path / "challenge.toml"
    path.write_text(client.get(f"/studio/{code}/file").text, encoding="utf-8")
    runner.run("challenges", "check", path)
    stored = challenge_by_code(code)
    assert stored is not None
    assert definition_from(tomllib.loads(path.read_text(encoding="utf-8"))).canonical() == stored.definition


def test_a_past_challenge_is_played_again_with_dates_to_come(cast: Cast, client: FlaskClient) -> None:
    with transaction():
        freeze_rules(import_challenge(definition_from(WINTER), by="MARC", at=AT), by="MARC", at=AT)
    keep("hiver", b"picture")
    client.sign_in(cast.ada)
    assert "Hiver (du 5 janvier 2026 au 1er février 2026)" in words(client.get("/studio/new").text)
    draft = draft_at(begin(client, **{"from": "copy", "code": "hiver"}).location)
    assert draft.content == WINTER | {"code": "hiver-2", "starts_on": "2026-02-02", "ends_on": "2026-03-01"}
    assert draft.created_by == "ADA" and draft.challenge_id is not None
    assert picture_file("hiver-2").read_bytes() == b"picture"
    assert challenge_by_code("hiver").definition == WINTER  # type: ignore[union-attr]
    assert begin(client, **{"from": "copy", "code": "rien"}).status_code == 422


def test_a_file_enters_whole_or_shows_every_fault_as_the_command_does(
    cast: Cast, client: FlaskClient, runner: FlaskCliRunner, tmp_path: Path
) -> None:
    client.sign_in(cast.marc)
    text = challenge_file(definition_from(WINTER))
    broken = text.replace("points = 10", "points = 0").replace('kind = "rank"', 'kind = "lottery"').encode()
    answer = begin(client, **{"from": "file", "file": (io.BytesIO(broken), "hiver.toml")})
    assert answer.status_code == 422
    told = words(answer.text)
    path = tmp_path / "hiver.toml"
    path.write_bytes(broken)
    lines = runner.run("challenges", "check", path, exits=1).stderr.splitlines()
    assert lines
    for line in lines:
        place = line.removeprefix(f"{tmp_path}/").split(": ", 1)[0]
        assert place in told, "the same line, the same key"
    assert db.session.execute(select(Draft)).first() is None
    draft = draft_at(begin(client, **{"from": "file", "file": (io.BytesIO(text.encode()), "hiver.toml")}).location)
    assert draft.content == WINTER
    assert definition_from(tomllib.loads(client.get("/studio/hiver/file").text)) == definition_from(WINTER)


def test_a_file_replaces_the_draft_of_its_code_and_never_a_published_challenge(cast: Cast, client: FlaskClient) -> None:
    client.sign_in(cast.marc)

    def send(**changes: Any) -> Any:
        text = challenge_file(definition_from(WINTER | changes))
        return begin(client, **{"from": "file", "file": (io.BytesIO(text.encode()), "hiver.toml")})

    first = draft_at(send().location)
    answer = send(name="Hiver doux")
    second = draft_at(answer.location)
    assert (second.id, second.revision, second.content["name"]) == (first.id, 2, "Hiver doux")
    assert "a été remplacé par le fichier" in client.get(answer.location).text
    with transaction():
        challenge = challenge_by_code("hiver")
        assert challenge is not None
        freeze_rules(challenge, by="MARC", at=AT)
    for changes in ({"name": "Hiver doux"}, {"name": "Hiver rude"}):
        answer = send(**changes)
        assert answer.status_code == 422 and "est déjà publié" in answer.text
    assert challenge_by_code("hiver").definition["name"] == "Hiver doux"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data", [{"from": "file"}, {"from": "moon"}, {}], ids=["no file", "no such template", "nothing"]
)
def test_a_beginning_that_is_none_is_explained(cast: Cast, client: FlaskClient, data: dict[str, str]) -> None:
    client.sign_in(cast.marc)
    answer = begin(client, **data)
    assert answer.status_code == 422 and "Choisissez" in answer.text
    assert db.session.execute(select(Draft)).first() is None
    assert db.session.execute(select(Challenge)).first() is None
