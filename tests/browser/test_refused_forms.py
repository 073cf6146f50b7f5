"""A form that is refused says what is wrong and leads there, and nothing of it breaks any rule of the accessibility
checker, on a phone and on a desk, by day and by night."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, Response, expect
from sqlalchemy import select, update

from challenges import drafts
from challenges.models import Draft
from declarations.models import Declaration
from declarations.operations import reject
from foundation import clock
from foundation.database import db
from foundation.transactions import transaction
from network.models import Person
from points.models import Lot
from rewards.jobs import advance_challenges
from rewards.models import Reward
from tests.browser.access import violations
from tests.browser.conftest import PHONE
from tests.browser.stage import fill_shelves, publish
from tests.browser.test_every_page import SPEAKS, Look, answered, misbuilt
from tests.cast import Cast
from tests.declarations.stage import sell
from tests.rewards.shop import credit

# What leads nowhere in an explanation, and what is wrong without a word about it.
UNEXPLAINED = """() => {
    const faults = [];
    for (const link of document.querySelectorAll("main .error-summary a[href^='#']")) {
        const field = document.getElementById(decodeURIComponent(link.hash.slice(1)));
        field?.focus();
        if (!field || document.activeElement !== field) faults.push(`“${link.innerText}” leads nowhere`);
    }
    for (const field of document.querySelectorAll("main [aria-invalid=true]")) {
        const about = (field.getAttribute("aria-describedby") ?? "").split(" ");
        if (!about.some((id) => document.getElementById(id)?.closest(".field-error, .error-summary")))
            faults.push(`it is not said what is wrong with “${field.name}”`);
    }
    return faults;
}"""


class Refusals(Look):
    """Looks at the answers to forms that are refused."""

    def refused(self, answer: Response, says: str, status: int = 422) -> None:
        """The page that came back explains itself where one looks."""
        assert answer.status == status, f"{answer.url}: {answer.status}"
        path = urlsplit(answer.url).path
        self.wrong += [f"{path}: {fault}" for fault in misbuilt(self.page, answer, self.language)]
        self.explained(says)
        self.wrong += [f"{path}: {fault}" for fault in violations(self.page)]
        self.page.set_viewport_size(PHONE)

    def explained(self, says: str) -> None:
        """The page says so where one looks, and leads to what is wrong."""
        expect(self.page.locator("main").get_by_text(says).first).to_be_in_viewport()
        self.wrong += [f"{self.page.url}: {fault}" for fault in self.page.evaluate(UNEXPLAINED)]


@pytest.fixture
def look_as(
    new_context: Callable[..., BrowserContext], sign_in: Callable[[Page, Person], None]
) -> Callable[[Person], Refusals]:
    """look_as(cast.awa): her eyes, in French."""

    def make(person: Person) -> Refusals:
        page = new_context(**SPEAKS["fr"]).new_page()
        sign_in(page, person)
        return Refusals(page, "fr")

    return make


def past_the_phone(page: Page, **hidden: str) -> Response:
    """What the server answers to a sale that the phone could not keep, or would not have sent."""
    with answered(page) as answer:
        page.locator("#declare-form").evaluate(
            """(form, hidden) => {
                for (const [name, value] of Object.entries(hidden)) form.elements[name].value = value;
                form.submit();
            }""",
            hidden,
        )
    return answer.value


def nothing(name: str) -> FilePayload:
    """A file of this name that holds nothing it should."""
    return {"name": name, "mimeType": "text/plain", "buffer": b"nothing"}


def test_what_a_seller_is_refused(cast: Cast, look_as: Callable[[Person], Refusals]):
    publish(proof="optional")
    list(advance_challenges(clock.now()))
    sent = str(uuid.uuid4())
    sell("AWA", [("CREME", 2)], name=sent, at=clock.now() - timedelta(days=1))
    sell("AWA", [("CREME", 1_500)], name="refused", at=clock.now() - timedelta(hours=1))
    with transaction():
        waiting = db.session.scalars(select(Declaration).where(Declaration.public_id == "refused")).one()
        reject(waiting, "no_proof", by="MARC", at=clock.now())
    fill_shelves(cast.awa)
    look = look_as(cast.awa)
    page = look.page

    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.locator("summary").filter(has_text="Le profil du client").click()
    look.refused(look.send("#declare-form", units="1000000000", area="?"), "rien n’est perdu")
    page.goto("/declare")
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    expect(page.get_by_label("Unités : Crème de jour")).to_be_visible()
    look.refused(past_the_phone(page, id=sent), "déjà enregistrée", 409)
    page.goto(f"/declarations/{sent}/correction")
    look.refused(look.send("#declare-form", units="0", sold_on="2099-01-01"), "rien n’est perdu")

    page.goto("/declarations/refused")
    page.locator("input[type=file]").set_input_files(nothing("ticket.jpg"))
    look.refused(look.send("form[action$='/contest']"), "ne peut pas être lue")
    page.goto("/me")
    look.refused(look.send(nickname="x"), "rien n’est perdu")

    page.goto("/rewards/SAC/order")
    look.send(address="3 rue du Port, 29200 Brest")
    look.refused(look.send(code="12"), "Tapez les six chiffres du code")
    page.goto("/rewards/BON/order")
    with transaction():
        db.session.execute(update(Reward).where(Reward.code == "BON").values(price_points=160))
    look.refused(look.send(), "Le prix a changé", 409)
    assert look.wrong == []


def test_what_a_home_seller_is_refused(cast: Cast, look_as: Callable[[Person], Refusals]):
    publish()
    list(advance_challenges(clock.now()))
    look = look_as(cast.nina)
    page = look.page
    page.goto("/declare/meeting")
    expect(page.get_by_role("group", name="Client 1", exact=True)).to_be_visible()  # the phone is at work
    page.get_by_role("group", name="Produits récents").get_by_role("button", name="Crème de jour").click()
    page.locator("summary").filter(has_text="Son profil").first.click()
    page.get_by_label("Son département").first.fill("?")
    page.get_by_label("Date de la réunion").fill("2099-01-01")
    page.get_by_role("button", name="Envoyer").click()
    look.explained("rien n’est perdu")
    look.refused(past_the_phone(page), "rien n’est perdu")
    assert look.wrong == []


def test_what_an_animator_is_refused(cast: Cast, look_as: Callable[[Person], Refusals]):
    publish()
    list(advance_challenges(clock.now()))
    sell("AWA", [("CREME", 1_500)], name="large", at=clock.now() - timedelta(hours=1))
    credit(cast.awa, 500, at=clock.now())
    lot = db.session.scalars(select(Lot.id)).one()
    look = look_as(cast.marc)
    page = look.page

    page.goto("/review")
    look.refused(look.send("#refusal form"), "rien n’est perdu")
    page.goto("/studio/network/people/AWA/points")
    look.refused(look.send("form[action$='/adjustment']", amount="0"), "rien n’est perdu")
    page.goto(f"/studio/network/people/AWA/credits/{lot}/reversal")
    look.refused(look.send(points="501"), "rien n’est perdu")
    page.goto("/studio/network/import")
    page.locator("input[type=file]").set_input_files(nothing("people.csv"))
    look.refused(look.send(), "rien n’a été écrit")

    page.goto("/studio/new")
    page.get_by_role("button", name="Partir de rien").click()
    page.wait_for_url("**/who")
    with page.expect_response("**/who") as answer:
        page.get_by_role("button", name="Enregistrer", exact=True).last.click()
    look.refused(answer.value, "rien n’est perdu")
    db.session.rollback()
    draft = db.session.get_one(Draft, int(urlsplit(page.url).path.split("/")[-2]))
    renamed = {"name": "Celui d’Ada"}
    with transaction():
        drafts.save(draft.id, read=draft.revision, change=lambda was: was | renamed, by="ADA", at=clock.now())
    with page.expect_response("**/who") as answer:
        page.get_by_label("Nom du challenge", exact=True).fill("Celui de Marc")  # which saves itself
    look.refused(answer.value, "Ada Faure a enregistré ce brouillon", 409)
    assert look.wrong == []
