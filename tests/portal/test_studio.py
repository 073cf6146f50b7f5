"""The studio's list: every challenge and every draft, how it is played, what needs a look."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from challenges.definition import definition_from
from challenges.imports import import_challenge
from challenges.models import Challenge, Draft
from challenges.queries import draft_by_id
from declarations.publishing import cancel
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.operations import suspend
from tests.cast import Cast
from tests.conftest import Client
from tests.declarations.stage import NOW, WINTER, publish, sell
from tests.portal.test_views import words


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on 4 February."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def state(challenge: Challenge, name: str) -> None:
    with transaction():
        db.session.get_one(Challenge, challenge.id).state = name


def write_draft(content: dict[str, object], *, challenge_id: int | None = None) -> int:
    with transaction():
        draft = Draft(
            challenge_id=challenge_id, content=content, revision=1, created_at=NOW, created_by="MARC",
            changed_at=NOW - timedelta(hours=1), changed_by="MARC",
        )  # fmt: skip
        db.session.add(draft)
        db.session.flush()
        return draft.id


def rows(client: Client, address: str = "/studio") -> dict[str, str]:
    """The lines of the list in words, by code (or title where there is no code)."""
    html = client.get(address).text
    found = {}
    for line in re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", html, re.S):
        code = re.search(r'<span class="hint block font-normal">(.*?)</span>', line)
        title = words(re.search(r"<th.*?</th>", line, re.S)[0])  # type: ignore[index]
        found[code[1] if code else title] = words(line)
    return found


def test_a_running_challenge_says_how_it_is_played_and_until_when(client: Client, cast: Cast):
    state(publish(), "running")
    sell("AWA")
    client.sign_in(cast.marc)
    line = rows(client)["hiver"]
    for said in ("Hiver", "En cours", "Du 5 janvier 2026 au 1er mars 2026", "25 jours restants", "1 sur 4 25 %"):
        assert said in line
    assert 'href="/studio/hiver"' in client.get("/studio").text


def test_drafts_come_first_also_those_that_are_not_a_challenge_yet(client: Client, cast: Cast):
    state(publish(), "running")
    with transaction():
        challenge = import_challenge(definition_from(WINTER | {"code": "ete", "name": "Été"}), by="MARC", at=NOW)
        draft = draft_by_id(challenge_id=challenge.id)
        assert draft is not None
        draft.content, draft.changed_at = {"code": "ete", "name": "Été radieux"}, NOW - timedelta(hours=1)
    write_draft({"name": "Demi"})
    write_draft({"name": {"not": "a text"}, "code": 7})
    client.sign_in(cast.marc)
    found = rows(client)
    assert list(found) == ["Sans nom", "Demi", "ete", "hiver"]
    assert "Été radieux" in found["ete"] and "Brouillon" in found["ete"] and "par Marc Petit" in found["ete"]
    assert "Pas encore complet" in found["Demi"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("?q=hiv", ["hiver"]),
        ("?q=WINTER", ["hiver"]),
        ("?q=demi", ["Demi"]),
        ("?q=100%25", []),
        ("?state=draft", ["Demi"]),
        ("?state=running", ["hiver"]),
        ("?state=closed", []),
        ("?state=nothing-of-the-sort", ["Demi", "hiver"]),
    ],
)
def test_the_list_is_searched_by_name_and_code_and_filtered_by_state(
    client: Client, cast: Cast, asked: str, expected: list[str]
):
    state(publish(), "running")
    write_draft({"name": "Demi"})
    client.sign_in(cast.marc)
    assert list(rows(client, "/studio" + asked)) == expected


def test_the_list_is_paged_and_htmx_gets_its_part_alone(client: Client, cast: Cast):
    for number in range(23):
        write_draft({"name": f"Essai {number:02}"})
    client.sign_in(cast.marc)
    assert len(rows(client)) == 20 and len(rows(client, "/studio?page=2")) == 3
    part = client.get("/studio?page=2", headers={"HX-Request": "true"}).text
    assert "<html" not in part and 'id="studio"' in part


def test_an_empty_studio_says_what_to_do(client: Client, cast: Cast):
    client.sign_in(cast.marc)
    assert "Écrivez le premier" in client.get("/studio").text
    assert "Aucun challenge ne correspond" in client.get("/studio?q=rien").text


# --- what needs a look -----------------------------------------------------------------------------------------------


def alerts(client: Client, cast: Cast) -> str:
    client.sign_in(cast.marc)
    cell = re.search(r'data-label="À voir">(.*?)</td>', client.get("/studio").text, re.S)
    assert cell is not None
    return words(cell[1])


def test_nothing_needs_a_look_where_all_is_well(client: Client, cast: Cast):
    state(publish(), "running")
    sell("AWA")
    assert alerts(client, cast) == "—"


def test_sales_that_wait_are_named(client: Client, cast: Cast):
    state(publish(), "running")
    sell("AWA", [("CREME", 2_000)], name="big")
    sell("AWA")
    assert alerts(client, cast) == "1 vente à vérifier"


def test_a_closing_that_waits_for_reviews_is_named(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    challenge = publish()
    sell("AWA", [("CREME", 2_000)], name="big")
    state(challenge, "reviewing")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=40))
    assert alerts(client, cast) == "La clôture attend 1 vérification"


def test_an_audience_of_nobody_is_named(client: Client, cast: Cast):
    publish(audience={"regions": ["Corse"]})
    assert alerts(client, cast) == "Personne dans le public"


def test_an_audience_whose_people_are_all_suspended_is_nobody(client: Client, cast: Cast):
    publish(audience={"outlets": ["VDI-NINA"]})
    with transaction():
        suspend(cast.nina, by="MARC", at=NOW)
    assert alerts(client, cast) == "Personne dans le public"


@pytest.mark.parametrize(
    ("wallet", "said"), [(700, "—"), (850, "Budget engagé à 85 %"), (1_200, "Budget dépassé de 2,00 €")]
)
def test_a_budget_that_is_nearly_or_fully_burnt_is_named(client: Client, cast: Cast, wallet: int, said: str):
    state(publish(budget=10, payouts=[{"kind": "rank", "from": 1, "to": 1, "wallet": wallet}]), "running")
    sell("AWA")
    assert alerts(client, cast) == said


@pytest.mark.parametrize(("days", "said"), [(4, "—"), (6, "Rien depuis 6 jours")])
def test_a_challenge_in_which_nothing_happens_any_more_is_named(client: Client, cast: Cast, days: int, said: str):
    state(publish(), "running")
    sell("AWA", at=NOW - timedelta(days=days))
    assert alerts(client, cast) == said


def test_a_challenge_in_which_nothing_has_ever_happened_is_silent_since_its_start(client: Client, cast: Cast):
    state(publish(), "running")
    assert alerts(client, cast) == "Rien depuis 30 jours"


def test_nobody_is_bothered_about_a_challenge_that_is_over(client: Client, cast: Cast):
    challenge = publish(budget=1, payouts=[{"kind": "rank", "from": 1, "to": 1, "wallet": 900}])
    sell("AWA", [("CREME", 2_000)], name="big")
    with transaction():
        cancel(db.session.get_one(Challenge, challenge.id), "Erreur.", by="MARC", at=NOW)
    assert alerts(client, cast) == "—"


def test_only_those_who_animate_have_a_studio(client: Client, cast: Cast):
    for person, status in ((cast.marc, 200), (cast.ada, 200), (cast.ines, 404), (cast.awa, 404)):
        client.sign_in(person)
        assert client.get("/studio").status_code == status
